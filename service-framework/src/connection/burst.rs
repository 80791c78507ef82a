//! Saying something once while it keeps happening, or at least not too often.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Quiet for so long, and the next time is a new burst with a log line of its own.
const ENDS_AFTER: Duration = Duration::from_secs(1);

/// When something happened last; from any thread.
#[derive(Debug, Default)]
pub(crate) struct Burst(AtomicU64);

impl Burst {
    /// Notes that it happens now; whether it is worth a line.
    pub(crate) fn begins(&self) -> bool {
        self.begins_at(Instant::now())
    }

    fn begins_at(&self, now: Instant) -> bool {
        let since = since_start(now);
        // From 1 on: 0 is never.
        let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX - 1) + 1;
        let last = self.0.swap(now, Ordering::Relaxed);
        last == 0 || u128::from(now.saturating_sub(last)) > ENDS_AFTER.as_millis()
    }
}

/// Lines a second about what somebody else causes.
const MOST_A_SECOND: u64 = 100;

/// Lets so many lines a second through; from any thread.
#[derive(Debug, Default)]
pub(crate) struct Throttle(AtomicU64);

impl Throttle {
    /// Whether one more line is in order.
    pub(crate) fn allows(&self) -> bool {
        self.allows_in(since_start(Instant::now()).as_secs())
    }

    /// The second and its lines share one number, so that both change at once.
    fn allows_in(&self, second: u64) -> bool {
        let next = |state: u64| match state >> 32 == second & 0xffff_ffff {
            true => state.saturating_add(1),
            false => (second << 32) | 1,
        };
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| Some(next(state)));
        next(before.unwrap_or_default()) & 0xffff_ffff <= MOST_A_SECOND
    }
}

fn since_start(now: Instant) -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    now.saturating_duration_since(*START.get_or_init(Instant::now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_begins_once_and_ends_with_a_quiet_time() {
        let (burst, start) = (Burst::default(), Instant::now());
        let at = |seconds: f64| burst.begins_at(start + Duration::from_secs_f64(seconds));
        assert_eq!([at(0.0), at(0.5), at(1.4), at(2.3), at(4.0)], [true, false, false, false, true]);
    }

    #[test]
    fn so_many_lines_a_second_are_allowed() {
        let throttle = Throttle::default();
        let lines = |second: u64| (0..1_000).filter(|_| throttle.allows_in(second)).count() as u64;
        assert_eq!([lines(1), lines(1), lines(2)], [MOST_A_SECOND, 0, MOST_A_SECOND]);
    }
}
