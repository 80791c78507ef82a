//! A replica of a delta state with its sockets.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::cell::{Cell, Machine};
use super::exchange::{Answer, Kind};
use super::feed::Feed;
use super::local_copy::LocalCopy;
use super::replica::{Change, Heard, Replica, Status};
use super::rules::DeltaRules;
use super::socket::StateSocket;
use super::update::{Update, read_answer};
use crate::connection::{
    Answer as Reply, Counters, Outgoing, PollItem, Requester, SocketError, UpdateSource, list,
};
use crate::value::Limits;
use crate::wire::{Envelope, ErrorReply, WorkflowId};

/// How long an owner may take to answer: an original one writes the whole state at once.
const PATIENCE: Duration = Duration::from_secs(10);

impl Machine for Replica {
    fn status(&self) -> Status {
        Replica::status(self)
    }

    fn on_connected(&mut self) {
        Replica::on_connected(self);
    }

    fn on_disconnected(&mut self, now: Instant) {
        Replica::on_disconnected(self, now);
    }

    fn on_refused_update(&mut self, now: Instant) {
        Replica::on_refused_update(self, now);
    }
}

/// The receiving end of a delta state.
pub(crate) struct DeltaReplica {
    feed: Feed<Replica>,
    rules: DeltaRules,
    /// One for each address: which of several owners is the present one shows by who answers.
    requesters: Vec<Requester>,
    /// The one that is asked next.
    asked: usize,
    answer: Option<oneshot::Receiver<Reply>>,
    local_copy: Option<LocalCopy>,
    /// Whether it was said that no update comes in.
    seems_deaf: bool,
}

impl DeltaReplica {
    pub(crate) fn new(
        cell: Arc<Cell<Replica>>,
        rules: DeltaRules,
        updates: UpdateSource,
        requesters: Vec<Requester>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            feed: Feed::new(cell, updates, counters),
            rules,
            requesters,
            asked: 0,
            answer: None,
            local_copy: None,
            seems_deaf: false,
        }
    }

    /// Begins with what this file has, and keeps it there.
    pub(crate) fn with_local_copy(mut self, path: &Path) -> Self {
        let cell = self.feed.cell();
        let copy = LocalCopy::open(cell.name(), path, &self.rules.whole, &mut cell.lock());
        self.local_copy = Some(copy);
        self
    }

    /// Whether the handler has still to be told something that had no room.
    pub(crate) fn has_untold(&self) -> bool {
        self.feed.cell().lock().has_untold()
    }

    /// See [`Replica::changes`].
    pub(crate) fn take_changes(&mut self, room: usize, is_through: bool) -> Vec<Change> {
        self.feed.cell().lock().changes(room, is_through)
    }

    fn receive(&mut self, now: Instant) -> Result<(), SocketError> {
        let rules = &self.rules;
        self.feed.take_updates(now, |replica, envelope, args| {
            if let Err(found) = rules.update.check(args) {
                replica.on_missing_update(now);
                return Err(list(&found));
            }
            let update = Update::read(args).map_err(|error| error.to_string())?;
            let heard = Heard { epoch: envelope.epoch, update, workflow: envelope.workflow_id };
            replica.on_update(&heard, now).map_err(|error| error.to_string())
        })
    }

    /// Takes in what became of the question that was asked.
    fn take_answer(&mut self, now: Instant) {
        let Some(answer) = &mut self.answer else { return };
        let reply = match answer.try_recv() {
            Ok(reply) => reply,
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Closed) => Err(crate::connection::SendError::Stopping),
        };
        self.answer = None;
        let read = reply.map_err(|error| error.to_string()).and_then(|body| self.read(&body, now));
        let mut replica = self.feed.cell().lock();
        let taken =
            read.and_then(|answer| replica.on_answer(&answer, now).map_err(|error| error.to_string()));
        // Who is the owner now may be known elsewhere.
        let is_doubted = replica.doubts_answer();
        if let Err(reason) = taken {
            replica.on_failure(now);
            drop(replica);
            tracing::debug!(state = self.feed.cell().name(), reason, "no snapshot");
            self.ask_next();
        } else if is_doubted {
            drop(replica);
            self.ask_next();
        }
    }

    fn tell_deafness(&mut self, seems_deaf: bool) {
        if std::mem::replace(&mut self.seems_deaf, seems_deaf) || !seems_deaf {
            return;
        }
        tracing::warn!(
            state = self.feed.cell().name(),
            "the owner's state changes, but no update comes in: are the subscriber's address and the topic right?"
        );
    }

    fn ask_next(&mut self) {
        self.asked = (self.asked + 1) % self.requesters.len().max(1);
    }

    fn read(&self, body: &[u8], now: Instant) -> Result<Answer, String> {
        let envelope = Envelope::split(body, &Limits::default()).map_err(|error| error.to_string())?;
        if let Some(error) = envelope.error {
            let error = ErrorReply::from_msgpack(error).map_err(|error| error.to_string())?;
            return Err(format!("{}: {}", error.code, error.message));
        }
        let returned = envelope.expect_return_args().map_err(|error| error.to_string())?;
        let (state, number) = read_answer(returned).map_err(|error| error.to_string())?;
        let kind = Kind::read(envelope.snapshot);
        let checker = if matches!(kind, Kind::Since(_)) { &self.rules.changes } else { &self.rules.whole };
        if let Err(found) = checker.check_named("state", state) {
            let reason = list(&found);
            self.feed.refuse("snapshot", &reason);
            self.feed.cell().lock().on_refused_answer(now);
            return Err(reason);
        }
        Ok(Answer { epoch: envelope.epoch, number, kind, state: state.to_vec() })
    }

    fn ask(&mut self, now: Instant) {
        if self.answer.is_some() {
            return;
        }
        let mut replica = self.feed.cell().lock();
        let Some(question) = replica.question() else { return };
        let snapshot = question.write();
        drop(replica);
        let (answer, answered) = oneshot::channel();
        let request = Outgoing {
            args: vec![0x80],
            workflow: WorkflowId::new(),
            began: now,
            within: PATIENCE,
            snapshot,
            idempotent: false,
            answer,
        };
        let count = self.requesters.len();
        let mut in_turn = (0..count).map(|offset| (self.asked + offset) % count);
        self.asked = in_turn.find(|index| self.requesters[*index].has_peer()).unwrap_or(self.asked);
        self.answer = Some(answered);
        match self.requesters.get_mut(self.asked) {
            Some(requester) => requester.start(request, now),
            None => drop(request),
        }
    }

    fn serve_requesters(&mut self, mut ready: &[bool], now: Instant) -> Result<(), SocketError> {
        for requester in &mut self.requesters {
            let (mine, rest) = ready.split_at(requester.poll_places().min(ready.len()));
            ready = rest;
            if mine.contains(&true) {
                requester.on_ready(mine, now)?;
            }
            requester.expire(now);
        }
        Ok(())
    }
}

impl StateSocket for DeltaReplica {
    fn poll_items<'a>(&'a self, items: &mut Vec<PollItem<'a>>) {
        items.extend(self.feed.poll_items());
        for requester in &self.requesters {
            requester.poll_items(items);
        }
    }

    fn places(&self) -> usize {
        2 + self.requesters.iter().map(Requester::poll_places).sum::<usize>()
    }

    fn turn(&mut self, ready: &[bool], now: Instant) -> Result<(), SocketError> {
        if let [updates, reports, requesters @ ..] = ready {
            if *reports {
                self.feed.take_reports(now)?;
            }
            self.serve_requesters(requesters, now)?;
            self.take_answer(now);
            if *updates {
                self.receive(now)?;
            }
        }
        self.feed.follow(now)?;
        for requester in &mut self.requesters {
            requester.ask_only(self.feed.instance());
        }
        self.feed.cell().lock().on_time(now);
        self.ask(now);
        // One that could not even be sent has failed already.
        self.take_answer(now);
        let replica = self.feed.cell().lock();
        let status = replica.status();
        if let Some(copy) = &mut self.local_copy {
            copy.on_time(&replica, now);
        }
        let seems_deaf = replica.seems_deaf();
        drop(replica);
        self.tell_deafness(seems_deaf);
        self.feed.cell().tell_status(status);
        Ok(())
    }

    fn next_time(&self) -> Option<Instant> {
        let requesters = self.requesters.iter().filter_map(Requester::next_deadline);
        let copy = self.local_copy.as_ref().and_then(LocalCopy::next_time);
        requesters.chain(self.feed.cell().lock().next_time()).chain(copy).min()
    }

    fn close(&mut self) {
        if let Some(copy) = &mut self.local_copy {
            copy.close(&self.feed.cell().lock());
        }
    }
}
