//! One node's copy of everything shared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::cell::Merges;
use super::clock::{Clock, at};
use super::image::Image;
use super::restored::{self, Life};
use super::{Actor, Cell, Dot, Entry, Key, Kind, Stamp, Stored, Versions};
use crate::value::Bytes;

#[derive(Debug)]
pub(crate) struct Replica {
    pub(super) me: Actor,
    pub(super) image: Image,
    pub(super) life: Life,
    clock: Clock,
    /// How often the versions have changed.
    point: u64,
    tombstones: BTreeMap<Key, Tombstone>,
    stored: Vec<Stored>,
    /// Keys whose values may have changed.
    changed: Vec<Key>,
    merges: MergesOf,
    /// How many milliseconds a stamp may be ahead of this node's clock.
    ahead: u64,
    limits: Limits,
    held_back: u64,
}

/// Bytes of entries.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Of the largest state of a type of the user's own that is written here.
    merged: usize,
    /// Of the largest entry that is sent.
    sent: usize,
}

/// Why a state was not joined to what is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MergeRefused {
    /// The merge of this name is not known here.
    Unknown,
    /// It would have so many bytes, with its names, and may have so many.
    TooLarge(usize, usize),
}

#[derive(Debug)]
struct Tombstone {
    /// The time of its stamp.
    written: u64,
    /// The point from which on the versions cover it.
    since: Option<u64>,
}

/// What is known of merging.
#[derive(Default)]
struct MergesOf(Merges);

impl std::fmt::Debug for MergesOf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// All that another replica had and this one lacked.
#[derive(Debug)]
pub(crate) struct Pulled {
    pub(crate) entries: Vec<Entry>,
    pub(crate) versions: Versions,
    pub(crate) floor: Versions,
    /// It is everything that the other has.
    pub(crate) is_whole: bool,
}

impl Replica {
    pub(crate) fn new(me: Actor, ahead: u64, merges: Merges) -> Self {
        Self {
            me,
            image: Image::default(),
            life: Life::default(),
            clock: Clock::default(),
            point: 0,
            tombstones: BTreeMap::new(),
            stored: Vec::new(),
            changed: Vec::new(),
            merges: MergesOf(merges),
            ahead,
            limits: Limits { merged: usize::MAX, sent: usize::MAX },
            held_back: 0,
        }
    }

    /// Keeps what is sent within frames of so many bytes: what is written here leaves room for what others merge into
    /// it meanwhile, and what is sent leaves room for the versions.
    pub(crate) fn within(mut self, frame_bytes: usize) -> Self {
        self.limits = Limits { merged: frame_bytes / 4, sent: frame_bytes / 4 * 3 };
        self
    }

    /// Takes back what was on disk; nothing of it is to be stored again.
    pub(crate) fn restore(&mut self, entries: Vec<Entry>, versions: Versions, floor: Versions) {
        for entry in entries {
            self.clock.see(entry.cell.time());
            self.put(entry);
        }
        self.life = Life::after(versions.of(self.me));
        (self.image.versions, self.image.floor) = (versions, floor);
        self.stored.clear();
        self.changed.clear();
    }

    pub(crate) fn versions(&self) -> &Versions {
        &self.image.versions
    }

    pub(crate) fn image(&self) -> &Image {
        &self.image
    }

    pub(crate) fn point(&self) -> u64 {
        self.point
    }

    pub(crate) fn held_back(&self) -> u64 {
        self.held_back
    }

    /// Entries that have outgrown a frame by merging: others have of them what reached them as it was written.
    pub(crate) fn too_large(&self) -> usize {
        self.image.too_large.len()
    }

    pub(crate) fn tombstones(&self) -> usize {
        self.tombstones.len()
    }

    pub(crate) fn take_stored(&mut self) -> Vec<Stored> {
        std::mem::take(&mut self.stored)
    }

    pub(crate) fn take_changed(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.changed)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Cell> {
        self.image.entries.get(key).map(|entry| &entry.cell).filter(|cell| !cell.is_tombstone())
    }

    /// The stamp of a register, also of one that is deleted.
    pub(crate) fn stamp_of(&self, key: &Key) -> Option<Stamp> {
        match &self.image.entries.get(key)?.cell {
            Cell::Register { stamp, .. } => Some(*stamp),
            Cell::Counter(_) | Cell::Merged(_) => None,
        }
    }

    /// Everything that is there, in the order of the keys.
    pub(crate) fn live(&self) -> impl Iterator<Item = (&Key, &Cell)> {
        self.image.live()
    }

    /// Writes a register, an element of a set, or deletes it.
    pub(crate) fn set(&mut self, wall: u64, key: Key, value: Option<Bytes>) -> (Dot, Entry) {
        let stamp = Stamp { time: self.clock.tick(wall), actor: self.me };
        self.write(key, Cell::Register { stamp, value })
    }

    pub(crate) fn add(&mut self, key: Key, amount: i64) -> (Dot, Entry) {
        let mut parts = match self.get(&key) {
            Some(Cell::Counter(parts)) => parts.clone(),
            _ => BTreeMap::new(),
        };
        restored::add(parts.entry(self.me).or_default(), amount);
        self.life.add(&key, amount);
        self.write(key, Cell::Counter(parts))
    }

    /// # Errors
    /// The merge of the key is not known here, or what comes of it is too large to be sent to others.
    pub(crate) fn merge_in(&mut self, key: Key, state: Bytes) -> Result<(Dot, Entry), MergeRefused> {
        let Kind::Merged(name) = &key.kind else { return Err(MergeRefused::Unknown) };
        let merge = self.merges.0.get(name).ok_or(MergeRefused::Unknown)?;
        let state = match self.get(&key) {
            Some(Cell::Merged(present)) => merge.merge(present, &state).into(),
            _ => state,
        };
        let size = key.map.len() + key.key.len() + state.len();
        if size > self.limits.merged {
            return Err(MergeRefused::TooLarge(size, self.limits.merged));
        }
        Ok(self.write(key, Cell::Merged(state)))
    }

    /// A write of this node: it has seen all that is in the entry, so its own dot is enough.
    pub(super) fn write(&mut self, key: Key, cell: Cell) -> (Dot, Entry) {
        let dot = Dot { actor: self.me, seq: self.image.versions.of(self.me) + 1 };
        let entry = Entry { key, cell, dots: Versions::from_iter([dot]) };
        self.put(entry.clone());
        self.raise(&Versions::from_iter([dot]));
        (dot, entry)
    }

    /// Puts an entry in the place of what is there.
    fn put(&mut self, entry: Entry) {
        let key = entry.key.clone();
        if let Some(old) = self.image.entries.get(&key) {
            for dot in old.dots.dots() {
                self.image.by_dot.remove(&dot);
            }
        }
        for dot in entry.dots.dots() {
            self.image.by_dot.insert(dot, key.clone());
        }
        let tombstone = Tombstone { written: entry.cell.time(), since: None };
        match entry.cell.is_tombstone() {
            true => drop(self.tombstones.insert(key.clone(), tombstone)),
            false => drop(self.tombstones.remove(&key)),
        }
        match entry.size() > self.limits.sent {
            true => drop(self.image.too_large.insert(key.clone())),
            false => drop(self.image.too_large.remove(&key)),
        }
        self.stored.push(Stored::Entry(entry.clone()));
        self.changed.push(key.clone());
        self.image.entries.insert(key, Arc::new(entry));
    }

    fn raise(&mut self, versions: &Versions) {
        let new: Vec<Dot> = versions.dots().filter(|dot| !self.image.versions.has(*dot)).collect();
        if new.is_empty() {
            return;
        }
        self.image.versions.join(versions);
        self.point += 1;
        self.stored.extend(new.into_iter().map(Stored::Seen));
    }

    /// From now on this node is the present writer.
    pub(super) fn store_writer(&mut self) {
        self.stored.push(Stored::Writer(self.me.store));
        self.point += 1;
        self.store_versions();
    }

    fn store_versions(&mut self) {
        let (versions, floor) = (self.image.versions.clone(), self.image.floor.clone());
        self.stored.push(Stored::Versions { versions, floor });
    }

    /// Whether an entry must wait: its clock is far ahead, or nobody here can merge it.
    fn must_wait(&self, wall: u64, entry: &Entry) -> bool {
        let is_ahead = entry.cell.time() > at(wall.saturating_add(self.ahead));
        let is_strange = !entry.cell.is_of(&entry.key.kind);
        let is_unknown = matches!(&entry.key.kind, Kind::Merged(name) if !self.merges.0.contains_key(name));
        is_ahead || is_strange || is_unknown
    }

    /// Joins a state of an entry to what is there.
    fn join(&mut self, entry: Entry) {
        self.clock.see(entry.cell.time());
        let Some(present) = self.image.entries.get(&entry.key) else {
            self.put(entry);
            return;
        };
        let mut joined = Entry::clone(present);
        // That it can be joined has been looked at.
        if joined.join(entry, &self.merges.0).is_ok() && joined != **present {
            self.put(joined);
        }
    }

    /// Takes a write as it happened, if everything before it has been seen; whether it has been seen now.
    ///
    /// One that comes too early is left to be pulled: nothing may be here that the versions do not cover, because others
    /// would not know that they lack it.
    pub(crate) fn push(&mut self, wall: u64, dot: Dot, entry: Entry) -> bool {
        if self.image.versions.has(dot) {
            return true;
        }
        let is_next = self.image.versions.of(dot.actor) + 1 == dot.seq;
        if !is_next || entry.dots != Versions::from_iter([dot]) {
            return false;
        }
        if self.must_wait(wall, &entry) {
            self.held_back += 1;
            return false;
        }
        self.join(entry);
        self.raise(&Versions::from_iter([dot]));
        true
    }

    /// Takes all that another has and this one lacked, at once: what the other had seen has been seen here then, but what
    /// must wait, and what the same writers wrote after it.
    pub(crate) fn take_pulled(&mut self, wall: u64, pulled: Pulled) {
        let Pulled { entries, versions, floor, is_whole } = pulled;
        let mut waiting: BTreeMap<Actor, u64> = BTreeMap::new();
        let (left_out, entries): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(Entry::is_left_out);
        let (mut ready, mut late) = (entries, Vec::new());
        loop {
            let is_late = |entry: &Entry| {
                let is_behind = |dot: Dot| waiting.get(&dot.actor).is_some_and(|first| dot.seq >= *first);
                entry.dots.dots().any(is_behind) || self.must_wait(wall, entry)
            };
            let (more, rest): (Vec<Entry>, Vec<Entry>) = ready.into_iter().partition(is_late);
            ready = rest;
            if more.is_empty() {
                break;
            }
            for dot in more.iter().flat_map(|entry| entry.dots.dots()) {
                let first = waiting.entry(dot.actor).or_insert(dot.seq);
                *first = dot.seq.min(*first);
            }
            late.extend(more);
        }
        self.held_back += late.len() as u64;
        if is_whole {
            let sent = ready.iter().chain(&late).chain(&left_out).map(|entry| entry.key.clone()).collect();
            self.drop_deleted(&sent, &versions);
            self.image.floor.join(&floor);
            self.store_versions();
        }
        ready.into_iter().for_each(|entry| self.join(entry));
        let seen = versions.dots().map(|dot| match waiting.get(&dot.actor) {
            Some(first) => Dot { seq: dot.seq.min(first.saturating_sub(1)), ..dot },
            None => dot,
        });
        self.raise(&seen.filter(|dot| dot.seq > 0).collect());
        self.write_anew_what_was_twice();
    }

    /// What the other had seen and does not have was deleted there.
    fn drop_deleted(&mut self, sent: &BTreeSet<Key>, seen: &Versions) {
        let is_gone = |key: &Key, entry: &Entry| !sent.contains(key) && seen.covers(&entry.dots);
        let gone = self.image.entries.iter().filter(|(key, entry)| is_gone(key, entry));
        for key in gone.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &Key) {
        let Some(entry) = self.image.entries.remove(key) else { return };
        for dot in entry.dots.dots() {
            self.image.by_dot.remove(&dot);
        }
        self.tombstones.remove(key);
        self.image.too_large.remove(key);
        self.stored.push(Stored::Removed(key.clone()));
        self.changed.push(key.clone());
    }

    /// Removes the tombstones that all members have had since this point and that were written by this time.
    pub(crate) fn collect(&mut self, confirmed: u64, written_by: u64) {
        let is_safe = |tombstone: &Tombstone| {
            tombstone.written <= written_by && tombstone.since.is_some_and(|since| since <= confirmed)
        };
        let safe = self.tombstones.iter().filter(|(_, tombstone)| is_safe(tombstone));
        let safe: Vec<Key> = safe.map(|(key, _)| key.clone()).collect();
        for key in &safe {
            if let Some(entry) = self.image.entries.get(key) {
                self.image.floor.join(&entry.dots);
            }
            self.remove(key);
        }
        if !safe.is_empty() {
            self.store_versions();
        }
        for (key, tombstone) in self.tombstones.iter_mut().filter(|(_, tombstone)| tombstone.since.is_none())
        {
            let entry = self.image.entries.get(key);
            if entry.is_some_and(|entry| self.image.versions.covers(&entry.dots)) {
                tombstone.since = Some(self.point);
            }
        }
    }
}
