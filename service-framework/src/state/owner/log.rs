//! Which keys changed lately, so that a replica that missed a little need not be sent everything.

use std::collections::{BTreeSet, VecDeque};

use crate::state::map::StateMap;
use crate::state::raw::Raw;

/// Changed keys that are remembered at least, however small the state.
const LEAST: usize = 64;
/// Changed keys that are remembered at most: some milliseconds of a fast owner, a megabyte at worst.
const MOST: usize = 16_384;

/// The keys of the last updates.
#[derive(Debug, Default)]
pub(super) struct Log {
    keys: VecDeque<(i64, Raw)>,
    /// Every change after this number is here.
    after: i64,
}

impl Log {
    /// Starts anew behind this number: everything before it was replaced.
    pub(super) fn restart(&mut self, after: i64) {
        self.keys.clear();
        self.after = after;
    }

    pub(super) fn note(&mut self, number: i64, key: Raw) {
        self.keys.push_back((number, key));
    }

    /// Forgets what would cost more to send than a state of so many keys.
    pub(super) fn trim(&mut self, keys: usize) {
        while self.keys.len() > keys.clamp(LEAST, MOST) {
            if let Some((number, _)) = self.keys.pop_front() {
                self.after = number;
            }
        }
    }

    /// The keys that changed after a number; `None` if not all of them are known any more.
    pub(super) fn since(&self, number: i64) -> Option<BTreeSet<&Raw>> {
        let keys = self.keys.iter().rev().take_while(|(changed, _)| *changed > number);
        (number >= self.after).then(|| keys.map(|(_, key)| key).collect())
    }
}

/// Changes of more bytes are not sent in one answer, which has no parts: a snapshot has.
const MOST_BYTES: usize = 8 << 20;

/// What leads from `number` to the state as it is, as changes; `None` if that is not known any more, or too much.
pub(super) fn changes_since(log: &Log, map: &StateMap, number: i64) -> Option<Vec<u8>> {
    let keys = log.since(number)?;
    let size = |key: &&Raw| key.len() + map.get(*key).map_or(1, |value| value.len());
    if keys.iter().map(size).sum::<usize>() > MOST_BYTES {
        return None;
    }
    let mut changes = Vec::new();
    crate::state::map::write_changes(keys.into_iter().map(|key| (key, map.get(key))), &mut changes);
    Some(changes)
}
