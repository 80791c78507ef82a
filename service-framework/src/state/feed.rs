//! What replicas of both kinds have in common: a machine behind its lock, fed with updates as they come in.

use std::sync::Arc;
use std::time::Instant;

use super::cell::{Cell, Machine};
use crate::connection::tap::{Kind, Observed};
use crate::connection::{Counters, PollItem, Reports, SocketError, Throttle, UpdateSource};
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
    pub(crate) fn take_reports(&mut self, now: Instant) -> Result<(), SocketError> {
        let reports = self.updates.connections()?;
        self.tell(reports, now);
        Ok(())
    }

    /// Follows another instance if the one that was followed is not found any more.
    pub(crate) fn follow(&mut self, now: Instant) -> Result<(), SocketError> {
        let gone = self.updates.follow()?;
        self.tell(Reports { gone, come: false }, now);
        Ok(())
    }

    /// The instance that is followed, where it is one that was found.
    pub(crate) fn instance(&self) -> Option<&Arc<str>> {
        self.updates.instance()
    }

    fn tell(&self, Reports { gone, come }: Reports, now: Instant) {
        if !gone && !come {
            return;
        }
        let mut machine = self.cell.lock();
        if gone {
            machine.on_disconnected(now);
        }
        if self.updates.is_connected() {
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
            self.counters.tap.observe(|| Observed::came_in(Kind::Update, &frame));
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
