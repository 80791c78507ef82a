//! What writes to the file: a transaction for a group of jobs.

use std::mem::take;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, ffi};

use super::open::{BUSY, Opening};
use super::rows::Within;
use crate::store::backend::{Done, Work};
use crate::store::error::Error;
use crate::store::staged::{Known, Staged};
use crate::store::time::Clock;
use crate::store::writer::Engine;

/// The writer's connection.
pub(super) struct Sqlite {
    opening: Opening,
    /// None after something went wrong with it.
    connection: Option<Connection>,
    /// What was committed by this connection.
    known: Known,
    clock: Arc<dyn Clock>,
}

impl Sqlite {
    pub(super) fn new(opening: Opening, connection: Connection, clock: Arc<dyn Clock>) -> Self {
        Self { opening, connection: Some(connection), known: Known::default(), clock }
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }
}

impl Engine for Sqlite {
    fn group(&mut self, works: &[Work]) -> Result<Vec<Result<Done, Error>>, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.opening.further()?,
        };
        let store = self.opening.path.display().to_string();
        let failed = |error: rusqlite::Error| not_written(&store, &error);
        let within = Within { connection: &connection, failed: &failed };
        let mut known = take(&mut self.known);
        let outcome = group(within, &mut known, works, &*self.clock, &store);
        if outcome.is_ok() {
            self.known = known;
        }
        let is_whole = connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
        self.connection = is_whole.then_some(connection);
        outcome
    }

    fn forget(&mut self) {
        self.connection = None;
        self.known = Known::default();
    }
}

fn group(
    within: Within<'_>,
    known: &mut Known,
    works: &[Work],
    clock: &dyn Clock,
    store: &str,
) -> Result<Vec<Result<Done, Error>>, Error> {
    within.run("BEGIN IMMEDIATE", [])?;
    // Asked for under the lock, so that times follow the order of the transactions.
    let now = clock.now();
    known.check(within.data_version()?);
    let mut staged = Staged::new(within, known);
    let answers = works.iter().map(|work| staged.job(work, now)).collect::<Result<_, _>>()?;
    staged.flush()?;
    let commit = Within { failed: &|error| not_committed(store, &error), ..within };
    commit.run("COMMIT", [])?;
    staged.keep();
    Ok(answers)
}

/// An error before the commit: the transaction is rolled back.
pub(super) fn not_written(store: &str, error: &rusqlite::Error) -> Error {
    let store = store.to_owned();
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return Error::Damaged { store, what: error.to_string() };
        }
        Some(ErrorCode::DatabaseBusy) => BUSY.to_owned(),
        Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
        _ => error.to_string(),
    };
    Error::NotWritten { store, reason }
}

/// An error of the commit. If only the sync failed, what was committed is in the log, and the next process to open it may find it.
fn not_committed(store: &str, error: &rusqlite::Error) -> Error {
    let code = error.sqlite_error().map(|error| error.extended_code);
    match code {
        Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC) => {
            Error::Unknown { store: store.to_owned(), reason: error.to_string() }
        }
        _ => not_written(store, error),
    }
}
