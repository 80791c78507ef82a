//! When keys go by themselves.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use crate::state::raw::Raw;

/// The keys that have a time to live.
#[derive(Debug, Default)]
pub(super) struct Expiries {
    by_time: BTreeSet<(Instant, Raw)>,
    by_key: HashMap<Vec<u8>, Instant>,
}

impl Expiries {
    /// Has a key go at a time, or stay.
    pub(super) fn set(&mut self, key: &Raw, at: Option<Instant>) {
        if at.is_none() && self.by_key.is_empty() {
            return;
        }
        if let Some(before) = self.by_key.remove(&**key) {
            self.by_time.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.by_key.insert(key.to_vec(), at);
            self.by_time.insert((at, key.clone()));
        }
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.by_time.clear();
        self.by_key.clear();
    }

    /// When the next key goes.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the keys whose time has come, so many at most.
    pub(super) fn take_due(&mut self, now: Instant, most: usize) -> Vec<Raw> {
        let mut due = Vec::new();
        while due.len() < most
            && self.next().is_some_and(|at| at <= now)
            && let Some((_, key)) = self.by_time.pop_first()
        {
            self.by_key.remove(&*key);
            due.push(key);
        }
        due
    }
}
