//! A connection to a file that is a store, and is brought up to date if it is an older one.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::store::error::Error;
use crate::store::location::Durability;

/// Says in the header of the file whose it is: `sfst`.
const APPLICATION: i64 = 0x7366_7374;

/// What leads from each version of the schema to the next.
pub(super) const SCHEMA: [&str; 1] = [include_str!("schema_1.sql")];

/// How long a process waits for another's transaction.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the file is, and how it is opened.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) path: PathBuf,
    pub(crate) durability: Durability,
    /// Whether a file that is not there is made.
    pub(crate) may_make: bool,
    /// Whether an older schema is brought up to date.
    pub(crate) may_migrate: bool,
}

impl Opening {
    pub(super) fn cannot(&self, reason: impl Into<String>) -> Error {
        Error::CannotOpen { store: self.path.display().to_string(), reason: reason.into() }
    }

    /// A connection to a store that is there or made now, with the present schema; and the schema it had.
    pub(super) fn store(&self) -> Result<(Connection, usize), Error> {
        self.look()?;
        let mut connection = self.connect(OpenFlags::SQLITE_OPEN_CREATE)?;
        let schema = self.identify(&connection)?;
        if schema < SCHEMA.len() {
            if schema > 0 && !self.may_migrate {
                let now = SCHEMA.len();
                let hint = "`service_framework store migrate` brings it up to date";
                return Err(self.cannot(format!("its schema is {schema}, this version has {now}: {hint}")));
            }
            self.prepare(&connection).map_err(|error| self.refused(&error))?;
            migrate(&mut connection, &SCHEMA).map_err(|error| self.refused(&error))?;
        }
        Ok((connection, schema))
    }

    /// One more connection to a store that was opened.
    pub(super) fn further(&self) -> Result<Connection, Error> {
        self.connect(OpenFlags::empty())
    }

    /// What can be said better than SQLite does.
    fn look(&self) -> Result<(), Error> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(self.cannot(format!("there is no folder {}", folder.display())));
        }
        if self.path.is_dir() {
            return Err(self.cannot("it is a folder, the path of a file is expected"));
        }
        if !self.may_make && !self.path.exists() {
            return Err(self.cannot("there is no such file"));
        }
        Ok(())
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, Error> {
        let flags = flags | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags);
        connection.and_then(|connection| self.set_up(connection)).map_err(|error| self.refused(&error))
    }

    fn set_up(&self, mut connection: Connection) -> rusqlite::Result<Connection> {
        connection.busy_handler(Some(wait_for_others))?;
        connection.set_prepared_statement_cache_capacity(64);
        let synchronous = if self.durability == Durability::Fsync { "FULL" } else { "NORMAL" };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        Ok(connection)
    }

    /// Whose file it is; the version of its schema, 0 for an empty one.
    fn identify(&self, connection: &Connection) -> Result<usize, Error> {
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let tables =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
        let tables = tables.map_err(|error| self.refused(&error))?;
        let application = number("application_id").map_err(|error| self.refused(&error))?;
        if application != APPLICATION && (application != 0 || tables > 0) {
            return Err(self.cannot("it is an SQLite database of another application"));
        }
        let schema = number("user_version").map_err(|error| self.refused(&error))?;
        match usize::try_from(schema) {
            Ok(schema) if schema <= SCHEMA.len() => Ok(schema),
            _ => {
                let now = SCHEMA.len();
                Err(self.cannot(format!("its schema is {schema}, newer than this version's {now}")))
            }
        }
    }

    /// What has to be so before the first table.
    fn prepare(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        let start = Instant::now();
        loop {
            // Several processes may do this at once, and SQLite does not wait for the others here.
            let mode = connection
                .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
            match mode {
                Ok(mode) if mode == "wal" => return Ok(()),
                Err(error) if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) => {
                    return Err(error);
                }
                Err(error) if start.elapsed() > PATIENCE => return Err(error),
                _ if start.elapsed() > PATIENCE => return Err(rusqlite::Error::InvalidQuery),
                _ => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Why SQLite cannot open it, in words that say what to look at.
    fn refused(&self, error: &rusqlite::Error) -> Error {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => self.cannot("it is no SQLite database"),
            Some(ErrorCode::DatabaseCorrupt) => {
                let (store, what) = (self.path.display().to_string(), error.to_string());
                Error::Damaged { store, what }
            }
            Some(ErrorCode::DatabaseBusy) => self.cannot(BUSY),
            _ => self.cannot(error.to_string()),
        }
    }
}

/// What a lock means that was not given up in time.
pub(super) const BUSY: &str = "another process kept it locked for 10 s";

/// Short naps, so that no process is left behind by one that writes all the time.
fn wait_for_others(times: i32) -> bool {
    let nap = Duration::from_micros(if times < 50 { 200 } else { 2_000 });
    thread::sleep(nap);
    nap * u32::try_from(times).unwrap_or(u32::MAX) < PATIENCE
}

/// Brings the schema up to date, in one transaction.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been first.
    let schema: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(schema).unwrap_or(0);
    for step in steps.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(
        None,
        "user_version",
        i64::try_from(steps.len().max(done)).unwrap_or(schema),
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.commit()
}

/// The file of a store and those beside it.
pub(super) fn files(path: &Path) -> [PathBuf; 3] {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    [path.to_owned(), beside("-wal"), beside("-shm")]
}
