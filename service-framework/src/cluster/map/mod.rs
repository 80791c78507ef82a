//! Shared data that is always writable: every node has all of it, and all end with the same bytes.
//!
//! A [`replica::Replica`] holds entries, each with a [`Cell`] whose states join in any order to the same result, and the *dots* of
//! the writes that made it: which writer's write number it was. [`Versions`] say of each writer up to which number a
//! replica has seen everything; whoever sees less pulls what is missing. Deleting leaves a tombstone until all members
//! have it; whoever missed that is given everything, and keeps of its own only what the other had never seen. [`Sharing`] talks to the other replicas.

pub(crate) mod cell;
pub(crate) mod clock;
pub(crate) mod image;
pub(crate) mod pull;
pub(crate) mod replica;
mod restored;
pub(crate) mod sharing;
#[cfg(test)]
mod talks_tests;
#[cfg(test)]
mod tests;
pub(crate) mod versions;
pub(crate) mod writes;

use serde::{Deserialize, Serialize};

pub use cell::Merge;
pub(crate) use cell::{Cell, Entry, Key, Kind, Stamp};
pub(crate) use replica::MergeRefused;
pub(crate) use sharing::Sharing;
pub(crate) use versions::{Actor, Dot, Versions};
pub use writes::{Write, Written};

/// What replicas say to each other.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum Talk {
    /// A write, as it happened.
    Push { dot: Dot, entry: Entry, ack: bool },
    /// Everything of the writer up to this number has been seen.
    Seen(Dot),
    /// A hash of the sender's versions. With `ask`, the other's are wanted if they differ.
    Compare { hash: u64, ask: bool },
    /// The sender's versions; with `ask`, the other's are wanted.
    Versions { versions: Versions, ask: bool },
    /// What is missing here is wanted, from `after` on.
    Pull { number: u64, versions: Versions, after: Cursor },
    /// A part of what was missing.
    Part(Part),
}

/// Up to where a pull has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Cursor {
    Start,
    /// Writes are sent one after the other.
    Dot(Dot),
    /// All entries are sent one after the other.
    Key(Key),
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Of the pull that it answers.
    pub(crate) number: u64,
    pub(crate) after: Cursor,
    pub(crate) entries: Vec<Entry>,
    /// Where the next part begins; nothing if this is the last.
    pub(crate) next: Option<Cursor>,
    /// What the sender had seen when it made the first part.
    pub(crate) versions: Versions,
    /// Deletions up to here may have no tombstone any more at the sender.
    pub(crate) floor: Versions,
    /// Everything that the sender has is being sent, not what is missing alone.
    pub(crate) is_whole: bool,
}

/// What must be on disk before whatever is sent after it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Stored {
    Entry(Entry),
    Removed(Key),
    Versions {
        versions: Versions,
        floor: Versions,
    },
    /// Everything of the writer up to this number has been seen, beside what was stored before.
    Seen(Dot),
    /// The number of the store under which this node writes from now on.
    Writer(u64),
}
