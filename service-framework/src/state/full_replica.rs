//! A replica of a full state with its socket.

use std::sync::Arc;
use std::time::Instant;

use super::cell::{Cell, Machine};
use super::feed::Feed;
use super::full::{FullCopy, Outcome};
use super::replica::{Change, Status};
use super::socket::StateSocket;
use crate::connection::{Counters, PollItem, SocketError, UpdateSource, list};
use crate::model::Checker;

impl Machine for FullCopy {
    fn status(&self) -> Status {
        FullCopy::status(self)
    }

    fn on_connected(&mut self) {
        FullCopy::on_connected(self);
    }

    fn on_disconnected(&mut self, now: Instant) {
        FullCopy::on_disconnected(self, now);
    }

    /// Nobody can be asked: the next value, or the last one sent again, says what there is.
    fn on_refused_update(&mut self, _now: Instant) {}
}

/// The receiving end of a full state.
pub(crate) struct FullReplica {
    feed: Feed<FullCopy>,
    rules: Checker,
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
        Self { feed: Feed::new(cell, updates, counters), rules, changes: tells.then(Vec::new) }
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

    fn receive(&mut self, now: Instant) -> Result<(), SocketError> {
        let Self { feed, rules, changes } = self;
        feed.take_updates(now, |copy, envelope, args| {
            if let Err(found) = rules.check(args) {
                copy.on_refused(now);
                return Err(list(&found));
            }
            let outcome = copy.on_update(envelope.epoch, envelope.seq, args, now);
            if let (Outcome::Changed, Some(changes)) = (outcome, changes.as_mut()) {
                let workflow = envelope.workflow_id.map(<[u8]>::to_vec);
                changes.push(Change { args: args.to_vec(), workflow });
            }
            Ok(())
        })
    }
}

impl StateSocket for FullReplica {
    fn poll_items<'a>(&'a self, items: &mut Vec<PollItem<'a>>) {
        items.extend(self.feed.poll_items());
    }

    fn places(&self) -> usize {
        2
    }

    fn turn(&mut self, ready: &[bool], now: Instant) -> Result<(), SocketError> {
        if let [updates, reports] = ready {
            if *reports {
                self.feed.take_reports(now)?;
            }
            if *updates {
                self.receive(now)?;
            }
        }
        self.feed.follow(now)?;
        let mut copy = self.feed.cell().lock();
        let (is_quiet, status) = (copy.on_time(now), copy.status());
        drop(copy);
        if is_quiet {
            self.feed.subscribe_again()?;
        }
        self.feed.cell().tell_status(status);
        Ok(())
    }

    fn next_time(&self) -> Option<Instant> {
        self.feed.cell().lock().next_time()
    }

    fn close(&mut self) {}
}
