//! What a store holds, as it is read.

use super::time::Timestamp;

/// An event as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the stream, from 1 on.
    pub version: u64,
    /// What happened, in a word.
    pub kind: String,
    /// What the store does not look into.
    pub payload: Vec<u8>,
    /// When it was written.
    pub at: Timestamp,
    /// Whether it stands for all events up to its version.
    pub is_packed: bool,
}

/// Under what a stream is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What the stream is about, such as `run`.
    pub category: String,
    /// How it stands, such as `running`.
    pub status: String,
    /// Who works on it: by convention the name of a lease.
    pub owner: Option<String>,
}

/// One stream of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its name.
    pub stream: String,
    /// Version of its last event; 0 if it has none.
    pub version: u64,
    /// Under what it is listed.
    pub mark: Mark,
    /// When its first event or mark was written.
    pub created: Timestamp,
    /// When its last event or mark was written.
    pub changed: Timestamp,
}

/// Which streams to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub(crate) category: String,
    pub(crate) status: Option<String>,
    pub(crate) owner: Option<String>,
}

impl Filter {
    /// All of a category.
    #[must_use]
    pub fn category(category: impl Into<String>) -> Self {
        Self { category: category.into(), status: None, owner: None }
    }

    /// Only those with this status.
    #[must_use]
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Only those with this owner.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    pub(crate) fn fits(&self, mark: &Mark) -> bool {
        mark.category == self.category
            && self.status.as_ref().is_none_or(|status| *status == mark.status)
            && (self.owner.is_none() || self.owner == mark.owner)
    }
}

/// That a batch is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// When, by the store's clock.
    pub at: Timestamp,
    /// The last version of each stream that was appended to, in the order of the batch.
    pub versions: Vec<(String, u64)>,
}

impl Committed {
    /// The last version of this stream, if the batch appended to it.
    #[must_use]
    pub fn version(&self, stream: &str) -> Option<u64> {
        self.versions.iter().rev().find(|(name, _)| name == stream).map(|(_, version)| *version)
    }
}

/// A lease that is mine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub name: String,
    /// Who has it.
    pub owner: String,
    /// How many times it has changed hands; what fences.
    pub epoch: u64,
    /// When it runs out, by the store's clock.
    pub until: Timestamp,
}

/// How a lease stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseState {
    /// How many times it has changed hands.
    pub epoch: u64,
    /// Who has or had it; nobody after it was released.
    pub owner: Option<String>,
    /// When it runs or ran out, by the store's clock.
    pub until: Timestamp,
}

impl LeaseState {
    /// Whether somebody has it at this time.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.owner.is_some() && self.until > now
    }
}

/// A timer that was due, and is held by who took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Its name.
    pub id: String,
    /// When it was due.
    pub due: Timestamp,
    /// What the store does not look into.
    pub payload: Vec<u8>,
    /// How many times it was taken, this time included.
    pub attempt: u32,
}

/// A message of the outbox that was due, and is held by who took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxItem {
    /// The queue it was put into.
    pub queue: String,
    /// Its name.
    pub id: String,
    /// When it was due.
    pub due: Timestamp,
    /// What the store does not look into.
    pub payload: Vec<u8>,
    /// How many times it was taken, this time included.
    pub attempt: u32,
}

/// The checksum of an event: over its version, kind and payload.
pub(crate) fn checksum(version: u64, kind: &str, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&version.to_le_bytes());
    hasher.update(kind.as_bytes());
    hasher.update(&[0]);
    hasher.update(payload);
    hasher.finalize()
}

/// The event, if it is what was written; what is wrong with it otherwise.
pub(crate) fn sound(event: Event, written: i64) -> Result<Event, String> {
    let found = checksum(event.version, &event.kind, &event.payload);
    if i64::from(found) == written {
        return Ok(event);
    }
    let version = event.version;
    Err(format!("the checksum of event {version} is {found:08x}, {written:08x} when it was written"))
}
