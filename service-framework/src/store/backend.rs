//! What every backend does.

use std::path::Path;
use std::time::Duration;

use super::batch::{Batch, Part, check_name};
use super::error::{Error, Refused};
use super::pending::Reply;
use super::rows::{Committed, Event, Filter, Lease, LeaseState, OutboxItem, StreamInfo, Timer};
use super::time::Timestamp;
use super::upkeep::{Damage, Info};
use super::watch::Elsewhere;

/// Everything that changes a store. One happens whole or not at all.
#[derive(Debug)]
pub(crate) enum Work {
    Change(Change),
    Take(Take),
}

/// What changes rows by their names.
#[derive(Debug)]
pub(crate) enum Change {
    Batch(Batch),
    Acquire { lease: String, owner: String, ttl: Duration },
    Renew { lease: Lease, ttl: Duration },
    Release { lease: Lease },
}

/// What takes rows whatever their names: what is due, and claims that ran out.
#[derive(Debug)]
pub(crate) enum Take {
    Timers { holder: String, hold: Duration, limit: usize },
    Messages { queue: String, holder: String, hold: Duration, limit: usize },
    Claims { limit: usize },
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) enum Done {
    Committed(Committed),
    Lease(Lease),
    Released(()),
    Timers(Vec<Timer>),
    Messages(Vec<OutboxItem>),
    Swept(usize),
}

/// Work, and who waits for it.
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) reply: Reply,
}

/// A place where events are. Reads see everything that was acknowledged, and block for as long as the disk or the server takes.
pub(crate) trait Backend: Send + Sync {
    /// Queues work; waits only if the queue is full.
    fn submit(&self, job: Job);
    fn now(&self) -> Result<Timestamp, Error>;
    fn read(&self, stream: &str, from: u64, limit: usize) -> Result<Vec<Event>, Error>;
    fn head(&self, stream: &str) -> Result<u64, Error>;
    fn stream(&self, stream: &str) -> Result<Option<StreamInfo>, Error>;
    fn streams(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Result<Vec<StreamInfo>, Error>;
    fn claimed(&self, key: &str) -> Result<Option<Vec<u8>>, Error>;
    fn lease(&self, name: &str) -> Result<Option<LeaseState>, Error>;
    fn next_timer(&self) -> Result<Option<Timestamp>, Error>;
    fn next_message(&self, queue: &str) -> Result<Option<Timestamp>, Error>;
    /// How to notice what other processes write, and how often to look, unless they tell.
    fn elsewhere(&self) -> Option<(Box<dyn Elsewhere>, Duration)>;
    fn info(&self) -> Result<Info, Error>;
    /// Everything that is wrong, not only the first.
    fn verify(&self) -> Result<Vec<Damage>, Error>;
    fn backup(&self, to: &Path) -> Result<(), Error>;
    /// Gives room back; how many bytes.
    fn compact(&self) -> Result<u64, Error>;
}

impl Work {
    /// # Errors
    /// A name or a size is not allowed.
    pub(crate) fn check(&self) -> Result<(), Refused> {
        match self {
            Self::Change(Change::Batch(batch)) => batch.check(),
            Self::Change(Change::Acquire { lease, owner, .. }) => {
                check_name("lease", lease)?;
                check_name("owner", owner)
            }
            Self::Change(Change::Renew { lease, .. } | Change::Release { lease }) => {
                check_name("lease", &lease.name)
            }
            Self::Take(Take::Timers { holder, .. }) => check_name("holder", holder),
            Self::Take(Take::Messages { queue, holder, .. }) => {
                check_name("queue", queue)?;
                check_name("holder", holder)
            }
            Self::Take(Take::Claims { .. }) => Ok(()),
        }
    }

    /// About how much memory it takes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Change(Change::Batch(batch)) => batch.size(),
            _ => 64,
        }
    }

    /// The parts of a batch.
    pub(crate) fn parts(&self) -> &[Part] {
        match self {
            Self::Change(Change::Batch(batch)) => &batch.parts,
            _ => &[],
        }
    }
}

macro_rules! answers {
    ($($name:ident: $variant:ident($type:ty);)*) => {
        impl Done {
            $(pub(crate) fn $name(self) -> Option<$type> {
                match self {
                    Self::$variant(answer) => Some(answer),
                    _ => None,
                }
            })*
        }
    };
}

answers! {
    committed: Committed(Committed);
    lease: Lease(Lease);
    released: Released(());
    timers: Timers(Vec<Timer>);
    messages: Messages(Vec<OutboxItem>);
    swept: Swept(usize);
}
