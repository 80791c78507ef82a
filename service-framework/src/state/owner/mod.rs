//! The owner of a delta state, as a machine: changes and questions in, updates and answers out. No sockets; the time
//! is told to it.

mod answers;
mod expiries;
mod log;
mod parts;

use std::borrow::Cow;
use std::time::Instant;

pub(crate) use self::answers::{Answers, everything};
use self::expiries::Expiries;
use self::log::{Log, changes_since};
use super::map::{StateMap, apply, entries, is_over, set, write_all, write_changes, write_difference};
use super::raw::Raw;
use crate::value::DecodeError;

/// Keys that are deleted by one update because their time has come.
const MOST_AT_ONCE: usize = 10_000;

/// A delta state where it belongs.
#[derive(Debug)]
pub(crate) struct Owner {
    map: StateMap,
    /// That of the last update; -1 before the first.
    number: i64,
    /// Tells this life of the owner from those before.
    epoch: u64,
    log: Log,
    expiries: Expiries,
}

/// A delta state as it was at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) map: StateMap,
    pub(crate) number: i64,
    pub(crate) epoch: u64,
    /// What changed since the update that was asked for, if that is known.
    pub(crate) changes: Option<Vec<u8>>,
}

/// An update that has its number: it must be published before the next one is made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Numbered<'a> {
    pub(crate) number: i64,
    pub(crate) is_snapshot: bool,
    /// Keys and values as a MessagePack map, nil for what is deleted.
    pub(crate) state: Cow<'a, [u8]>,
}

impl Numbered<'_> {
    fn into_owned(self) -> Numbered<'static> {
        let Self { number, is_snapshot, state } = self;
        Numbered { number, is_snapshot, state: Cow::Owned(state.into_owned()) }
    }
}

impl Owner {
    pub(crate) fn new(epoch: u64) -> Self {
        let log = Log::default();
        let mut owner = Self { map: StateMap::new(), number: -1, epoch, log, expiries: Expiries::default() };
        owner.log.restart(-1);
        owner
    }

    /// Goes on with a state as if all updates up to this number had been its own.
    #[cfg(feature = "recording")]
    pub(crate) fn resume(&mut self, map: StateMap, number: i64) {
        (self.map, self.number) = (map, number);
        self.log.restart(number);
    }

    pub(crate) fn map(&self) -> &StateMap {
        &self.map
    }

    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Sets and deletes keys, all under one number; `None` if nothing is left to tell: keys that are not there
    /// cannot be deleted, and an original replica would fail on it. With `even_empty` it is told nevertheless.
    ///
    /// # Errors
    /// The bytes are no map. Nothing has changed.
    pub(crate) fn change<'a>(
        &mut self,
        changes: &'a [u8],
        expires: Option<Instant>,
        even_empty: bool,
    ) -> Result<Option<Numbered<'a>>, DecodeError> {
        let Some(changes) = self.without_idle(changes)? else {
            return Ok(even_empty.then(|| self.numbered(Cow::Borrowed(&[0x80][..]))));
        };
        let number = self.number + 1;
        for entry in entries(&changes)? {
            let (key, value) = entry?;
            let key = Raw::key(key);
            self.expiries.set(&key, expires.filter(|_| value.is_some()));
            self.log.note(number, key.clone());
            set(&mut self.map, key, value.map(Raw::from));
        }
        self.log.trim(self.map.len());
        Ok(Some(self.numbered(changes)))
    }

    /// The changes without deletions of keys that are not there; `None` if nothing is left.
    fn without_idle<'a>(&self, changes: &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, DecodeError> {
        let (mut count, mut idle) = (0, 0);
        for entry in entries(changes)? {
            let (key, value) = entry?;
            count += 1;
            idle += usize::from(value.is_none() && !self.map.contains_key(&Raw::key(key)));
        }
        if idle == 0 || idle == count {
            return Ok((count > idle).then_some(Cow::Borrowed(changes)));
        }
        let (mut left, mut rest) = (Vec::new(), Vec::new());
        for entry in entries(changes)? {
            let (key, value) = entry?;
            let (key, value) = (Raw::key(key), value.map(Raw::from));
            if value.is_some() || self.map.contains_key(&key) {
                left.push((key, value));
            }
        }
        write_changes(left.iter().map(|(key, value)| (key, value.as_ref())), &mut rest);
        Ok(Some(Cow::Owned(rest)))
    }

    /// An owner's first update is all there is.
    fn numbered<'a>(&mut self, state: Cow<'a, [u8]>) -> Numbered<'a> {
        self.number += 1;
        Numbered { number: self.number, is_snapshot: self.number == 0, state }
    }

    /// Changes what is not as it is in another state; `None` if all is.
    pub(crate) fn set_to(&mut self, state: &[u8]) -> Result<Option<Numbered<'static>>, DecodeError> {
        let mut to = StateMap::new();
        apply(&mut to, state)?;
        let mut changes = Vec::new();
        write_difference(&self.map, &to, &mut changes);
        Ok(self.change(&changes, None, false)?.map(Numbered::into_owned))
    }

    /// Puts another state in the place of this one.
    ///
    /// # Errors
    /// The bytes are no map. Nothing has changed.
    pub(crate) fn replace<'a>(&mut self, state: &'a [u8]) -> Result<Numbered<'a>, DecodeError> {
        let mut map = StateMap::new();
        apply(&mut map, state)?;
        self.expiries.clear();
        self.map = map;
        self.number += 1;
        self.log.restart(self.number);
        Ok(Numbered { number: self.number, is_snapshot: true, state: Cow::Borrowed(state) })
    }

    /// Goes on with what another owner had, as its standby: in a life of its own, which is later than that of the
    /// other whatever the clocks say. A state of more than `most` bytes is not told but asked for, in parts.
    pub(crate) fn take_over(
        &mut self,
        map: StateMap,
        epoch_before: Option<u64>,
        most: usize,
    ) -> Numbered<'static> {
        self.epoch = self.epoch.max(epoch_before.map_or(0, |before| before.saturating_add(1)));
        self.map = map;
        self.expiries.clear();
        self.number += 1;
        self.log.restart(self.number);
        let is_told = !is_over(&self.map, most);
        let mut state = Vec::new();
        match is_told {
            true => write_all(&self.map, &mut state),
            // An update of a life that replicas do not know has them ask.
            false => state.push(0x80),
        }
        Numbered { number: self.number, is_snapshot: is_told, state: Cow::Owned(state) }
    }

    /// The state as it is, and what changed since an update, which costs what changed.
    pub(crate) fn taken(&self, since: Option<(u64, i64)>) -> Taken {
        let since = since.filter(|(epoch, number)| *epoch == self.epoch && *number <= self.number);
        let changes = since.and_then(|(_, number)| changes_since(&self.log, &self.map, number));
        Taken { map: self.map.clone(), number: self.number, epoch: self.epoch, changes }
    }

    /// Deletes keys whose time has come; once more, until there are none, for each update has its bounds.
    ///
    /// # Errors
    /// As [`Owner::change`]; never, for what is deleted are keys that came in.
    pub(crate) fn expire(&mut self, now: Instant) -> Result<Option<Numbered<'static>>, DecodeError> {
        let keys = self.expiries.take_due(now, MOST_AT_ONCE);
        if keys.is_empty() {
            return Ok(None);
        }
        let mut changes = Vec::new();
        write_changes(keys.iter().map(|key| (key, None)), &mut changes);
        Ok(self.change(&changes, None, false)?.map(Numbered::into_owned))
    }

    /// When [`Owner::expire`] has something to do.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        self.expiries.next()
    }
}

#[cfg(test)]
mod tests;
