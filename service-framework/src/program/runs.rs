//! Runs as somebody sees them who looks into the store, and what can be done to them from there.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::program::execute::JournalError;
use crate::program::execute::is_attended;
use crate::program::execute::journal::{
    CATEGORY, PARKED, RUNNING, each_event, id_in, lock_key, read_start, status, stream,
};
use crate::program::run::{End, Event};
use crate::store::{
    Batch, Error as StoreError, Expected, Filter, NewEvent, Refused, Store, StreamInfo, Timestamp,
};

/// How many runs are read at once.
const PAGE: usize = 1000;
/// How far back it is looked for the latest runs at first; four times as far each time that there are too few.
const SHORTEST_LOOK: Duration = Duration::from_secs(1);
/// How often, until all runs are looked at: the last time about half a year.
const LOOKS_BACK: u32 = 13;
/// How often something is tried while the run goes on.
const TRIES: u32 = 100;

/// The runs of a store.
#[derive(Clone)]
pub struct Runs(Store);

/// One run of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInfo {
    /// Its id.
    pub run: String,
    /// The program's name.
    pub program: String,
    /// `running`, `done`, `rectified`, `stuck` or `resolved`.
    pub status: String,
    /// When it began.
    pub began: Timestamp,
    /// When something last happened to it.
    pub changed: Timestamp,
    /// The lease of the server that it is on; none if nobody goes on with it.
    pub server: Option<String>,
}

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// When it was written.
    pub at: Timestamp,
    /// What it was.
    pub event: Event,
}

/// Why nothing can be done to a run.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// It cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It is not in a state for that.
    #[error("run {run} is {status}: {needed}")]
    NotNow {
        /// Which run.
        run: String,
        /// How it is.
        status: String,
        /// How it would have to be.
        needed: &'static str,
    },
    /// It went on too fast.
    #[error("run {0} went on each time that it was tried; try again")]
    Busy(String),
}

impl From<StoreError> for RunsError {
    fn from(error: StoreError) -> Self {
        Self::Journal(error.into())
    }
}

fn filter(status: Option<&str>) -> Filter {
    let filter = Filter::category(CATEGORY);
    match status {
        Some(status) => filter.status(status),
        None => filter,
    }
}

/// No id of a run that began at this time or later sorts before it.
fn first_id_at(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:012x}", since.as_millis())
}

impl Runs {
    /// The runs of this store.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        Self(store.clone())
    }

    /// Runs in the order of their ids, which is that in which they began: at most `limit`, behind the run `after`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list(
        &self,
        status: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RunInfo>, RunsError> {
        let (filter, mut after, mut found) = (filter(status), after.map(stream), Vec::new());
        while found.len() < limit {
            let page = self.0.streams(&filter, after.as_deref(), PAGE.min(limit - found.len()))?;
            let Some(last) = page.last() else { break };
            after = Some(last.stream.clone());
            found.extend(page);
        }
        found.into_iter().map(|info| self.info(info)).collect()
    }

    /// The latest runs in the order in which they began, at most `limit`. It takes as long as what it finds, however many there
    /// are before.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn latest(&self, status: Option<&str>, limit: usize) -> Result<Vec<RunInfo>, RunsError> {
        let now = SystemTime::now();
        // Ids begin with the time at which their runs began.
        let since = |ago: Duration| now.checked_sub(ago).map(|time| stream(&first_id_at(time)));
        let lengths = (0..LOOKS_BACK).map(|look| SHORTEST_LOOK * 4_u32.pow(look));
        for after in lengths.map(since).chain([None]) {
            let found = self.last_after(status, after.as_deref(), limit)?;
            if found.len() >= limit || after.is_none() {
                return found.into_iter().map(|info| self.info(info)).collect();
            }
        }
        Ok(Vec::new())
    }

    /// The last of those behind a stream.
    fn last_after(
        &self,
        status: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<VecDeque<StreamInfo>, RunsError> {
        let (filter, mut after, mut found) = (filter(status), after.map(str::to_owned), VecDeque::new());
        loop {
            let page = self.0.streams(&filter, after.as_deref(), PAGE)?;
            let (is_last, last) = (page.len() < PAGE, page.last().map(|info| info.stream.clone()));
            found.extend(page);
            found.drain(..found.len().saturating_sub(limit));
            if is_last {
                return Ok(found);
            }
            after = last;
        }
    }

    fn info(&self, info: StreamInfo) -> Result<RunInfo, RunsError> {
        let run = id_in(&info.stream).unwrap_or(&info.stream).to_owned();
        let program = match read_start(&self.0, &run) {
            Ok(head) => head.program,
            Err(error @ JournalError::Store(_)) => return Err(error.into()),
            // One that cannot be read is listed all the same.
            Err(_) => "?".to_owned(),
        };
        let (status, server) = (info.mark.status, info.mark.owner.filter(|owner| owner != PARKED));
        Ok(RunInfo { run, program, status, began: info.created, changed: info.changed, server })
    }

    fn find(&self, run: &str) -> Result<StreamInfo, RunsError> {
        let found = self.0.stream(&stream(run))?;
        Ok(found.ok_or_else(|| JournalError::NoRun(run.to_owned()))?)
    }

    /// One run.
    ///
    /// # Errors
    /// There is none of this id, or it cannot be read.
    pub fn get(&self, run: &str) -> Result<RunInfo, RunsError> {
        self.info(self.find(run)?)
    }

    /// Everything that happened to a run.
    ///
    /// # Errors
    /// There is none of this id, or it cannot be read.
    pub fn history(&self, run: &str) -> Result<Vec<Happened>, RunsError> {
        self.find(run)?;
        let mut history = Vec::new();
        each_event(&self.0, run, |event, happened| {
            history.push(Happened { at: event.at, event: happened });
            Ok(())
        })?;
        Ok(history)
    }

    /// Whether somebody goes on with a run, as far as its server's lease and process say.
    ///
    /// # Errors
    /// There is none of this id.
    pub fn is_attended(&self, run: &str) -> Result<bool, RunsError> {
        self.find(run)?;
        Ok(is_attended(&self.0, run))
    }

    /// Has a run undone that is on its way: the hook that it is in comes to its end, and then everything is reversed. One that
    /// nobody goes on with is undone as soon as somebody takes it up.
    ///
    /// # Errors
    /// It has ended, or is stuck.
    pub fn cancel(&self, run: &str) -> Result<(), RunsError> {
        self.change(run, RUNNING, "only one that is running can be cancelled", &Event::Cancelled, None)
    }

    /// Has the rectifier tried once more that a run is stuck at. A server on this store takes it up.
    ///
    /// # Errors
    /// It is not stuck.
    pub fn retry(&self, run: &str) -> Result<(), RunsError> {
        let needed = "only one that is stuck can be retried";
        self.change(run, status(End::Stuck), needed, &Event::Retried, Some(RUNNING))
    }

    /// Says that somebody has put right by hand what a run is stuck at. Its locks are free then.
    ///
    /// # Errors
    /// It is not stuck.
    pub fn resolve(&self, run: &str, note: &str) -> Result<(), RunsError> {
        let needed = "only one that is stuck can be resolved";
        let event = Event::Resolved { note: note.to_owned() };
        self.change(run, status(End::Stuck), needed, &event, Some(status(End::Resolved)))
    }

    /// Gives back what a run has locked.
    fn free(&self, run: &str, batch: Batch) -> Result<Batch, StoreError> {
        let locks = read_start(&self.0, run).map(|head| head.locks).unwrap_or_default();
        let mut batch = batch;
        for key in locks.iter().map(|lock| lock_key(lock)) {
            // Others may have it meanwhile.
            if self.0.claimed(&key)?.as_deref() == Some(run.as_bytes()) {
                batch = batch.release(key);
            }
        }
        Ok(batch)
    }

    fn change(
        &self,
        run: &str,
        from: &str,
        needed: &'static str,
        event: &Event,
        to: Option<&str>,
    ) -> Result<(), RunsError> {
        let unwritable = |error| JournalError::Unwritable { run: run.to_owned(), reason: format!("{error}") };
        let bytes = event.to_bytes().map_err(unwritable)?;
        for _ in 0..TRIES {
            let info = self.find(run)?;
            if info.mark.status != from {
                return Err(RunsError::NotNow { run: run.to_owned(), status: info.mark.status, needed });
            }
            let event = NewEvent::new(event.kind(), bytes.clone());
            let batch = Batch::new().append(stream(run), Expected::Version(info.version), [event]);
            let batch = match to {
                Some(status) => batch.mark(stream(run), CATEGORY, status, None),
                None => batch,
            };
            let batch = match to.is_some_and(|to| to == status(End::Resolved)) {
                true => self.free(run, batch)?,
                false => batch,
            };
            match self.0.commit(batch) {
                Ok(_) => return Ok(()),
                Err(StoreError::Refused(Refused::Conflict { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(RunsError::Busy(run.to_owned()))
    }
}
