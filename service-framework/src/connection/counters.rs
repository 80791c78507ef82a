//! Counts of what a connection did and of what it had to give up.

use std::sync::atomic::{AtomicU64, Ordering};

use super::latency::Latency;
use super::tap::Tap;

/// One count that any thread may read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one connection counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Messages that came in.
    pub(crate) received: Count,
    /// Messages handed over to go out.
    pub(crate) sent: Count,
    /// Messages that a slow peer did not get, or that came back too late, or that nobody waited for.
    pub(crate) dropped: Count,
    /// Messages that a subscriber knows it missed.
    pub(crate) missed: Count,
    /// Messages that were not understood.
    pub(crate) bad: Count,
    /// Requests that ended with an error, here or at the other end.
    pub(crate) failed: Count,
    /// How long handlers took from the arrival of a message, or requests until their answer.
    pub(crate) took: Latency,
    /// Where its messages can be seen.
    pub(crate) tap: Tap,
}

impl Counters {
    /// Fresh counts beside this tap.
    pub(crate) fn with_tap(tap: Tap) -> Self {
        Self { tap, ..Self::default() }
    }

    /// Logs the counts, if something was lost or refused.
    pub(crate) fn tell(&self, connection: &str) {
        let [dropped, missed, bad, failed] =
            [&self.dropped, &self.missed, &self.bad, &self.failed].map(Count::get);
        if dropped + missed + bad + failed > 0 {
            let (received, sent) = (self.received.get(), self.sent.get());
            tracing::info!(
                connection,
                received,
                sent,
                dropped,
                missed,
                bad,
                failed,
                "lost or refused in all"
            );
        }
    }
}
