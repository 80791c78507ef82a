//! Who has seen which writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::dice::mixed;
use super::super::identity::NodeId;

/// A writer: a node with one store. A node that has lost its store is another writer, so that no number is given twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Actor {
    pub(crate) node: NodeId,
    pub(crate) store: u64,
}

/// One write: its writer and its number there, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Dot {
    pub(crate) actor: Actor,
    pub(crate) seq: u64,
}

/// A number for each writer: up to which everything of it has been seen.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Versions(BTreeMap<Actor, u64>);

impl Versions {
    pub(crate) fn of(&self, actor: Actor) -> u64 {
        self.0.get(&actor).copied().unwrap_or(0)
    }

    pub(crate) fn has(&self, dot: Dot) -> bool {
        self.of(dot.actor) >= dot.seq
    }

    pub(crate) fn raise(&mut self, dot: Dot) {
        if dot.seq > self.of(dot.actor) {
            self.0.insert(dot.actor, dot.seq);
        }
    }

    /// Nothing of the writer is seen after this.
    pub(crate) fn lower(&mut self, dot: Dot) {
        if dot.seq == 0 {
            self.0.remove(&dot.actor);
        } else if self.of(dot.actor) > dot.seq {
            self.0.insert(dot.actor, dot.seq);
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        other.dots().for_each(|dot| self.raise(dot));
    }

    pub(crate) fn covers(&self, other: &Self) -> bool {
        other.dots().all(|dot| self.has(dot))
    }

    /// The last write of each writer.
    pub(crate) fn dots(&self) -> impl Iterator<Item = Dot> {
        self.0.iter().map(|(actor, seq)| Dot { actor: *actor, seq: *seq })
    }

    pub(crate) fn hash(&self) -> u64 {
        self.dots().fold(0, |sum, dot| {
            let node = dot.actor.node.0;
            let parts = [node as u64, (node >> 64) as u64, dot.actor.store, dot.seq];
            sum ^ parts.into_iter().fold(1, |hash, part| mixed(hash ^ part))
        })
    }
}

impl FromIterator<Dot> for Versions {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut versions = Self::default();
        dots.into_iter().for_each(|dot| versions.raise(dot));
        versions
    }
}
