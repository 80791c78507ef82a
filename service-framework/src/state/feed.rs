//! What replicas of both kinds have in common: a machine behind its lock, fed with updates as they come in.

use std::sync::Arc;
use std::time::Instant;

use super::cell::{Cell, Machine};
use crate::connection::{Counters, PollItem, SocketError, Throttle, UpdateSource};
use crate::value::Limits;
use crate::wire::Envelope;

/// Updates that are taken in before others have their turn.
const BUDGET: usize = 256;

/// The receiving end of a state.
pub(crate) struct Feed<R> {
    cell: Arc<Cell<R>>,
    updates: UpdateSource,
    counters: Arc<Counters>,
    not_understood: Throttle,
}

impl<R: Machine> Feed<R> {
    pub(crate) fn new(cell: Arc<Cell<R>>, updates: UpdateSource, counters: Arc<Counters>) -> Self {
        if updates.is_connected() {
            cell.lock().on_connected();
        }
        Self { cell, updates, counters, not_understood: Throttle::default() }
    }

    pub(crate) fn cell(&self) -> &Cell<R> {
        &self.cell
    }

    /// The places in a poll set: of updates, of reports.
    pub(crate) fn poll_items(&self) -> [PollItem<'_>; 2] {
        self.updates.poll_items()
    }

    /// Tells the machine which connections have come and gone.
    pub(crate) fn take_reports(&mut self, now: Instant) {
        let (gone, come) = self.updates.connections();
        let mut machine = self.cell.lock();
        if gone {
            machine.on_disconnected(now);
        }
        if (gone || come) && self.updates.is_connected() {
            machine.on_connected();
        }
    }

    /// Gives the machine its share of updates; the error of `take_in` says what is wrong with one.
    pub(crate) fn take_updates(
        &mut self,
        now: Instant,
        mut take_in: impl FnMut(&mut R, &Envelope<'_>, &[u8]) -> Result<(), String>,
    ) -> Result<(), SocketError> {
        let cell = self.cell.clone();
        let mut machine = cell.lock();
        for _ in 0..BUDGET {
            let Some((frame, start)) = self.updates.receive()? else { break };
            self.counters.received.add_one();
            let taken =
                split(&frame[start..]).and_then(|(envelope, args)| take_in(&mut machine, &envelope, args));
            if let Err(reason) = taken {
                machine.on_refused_update(now);
                self.refuse("update", &reason);
            }
        }
        Ok(())
    }

    /// Counts something that came in and is of no use.
    pub(crate) fn refuse(&self, what: &str, reason: &str) {
        self.counters.bad.add_one();
        if self.not_understood.allows() {
            tracing::warn!(state = self.cell.name(), reason, "{what} not understood");
        }
    }

    /// Has some publishers send again what they sent last.
    pub(crate) fn subscribe_again(&self) -> Result<(), SocketError> {
        self.updates.subscribe_again()
    }
}

fn split(body: &[u8]) -> Result<(Envelope<'_>, &[u8]), String> {
    let envelope = Envelope::split(body, &Limits::default()).map_err(|error| error.to_string())?;
    let args = envelope.expect_args().map_err(|error| error.to_string())?;
    Ok((envelope, args))
}
