//! Reads, each on a connection of its own.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row};

use super::numbers::{from_sql, time, to_sql};
use super::open::{BUSY, Opening};
use super::rows::{claim_row, lease_row, limit, mark};
use crate::store::error::Error;
use crate::store::rows::{Event, Filter, LeaseState, StreamInfo, sound};
use crate::store::rules::ClaimRow;
use crate::store::time::Timestamp;

/// Connections that are kept while nobody reads.
const IDLE: usize = 4;

/// The connections that read: as many as read at the same time.
pub(super) struct Readers {
    opening: Opening,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(opening: Opening) -> Self {
        Self { opening, idle: Mutex::default() }
    }

    /// Lends a connection.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| self.opening.further(), Ok)?;
        let outcome = read(&connection).map_err(|error| unreadable(&self.opening.path, &error));
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome.is_ok() && idle.len() < IDLE {
            idle.push(connection);
        }
        outcome
    }

    pub(super) fn events(&self, stream: &str, from: u64, most: usize) -> Result<Vec<Event>, Error> {
        let sql = "SELECT version, packed, checksum, at, kind, payload FROM event
            WHERE stream = (SELECT id FROM stream WHERE name = ?1) AND version >= ?2 ORDER BY version LIMIT ?3";
        let events = self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map((stream, to_sql(from), limit(most)), event_row)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let sound = events.into_iter().map(|(event, checksum)| sound(event, checksum));
        sound.collect::<Result<_, _>>().map_err(|what| self.damaged(format!("stream {stream:?}: {what}")))
    }

    fn damaged(&self, what: String) -> Error {
        Error::Damaged { store: self.opening.path.display().to_string(), what }
    }

    pub(super) fn head(&self, stream: &str) -> Result<u64, Error> {
        let sql = "SELECT head FROM stream WHERE name = ?1";
        self.one(sql, stream, |row| row.get(0)).map(|head| head.map_or(0, from_sql))
    }

    pub(super) fn stream(&self, stream: &str) -> Result<Option<StreamInfo>, Error> {
        let sql = format!("SELECT {INFO} FROM stream WHERE name = ?1 AND category IS NOT NULL");
        self.one(&sql, stream, info_row)
    }

    pub(super) fn streams(
        &self,
        filter: &Filter,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<StreamInfo>, Error> {
        let sql = format!(
            "SELECT {INFO} FROM stream WHERE category = ?1 AND name > ?2 {} {} ORDER BY name LIMIT ?5",
            // Unary plus keeps an index from being used where the other one finds less.
            match (&filter.status, &filter.owner) {
                (Some(_), Some(_)) => "AND +status = ?3",
                (Some(_), None) => "AND status = ?3",
                _ => "AND ?3 IS NULL",
            },
            if filter.owner.is_some() { "AND owner = ?4" } else { "AND ?4 IS NULL" },
        );
        self.with(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let after = after.unwrap_or_default();
            let params = (&filter.category, after, &filter.status, &filter.owner, limit(most));
            let rows = statement.query_map(params, info_row)?;
            rows.collect()
        })
    }

    pub(super) fn claim(&self, key: &str) -> Result<Option<ClaimRow>, Error> {
        self.one("SELECT value, expires FROM claim WHERE key = ?1", key, claim_row)
    }

    pub(super) fn lease(&self, name: &str) -> Result<Option<LeaseState>, Error> {
        self.one("SELECT epoch, owner, until FROM lease WHERE name = ?1", name, lease_row)
    }

    pub(super) fn next_timer(&self) -> Result<Option<Timestamp>, Error> {
        let sql = "SELECT ready FROM timer WHERE ?1 = '' ORDER BY ready, id LIMIT 1";
        self.one(sql, "", |row| row.get(0).map(time))
    }

    pub(super) fn next_message(&self, queue: &str) -> Result<Option<Timestamp>, Error> {
        let sql = "SELECT ready FROM outbox WHERE queue = ?1 ORDER BY ready, id LIMIT 1";
        self.one(sql, queue, |row| row.get(0).map(time))
    }

    fn one<T>(
        &self,
        sql: &str,
        name: &str,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        self.with(|connection| connection.prepare_cached(sql)?.query_row([name], read).optional())
    }
}

const INFO: &str = "name, head, created, changed, category, status, owner";

fn info_row(row: &Row<'_>) -> rusqlite::Result<StreamInfo> {
    Ok(StreamInfo {
        stream: row.get(0)?,
        version: from_sql(row.get(1)?),
        created: time(row.get(2)?),
        changed: time(row.get(3)?),
        mark: mark(row, 4)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?,
    })
}

/// An event from the columns `version, packed, checksum, at, kind, payload`, and its checksum as it was written.
pub(super) fn event_row(row: &Row<'_>) -> rusqlite::Result<(Event, i64)> {
    let event = Event {
        version: from_sql(row.get(0)?),
        is_packed: row.get(1)?,
        at: time(row.get(3)?),
        kind: row.get(4)?,
        payload: row.get(5)?,
    };
    Ok((event, row.get(2)?))
}

pub(super) fn unreadable(path: &Path, error: &rusqlite::Error) -> Error {
    let store = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::Damaged { store, what: error.to_string() }
        }
        Some(ErrorCode::DatabaseBusy) => Error::Unreadable { store, reason: BUSY.to_owned() },
        _ => Error::Unreadable { store, reason: error.to_string() },
    }
}
