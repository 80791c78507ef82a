//! A flow that is hot: one task drives it, turn by turn, until it waits for something that takes no host.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::errands::Underway;
use super::load::Loaded;
use super::open::Opened;
use super::{Incoming, Inner, News, Tell};
use crate::flow::engine::{Failure, Script};
use crate::flow::errors::FlowError;
use crate::flow::history::{End, Event, Move, Status, moves};
use crate::flow::script::{Rest, Went};
use crate::flow::worker::{Base, Died, Job, Report, Stored};
use crate::store::{Batch, NewEvent};

/// How long it is waited before a flow is tried again whose host has no interpreter or no store.
const LATER: Duration = Duration::from_millis(500);

/// How many moves the compensations of a flow may make that made more than it may.
const TO_UNDO: u64 = 10_000;
/// After how many moves the journal is packed.
const PACK_EVERY: u64 = 2000;

/// A flow that is hot.
pub(super) struct Hot {
    pub(super) inner: Arc<Inner>,
    pub(super) id: String,
    pub(super) name: String,
    script: Script,
    /// What an interpreter that does not keep it begins with.
    base: Base,
    /// All events since the base that are written.
    pub(super) events: Vec<Stored>,
    /// Up to which version the interpreter that keeps it was told.
    kept: Option<u64>,
    /// Version of the last event that is written.
    pub(super) version: u64,
    told: UnboundedReceiver<Incoming>,
    /// What has come and is not written yet, and what belongs to it.
    pub(super) pending: Vec<NewEvent>,
    pub(super) with: Batch,
    /// Errands that are done here.
    pub(super) errands: HashMap<u32, Underway>,
    /// Where others see the version.
    pub(super) tell: Tell,
    pub(super) is_paused: bool,
    /// Whether others have written what the last turn did not see.
    pub(super) has_news: bool,
    /// How many moves there were when it was saved last.
    pub(super) saved_at: u64,
    /// Whether the next turn asks to be saved.
    saves: bool,
    /// Whether it was interrupted because it took more than it may, if that was looked at.
    is_undone: Option<bool>,
    /// Whether it was told that it does not go on.
    is_failing: bool,
    /// Whether flows of its name are limited, and the place that it has among them as long as it goes on.
    pub(super) is_limited: bool,
    pub(super) place: Option<String>,
}

/// How it goes on after a turn.
pub(super) enum Then {
    /// With the next turn.
    On,
    /// When something comes.
    Wait,
    /// It has nothing more to do here.
    Leave,
}

/// Drives a flow for as long as it is hot.
pub(super) async fn drive(inner: Arc<Inner>, id: String, tell: Tell, mut told: UnboundedReceiver<Incoming>) {
    match inner.opened(&id, &mut told).await {
        Ok(Some(Opened { loaded, version, pending, with, place })) => {
            let Loaded { name, script, base, events } = loaded;
            let mut hot = Hot {
                inner: inner.clone(),
                id: id.clone(),
                name,
                script,
                base,
                events,
                kept: None,
                version,
                told,
                pending,
                with,
                errands: HashMap::new(),
                tell,
                is_paused: false,
                has_news: false,
                saved_at: 0,
                saves: false,
                is_undone: None,
                is_failing: false,
                is_limited: place.is_some(),
                place,
            };
            hot.run().await;
            inner.leave(&id, &mut hot.told);
            hot.abandon();
        }
        Ok(None) => inner.leave(&id, &mut told),
        Err(error) => {
            tracing::error!(flow = id, %error, "a flow cannot be taken up");
            let is_parked = error.is_damage() && inner.flows.park(&id, error.to_string()).is_ok();
            if !is_parked {
                // Others may be able to, and this host may be later.
                tokio::time::sleep(LATER).await;
            }
            inner.leave(&id, &mut told);
        }
    }
}

impl Inner {
    /// A flow is not hot here any more; what came for it in the last moment is written down.
    fn leave(&self, id: &str, told: &mut UnboundedReceiver<Incoming>) {
        self.hot().remove(id);
        told.close();
        while let Ok(incoming) = told.try_recv() {
            if let Incoming::News(news) = incoming {
                self.write_down(id, &[news.event], news.with);
            }
        }
    }
}

impl Hot {
    async fn run(&mut self) {
        while !self.lacks_place() {
            let then = match self.turn().await {
                Ok(Report::Went { went, saved, moves }) => self.went(*went, saved, moves).await,
                Ok(Report::Stuck(reason)) => self.park(reason).await,
                Ok(
                    Report::NotKept
                    | Report::Unusable(_)
                    | Report::Stood(_)
                    | Report::Replaying
                    | Report::Replayed,
                ) => Then::On,
                Err(Died::Limit(reason)) => self.over(reason).await,
                Err(Died::Crash(reason)) => self.crashed(reason).await,
                Err(Died::NoPlace(reason)) => {
                    self.complain(&reason, "a flow cannot go on here; it is tried again");
                    tokio::time::sleep(LATER).await;
                    if self.inner.is_stopping() { self.hand_over().await } else { Then::On }
                }
            };
            match then {
                Then::On => {}
                Then::Wait => {
                    if !self.wait().await {
                        return;
                    }
                }
                Then::Leave => return,
            }
        }
    }

    /// Has a turn run, over what has come.
    async fn turn(&mut self) -> Result<Report, Died> {
        let Some(pool) = self.inner.pool.clone() else {
            return Err(Died::NoPlace("this host has no interpreters".to_owned()));
        };
        let versions = self.version + 1..;
        let news: Vec<_> = versions.zip(&self.pending).map(|(at, event)| Stored::at(at, event)).collect();
        self.has_news = false;
        if let Some(seen) = self.kept {
            let since = self.events.iter().rev().take_while(|event| event.version > seen).count();
            let since = self.events[self.events.len() - since..].iter().cloned();
            let job = self.job(Base::Kept(seen), since.chain(news.iter().cloned()).collect());
            match pool.run(job).await? {
                Report::NotKept => self.kept = None,
                report => return Ok(report),
            }
        }
        let all = self.events.iter().cloned().chain(news).collect();
        let report = pool.run(self.job(self.base.clone(), all)).await?;
        if let Report::Unusable(reason) = &report {
            tracing::info!(flow = self.id, reason, "a flow's journal is replayed");
            self.base = Base::Start;
            match self.inner.load_whole(&self.id) {
                Ok(events) => self.events = events,
                Err(error) => return Ok(Report::Stuck(error.to_string())),
            }
        }
        Ok(report)
    }

    fn job(&self, base: Base, events: Vec<Stored>) -> Job {
        let settings = &self.inner.settings;
        Job {
            flow: self.id.clone(),
            name: self.name.clone(),
            script: (!matches!(base, Base::Kept(_))).then(|| self.script.clone()),
            base,
            events,
            public_url: settings.public_url.clone(),
            limits: settings.limits,
            saves: self.saves,
            looks_at: None,
        }
    }

    /// A turn is written, and what it asks for is done.
    async fn went(&mut self, went: Went, saved: Option<crate::value::Bytes>, moves: u64) -> Then {
        let (most, save_every) = (self.inner.settings.most_moves, self.inner.settings.save_every);
        if moves > most && went.turn.end.is_none() {
            match self.is_undone() {
                Ok(true) if moves <= most.saturating_add(TO_UNDO) => {}
                Ok(_) => return self.over(format!("it made more than {most} moves")).await,
                Err(error) => return self.failed(error).await,
            }
        }
        if saved.is_some() {
            self.saved_at = moves;
        }
        self.saves = moves - self.saved_at >= save_every;
        let told = self.version + self.pending.len() as u64;
        let before = moves - went.turn.moves.len() as u64;
        let packs = moves / PACK_EVERY > before / PACK_EVERY;
        let rest = went.rest;
        match self.commit(went, saved, packs).await {
            Ok(true) => {
                self.kept = Some(told);
                if std::mem::take(&mut self.is_failing) {
                    tracing::warn!(flow = self.id, "it goes on again");
                }
                self.after(rest).await
            }
            Ok(false) => {
                // What it was told is numbered otherwise now.
                self.kept = None;
                if self.is_own() && !self.lacks_place() { Then::On } else { Then::Leave }
            }
            Err(error) => self.failed(error).await,
        }
    }

    async fn after(&mut self, rest: Rest) -> Then {
        match rest {
            Rest::Ended => Then::Leave,
            _ if self.is_paused => Then::Leave,
            // It needs a place first.
            _ if self.lacks_place() => Then::Leave,
            _ if self.inner.is_stopping() => self.hand_over().await,
            Rest::Nothing => Then::On,
            _ if self.has_news => Then::On,
            Rest::Errands if !self.errands.is_empty() => Then::Wait,
            _ if !self.told.is_empty() => Then::Wait,
            _ => Then::Leave,
        }
    }

    /// Says that it does not go on, once until it does again.
    fn complain(&mut self, error: &dyn Display, what: &str) {
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::error!(flow = self.id, %error, "{what}");
        }
    }

    /// The store cannot be written: nothing has happened, and it is tried again while this host has the flow.
    async fn failed(&mut self, error: FlowError) -> Then {
        self.kept = None;
        self.inner.forget(&self.id);
        if let FlowError::Store(store) = &error
            && store.refused().is_some()
        {
            tracing::warn!(flow = self.id, %error, "another host has this flow now");
            return Then::Leave;
        }
        self.complain(&error, "a turn cannot be written; it is tried again");
        tokio::time::sleep(LATER).await;
        match self.look() {
            Ok(()) if self.is_own() => Then::On,
            _ => Then::Leave,
        }
    }

    /// Waits for what comes next; false if there is nothing more to be done here.
    async fn wait(&mut self) -> bool {
        let Some(mut incoming) = self.told.recv().await else { return false };
        loop {
            match incoming {
                Incoming::News(news) => self.take_in(news),
                Incoming::Look => {
                    if self.look().is_err() || !self.is_own() {
                        return false;
                    }
                }
            }
            match self.told.try_recv() {
                Ok(next) => incoming = next,
                Err(_) => return true,
            }
        }
    }

    fn take_in(&mut self, news: News) {
        if let Some(call) = news.errand {
            self.errands.remove(&call);
        }
        self.pending.push(news.event);
        self.with = std::mem::take(&mut self.with).and(news.with);
    }

    /// Ends a flow that took more than it may: it is interrupted where it stood before, and its compensations run. One that has
    /// done nothing yet has nothing to undo, and one that takes too much for its compensations too is ended at once.
    async fn over(&mut self, reason: String) -> Then {
        tracing::warn!(flow = self.id, reason, "a flow is ended: it took more than it may");
        self.inner.forget(&self.id);
        self.kept = None;
        match self.has_to_undo() {
            Ok(true) => match self.commit_event(&Event::Exceeded { reason }, Status::Running).await {
                Ok(true) => {
                    self.is_undone = Some(true);
                    Then::On
                }
                Ok(false) if self.is_own() => Then::On,
                Ok(false) => Then::Leave,
                Err(error) => self.failed(error).await,
            },
            Ok(false) => {
                let failure = Failure::exceeded(&reason, None);
                self.end_here(Event::Ended(End::Failed(failure)), Status::Failed).await
            }
            Err(error) => self.failed(error).await,
        }
    }

    /// Whether it was interrupted because it took more than it may, here or by another host.
    fn is_undone(&mut self) -> Result<bool, FlowError> {
        match self.is_undone {
            Some(known) => Ok(known),
            None => {
                let found = is_exceeded(&self.whole()?);
                self.is_undone = Some(found);
                Ok(found)
            }
        }
    }

    /// Whether it has done something and was not interrupted yet.
    fn has_to_undo(&self) -> Result<bool, FlowError> {
        let events = self.whole()?;
        let moves = moves(&events);
        let is_interrupted = moves.iter().any(|made| matches!(made, Move::Interrupted));
        Ok(!moves.is_empty() && !is_interrupted && !is_exceeded(&events))
    }

    fn whole(&self) -> Result<Vec<Event>, FlowError> {
        let stored = self.inner.load_whole(&self.id)?;
        let read = stored.iter().map(|stored| {
            let version = stored.version;
            stored.read().map_err(|source| FlowError::Event { flow: self.id.clone(), version, source })
        });
        read.collect()
    }

    async fn park(&mut self, reason: String) -> Then {
        tracing::error!(flow = self.id, reason, "a flow is parked: somebody has to look at it");
        self.inner.forget(&self.id);
        self.end_here(Event::Parked { reason }, Status::Parked).await
    }

    async fn crashed(&mut self, reason: String) -> Then {
        self.kept = None;
        tracing::error!(flow = self.id, reason, "the interpreter of a flow died");
        let since = self.events.iter().rev().take_while(|event| event.kind != "turn");
        let deaths = since.filter(|event| event.kind == "died").count() + 1;
        if deaths >= self.inner.settings.most_deaths {
            return self.park(format!("its interpreter died {deaths} times: {reason}")).await;
        }
        match self.commit_event(&Event::Died { reason }, Status::Running).await {
            Ok(true) => Then::On,
            Ok(false) if self.is_own() => Then::On,
            Ok(false) => Then::Leave,
            Err(error) => self.failed(error).await,
        }
    }

    async fn end_here(&mut self, event: Event, status: Status) -> Then {
        loop {
            match self.commit_event(&event, status).await {
                Ok(true) => return Then::Leave,
                Ok(false) if self.is_own() => {}
                Ok(false) => return Then::Leave,
                Err(error) => return self.failed(error).await,
            }
        }
    }

    /// The host ends: whoever comes next takes the flow up at once.
    async fn hand_over(&mut self) -> Then {
        let until = tokio::time::Instant::now() + Duration::from_secs(1);
        while !self.errands.is_empty() && self.pending.is_empty() {
            // What is on its way may still come to its end.
            match tokio::time::timeout_at(until, self.told.recv()).await {
                Ok(Some(Incoming::News(news))) => self.take_in(news),
                Ok(Some(Incoming::Look)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        if let Err(error) = self.release().await {
            tracing::warn!(flow = self.id, %error, "a flow cannot be handed over; it is taken up when the lease runs out");
        }
        Then::Leave
    }

    /// Nothing is done here any more for a flow that has left.
    fn abandon(&mut self) {
        for (_, errand) in self.errands.drain() {
            errand.abort(&self.inner);
        }
        self.inner.write_down(&self.id, &self.pending, std::mem::take(&mut self.with));
    }
}

/// Whether it was told, since its last retry, that it took more than it may.
fn is_exceeded(events: &[Event]) -> bool {
    let since = events.iter().rev().take_while(|event| !matches!(event, Event::Retried { .. }));
    since.into_iter().any(|event| matches!(event, Event::Exceeded { .. }))
}
