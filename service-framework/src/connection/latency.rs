//! How long things took, in so many counts that any share of them can be told within an eighth.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts for each doubling of the time.
const STEPS: usize = 8;
/// Doublings of a microsecond that are told apart: up to 71 minutes.
const DOUBLINGS: usize = 32;
const COUNTS: usize = STEPS * DOUBLINGS;

/// Times that any thread may add to and read.
#[derive(Debug)]
pub(crate) struct Latency([AtomicU64; COUNTS]);

impl Default for Latency {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; COUNTS])
    }
}

/// What the times of [`Latency`] were up to one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Times(Vec<u64>);

impl Latency {
    pub(crate) fn note(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0[place(micros)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Times {
        Times(self.0.iter().map(|count| count.load(Ordering::Relaxed)).collect())
    }
}

impl Times {
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The time within which this share of all was; at most an eighth too long. None if there was nothing.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub(crate) fn within(&self, share: f64) -> Option<Duration> {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let reached = |count: &u64| {
            seen += count;
            seen >= wanted.max(1)
        };
        self.0.iter().position(reached).map(|place| Duration::from_micros(end(place)))
    }
}

/// The first times have a place each, then each doubling has [`STEPS`].
fn place(micros: u64) -> usize {
    let steps = STEPS as u64;
    if micros < steps {
        return usize::try_from(micros).unwrap_or_default();
    }
    let doublings = micros.ilog2() - STEPS.ilog2();
    let step = (micros >> doublings) - steps;
    let place = (u64::from(doublings) + 1) * steps + step;
    usize::try_from(place).unwrap_or(COUNTS).min(COUNTS - 1)
}

/// The longest time, in microseconds, that is counted at a place.
fn end(place: usize) -> u64 {
    let (doublings, step) = (place / STEPS, (place % STEPS) as u64);
    match doublings.checked_sub(1) {
        None => step,
        Some(doublings) => ((STEPS as u64 + step + 1) << doublings) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_told_within_an_eighth() {
        for micros in (0..5_000).chain([10_000, 123_456, 1_000_000, 60_000_000, 4_000_000_000]) {
            let told = end(place(micros));
            assert!(told >= micros && told - micros <= micros / 8, "{micros} told as {told}");
        }
        assert_eq!(place(u64::MAX), COUNTS - 1);
    }

    #[test]
    fn shares_are_of_what_was_noted() {
        let latency = Latency::default();
        assert_eq!(latency.read().within(0.99), None);
        (0..99).for_each(|_| latency.note(Duration::from_micros(5)));
        latency.note(Duration::from_micros(1_000));
        let times = latency.read();
        assert_eq!((times.count(), times.within(0.99)), (100, Some(Duration::from_micros(5))));
        assert!(times.within(1.0) >= Some(Duration::from_micros(1_000)));
    }
}
