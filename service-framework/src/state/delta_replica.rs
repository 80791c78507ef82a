//! A replica of a delta state with its sockets.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::cell::{Cell, Current};
use super::exchange::{Answer, Kind};
use super::local_copy::LocalCopy;
use super::replica::{Change, Heard, Replica, Status};
use super::rules::DeltaRules;
use super::socket::StateSocket;
use super::update::{Update, read_answer};
use crate::connection::{
    Answer as Reply, Counters, Outgoing, PollItem, Requester, SocketError, Throttle, UpdateSource, list,
};
use crate::value::Limits;
use crate::wire::{Envelope, ErrorReply, WorkflowId};

/// Updates that are taken in before others have their turn.
const BUDGET: usize = 256;
/// How long an owner may take to answer: an original one writes the whole state at once.
const PATIENCE: Duration = Duration::from_secs(10);

impl Current for Replica {
    fn status(&self) -> Status {
        Replica::status(self)
    }
}

/// The receiving end of a delta state.
pub(crate) struct DeltaReplica {
    cell: Arc<Cell<Replica>>,
    rules: DeltaRules,
    updates: UpdateSource,
    /// One for each address: which of several owners is the present one shows by who answers.
    requesters: Vec<Requester>,
    /// The one that is asked next.
    asked: usize,
    answer: Option<oneshot::Receiver<Reply>>,
    counters: Arc<Counters>,
    not_understood: Throttle,
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
        if updates.is_connected() {
            cell.lock().on_connected();
        }
        let (answer, not_understood) = (None, Throttle::default());
        Self {
            cell,
            rules,
            updates,
            requesters,
            asked: 0,
            answer,
            counters,
            not_understood,
            local_copy: None,
            seems_deaf: false,
        }
    }

    /// Begins with what this file has, and keeps it there.
    pub(crate) fn with_local_copy(mut self, path: &Path) -> Self {
        let cell = self.cell.clone();
        let mut replica = cell.lock();
        self.local_copy = Some(LocalCopy::open(cell.name(), path, &self.rules.whole, &mut replica));
        self
    }

    /// Whether the handler has still to be told something that had no room.
    pub(crate) fn has_untold(&self) -> bool {
        self.cell.lock().has_untold()
    }

    /// See [`Replica::changes`].
    pub(crate) fn take_changes(&mut self, room: usize, is_through: bool) -> Vec<Change> {
        self.cell.lock().changes(room, is_through)
    }

    fn on_connections(&mut self, now: Instant) {
        let (gone, come) = self.updates.connections();
        let mut replica = self.cell.lock();
        if gone {
            replica.on_disconnected(now);
        }
        if (gone || come) && self.updates.is_connected() {
            replica.on_connected();
        }
    }

    fn receive(&mut self, now: Instant) -> Result<(), SocketError> {
        let cell = self.cell.clone();
        let mut replica = cell.lock();
        for _ in 0..BUDGET {
            let Some((frame, start)) = self.updates.receive()? else { break };
            self.counters.received.add_one();
            if let Err(reason) = self.take_in(&mut replica, &frame[start..], now) {
                replica.on_refused_update(now);
                self.refuse("update", &reason);
            }
        }
        Ok(())
    }

    fn take_in(&self, replica: &mut Replica, body: &[u8], now: Instant) -> Result<(), String> {
        let envelope = Envelope::split(body, &Limits::default()).map_err(|error| error.to_string())?;
        let args = envelope.expect_args().map_err(|error| error.to_string())?;
        if let Err(found) = self.rules.update.check(args) {
            replica.on_missing_update(now);
            return Err(list(&found));
        }
        let update = Update::read(args).map_err(|error| error.to_string())?;
        let heard = Heard { epoch: envelope.epoch, update, workflow: envelope.workflow_id };
        replica.on_update(&heard, now).map_err(|error| error.to_string())
    }

    fn refuse(&self, what: &str, reason: &str) {
        self.counters.bad.add_one();
        if self.not_understood.allows() {
            tracing::warn!(state = self.cell.name(), reason, "{what} not understood");
        }
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
        let mut replica = self.cell.lock();
        let taken =
            read.and_then(|answer| replica.on_answer(&answer, now).map_err(|error| error.to_string()));
        // Who is the owner now may be known elsewhere.
        let is_doubted = replica.doubts_answer();
        if let Err(reason) = taken {
            replica.on_failure(now);
            drop(replica);
            tracing::debug!(state = self.cell.name(), reason, "no snapshot");
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
            state = self.cell.name(),
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
            self.refuse("snapshot", &reason);
            self.cell.lock().on_refused_answer(now);
            return Err(reason);
        }
        Ok(Answer { epoch: envelope.epoch, number, kind, state: state.to_vec() })
    }

    fn ask(&mut self, now: Instant) {
        if self.answer.is_some() {
            return;
        }
        let mut replica = self.cell.lock();
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
        let present = (0..count).map(|offset| (self.asked + offset) % count);
        self.asked = present.clone().find(|index| self.requesters[*index].has_peer()).unwrap_or(self.asked);
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
        items.extend(self.updates.poll_items());
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
                self.on_connections(now);
            }
            self.serve_requesters(requesters, now)?;
            self.take_answer(now);
            if *updates {
                self.receive(now)?;
            }
        }
        self.cell.lock().on_time(now);
        self.ask(now);
        // One that could not even be sent has failed already.
        self.take_answer(now);
        let replica = self.cell.lock();
        let status = replica.status();
        if let Some(copy) = &mut self.local_copy {
            copy.on_time(&replica, now);
        }
        let seems_deaf = replica.seems_deaf();
        drop(replica);
        self.tell_deafness(seems_deaf);
        self.cell.tell_status(status);
        Ok(())
    }

    fn next_time(&self) -> Option<Instant> {
        let requesters = self.requesters.iter().filter_map(Requester::next_deadline);
        let copy = self.local_copy.as_ref().and_then(LocalCopy::next_time);
        requesters.chain(self.cell.lock().next_time()).chain(copy).min()
    }

    fn close(&mut self) {
        if let Some(copy) = &mut self.local_copy {
            copy.close(&self.cell.lock());
        }
    }
}
