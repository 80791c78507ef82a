//! A replica whose disk turns out to be of earlier, as of a backup, goes on as another writer.
//!
//! Whoever restores a backup gives numbers of writes out for the second time, and others, which have seen those numbers,
//! take the new writes for the old ones. They notice nothing; this node does when another knows more of its writes than it
//! ever told.

use std::collections::{BTreeMap, BTreeSet};

use super::replica::Replica;
use super::{Actor, Cell, Dot, Entry, Key, Versions};

/// What has been written here in this life.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// The number of the last write before it.
    from: u64,
    /// Up to which number others may have seen the writes of it.
    told: u64,
    /// Later ones that were told alone: nobody takes them for seen before the ones between.
    alone: BTreeSet<u64>,
    /// What was added to counters and subtracted from them.
    added: BTreeMap<Key, (u64, u64)>,
    /// Numbers that were given out twice, whose first writes are still to come.
    twice: Option<(Actor, u64, u64)>,
}

impl Life {
    pub(super) fn after(last: u64) -> Self {
        Self { from: last, told: last, ..Self::default() }
    }

    /// Adds to what was added here to a counter.
    pub(super) fn add(&mut self, key: &Key, amount: i64) {
        add(self.added.entry(key.clone()).or_default(), amount);
    }
}

/// Adds to a writer's part of a counter.
pub(super) fn add(part: &mut (u64, u64), amount: i64) {
    let side = if amount >= 0 { &mut part.0 } else { &mut part.1 };
    *side = side.saturating_add(amount.unsigned_abs());
}

impl Replica {
    /// A write of this node goes to others. They take it for seen if they have seen the one before.
    pub(crate) fn told(&mut self, dot: Dot) {
        let life = &mut self.life;
        if dot.actor == self.me && dot.seq > life.told {
            life.alone.insert(dot.seq);
        }
        while life.alone.remove(&(life.told + 1)) {
            life.told += 1;
        }
    }

    /// All that is here goes to others.
    pub(crate) fn told_all(&mut self) {
        self.life.told = self.image.versions.of(self.me);
        self.life.alone.clear();
    }

    /// Whether others have seen writes of this node that it does not know of.
    pub(crate) fn is_behind_itself(&self, seen: &Versions) -> bool {
        seen.of(self.me) > self.life.told
    }

    /// Whether another's counter has more of this node than it has itself.
    pub(crate) fn is_behind_itself_in(&self, entry: &Entry) -> bool {
        let part = |cell: Option<&Cell>| match cell {
            Some(Cell::Counter(parts)) => parts.get(&self.me).copied().unwrap_or_default(),
            _ => (0, 0),
        };
        let (theirs, mine) = (part(Some(&entry.cell)), part(self.get(&entry.key)));
        theirs.0 > mine.0 || theirs.1 > mine.1
    }

    /// Goes on as another writer: what was written in this life is written anew, and what others have seen of the writer
    /// of before is still to be seen here. The writes that count still, as they are now.
    pub(crate) fn become_another(&mut self, store: u64) -> Vec<(Dot, Entry)> {
        let old = self.me;
        let Life { from, told, added, .. } = std::mem::take(&mut self.life);
        let last = self.image.versions.of(old);
        let mut keys = self.keys_of(old, from, last);
        keys.extend(added.keys().cloned());
        self.me = Actor { store, ..old };
        self.image.versions.lower(Dot { actor: old, seq: from });
        self.image.floor.lower(Dot { actor: old, seq: from });
        self.life.twice = (told > from).then_some((old, from, told));
        self.store_writer();
        let anew = keys.into_iter().filter_map(|key| {
            let cell = self.of_another(old, &key, added.get(&key).copied())?;
            Some(self.write(key, cell))
        });
        let anew = anew.collect();
        self.life.added = added;
        anew
    }

    /// What is there, as if what was added in this life had been added by the present writer.
    fn of_another(&self, old: Actor, key: &Key, added: Option<(u64, u64)>) -> Option<Cell> {
        let mut cell = self.image.entries.get(key)?.cell.clone();
        if let (Cell::Counter(parts), Some(added)) = (&mut cell, added) {
            let before = parts.remove(&old).unwrap_or_default();
            let before = (before.0.saturating_sub(added.0), before.1.saturating_sub(added.1));
            if before != (0, 0) {
                parts.insert(old, before);
            }
            parts.insert(self.me, added);
        }
        Some(cell)
    }

    /// Keys whose entries have writes of the writer after `from`, up to `last`.
    fn keys_of(&self, actor: Actor, from: u64, last: u64) -> BTreeSet<Key> {
        let dots = Dot { actor, seq: from.saturating_add(1) }..=Dot { actor, seq: last };
        if dots.is_empty() {
            return BTreeSet::new();
        }
        self.image.by_dot.range(dots).map(|(_, key)| key.clone()).collect()
    }

    /// The first writes under numbers that were given out twice have come. Whoever knows the second alone takes them
    /// for seen, so they are written anew too.
    pub(super) fn write_anew_what_was_twice(&mut self) {
        let Some((old, from, last)) = self.life.twice else { return };
        if self.image.versions.of(old) < last {
            return;
        }
        self.life.twice = None;
        for key in self.keys_of(old, from, last) {
            if let Some(entry) = self.image.entries.get(&key) {
                let cell = entry.cell.clone();
                self.write(key, cell);
            }
        }
    }
}
