//! A replica of a full state with its socket.

use std::sync::Arc;
use std::time::Instant;

use super::cell::{Cell, Current};
use super::full::{FullCopy, Outcome};
use super::replica::{Change, Status};
use super::socket::StateSocket;
use crate::connection::{Counters, PollItem, SocketError, Throttle, UpdateSource, list};
use crate::model::Checker;
use crate::value::Limits;
use crate::wire::Envelope;

/// Updates that are taken in before others have their turn.
const BUDGET: usize = 256;

impl Current for FullCopy {
    fn status(&self) -> Status {
        FullCopy::status(self)
    }
}

/// The receiving end of a full state.
pub(crate) struct FullReplica {
    cell: Arc<Cell<FullCopy>>,
    rules: Checker,
    updates: UpdateSource,
    counters: Arc<Counters>,
    not_understood: Throttle,
    /// What handlers are to be told, if there are any.
    changes: Option<Vec<Change>>,
}

impl FullReplica {
    pub(crate) fn new(
        cell: Arc<Cell<FullCopy>>,
        rules: Checker,
        updates: UpdateSource,
        counters: Arc<Counters>,
        tells: bool,
    ) -> Self {
        if updates.is_connected() {
            cell.lock().on_connected();
        }
        let changes = tells.then(Vec::new);
        Self { cell, rules, updates, counters, not_understood: Throttle::default(), changes }
    }

    /// Whether handlers have still to be told something that had no room.
    pub(crate) fn has_untold(&self) -> bool {
        self.changes.as_ref().is_some_and(|changes| !changes.is_empty())
    }

    /// What handlers are to be told, oldest first, where so many more may wait for them: of what they have no time for,
    /// the newest.
    pub(crate) fn take_changes(&mut self, room: usize) -> Vec<Change> {
        let Some(changes) = &mut self.changes else { return Vec::new() };
        if changes.len() > room {
            changes.drain(..changes.len() - 1);
        }
        if room == 0 { Vec::new() } else { std::mem::take(changes) }
    }

    fn on_connections(&mut self, now: Instant) {
        let (gone, come) = self.updates.connections();
        let mut copy = self.cell.lock();
        if gone {
            copy.on_disconnected(now);
        }
        if (gone || come) && self.updates.is_connected() {
            copy.on_connected();
        }
    }

    fn receive(&mut self, now: Instant) -> Result<(), SocketError> {
        let cell = self.cell.clone();
        let mut copy = cell.lock();
        for _ in 0..BUDGET {
            let Some((frame, start)) = self.updates.receive()? else { break };
            self.counters.received.add_one();
            if let Err(reason) = self.take_in(&mut copy, &frame[start..], now) {
                self.counters.bad.add_one();
                if self.not_understood.allows() {
                    tracing::warn!(state = self.cell.name(), reason, "update not understood");
                }
            }
        }
        Ok(())
    }

    fn take_in(&mut self, copy: &mut FullCopy, body: &[u8], now: Instant) -> Result<(), String> {
        let envelope = Envelope::split(body, &Limits::default()).map_err(|error| error.to_string())?;
        let args = envelope.expect_args().map_err(|error| error.to_string())?;
        if let Err(found) = self.rules.check(args) {
            copy.on_refused(now);
            return Err(list(&found));
        }
        let outcome = copy.on_update(envelope.epoch, envelope.seq, args, now);
        if let (Outcome::Changed, Some(changes)) = (outcome, &mut self.changes) {
            let workflow = envelope.workflow_id.map(<[u8]>::to_vec);
            changes.push(Change { args: args.to_vec(), workflow });
        }
        Ok(())
    }
}

impl StateSocket for FullReplica {
    fn poll_items<'a>(&'a self, items: &mut Vec<PollItem<'a>>) {
        items.extend(self.updates.poll_items());
    }

    fn places(&self) -> usize {
        2
    }

    fn turn(&mut self, ready: &[bool], now: Instant) -> Result<(), SocketError> {
        if let [updates, reports] = ready {
            if *reports {
                self.on_connections(now);
            }
            if *updates {
                self.receive(now)?;
            }
        }
        let mut copy = self.cell.lock();
        let (is_quiet, status) = (copy.on_time(now), copy.status());
        drop(copy);
        if is_quiet {
            self.updates.subscribe_again()?;
        }
        self.cell.tell_status(status);
        Ok(())
    }

    fn next_time(&self) -> Option<Instant> {
        self.cell.lock().next_time()
    }

    fn close(&mut self) {}
}
