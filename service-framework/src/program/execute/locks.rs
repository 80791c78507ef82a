//! Locks: which runs may go on beside each other. Whoever waits for one longer gets it first.

use std::collections::HashSet;

/// Names that are taken.
#[derive(Debug, Default)]
pub(super) struct Locks(HashSet<String>);

impl Locks {
    /// The place of the first that may run, among those that wait in this order for these locks. One that may not keeps
    /// its locks from those behind it.
    pub(super) fn first<'a>(&self, waiting: impl Iterator<Item = &'a [String]>) -> Option<usize> {
        let mut wanted: HashSet<&str> = HashSet::new();
        for (place, locks) in waiting.enumerate() {
            let is_free = |lock: &String| !self.0.contains(lock) && !wanted.contains(lock.as_str());
            if locks.iter().all(is_free) {
                return Some(place);
            }
            wanted.extend(locks.iter().map(String::as_str));
        }
        None
    }

    /// Whether nobody has one of these.
    pub(super) fn are_free(&self, locks: &[String]) -> bool {
        !locks.iter().any(|lock| self.0.contains(lock))
    }

    pub(super) fn take(&mut self, locks: &[String]) {
        self.0.extend(locks.iter().cloned());
    }

    pub(super) fn give_back(&mut self, locks: &[String]) {
        for lock in locks {
            self.0.remove(lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(locks: &[&str]) -> Vec<String> {
        locks.iter().map(|&lock| lock.to_owned()).collect()
    }

    fn first(locks: &Locks, waiting: &[&[&str]]) -> Option<usize> {
        let waiting: Vec<Vec<String>> = waiting.iter().map(|wanted| names(wanted)).collect();
        locks.first(waiting.iter().map(Vec::as_slice))
    }

    #[test]
    fn whoever_shares_no_lock_runs() {
        let mut locks = Locks::default();
        assert_eq!(first(&locks, &[&["a"]]), Some(0));
        locks.take(&names(&["a", "b"]));
        assert_eq!(first(&locks, &[&["a"], &["c", "b"], &["d"], &[]]), Some(2));
        assert_eq!(first(&locks, &[&["a"]]), None);
        locks.give_back(&names(&["a", "b"]));
        assert_eq!(first(&locks, &[&["a"], &["d"]]), Some(0));
    }

    #[test]
    fn nobody_is_passed_for_ever() {
        let mut locks = Locks::default();
        locks.take(&names(&["a"]));
        assert_eq!(first(&locks, &[&["a", "b"], &["b"], &["c"]]), Some(2), "b is kept for the first");
    }
}
