//! How a turn is written: with everything that belongs to it, or not at all.

use std::time::Duration;

use super::Inner;
use super::errands::put;
use super::hot::Hot;
use super::load::save;
use crate::flow::engine::Outcome;
use crate::flow::errors::FlowError;
use crate::flow::history::{End, Event, Status};
use crate::flow::journal;
use crate::flow::limits::leave_place;
use crate::flow::script::{Command, Rest, Went};
use crate::flow::stream::{
    CATEGORY, ErrandForm, TimerForm, callback_key, encoded, errand_id, stream, timer_id,
};
use crate::flow::worker::Stored;
use crate::store::{Batch, Due, Error as StoreError, Expected, NewEvent, Refused};
use crate::value::{Bytes, Value, encode};

impl Hot {
    /// Writes a turn, and packs what was written before if it is time. False if others have written to the flow meanwhile and
    /// the turn is to be made again.
    pub(super) async fn commit(
        &mut self,
        went: Went,
        mut saved: Option<Bytes>,
        packs: bool,
    ) -> Result<bool, FlowError> {
        let Went { turn, mut commands, rest } = went;
        let outcome = turn.end.as_ref().map(|end| end.outcome(&self.id));
        let end = turn.end.as_ref().map(End::status);
        let mut fresh = self.pending.clone();
        match turn.is_empty() {
            true => saved = None,
            false => fresh.push(encoded(&Event::Turn(turn))?),
        }
        let errands = self.errands_of(&commands);
        loop {
            let status = self.status_after(end, rest, !errands.is_empty());
            let mut batch = self.with.clone();
            for (place, command) in (0..).zip(&commands) {
                batch = self.with_command(batch, place, command)?;
            }
            if let Some(saved) = saved.clone() {
                batch = save(batch, &self.id, self.version + fresh.len() as u64, saved);
            }
            if packs {
                batch = journal::pack(batch, self.inner.store(), &self.id, self.version)?;
            }
            match self.write(batch, &fresh, status).await {
                Ok(()) => {
                    self.give_up(&commands);
                    errands.into_iter().for_each(|errand| self.do_here(errand));
                    return Ok(true);
                }
                Err(FlowError::Store(StoreError::Refused(Refused::Conflict { .. }))) => {
                    let seen = self.version;
                    self.look()?;
                    if let Some(outcome) = &outcome {
                        // Nobody else tells those who have begun to wait meanwhile.
                        commands.extend(watchers(self.events_since(seen), outcome)?);
                    }
                    // It has not seen what was written meanwhile.
                    saved = None;
                    // What the turn took keeps its place only if all of it was written before.
                    if !self.pending.is_empty() || !self.is_own() || self.lacks_place() {
                        self.write_pending()?;
                        self.inner.forget(&self.id);
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes one event of the host's own, with what has come before it. Those who wait for the flow are told if it ends it.
    pub(super) async fn commit_event(&mut self, event: &Event, status: Status) -> Result<bool, FlowError> {
        let mut fresh = self.pending.clone();
        let mut batch = self.with.clone();
        if let Event::Ended(end) = event {
            let all = self.inner.load_whole(&self.id)?;
            let here = fresh.iter().map(|event| Stored::at(0, event));
            let waiting = all.into_iter().chain(here).collect::<Vec<_>>();
            for (place, command) in (0..).zip(watchers(&waiting, &end.outcome(&self.id))?) {
                batch = self.with_command(batch, place, &command)?;
            }
        }
        fresh.push(encoded(event)?);
        match self.write(batch, &fresh, status).await {
            Ok(()) => Ok(true),
            Err(FlowError::Store(StoreError::Refused(Refused::Conflict { .. }))) => {
                self.look()?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives the flow back, ready for whoever comes, with what has come for it.
    pub(super) async fn release(&mut self) -> Result<(), FlowError> {
        let mut with = self.with.clone();
        for (_, errand) in self.errands.drain() {
            with = errand.leave_to_others(&self.inner, with)?;
        }
        let fresh = self.pending.clone();
        self.write(with, &fresh, Status::Ready).await
    }

    /// What has come is written by itself, whatever the flow's version is.
    fn write_pending(&mut self) -> Result<(), FlowError> {
        self.inner.tell_all(&self.id, &self.pending, self.with.clone())?;
        self.has_written();
        self.look()
    }

    /// Nothing is to be written any more of what has come.
    fn has_written(&mut self) {
        self.pending.clear();
        self.with = Batch::new();
    }

    /// Writes events at the version at which the flow was seen, which are what has come and what is new.
    async fn write(&mut self, batch: Batch, fresh: &[NewEvent], status: Status) -> Result<(), FlowError> {
        let (lease, epoch) = self.inner.lease.fence();
        let name = stream(&self.id);
        let owner = (status == Status::Running).then_some(lease.as_str());
        let batch = batch
            .fence(&lease, epoch)
            .append(&name, Expected::Version(self.version), fresh.iter().cloned())
            .mark(&name, CATEGORY, status.word(), owner);
        let left = self.place.clone().filter(|_| status != Status::Running);
        let batch = left.iter().fold(batch, |batch, place| leave_place(batch, &self.id, place));
        self.inner.store().submit(batch).await?;
        if left.is_some() {
            self.place = None;
            // Another one of its name may go on.
            self.inner.place_is_free(&self.name);
            self.inner.bell.notify_one();
        }
        self.has_written();
        self.events.extend((self.version + 1..).zip(fresh).map(|(at, event)| Stored::at(at, event)));
        self.version += fresh.len() as u64;
        self.tell.at(self.version);
        self.inner.observers().iter().for_each(|told| told(&self.id, status));
        Ok(())
    }

    fn status_after(&self, end: Option<Status>, rest: Rest, sends_here: bool) -> Status {
        match (end, rest) {
            (Some(end), _) => end,
            _ if self.is_paused => Status::Paused,
            (None, Rest::Nothing) => Status::Running,
            _ if self.has_news => Status::Running,
            (None, Rest::Errands) if sends_here || !self.errands.is_empty() => Status::Running,
            _ => Status::Waiting,
        }
    }

    /// Errands of a turn that have their connector here.
    fn errands_of(&self, commands: &[Command]) -> Vec<ErrandForm> {
        let sent = commands.iter().filter_map(|command| match command {
            Command::Send { call, name, args } if self.inner.does(name) => {
                Some(self.errand(*call, name, args))
            }
            _ => None,
        });
        sent.collect()
    }

    fn errand(&self, call: u32, name: &str, args: &[Value]) -> ErrandForm {
        ErrandForm { flow: self.id.clone(), call, name: name.to_owned(), args: args.to_vec(), tried: 0 }
    }

    fn with_command(&self, batch: Batch, place: u32, command: &Command) -> Result<Batch, FlowError> {
        let flow = &self.id;
        Ok(match command {
            Command::Send { call, name, args } => {
                self.inner.put_errand(batch, &self.errand(*call, name, args))?
            }
            Command::Unsend(call) => batch.done_outbox(errand_id(flow, *call)),
            Command::Set { timing, seconds } => {
                let form = encode(&TimerForm { flow: flow.clone(), timing: *timing })?;
                batch.set_timer(timer_id(flow, *timing), Due::In(Duration::from_secs_f64(*seconds)), form)
            }
            Command::Unset(timing) => batch.cancel_timer(timer_id(flow, *timing)),
            Command::Register { callback } => batch.claim(callback_key(callback), flow.clone().into_bytes()),
            Command::Tell { flow: other, call, outcome } => {
                let args =
                    [Value::Str(other.clone()), Value::Int(i64::from(*call)), Value::Bytes(encode(outcome)?)];
                // Its number is no call of the script: no result comes of it.
                put(batch, &self.errand(u32::MAX - place, "flow.tell", &args), Due::NOW)?
            }
        })
    }

    /// Errands of this host that nobody waits for any more.
    fn give_up(&mut self, commands: &[Command]) {
        for command in commands {
            if let Command::Unsend(call) = command
                && let Some(errand) = self.errands.remove(call)
            {
                errand.abort(&self.inner);
            }
        }
    }

    /// Whether this host has the flow, as far as it was seen.
    pub(super) fn is_own(&self) -> bool {
        let mine = self.inner.lease.fence().0;
        match self.inner.flows.get(&self.id) {
            Ok(info) => match info.status {
                Status::Running => info.host.as_deref() == Some(mine.as_str()),
                Status::Waiting | Status::Ready | Status::Queued => true,
                _ => false,
            },
            Err(_) => false,
        }
    }

    /// Whether it has to take a place again before it may go on.
    pub(super) fn lacks_place(&self) -> bool {
        self.is_limited && self.place.is_none()
    }

    fn events_since(&self, version: u64) -> &[Stored] {
        let count = self.events.iter().rev().take_while(|event| event.version > version).count();
        &self.events[self.events.len() - count..]
    }

    /// Reads what others have written to the flow.
    pub(super) fn look(&mut self) -> Result<(), FlowError> {
        let news = self.inner.flows.events(&self.id, self.version + 1)?;
        for event in &news {
            match event.kind.as_str() {
                "paused" => {
                    self.is_paused = true;
                    // Whoever looks gives it back, and another flow may have it by now.
                    self.place = None;
                }
                "resumed" => self.is_paused = false,
                _ => {}
            }
        }
        self.has_news |= !news.is_empty();
        self.version = news.last().map_or(self.version, |event| event.version);
        self.tell.at(self.version);
        self.events.extend(news);
        Ok(())
    }
}

/// What those are told, among these events, who wait for the end of the flow.
fn watchers(events: &[Stored], outcome: &Outcome) -> Result<Vec<Command>, FlowError> {
    let mut told = Vec::new();
    for event in events.iter().filter(|event| event.kind == "watched") {
        if let Event::Watched { by, call } = event.read().map_err(|error| error.source)? {
            told.push(Command::Tell { flow: by, call, outcome: outcome.clone() });
        }
    }
    Ok(told)
}

impl Inner {
    /// What an interpreter keeps of a flow is of no use any more.
    pub(super) fn forget(&self, flow: &str) {
        if let Some(pool) = &self.pool {
            pool.forget(flow);
        }
    }
}
