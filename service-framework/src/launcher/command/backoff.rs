//! The pause before a command that has died is started again. Reads no clock.

use std::time::Duration;

/// A command that died is started again after no time, then after this, then after twice as long, …
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// A command that has run so long is started again at once.
const GOOD_RUN: Duration = Duration::from_secs(10);

/// The least time between two starts. Grows with each start but the first after a good run.
#[derive(Debug, Default)]
pub(super) struct Backoff(Duration);

impl Backoff {
    /// How long to wait after a run that ended because the command did not keep to the protocol: it would do it again,
    /// however long it was good.
    pub(super) fn after_breach(&mut self) -> Duration {
        self.0 = (2 * self.0).clamp(FIRST, LONGEST);
        self.0
    }

    /// How long to wait after a run of this length.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        if ran > GOOD_RUN {
            self.0 = Duration::ZERO;
        }
        let pause = self.0.saturating_sub(ran);
        self.0 = (2 * self.0).clamp(FIRST, LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_a_run_was_good() {
        let mut backoff = Backoff::default();
        let mut after = |ran: u64| backoff.after(Duration::from_millis(ran)).as_millis();
        assert_eq!([0, 0, 0, 150].map(&mut after), [0, 100, 200, 250]);
        assert_eq!([0; 5].map(&mut after), [800, 1_600, 3_200, 6_400, 10_000]);
        assert_eq!([0, 4_000].map(&mut after), [10_000, 6_000]);
        assert_eq!([10_001, 0].map(&mut after), [0, 100]);
        let breaches: Vec<_> = (0..8).map(|_| backoff.after_breach().as_millis()).collect();
        assert_eq!(breaches, [400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
        assert_eq!(Backoff::default().after_breach(), FIRST);
    }
}
