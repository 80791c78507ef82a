//! Shared data, as the application reads and writes it.

use std::time::Duration;

use super::super::events::Ticket;
use super::super::map::{Cell, Dot, Entry, Key, Kind, MergeRefused, Stamp, Write};
use super::super::time::{Moment, Now};
use super::super::wire::Body;
use super::{Engine, Output};
use crate::value::Bytes;

impl Engine {
    /// Sets a key of a map, or deletes it.
    pub(crate) fn set(
        &mut self,
        now: Now,
        key: Key,
        value: Option<&[u8]>,
        write: (Write, Duration),
    ) -> Ticket {
        let written = self.sharing.replica.set(now.wall, key, value.map(Bytes::from));
        self.wrote(now, written, write)
    }

    /// Adds to a counter.
    pub(crate) fn add(&mut self, now: Now, key: Key, amount: i64, write: (Write, Duration)) -> Ticket {
        let written = self.sharing.replica.add(key, amount);
        self.wrote(now, written, write)
    }

    /// Joins a state of the user's own type to what is there.
    ///
    /// # Errors
    /// Its merge is not known, or what comes of it is too large.
    pub(crate) fn merge_in(
        &mut self,
        now: Now,
        key: Key,
        state: &[u8],
        write: (Write, Duration),
    ) -> Result<Ticket, MergeRefused> {
        let written = self.sharing.replica.merge_in(key, state.into())?;
        Ok(self.wrote(now, written, write))
    }

    /// What is there.
    pub(crate) fn cell(&self, key: &Key) -> Option<&Cell> {
        self.sharing.replica.get(key)
    }

    /// Bytes of the largest value with its names: half of a frame leaves room for everything around it.
    pub(crate) fn largest_value(&self) -> usize {
        self.settings.frame_bytes / 2
    }

    fn wrote(&mut self, now: Now, written: (Dot, Entry), (write, patience): (Write, Duration)) -> Ticket {
        let ticket = self.next_ticket();
        self.sharing.spread(now.at, written, (ticket, write, patience));
        self.settle(now);
        ticket
    }

    /// The bytes of a register, if it is there.
    pub(crate) fn get(&self, key: &Key) -> Option<&[u8]> {
        match self.sharing.replica.get(key)? {
            Cell::Register { value, .. } => value.as_deref(),
            Cell::Merged(state) => Some(state),
            Cell::Counter(_) => None,
        }
    }

    /// What a counter has come to.
    pub(crate) fn total(&self, key: &Key) -> i128 {
        self.sharing.replica.get(key).map_or(0, Cell::total)
    }

    /// When a register was last written or deleted here, and by whom.
    pub(crate) fn stamp_of(&self, key: &Key) -> Option<Stamp> {
        self.sharing.replica.stamp_of(key)
    }

    /// Everything that is there, in the order of the keys.
    pub(crate) fn shared(&self) -> impl Iterator<Item = (&Key, &Cell)> {
        self.sharing.replica.live()
    }

    pub(super) fn settle_shared(&mut self, now: Moment) {
        let stored = self.sharing.replica.take_stored();
        self.outputs.extend(stored.into_iter().map(Output::Store));
        for (to, talk) in self.sharing.take_sending() {
            self.send(now, to, Body::Map(talk), 0);
        }
        for (ticket, written) in self.sharing.take_written() {
            self.outputs.push_back(Output::Written { ticket, written });
        }
        let changed = self.sharing.replica.take_changed();
        if !changed.is_empty() {
            self.outputs.push_back(Output::Changed(changed));
        }
    }
}

/// The key of a register.
pub(crate) fn register(map: &str, key: &str) -> Key {
    Key { map: map.to_owned(), key: key.as_bytes().into(), kind: Kind::Register }
}
