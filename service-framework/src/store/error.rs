//! What can go wrong with a store.

use super::time::Timestamp;

/// Why something was not written or not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It was looked at and does not fit what the store holds. Nothing was written.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store could not write: a full disk, a lock that was not given up, a lost server. Nothing was written, and the store
    /// takes the next batch.
    #[error("nothing was written to {store}: {reason}")]
    NotWritten {
        /// Which store.
        store: String,
        /// What the system said.
        reason: String,
    },
    /// The store may have written or not: the connection was lost, or the disk failed, in the middle of a commit. Read the stream
    /// to find out: either all of the batch is there or nothing of it. A batch that expects a version, or claims a key, can be
    /// submitted again safely: if it was written, the second one is refused or changes nothing.
    #[error("whether it was written to {store} is unknown: {reason}; read the stream again to find out")]
    Unknown {
        /// Which store.
        store: String,
        /// What the system said.
        reason: String,
    },
    /// The store could not be read just now.
    #[error("{store} cannot be read: {reason}")]
    Unreadable {
        /// Which store.
        store: String,
        /// What the system said.
        reason: String,
    },
    /// What is read is not what was written.
    #[error(
        "{store} is damaged: {what}; `service_framework store verify` lists all damage, a backup restores it"
    )]
    Damaged {
        /// Which store.
        store: String,
        /// Where, and what is wrong there.
        what: String,
    },
    /// There is no such store, or it is not one that this version can use.
    #[error("{store} cannot be opened: {reason}")]
    CannotOpen {
        /// Which store.
        store: String,
        /// What was expected and found.
        reason: String,
    },
    /// This backend cannot do that.
    #[error("{what} is not for {store}: {instead}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// Which store.
        store: String,
        /// What does it instead.
        instead: String,
    },
}

/// Why something does not fit what the store holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Somebody else has taken the lease since.
    #[error("lease {lease:?} was taken over: my epoch is {mine}, it is {now} now")]
    Fenced {
        /// Name of the lease.
        lease: String,
        /// The epoch of the batch.
        mine: u64,
        /// The epoch of the store; 0 if there never was such a lease.
        now: u64,
    },
    /// The stream is at another version.
    #[error("stream {stream:?} is at version {found}, {expected} was expected")]
    Conflict {
        /// Which stream.
        stream: String,
        /// The last version that was expected; 0 for a stream without events.
        expected: u64,
        /// The last version there is; 0 for a stream without events.
        found: u64,
    },
    /// The key stands with another value.
    #[error("key {key:?} is claimed already")]
    Claimed {
        /// Which key.
        key: String,
        /// The value that stands.
        value: Vec<u8>,
    },
    /// The lease is somebody else's until its time runs out.
    #[error("lease {lease:?} is held by {owner:?} until {until}")]
    Held {
        /// Name of the lease.
        lease: String,
        /// Who holds it.
        owner: String,
        /// Until when, by the store's clock.
        until: Timestamp,
    },
    /// No event of the stream has this version.
    #[error("stream {stream:?} cannot be packed up to version {up_to}: it has {first} to {last}")]
    NothingToPack {
        /// Which stream.
        stream: String,
        /// The version asked for.
        up_to: u64,
        /// The first version there is; 0 for a stream without events.
        first: u64,
        /// The last version there is; 0 for a stream without events.
        last: u64,
    },
    /// A name is empty or holds a NUL.
    #[error("{name:?} is no name for a {what}: it must not be empty nor hold a NUL")]
    BadName {
        /// Whose name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A name, a payload or a batch is over its limit.
    #[error("a {what} of {size} bytes is too large: at most {most}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        most: usize,
    },
}

impl Error {
    /// Why it was refused, if it was.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }
}
