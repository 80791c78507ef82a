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

    /// The keys whose time has come.
    pub(super) fn due(&self, now: Instant) -> Vec<Raw> {
        self.by_time.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| key.clone()).collect()
    }
}
