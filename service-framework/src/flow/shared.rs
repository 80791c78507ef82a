//! What all clones of the flows of a store share in this process.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the clones share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) passed: Passed,
    pub(super) tellers: Tellers,
}

/// Whoever has something for a flow waits here for whoever else has, and not in the store, where only one of them succeeds at a
/// time and the others try again.
#[derive(Debug)]
pub(super) struct Tellers([Mutex<()>; 64]);

impl Default for Tellers {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Tellers {
    pub(super) fn turn_for(&self, flow: &str) -> MutexGuard<'_, ()> {
        let place = crc32fast::hash(flow.as_bytes()) as usize % self.0.len();
        self.0[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hashes of scripts that were checked and can be run, so that one that is started often is checked once.
#[derive(Debug, Default)]
pub(super) struct Passed(Mutex<HashSet<String>>);

impl Passed {
    /// Most that are remembered; all are forgotten then.
    const MOST: usize = 1024;

    fn known(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has(&self, hash: &str) -> bool {
        self.known().contains(hash)
    }

    pub(super) fn remember(&self, hash: String) {
        let mut known = self.known();
        if known.len() == Self::MOST {
            known.clear();
        }
        known.insert(hash);
    }
}
