//! Values whose states join: in any order, any number of times, to the same result.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::versions::{Actor, Versions};
use crate::value::Bytes;

/// Joins the states of a type of the user's.
///
/// It must not matter in which order, how often and in which groups states are joined; all nodes must have the same.
pub trait Merge: Send + Sync {
    /// What both together are.
    fn merge(&self, one: &[u8], other: &[u8]) -> Vec<u8>;
}

/// All merges that a node knows, by name.
pub(crate) type Merges = BTreeMap<String, Arc<dyn Merge>>;

/// What kind of value a key has. The same key with another kind is another entry.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// The last write counts.
    Register,
    /// Everybody adds and subtracts.
    Counter,
    /// This element of a set, of which the last of adding and removing counts.
    Element(Bytes),
    /// Joined by the merge of this name.
    Merged(String),
}

/// An entry's name: its map, its key in there, and the kind.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) map: String,
    pub(crate) key: Bytes,
    pub(crate) kind: Kind,
}

/// When something was written, and by whom if two did at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) time: u64,
    pub(crate) actor: Actor,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum Cell {
    /// Nothing is what was deleted.
    Register {
        stamp: Stamp,
        value: Option<Bytes>,
    },
    /// What each writer has added and subtracted in all.
    Counter(BTreeMap<Actor, (u64, u64)>),
    Merged(Bytes),
}

/// A cell, its name, and the writes that made it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) cell: Cell,
    pub(crate) dots: Versions,
}

/// The merge of this name is not known here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NoMerge;

impl Cell {
    pub(crate) fn is_tombstone(&self) -> bool {
        matches!(self, Self::Register { value: None, .. })
    }

    pub(crate) fn total(&self) -> i128 {
        match self {
            Self::Counter(parts) => {
                parts.values().map(|(plus, minus)| i128::from(*plus) - i128::from(*minus)).sum()
            }
            Self::Register { .. } | Self::Merged(_) => 0,
        }
    }

    /// The time of the last write, of what has one.
    pub(crate) fn time(&self) -> u64 {
        match self {
            Self::Register { stamp, .. } => stamp.time,
            Self::Counter(_) | Self::Merged(_) => 0,
        }
    }

    /// Whether it is what a key of this kind has.
    pub(crate) fn is_of(&self, kind: &Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Register { .. }, Kind::Register | Kind::Element(_))
                | (Self::Counter(_), Kind::Counter)
                | (Self::Merged(_), Kind::Merged(_))
        )
    }
}

impl Entry {
    /// Takes another state of the same entry.
    ///
    /// # Errors
    /// Nobody here knows how; nothing has changed then.
    pub(crate) fn join(&mut self, other: Self, merges: &Merges) -> Result<(), NoMerge> {
        match (&mut self.cell, other.cell) {
            (Cell::Register { stamp, value }, Cell::Register { stamp: later, value: new }) => {
                match later.cmp(stamp) {
                    std::cmp::Ordering::Less => return Ok(()),
                    std::cmp::Ordering::Equal => self.dots.join(&other.dots),
                    std::cmp::Ordering::Greater => {
                        (*stamp, *value, self.dots) = (later, new, other.dots);
                    }
                }
                return Ok(());
            }
            (Cell::Counter(parts), Cell::Counter(others)) => join_counter(parts, &others),
            (Cell::Merged(state), Cell::Merged(other)) => {
                let Kind::Merged(name) = &self.key.kind else { return Err(NoMerge) };
                let merge = merges.get(name).ok_or(NoMerge)?;
                *state = merge.merge(state, &other).into();
            }
            // Cells that are not of their key's kind do not come in.
            (Cell::Register { .. } | Cell::Counter(_) | Cell::Merged(_), _) => return Err(NoMerge),
        }
        self.dots.join(&other.dots);
        Ok(())
    }

    /// What says of an entry that is too large to be sent that it is there: no write has made it.
    pub(crate) fn left_out(&self) -> Self {
        Self { key: self.key.clone(), cell: Cell::Merged(Bytes::default()), dots: Versions::default() }
    }

    pub(crate) fn is_left_out(&self) -> bool {
        self.dots == Versions::default()
    }

    /// Bytes that it takes in a frame, about.
    pub(crate) fn size(&self) -> usize {
        let of_cell = match &self.cell {
            Cell::Register { value, .. } => value.as_ref().map_or(0, |value| value.len()) + 40,
            Cell::Counter(parts) => parts.len() * 44,
            Cell::Merged(state) => state.len(),
        };
        let of_element = if let Kind::Element(element) = &self.key.kind { element.len() } else { 0 };
        self.key.map.len() + self.key.key.len() + of_element + of_cell + self.dots.dots().count() * 36 + 16
    }
}

fn join_counter(parts: &mut BTreeMap<Actor, (u64, u64)>, others: &BTreeMap<Actor, (u64, u64)>) {
    for (actor, (plus, minus)) in others {
        let part = parts.entry(*actor).or_default();
        *part = (part.0.max(*plus), part.1.max(*minus));
    }
}
