//! What an operator asks of a store.

use super::time::Timestamp;

/// How a store stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// `memory`, `sqlite` or `postgres`.
    pub backend: &'static str,
    /// Where it is, without passwords.
    pub location: String,
    /// The version of its schema.
    pub schema: u32,
    /// The version that it had when it was opened, if that was an older one.
    pub migrated_from: Option<u32>,
    /// How much room it takes on disk, in bytes; 0 in memory.
    pub size: u64,
    /// How many streams there are.
    pub streams: u64,
    /// How many events they have, packed ones counted once.
    pub events: u64,
    /// How many streams there are of each category and status.
    pub marks: Vec<MarkCount>,
    /// How many timers are set.
    pub timers: u64,
    /// How many messages are in the outbox.
    pub outbox: u64,
    /// How many keys are claimed, those that ran out included until they are swept.
    pub claims: u64,
    /// How many leases were ever taken.
    pub leases: u64,
    /// The store's time.
    pub now: Timestamp,
}

/// How many streams have a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkCount {
    /// The category.
    pub category: String,
    /// The status.
    pub status: String,
    /// How many.
    pub count: u64,
}

/// Something in a store that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where: a stream, or a part of the file.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}
