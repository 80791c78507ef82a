//! Finding keys that are given twice, without memory of its own for the usual, small maps.

use std::collections::HashSet;

/// The fields of a record that were seen.
#[derive(Default)]
pub(super) struct Seen {
    first: u64,
    rest: Vec<u64>,
}

impl Seen {
    /// Marks a field; false if it was marked before.
    #[inline]
    pub(super) fn insert(&mut self, field: usize) -> bool {
        let word = match field / 64 {
            0 => &mut self.first,
            more => {
                if self.rest.len() < more {
                    self.rest.resize(more, 0);
                }
                &mut self.rest[more - 1]
            }
        };
        let bit = 1 << (field % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    #[inline]
    pub(super) fn contains(&self, field: usize) -> bool {
        let word = match field / 64 {
            0 => self.first,
            more => self.rest.get(more - 1).copied().unwrap_or_default(),
        };
        word & (1 << (field % 64)) != 0
    }
}

/// Keys up to this number are compared one by one.
const FEW: usize = 16;

/// The keys of a map that were seen, as they stand in the bytes.
#[derive(Default)]
pub(super) struct Keys<'b> {
    few: [&'b [u8]; FEW],
    count: usize,
    many: HashSet<&'b [u8]>,
}

impl<'b> Keys<'b> {
    /// Marks a key; false if it was marked before.
    pub(super) fn insert(&mut self, key: &'b [u8]) -> bool {
        if self.count < FEW {
            let fresh = !self.few[..self.count].contains(&key);
            self.few[self.count] = key;
            self.count += 1;
            return fresh;
        }
        if self.many.is_empty() {
            self.many.extend(self.few);
        }
        self.many.insert(key)
    }
}
