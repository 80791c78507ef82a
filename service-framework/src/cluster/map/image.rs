//! A copy of everything shared as it was at some moment, and its parts for who lacks some of it.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::{Cell, Cursor, Dot, Entry, Key, Part, Versions};

/// Bytes of the entries of a part, about.
const PART: usize = 64 << 10;

/// A copy as it was at some moment: taken in no time, and never half-changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pub(super) entries: OrdMap<Key, Arc<Entry>>,
    /// Which entry each write made, as long as it counts.
    pub(super) by_dot: OrdMap<Dot, Key>,
    pub(super) versions: Versions,
    /// Deletions up to here may have no tombstone any more.
    pub(super) floor: Versions,
    /// Entries that have outgrown a frame by merging, and are not sent.
    pub(super) too_large: OrdSet<Key>,
}

impl Image {
    pub(crate) fn live(&self) -> impl Iterator<Item = (&Key, &Cell)> {
        let all = self.entries.iter().map(|(key, entry)| (key, &entry.cell));
        all.filter(|(_, cell)| !cell.is_tombstone())
    }

    /// All entries, also what is deleted.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().map(|entry| &**entry)
    }

    /// The next part for somebody who has seen `versions`.
    pub(crate) fn part(&self, number: u64, versions: &Versions, after: Cursor) -> Part {
        let is_whole = !versions.covers(&self.floor);
        let (entries, next) = match is_whole {
            true => self.whole(&after),
            false => self.missing(versions, &after),
        };
        let (versions, floor) = (self.versions.clone(), self.floor.clone());
        Part { number, after, entries, next, versions, floor, is_whole }
    }

    fn whole(&self, after: &Cursor) -> (Vec<Entry>, Option<Cursor>) {
        let mut budget = PART;
        let mut entries: Vec<Entry> = Vec::new();
        let from = if let Cursor::Key(key) = after { Some(key) } else { None };
        let rest = match from {
            Some(key) => self.entries.range(key.clone()..),
            None => self.entries.range::<std::ops::RangeFull, Key>(..),
        };
        for (_, entry) in rest.filter(|(key, _)| Some(*key) != from) {
            if self.too_large.contains(&entry.key) {
                entries.push(entry.left_out());
                continue;
            }
            if budget < entry.size() && !entries.is_empty() {
                let last = entries.last().map(|entry| Cursor::Key(entry.key.clone()));
                return (entries, last);
            }
            budget = budget.saturating_sub(entry.size());
            entries.push(Entry::clone(entry));
        }
        (entries, None)
    }

    fn missing(&self, versions: &Versions, after: &Cursor) -> (Vec<Entry>, Option<Cursor>) {
        let from = if let Cursor::Dot(dot) = after { Some(*dot) } else { None };
        let mut budget = PART;
        let (mut entries, mut last) = (Vec::new(), from);
        for (dot, key) in self.missing_dots(versions, from) {
            if let Some(entry) = self.entries.get(key).filter(|_| !self.too_large.contains(key)) {
                if budget < entry.size() && !entries.is_empty() {
                    return (entries, last.map(Cursor::Dot));
                }
                budget = budget.saturating_sub(entry.size());
                entries.push(Entry::clone(entry));
            }
            last = Some(dot);
        }
        (entries, None)
    }

    fn missing_dots<'a>(
        &'a self,
        versions: &'a Versions,
        from: Option<Dot>,
    ) -> impl Iterator<Item = (Dot, &'a Key)> {
        let all = self.versions.dots().filter(move |last| from.is_none_or(|from| last.actor >= from.actor));
        all.flat_map(move |last| {
            let seen = versions.of(last.actor);
            let sent = from.filter(|from| from.actor == last.actor).map_or(0, |from| from.seq);
            let first = Dot { seq: seen.max(sent) + 1, ..last };
            let range = (first <= last).then(|| self.by_dot.range(first..=last));
            range.into_iter().flatten().map(|(dot, key)| (*dot, key))
        })
    }
}
