//! When numbered things have to end, of which most end long before.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// Nobody waits longer; a clock cannot be asked about every duration that a caller may name.
const LONGEST: Duration = Duration::from_hours(24 * 365 * 10);

/// The time that is `time` after `now`.
pub(crate) fn after(now: Instant, time: Duration) -> Instant {
    now + time.min(LONGEST)
}

/// Deadlines by number. Who owns the things says which of them are still open.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BinaryHeap<Reverse<(Instant, u64)>>);

impl Deadlines {
    pub(crate) fn add(&mut self, deadline: Instant, id: u64) {
        self.0.push(Reverse((deadline, id)));
    }

    /// The earliest; it may belong to something that has ended since the last [`Deadlines::forget`].
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((deadline, _))| *deadline)
    }

    /// Takes out one whose time has come.
    pub(crate) fn due(&mut self, now: Instant) -> Option<u64> {
        self.next().filter(|deadline| *deadline <= now)?;
        self.0.pop().map(|Reverse((_, id))| id)
    }

    /// Drops what has ended: what stands in front at once, the rest when most of it is old.
    ///
    /// One slow thing in front must not keep the deadlines of a million quick ones in memory.
    pub(crate) fn forget(&mut self, open: usize, is_open: impl Fn(u64) -> bool) {
        while self.0.peek().is_some_and(|Reverse((_, id))| !is_open(*id)) {
            self.0.pop();
        }
        if self.0.len() > 4 * open + 64 {
            self.0.retain(|Reverse((_, id))| is_open(*id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn any_duration_can_be_waited_for() {
        let now = Instant::now();
        assert_eq!(after(now, Duration::from_secs(1)), now + Duration::from_secs(1));
        assert!(after(now, Duration::MAX) > now);
    }

    #[test]
    fn come_due_in_order_and_not_before() {
        let (start, mut deadlines) = (Instant::now(), Deadlines::default());
        for (after, id) in [(3, 0), (1, 1), (2, 2)] {
            deadlines.add(start + Duration::from_secs(after), id);
        }
        assert_eq!(deadlines.due(start), None);
        let later = start + Duration::from_secs(2);
        assert_eq!(
            [deadlines.due(later), deadlines.due(later), deadlines.due(later)],
            [Some(1), Some(2), None]
        );
        assert_eq!(deadlines.next(), Some(start + Duration::from_secs(3)));
    }

    #[test]
    fn ended_things_take_no_memory_behind_a_slow_one() {
        let (start, mut deadlines, open) = (Instant::now(), Deadlines::default(), HashSet::from([0]));
        deadlines.add(start, 0);
        for id in 1..10_000 {
            deadlines.add(start + Duration::from_secs(1), id);
            deadlines.forget(open.len(), |id| open.contains(&id));
            assert!(deadlines.0.len() <= 4 * open.len() + 65);
        }
    }
}
