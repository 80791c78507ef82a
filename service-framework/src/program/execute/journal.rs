//! The journal: what happened to runs, in the store before the next thing happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::records::{self, Reading, read_head};
use crate::program::pool::Pool;
use crate::program::run::{End, Event, EventError, Illegal, Plan, RequestError, Run};
use crate::program::spec::LockError;
use crate::store::{
    Batch, Error as StoreError, Event as StoredEvent, Expected, LONGEST_NAME, NewEvent, OwnLease, Refused,
    Store,
};

/// Under what runs are listed.
pub(crate) const CATEGORY: &str = "run";
/// How a run stands that has not ended.
pub(crate) const RUNNING: &str = "running";
/// Who has a run that nobody could go on with so far.
pub(crate) const PARKED: &str = "nobody";
/// What the names of locks begin with.
const LOCK: &str = "lock/";
/// How many records are read at once, each of 1 MiB at most.
const PAGE: usize = 64;
/// How long a store that cannot write is tried again.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it waits before it tries again.
const AGAIN: Duration = Duration::from_millis(20);

/// Why a run cannot go on here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The store says no, or nothing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such run.
    #[error("there is no run {0:?} in this store")]
    NoRun(String),
    /// Another server has taken the run over.
    #[error(
        "another server has taken over the run {run:?}, because this one had not renewed its lease in time"
    )]
    TakenOver {
        /// Which run.
        run: String,
    },
    /// Another run has one of the run's locks. Nothing ran.
    #[error("run {holder:?} has {key:?}")]
    Locked {
        /// What the lock is called in the store.
        key: String,
        /// The run that has it.
        holder: String,
    },
    /// A request with the same idempotency key came before; its run is the answer.
    #[error("run {run:?} has this idempotency key")]
    AsBefore {
        /// The run that has it.
        run: String,
    },
    /// An event in the journal is none that this version knows.
    #[error("run {run:?}, event {version}: {source}")]
    Event {
        /// Which run.
        run: String,
        /// Its place in the journal.
        version: u64,
        /// What is wrong with it.
        source: EventError,
    },
    /// The events of the journal are not those of a run.
    #[error("run {run:?}, event {version}: {source}")]
    Illegal {
        /// Which run.
        run: String,
        /// Its place in the journal.
        version: u64,
        /// What is wrong with it.
        source: Illegal,
    },
    /// The run began under another spec.
    #[error(
        "run {run:?} began with another spec than this one (fingerprint {began}, this one has {now}): a server with the spec that \
         it began with goes on with it, or `program resolve` says that it was put right by hand"
    )]
    OtherSpec {
        /// Which run.
        run: String,
        /// Fingerprint of the spec that it began with.
        began: String,
        /// Fingerprint of this one.
        now: String,
    },
    /// The pool holds what cannot be written.
    #[error("the pool of run {run:?} cannot be written: {reason}")]
    Unwritable {
        /// Which run.
        run: String,
        /// Why.
        reason: String,
    },
}

/// What a program's runs are held by.
pub(crate) fn stream(run: &str) -> String {
    format!("run/{run}")
}

/// The id in a stream's name.
pub(crate) fn id_in(stream: &str) -> Option<&str> {
    stream.strip_prefix("run/")
}

pub(crate) fn lock_key(lock: &str) -> String {
    format!("{LOCK}{lock}")
}

/// The lock that is called so in the store.
pub(super) fn lock_in(key: &str) -> &str {
    key.strip_prefix(LOCK).unwrap_or(key)
}

pub(super) fn request_key(program: &str, key: &str) -> String {
    format!("request/{program}/{key}")
}

/// # Errors
/// Nothing can be kept in the store under this key of a request.
pub(super) fn check_key(program: &str, key: &str) -> Result<(), RequestError> {
    let most = LONGEST_NAME - request_key("", "").len();
    let size = program.len() + key.len();
    match size > most || key.contains('\0') {
        true => Err(RequestError::Key { size, most }),
        false => Ok(()),
    }
}

/// How a run that ended so is listed.
pub(crate) fn status(end: End) -> &'static str {
    match end {
        End::Done => "done",
        End::Rectified => "rectified",
        End::Stuck => "stuck",
        End::Resolved => "resolved",
    }
}

/// The store, and the lease under which this server writes.
pub(super) struct Journal {
    pub(super) store: Store,
    pub(super) lease: OwnLease,
    /// Whether nothing more is to begin.
    pub(super) is_stopping: AtomicBool,
    /// Whether nothing more is to be written, because the lease was given back.
    pub(super) is_over: AtomicBool,
}

impl Journal {
    pub(super) fn fence(&self) -> (String, u64) {
        self.lease.fence()
    }
}

/// One run's way into the journal.
pub(super) struct Entry {
    pub(super) journal: Arc<Journal>,
    pub(super) run: String,
    pub(super) version: u64,
    pub(super) program: String,
    pub(super) locks: Vec<String>,
    pub(super) key: Option<String>,
    /// The lease that it was begun under: one that was taken over is never written under again.
    pub(super) fence: (String, u64),
}

impl Entry {
    /// Writes events, and if the run has ended so that it has; with all of it the run's locks.
    pub(super) fn commit(&mut self, events: &[NewEvent], end: Option<End>) -> Result<(), JournalError> {
        let until = Instant::now() + PATIENCE;
        loop {
            if self.journal.is_over.load(Ordering::SeqCst) {
                return Err(JournalError::TakenOver { run: self.run.clone() });
            }
            // A lease may have been lost while nothing was written yet.
            if self.version == 0 {
                self.fence = self.journal.fence();
            }
            let batch = self.batch(events, end);
            match self.journal.store.submit(batch).wait() {
                Ok(committed) => {
                    self.version = committed.version(&stream(&self.run)).unwrap_or(self.version);
                    return Ok(());
                }
                Err(StoreError::Refused(Refused::Claimed { key, value })) => {
                    return Err(self.claimed(key, &value));
                }
                Err(StoreError::Refused(Refused::Fenced { .. })) => {
                    return Err(JournalError::TakenOver { run: self.run.clone() });
                }
                // Whether it was written or not, it cannot be written twice: the version says so.
                Err(StoreError::NotWritten { .. } | StoreError::Unknown { .. }) if Instant::now() < until => {
                    thread::sleep(AGAIN);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn claimed(&self, key: String, holder: &[u8]) -> JournalError {
        match self.key.as_ref().is_some_and(|own| request_key(&self.program, own) == key) {
            true => JournalError::AsBefore { run: String::from_utf8_lossy(holder).into_owned() },
            false => JournalError::Locked { key, holder: String::from_utf8_lossy(holder).into_owned() },
        }
    }

    fn batch(&self, events: &[NewEvent], end: Option<End>) -> Batch {
        let is_new = self.version == 0;
        let expected = if is_new { Expected::NoStream } else { Expected::Version(self.version) };
        let name = stream(&self.run);
        let mut batch = Batch::new().fence(&self.fence.0, self.fence.1);
        if let (true, Some(key)) = (is_new, &self.key) {
            batch = batch.claim(request_key(&self.program, key), self.run.as_bytes());
        }
        if is_new && end.is_none() {
            batch = self.claims(batch).mark(&name, CATEGORY, RUNNING, Some(&self.fence.0));
        }
        let batch = batch.append(&name, expected, events.iter().cloned());
        let Some(end) = end else { return batch };
        let batch = batch.mark(name, CATEGORY, status(end), None);
        match is_new {
            // Those of a run that ends as it begins were never taken.
            true => batch,
            false => {
                let free = self.locks.iter().filter(|lock| end != End::Stuck || is_of_server(lock));
                free.fold(batch, |batch, lock| batch.release(lock_key(lock)))
            }
        }
    }

    /// Takes the run's locks.
    pub(super) fn claims(&self, batch: Batch) -> Batch {
        let claim = |batch: Batch, lock: &String| batch.claim(lock_key(lock), self.run.as_bytes());
        self.locks.iter().fold(batch, claim)
    }

    /// An event as it is written, if it can be read again.
    pub(super) fn records(&self, event: &Event) -> Result<Vec<NewEvent>, JournalError> {
        let unwritable = |reason| JournalError::Unwritable { run: self.run.clone(), reason };
        records::records(event).map_err(unwritable)
    }
}

/// A run as its journal says.
pub(crate) struct Told {
    pub(crate) run: Run,
    /// The version of its last event.
    pub(crate) version: u64,
    /// The locks that it has or had.
    pub(crate) locks: Vec<String>,
    /// The idempotency key of its request.
    pub(crate) key: Option<String>,
}

/// What a run is, without its values: read from one record, however large its pool is.
pub(crate) struct Head {
    pub(crate) program: String,
    pub(crate) fingerprint: String,
    pub(crate) key: Option<String>,
    pub(crate) locks: Vec<String>,
}

/// Reads what a run is.
pub(crate) fn read_start(store: &Store, run: &str) -> Result<Head, JournalError> {
    let first = store.read(&stream(run), 1, 1)?;
    let first = first.first().ok_or_else(|| JournalError::NoRun(run.to_owned()))?;
    match read_head(&first.kind, &first.payload).map_err(|source| unreadable(run, first, source))? {
        Event::Started { program, fingerprint, key, locks, .. } => {
            Ok(Head { program, fingerprint, key, locks })
        }
        other => Err(no_start(run, first, &other)),
    }
}

fn unreadable(run: &str, event: &StoredEvent, source: EventError) -> JournalError {
    JournalError::Event { run: run.to_owned(), version: event.version, source }
}

fn no_start(run: &str, event: &StoredEvent, found: &Event) -> JournalError {
    unreadable(run, event, EventError::Unknown(found.kind().to_owned()))
}

/// Makes happen again what happened to a run, by its program's plan.
pub(crate) fn replay(store: &Store, id: &str, plan: &Arc<Plan>) -> Result<Told, JournalError> {
    let mut told = None::<Told>;
    each_event(store, id, |event, happened| {
        let Some(told) = &mut told else {
            told = Some(begin_again(id, event, happened, plan)?);
            return Ok(());
        };
        told.version = event.version;
        told.run.apply(happened).map_err(|source| JournalError::Illegal {
            run: id.to_owned(),
            version: event.version,
            source,
        })
    })?;
    let mut told = told.ok_or_else(|| JournalError::NoRun(id.to_owned()))?;
    // They were noted when they happened.
    told.run.take_notes();
    Ok(told)
}

fn begin_again(
    id: &str,
    event: &StoredEvent,
    happened: Event,
    plan: &Arc<Plan>,
) -> Result<Told, JournalError> {
    let Event::Started { fingerprint: began, key, locks, pool, .. } = happened else {
        return Err(no_start(id, event, &happened));
    };
    let now = plan.fingerprint();
    if began != now {
        return Err(JournalError::OtherSpec { run: id.to_owned(), began, now: now.to_owned() });
    }
    Ok(Told { run: Run::new(plan.clone(), pool), version: event.version, locks, key })
}

/// Looks at every event of a run, with its last record.
pub(crate) fn each_event(
    store: &Store,
    run: &str,
    mut look: impl FnMut(&StoredEvent, Event) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    let (mut after, mut reading) = (0, Reading::default());
    loop {
        let page = store.read(&stream(run), after + 1, PAGE)?;
        for record in &page {
            after = record.version;
            let event = reading.take(&record.kind, &record.payload);
            if let Some(event) = event.map_err(|source| unreadable(run, record, source))? {
                look(record, event)?;
            }
        }
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

/// Events of records that are not written yet.
pub(super) fn events_in(records: &[NewEvent]) -> Vec<Event> {
    let mut reading = Reading::default();
    // They were written by this version.
    let events = records.iter().filter_map(|record| reading.take(&record.kind, &record.payload).ok());
    events.flatten().collect()
}

/// The lock of programs that name none.
const WHOLE_SERVER: &str = "*";

/// The names of the locks of a run that begins with this pool, in one order for all.
pub(super) fn locks_of(plan: &Plan, pool: &Pool) -> Result<Vec<String>, LockError> {
    let mut locks: Vec<String> = match &plan.program().locks {
        None => vec![WHOLE_SERVER.to_owned()],
        Some(templates) => {
            let names = templates.iter().map(|template| template.render(|name| pool.get(name)));
            names.collect::<Result<_, _>>()?
        }
    };
    locks.sort();
    locks.dedup();
    let most = LONGEST_NAME - LOCK.len();
    match locks.iter().find(|lock| lock.len() > most || lock.contains('\0')) {
        Some(lock) => Err(LockError::NoName { size: lock.len(), most }),
        None => Ok(locks),
    }
}

/// Whether a lock only puts runs in an order, and stands for nothing that a run may have left half undone.
pub(crate) fn is_of_server(lock: &str) -> bool {
    lock == WHOLE_SERVER
}

/// How long a server that does not renew its lease keeps its runs.
pub(super) const LEASE: Duration = Duration::from_secs(10);
