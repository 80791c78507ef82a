//! Time as it is told to the core, and what is due when.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

/// A point of monotonic time, in microseconds since some start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// How long ago `earlier` was; nothing if it is still to come.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// `duration` in microseconds, as many as there can be.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The time on both clocks: the one that only goes forward, and the one on the wall.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Monotonic time, for everything that is waited for.
    pub at: Moment,
    /// Milliseconds since 1970, for the stamps of shared data only; it may jump.
    pub wall: u64,
}

/// What is due when: the earliest first, and in the order of asking among equals.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<Due<T>>>,
    asked: u64,
}

#[derive(Debug)]
struct Due<T> {
    at: Moment,
    number: u64,
    what: T,
}

impl<T> PartialEq for Due<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Due<T> {}

impl<T> PartialOrd for Due<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Due<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), asked: 0 }
    }
}

impl<T> Agenda<T> {
    pub(crate) fn add(&mut self, at: Moment, what: T) {
        self.asked += 1;
        self.heap.push(Reverse(Due { at, number: self.asked, what }));
    }

    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse(due)| due.at)
    }

    /// Takes out the first of what is due at `now`.
    pub(crate) fn take_due(&mut self, now: Moment) -> Option<(Moment, T)> {
        if self.next_due()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(due)| (due.at, due.what))
    }

    /// Puts everything off by `delay`.
    pub(crate) fn put_off(&mut self, delay: Duration) {
        let all = std::mem::take(&mut self.heap).into_iter();
        self.heap = all.map(|Reverse(due)| Reverse(Due { at: due.at.after(delay), ..due })).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_its_order() {
        let mut agenda = Agenda::default();
        for (at, what) in [(5, "c"), (3, "a"), (5, "d"), (3, "b"), (9, "e")] {
            agenda.add(Moment(at), what);
        }
        let mut taken = Vec::new();
        while let Some((_, what)) = agenda.take_due(Moment(5)) {
            taken.push(what);
        }
        assert_eq!(taken, ["a", "b", "c", "d"]);
        agenda.put_off(Duration::from_micros(10));
        assert_eq!(agenda.next_due(), Some(Moment(19)));
    }
}
