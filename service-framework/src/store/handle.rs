//! The store as everybody has it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::backend::{Backend, Change, Done, Job, Take, Work};
use super::batch::Batch;
use super::error::Error;
use super::location::{Durability, Location};
use super::memory::Memory;
use super::pending::{Pending, pending};
#[cfg(feature = "postgres")]
use super::postgres::{May, Postgres, Target};
use super::rows::{Committed, Event, Filter, Lease, LeaseState, OutboxItem, StreamInfo, Timer};
use super::sqlite::{File, Opening};
use super::time::{Clock, SystemClock, Timestamp};
use super::upkeep::{Damage, Info};
use super::watch::{Hub, Topic, Watch};

/// An event store. A clone is the same store; the last one that goes writes what is queued and closes it.
///
/// What changes the store returns a [`Pending`]. What reads it returns at once what is there, everything included that was
/// acknowledged, and blocks for as long as the disk or the database server takes.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    hub: Arc<Hub>,
    name: Arc<str>,
}

/// How a store is opened.
#[derive(Clone)]
pub struct StoreOptions {
    durability: Option<Durability>,
    clock: Arc<dyn Clock>,
    may_make: bool,
    may_migrate: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { durability: None, clock: Arc::new(SystemClock), may_make: true, may_migrate: true }
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions").field("durability", &self.durability).finish_non_exhaustive()
    }
}

impl StoreOptions {
    /// The store is made if there is none, and nothing that was acknowledged is lost.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What an acknowledged batch survives. Without it: what the place can give, `fsync` for a disk.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// The clock of a store in memory or in SQLite. Several processes on one file need clocks that agree.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Whether a store that is not there is made (it is).
    #[must_use]
    pub fn make(mut self, may_make: bool) -> Self {
        self.may_make = may_make;
        self
    }

    /// Whether a store of an older version is brought up to date (it is). Older versions cannot open it after that.
    #[must_use]
    pub fn migrate(mut self, may_migrate: bool) -> Self {
        self.may_migrate = may_migrate;
        self
    }

    /// What a place gives by itself.
    fn durability_of(&self, location: &Location) -> Result<Durability, Error> {
        let (own, possible) = match location {
            Location::Memory => (Durability::Memory, &[Durability::Memory][..]),
            _ => (Durability::Fsync, &[Durability::Fsync, Durability::Os][..]),
        };
        let durability = self.durability.unwrap_or(own);
        if possible.contains(&durability) {
            return Ok(durability);
        }
        let reason = match location {
            Location::Memory => format!("a store in memory cannot be as durable as `{durability}`"),
            _ => "only a store at `memory` has the durability `memory`".to_owned(),
        };
        Err(Error::CannotOpen { store: location.to_string(), reason })
    }

    /// Opens the store.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub fn open(self, location: &Location) -> Result<Store, Error> {
        let durability = self.durability_of(location)?;
        let hub = Arc::<Hub>::default();
        let name: Arc<str> = location.to_string().into();
        let backend: Arc<dyn Backend> = match location {
            Location::Memory => Arc::new(Memory::new(self.clock, Arc::clone(&hub))),
            Location::File(path) => {
                let Self { may_make, may_migrate, .. } = self;
                let opening = Opening { path: path.clone(), durability, may_make, may_migrate };
                Arc::new(File::open(opening, self.clock, Arc::clone(&hub))?)
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => {
                let may = May { make: self.may_make, migrate: self.may_migrate };
                let target = Target::new(url, name.to_string(), durability)?;
                Arc::new(Postgres::open(target, may, Arc::clone(&hub))?)
            }
            #[cfg(not(feature = "postgres"))]
            Location::Postgres(_) => {
                let reason =
                    "this program was built without the feature `postgres`: build with `--features postgres`";
                return Err(Error::CannotOpen { store: name.to_string(), reason: reason.to_owned() });
            }
        };
        Ok(Store { backend, hub, name })
    }
}

impl Store {
    /// Gives this one up, and closes the store if all clones are gone by then: what is queued is written, and a file has nothing
    /// beside it any more. Whether it is closed.
    pub fn close(self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while Arc::strong_count(&self.backend) > 1 {
            if Instant::now() >= until {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// Opens a store, and makes it if there is none.
    ///
    /// # Errors
    /// [`Error::CannotOpen`] if what is there is no store or cannot be reached.
    pub fn open(location: &Location) -> Result<Self, Error> {
        StoreOptions::new().open(location)
    }

    /// An empty store in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::in_memory_at(SystemClock)
    }

    /// An empty store in memory whose time is this clock's.
    #[must_use]
    pub fn in_memory_at(clock: impl Clock + 'static) -> Self {
        let hub = Arc::<Hub>::default();
        let backend = Arc::new(Memory::new(Arc::new(clock), Arc::clone(&hub)));
        Self { backend, hub, name: Location::Memory.to_string().into() }
    }

    fn submit_work<T>(&self, work: Work, read: fn(Done) -> Option<T>) -> Pending<T> {
        let (reply, pending) = pending(Arc::clone(&self.name), read);
        match work.check() {
            Ok(()) => self.backend.submit(Job { work, reply }),
            Err(refused) => reply.send(Err(refused.into())),
        }
        pending
    }

    /// Queues a batch. It blocks only while the queue is full; batches are written in the order in which they were queued,
    /// those that wait at the same time together.
    pub fn submit(&self, batch: Batch) -> Pending<Committed> {
        self.submit_work(Work::Change(Change::Batch(batch)), Done::committed)
    }

    /// Writes a batch and waits until it is on disk.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn commit(&self, batch: Batch) -> Result<Committed, Error> {
        self.submit(batch).wait()
    }

    /// Takes a lease for so long. What `owner` still has is lengthened, with the same epoch; otherwise the epoch rises.
    /// [`Refused::Held`](super::Refused::Held) if it is somebody else's.
    pub fn acquire(
        &self,
        lease: impl Into<String>,
        owner: impl Into<String>,
        ttl: Duration,
    ) -> Pending<Lease> {
        self.submit_work(
            Work::Change(Change::Acquire { lease: lease.into(), owner: owner.into(), ttl }),
            Done::lease,
        )
    }

    /// Lengthens a lease, from now on. [`Refused::Fenced`](super::Refused::Fenced) if somebody else took it; that its time ran out
    /// alone is no reason.
    pub fn renew(&self, lease: &Lease, ttl: Duration) -> Pending<Lease> {
        self.submit_work(Work::Change(Change::Renew { lease: lease.clone(), ttl }), Done::lease)
    }

    /// Gives a lease back. Its epoch rises, so nothing counts under it any more. [`Refused::Fenced`](super::Refused::Fenced) if it
    /// is not mine any more.
    pub fn release(&self, lease: &Lease) -> Pending<()> {
        self.submit_work(Work::Change(Change::Release { lease: lease.clone() }), Done::released)
    }

    /// Takes up to `limit` timers that are due. Nobody else gets them for the time of `hold`; what is not cancelled by then can be
    /// taken again.
    pub fn take_timers(
        &self,
        holder: impl Into<String>,
        hold: Duration,
        limit: usize,
    ) -> Pending<Vec<Timer>> {
        self.submit_work(Work::Take(Take::Timers { holder: holder.into(), hold, limit }), Done::timers)
    }

    /// Takes up to `limit` messages of a queue that are due. Nobody else gets them for the time of `hold`; what is not done by then
    /// can be taken again.
    pub fn take_outbox(
        &self,
        queue: impl Into<String>,
        holder: impl Into<String>,
        hold: Duration,
        limit: usize,
    ) -> Pending<Vec<OutboxItem>> {
        self.submit_work(
            Work::Take(Take::Messages { queue: queue.into(), holder: holder.into(), hold, limit }),
            Done::messages,
        )
    }

    /// Takes away up to `limit` claims that ran out; how many it were. They are free without it, too: this gives back their room.
    pub fn sweep(&self, limit: usize) -> Pending<usize> {
        self.submit_work(Work::Take(Take::Claims { limit }), Done::swept)
    }

    /// The store's time.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if a server has to be asked and does not answer.
    pub fn now(&self) -> Result<Timestamp, Error> {
        self.backend.now()
    }

    /// Up to `limit` events of a stream, from this version on. A packed event stands for all before it, so it comes first.
    ///
    /// # Errors
    /// [`Error::Damaged`] if an event is not what was written, [`Error::Unreadable`].
    pub fn read(&self, stream: &str, from: u64, limit: usize) -> Result<Vec<Event>, Error> {
        self.backend.read(stream, from, limit)
    }

    /// The last version of a stream; 0 if it has no events.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn head(&self, stream: &str) -> Result<u64, Error> {
        self.backend.head(stream)
    }

    /// How a stream with a mark stands.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn stream(&self, stream: &str) -> Result<Option<StreamInfo>, Error> {
        self.backend.stream(stream)
    }

    /// Up to `limit` streams by their marks, ordered by name, those after `after`. It takes as long as what it finds, however many
    /// there are besides.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn streams(
        &self,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>, Error> {
        self.backend.streams(filter, after, limit)
    }

    /// The value with which a key is claimed.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn claimed(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.backend.claimed(key)
    }

    /// How a lease stands, if it was ever taken.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn lease(&self, name: &str) -> Result<Option<LeaseState>, Error> {
        self.backend.lease(name)
    }

    /// When the next timer can be taken.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn next_timer(&self) -> Result<Option<Timestamp>, Error> {
        self.backend.next_timer()
    }

    /// When the next message of a queue can be taken.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn next_outbox(&self, queue: &str) -> Result<Option<Timestamp>, Error> {
        self.backend.next_message(queue)
    }

    /// How it stands.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn info(&self) -> Result<Info, Error> {
        self.backend.info()
    }

    /// Looks at everything, and lists all that is not as it was written.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it cannot be looked at.
    pub fn verify(&self) -> Result<Vec<Damage>, Error> {
        self.backend.verify()
    }

    /// Copies the store as it is at one moment into a new file, while it is used. The file is there as a whole or not at all.
    ///
    /// # Errors
    /// [`Error::NotWritten`] if there is a file already or it cannot be written, [`Error::Unsupported`] for all but SQLite.
    pub fn backup(&self, to: &Path) -> Result<(), Error> {
        self.backend.backup(to)
    }

    /// Gives the room of what was removed back to the file system; how many bytes. Writers go on meanwhile.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it cannot be done now.
    pub fn compact(&self) -> Result<u64, Error> {
        self.backend.compact()
    }

    /// Waits for changes of these topics from now on.
    #[must_use]
    pub fn watch(&self, topics: impl IntoIterator<Item = Topic>) -> Watch {
        let topics = topics.into_iter().collect();
        Watch::new(Arc::clone(&self.hub), topics, self.backend.elsewhere())
    }

    /// Ends every wait for changes, as if there were some.
    #[cfg(feature = "flows")]
    pub(crate) fn wake_watches(&self) {
        self.hub.all_changed();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.name)
    }
}

impl fmt::Display for Store {
    /// Where it is, without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
