//! How a turn is written: with everything that belongs to it, or not at all.

use std::time::Duration;

use super::Inner;
use super::errands::ErrandHere;
use super::hot::Hot;
use super::load::save;
use crate::flow::errors::FlowError;
use crate::flow::history::{Event, Status};
use crate::flow::journal;
use crate::flow::script::{Command, Rest, Went};
use crate::flow::stream::{
    CATEGORY, ErrandForm, TimerForm, callback_key, errand_id, queue_of, stream, timer_id,
};
use crate::flow::worker::Stored;
use crate::store::{Batch, Due, Error as StoreError, Expected, NewEvent, Refused};
use crate::value::{Bytes, Value, encode};

impl Hot {
    /// Writes a turn, and packs what was written before if it is time. False if others have written to the flow meanwhile and the turn is to be made again.
    pub(super) async fn commit(
        &mut self,
        went: &Went,
        mut saved: Option<Bytes>,
        packs: bool,
    ) -> Result<bool, FlowError> {
        let turn = Event::Turn(went.turn.clone());
        let is_empty = went.turn.moves.is_empty() && went.turn.printed.is_empty() && went.turn.end.is_none();
        let mut fresh = self.pending.clone();
        if !is_empty {
            fresh.push(turn);
        }
        loop {
            let sent: Vec<ErrandHere> = self.errands_of(went).collect();
            let status = self.status_after(went, !sent.is_empty());
            let mut batch = std::mem::take(&mut self.with);
            let kept_with = batch.clone();
            for command in &went.commands {
                batch = self.with_command(batch, command)?;
            }
            if let Some(saved) = saved.clone().filter(|_| !is_empty) {
                batch = save(batch, &self.id, self.version + fresh.len() as u64, saved);
            }
            if packs {
                batch = journal::pack(batch, self.inner.store(), &self.id, self.version)?;
            }
            match self.write(batch, &fresh, status).await {
                Ok(()) => {
                    self.pending.clear();
                    self.give_up(went);
                    sent.into_iter().for_each(|errand| self.do_here(errand));
                    return Ok(true);
                }
                Err(FlowError::Store(StoreError::Refused(Refused::Conflict { .. }))) => {
                    self.with = kept_with;
                    self.look()?;
                    // It has not seen what was written meanwhile.
                    saved = None;
                    // What the turn took keeps its place only if all of it was written before.
                    if !self.pending.is_empty() || !self.is_own() {
                        self.write_pending().await?;
                        self.inner.forget(&self.id);
                        return Ok(false);
                    }
                }
                Err(error) => {
                    self.with = kept_with;
                    return Err(error);
                }
            }
        }
    }

    /// Writes one event of the host's own, with what has come before it.
    pub(super) async fn commit_event(&mut self, event: &Event, status: Status) -> Result<bool, FlowError> {
        let fresh: Vec<Event> = self.pending.iter().cloned().chain([event.clone()]).collect();
        let with = std::mem::take(&mut self.with);
        match self.write(with.clone(), &fresh, status).await {
            Ok(()) => {
                self.pending.clear();
                Ok(true)
            }
            Err(FlowError::Store(StoreError::Refused(Refused::Conflict { .. }))) => {
                self.with = with;
                self.look()?;
                Ok(false)
            }
            Err(error) => {
                self.with = with;
                Err(error)
            }
        }
    }

    /// Gives the flow back, ready for whoever comes, with what has come for it.
    pub(super) async fn release(&mut self) -> Result<(), FlowError> {
        let mut with = std::mem::take(&mut self.with);
        for (_, errand) in self.errands.drain() {
            with = errand.leave_to_others(with)?;
        }
        let fresh = std::mem::take(&mut self.pending);
        self.write(with, &fresh, Status::Ready).await
    }

    /// What has come is written by itself, whatever the flow's version is.
    async fn write_pending(&mut self) -> Result<(), FlowError> {
        for event in std::mem::take(&mut self.pending) {
            let with = std::mem::take(&mut self.with);
            self.inner.flows.tell(&self.id, &event, with)?;
        }
        self.look()
    }

    async fn write(&mut self, batch: Batch, fresh: &[Event], status: Status) -> Result<(), FlowError> {
        let (lease, epoch) = self.inner.fence();
        let name = stream(&self.id);
        let owner = (status == Status::Running).then_some(lease.as_str());
        let mut events = Vec::with_capacity(fresh.len());
        for event in fresh {
            events.push(NewEvent::new(event.kind(), event.to_bytes()?));
        }
        let stored: Vec<Stored> = events
            .iter()
            .zip(self.version + 1..)
            .map(|(event, version)| Stored {
                version,
                kind: event.kind.to_string(),
                payload: event.payload.clone().into(),
            })
            .collect();
        let batch = batch.fence(&lease, epoch).append(&name, Expected::Version(self.version), events).mark(
            &name,
            CATEGORY,
            status.word(),
            owner,
        );
        self.inner.store().submit(batch).await?;
        self.version += stored.len() as u64;
        self.tell.at(self.version);
        self.events.extend(stored);
        self.inner.observers().iter().for_each(|told| told(&self.id, status));
        Ok(())
    }

    fn status_after(&self, went: &Went, sends_here: bool) -> Status {
        if let Some(end) = &went.turn.end {
            return end.status();
        }
        match went.rest {
            _ if self.is_paused => Status::Paused,
            Rest::Nothing => Status::Running,
            _ if self.has_news => Status::Running,
            Rest::Errands if sends_here || !self.errands.is_empty() => Status::Running,
            _ => Status::Waiting,
        }
    }

    /// Errands of a turn that have their connector here.
    fn errands_of(&self, went: &Went) -> impl Iterator<Item = ErrandHere> {
        let ours = went.commands.iter().filter_map(|command| match command {
            Command::Send { call, name, args } if self.inner.connectors.contains_key(&queue_of(name)) => {
                Some(ErrandHere { call: *call, name: name.clone(), args: args.clone() })
            }
            _ => None,
        });
        ours.collect::<Vec<_>>().into_iter()
    }

    fn with_command(&self, batch: Batch, command: &Command) -> Result<Batch, FlowError> {
        let flow = &self.id;
        Ok(match command {
            Command::Send { call, name, args } => self.inner.put_errand(batch, flow, *call, name, args)?,
            Command::Unsend(call) => batch.done_outbox(errand_id(flow, *call)),
            Command::Set { timing, seconds } => {
                let form = encode(&TimerForm { flow: flow.clone(), timing: *timing })?;
                batch.set_timer(timer_id(flow, *timing), Due::In(Duration::from_secs_f64(*seconds)), form)
            }
            Command::Unset(timing) => batch.cancel_timer(timer_id(flow, *timing)),
            Command::Register { callback } => batch.claim(callback_key(callback), flow.clone().into_bytes()),
            Command::Tell { flow: other, call, outcome } => {
                let args = vec![
                    Value::Str(other.clone()),
                    Value::Int(i64::from(*call)),
                    Value::Bytes(encode(outcome)?),
                ];
                // Its number is no call of the script: no result comes of it.
                let id = format!("{}/{other}/{call}", errand_id(flow, 0));
                let form = ErrandForm {
                    flow: flow.clone(),
                    call: u32::MAX,
                    name: "flow.tell".to_owned(),
                    args,
                    tried: 0,
                };
                batch.put_outbox(queue_of("flow.tell"), id, Due::NOW, encode(&form)?)
            }
        })
    }

    /// Errands of this host that nobody waits for any more.
    fn give_up(&mut self, went: &Went) {
        for command in &went.commands {
            if let Command::Unsend(call) = command
                && let Some(errand) = self.errands.remove(call)
            {
                errand.abort();
            }
        }
    }

    /// Whether this host has the flow, as far as it was seen.
    pub(super) fn is_own(&self) -> bool {
        let mine = self.inner.fence().0;
        match self.inner.flows.get(&self.id) {
            Ok(info) => match info.status {
                Status::Running => info.host.as_deref() == Some(mine.as_str()),
                Status::Waiting | Status::Ready => true,
                _ => false,
            },
            Err(_) => false,
        }
    }

    /// Reads what others have written to the flow.
    pub(super) fn look(&mut self) -> Result<(), FlowError> {
        let news = self.inner.flows.events(&self.id, self.version + 1)?;
        for event in &news {
            match event.kind.as_str() {
                "paused" => self.is_paused = true,
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

impl Inner {
    /// What an interpreter keeps of a flow is of no use any more.
    pub(super) fn forget(&self, flow: &str) {
        if let Some(pool) = &self.pool {
            pool.forget(flow);
        }
    }
}
