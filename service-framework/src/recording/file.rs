//! The file: whose it is, which version it has, and who may read it.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::RecordingError;

/// Says in the header of the file whose it is: `sfrc`.
pub(super) const APPLICATION: i64 = 0x7366_7263;

/// The version of the format.
pub(super) const VERSION: i64 = 1;

const SCHEMA: &str = include_str!("schema_1.sql");

/// How long one waits for the other of those that read and write.
const PATIENCE: Duration = Duration::from_secs(10);

/// The tables that are read.
const TABLES: [&str; 5] = ["services", "connections", "messages", "states", "losses"];

/// Makes a recording that is for this user alone.
pub(super) fn create(path: &Path) -> Result<Connection, RecordingError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|source| RecordingError::CannotMake { path: path.into(), source })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // `:memory:` is a name like others.
    let place = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let connection = Connection::open_with_flags(place, flags);
    connection.and_then(set_up).map_err(|error| RecordingError::cannot_write(path, &error))
}

fn set_up(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    // One file, whole after each batch whoever is killed; a host that loses its power may lose the last batches.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch(SCHEMA)?;
    connection.execute_batch("COMMIT")?;
    Ok(connection)
}

/// Opens a recording to read it.
pub(super) fn open(path: &Path) -> Result<Connection, RecordingError> {
    let data = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => RecordingError::cannot_open(path, "there is no such file"),
        _ => RecordingError::cannot_open(path, error.to_string()),
    })?;
    if data.is_dir() {
        return Err(RecordingError::cannot_open(path, "it is a folder, a recording is expected"));
    }
    // To open a pipe is to wait for somebody who writes into it.
    if !data.is_file() {
        return Err(RecordingError::cannot_open(path, "it is no plain file, a recording is expected"));
    }
    // What a writer that was killed has left half done is undone by whoever opens the file to write; nothing else is written.
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(path, flags)
        .or_else(|_| {
            Connection::open_with_flags(
                path,
                OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_ONLY,
            )
        })
        .map_err(|error| RecordingError::at_first_look(path, &error))?;
    identify(&connection, path)?;
    Ok(connection)
}

fn identify(connection: &Connection, path: &Path) -> Result<(), RecordingError> {
    let failed = |error| RecordingError::at_first_look(path, &error);
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    for (pragma, value) in [("query_only", true), ("trusted_schema", false), ("cell_size_check", true)] {
        connection.pragma_update(None, pragma, value).map_err(failed)?;
    }
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed);
    if number("application_id")? != APPLICATION {
        return Err(RecordingError::cannot_open(path, "this is no recording"));
    }
    match number("user_version")? {
        VERSION => {}
        newer if newer > VERSION => {
            let reason = format!(
                "it has version {newer} of the format, this program reads version {VERSION}: use a newer one"
            );
            return Err(RecordingError::cannot_open(path, reason));
        }
        other => return Err(RecordingError::damaged(path, format!("there is no version {other}"))),
    }
    for table in TABLES {
        let kind = "SELECT type FROM sqlite_schema WHERE name = ?1";
        let kind = connection.query_row(kind, [table], |row| row.get::<_, String>(0));
        if kind.ok().as_deref() != Some("table") {
            return Err(RecordingError::damaged(path, format!("it has no table `{table}`")));
        }
    }
    Ok(())
}
