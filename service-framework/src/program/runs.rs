//! Runs as somebody sees them who looks into the store, and what can be done to them from there.

use crate::program::execute::JournalError;
use crate::program::execute::journal::{CATEGORY, RUNNING, each_event, id_in, read_start, status, stream};
use crate::program::run::{End, Event};
use crate::store::{
    Batch, Error as StoreError, Expected, Filter, NewEvent, Refused, Store, StreamInfo, Timestamp,
};

/// How many runs are read at once.
const PAGE: usize = 1000;
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
    /// The lease of the server that it is on.
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
        let filter = Filter::category(CATEGORY);
        let filter = match status {
            Some(status) => filter.status(status),
            None => filter,
        };
        let page = self.0.streams(&filter, after.map(stream).as_deref(), limit.min(PAGE))?;
        page.into_iter().map(|info| self.info(info)).collect()
    }

    fn info(&self, info: StreamInfo) -> Result<RunInfo, RunsError> {
        let run = id_in(&info.stream).unwrap_or(&info.stream).to_owned();
        let program = match read_start(&self.0, &run) {
            Ok((program, ..)) => program,
            Err(error @ JournalError::Store(_)) => return Err(error.into()),
            // One that cannot be read is listed all the same.
            Err(_) => "?".to_owned(),
        };
        let (status, server) = (info.mark.status, info.mark.owner);
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
        each_event(&self.0, run, 0, |event, happened| {
            history.push(Happened { at: event.at, event: happened });
            Ok(())
        })?;
        Ok(history)
    }

    /// Has a run undone that is on its way: the hook that it is in comes to its end, and then everything is reversed.
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

    /// Says that somebody has put right by hand what a run is stuck at.
    ///
    /// # Errors
    /// It is not stuck.
    pub fn resolve(&self, run: &str, note: &str) -> Result<(), RunsError> {
        let needed = "only one that is stuck can be resolved";
        let event = Event::Resolved { note: note.to_owned() };
        self.change(run, status(End::Stuck), needed, &event, Some(status(End::Resolved)))
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
            match self.0.commit(batch) {
                Ok(_) => return Ok(()),
                Err(StoreError::Refused(Refused::Conflict { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(RunsError::Busy(run.to_owned()))
    }
}
