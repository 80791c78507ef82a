//! A replica of a full state, as a machine. No sockets.

use std::time::{Duration, Instant};

use super::raw::Raw;
use super::replica::Status;

/// Quiet for so long after an update, a replica has the owner send the last one again.
const QUIET: Duration = Duration::from_secs(1);

/// A full state as its owner has it.
#[derive(Debug)]
pub(crate) struct FullCopy {
    value: Option<Raw>,
    /// Epoch and number of the update that it is of.
    at: (Option<u64>, Option<u64>),
    status: Status,
    /// When to have the last update sent again.
    quiet_at: Option<Instant>,
    /// Keeps a thousand replicas from asking at the same time.
    jitter: Duration,
    connected: bool,
    /// Whether an owner whose life began earlier may be the present one: its clock was set back.
    believes_earlier: bool,
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is what there is now.
    Changed,
    /// It was there already.
    Same,
}

impl FullCopy {
    pub(crate) fn new(jitter: Duration) -> Self {
        Self {
            value: None,
            at: (None, None),
            status: Status::Waiting,
            quiet_at: None,
            jitter,
            connected: false,
            believes_earlier: true,
        }
    }

    pub(crate) fn value(&self) -> Option<&Raw> {
        self.value.as_ref()
    }

    /// Epoch and number of the update that the value is of.
    pub(crate) fn at(&self) -> (Option<u64>, Option<u64>) {
        self.at
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    pub(crate) fn status(&self) -> Status {
        self.status
    }

    pub(crate) fn on_connected(&mut self) {
        self.connected = true;
        self.believes_earlier = true;
    }

    pub(crate) fn on_disconnected(&mut self, now: Instant) {
        self.connected = false;
        self.quiet_at = None;
        if self.status == Status::Current {
            self.status = Status::Stale { since: now };
        }
    }

    /// Takes an update in.
    pub(crate) fn on_update(
        &mut self,
        epoch: Option<u64>,
        seq: Option<u64>,
        args: &[u8],
        now: Instant,
    ) -> Outcome {
        let is_old = match (self.at, epoch, seq) {
            ((Some(mine), Some(have)), Some(epoch), Some(seq)) if mine == epoch => seq <= have,
            ((Some(mine), _), Some(epoch), _) => epoch < mine && !self.believes_earlier,
            _ => false,
        };
        if self.connected {
            self.status = Status::Current;
        }
        if is_old {
            self.quiet_at = None;
            return Outcome::Same;
        }
        self.believes_earlier = false;
        self.at = (epoch, seq);
        self.quiet_at = Some(now + QUIET + self.jitter);
        if self.value.as_deref() == Some(args) {
            return Outcome::Same;
        }
        self.value = Some(args.into());
        Outcome::Changed
    }

    /// The owner has a value that the model does not take.
    pub(crate) fn on_refused(&mut self, now: Instant) {
        if self.status == Status::Current {
            self.status = Status::Stale { since: now };
        }
    }

    /// Whether the last update is to be sent again now.
    pub(crate) fn on_time(&mut self, now: Instant) -> bool {
        self.quiet_at.take_if(|at| *at <= now).is_some()
    }

    /// When [`FullCopy::on_time`] has something to do.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        self.quiet_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_shown_whatever_came_before_or_twice() {
        let (mut copy, now) = (FullCopy::new(Duration::ZERO), Instant::now());
        copy.on_connected();
        assert_eq!(copy.on_update(Some(5), Some(1), &[1], now), Outcome::Changed);
        assert_eq!(copy.on_update(Some(5), Some(1), &[9], now), Outcome::Same);
        assert_eq!(copy.on_update(Some(5), Some(0), &[0], now), Outcome::Same);
        assert_eq!(copy.on_update(Some(4), Some(9), &[4], now), Outcome::Same, "of a life before");
        assert_eq!(copy.on_update(Some(6), Some(0), &[6], now), Outcome::Changed);
        assert_eq!((copy.value().map(|raw| raw.to_vec()), copy.status()), (Some(vec![6]), Status::Current));
    }

    #[test]
    fn an_owner_whose_clock_was_set_back_is_believed_after_a_new_connection() {
        let (mut copy, now) = (FullCopy::new(Duration::ZERO), Instant::now());
        copy.on_connected();
        copy.on_update(Some(5), Some(1), &[1], now);
        copy.on_disconnected(now);
        assert_eq!(copy.status(), Status::Stale { since: now });
        copy.on_connected();
        assert_eq!(copy.on_update(Some(3), Some(0), &[3], now), Outcome::Changed);
    }

    #[test]
    fn what_is_sent_again_when_all_is_quiet_is_asked_for_once() {
        let (mut copy, now) = (FullCopy::new(Duration::ZERO), Instant::now());
        copy.on_connected();
        copy.on_update(Some(5), Some(1), &[1], now);
        assert!(!copy.on_time(now) && copy.on_time(now + QUIET));
        copy.on_update(Some(5), Some(1), &[1], now);
        assert_eq!(copy.next_time(), None);
    }

    #[test]
    fn an_original_owners_values_have_no_number() {
        let (mut copy, now) = (FullCopy::new(Duration::ZERO), Instant::now());
        copy.on_connected();
        assert_eq!(copy.on_update(None, None, &[1], now), Outcome::Changed);
        assert_eq!(copy.on_update(None, None, &[1], now), Outcome::Same);
        assert_eq!(copy.on_update(None, None, &[2], now), Outcome::Changed);
    }
}
