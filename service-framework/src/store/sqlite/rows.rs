//! The rows of a store within a transaction of SQLite.

use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row};

use super::numbers::{from_sql, time, to_sql};
use crate::store::batch::NewEvent;
use crate::store::error::Error;
use crate::store::rows::{LeaseState, Mark, OutboxItem, Timer, checksum};
use crate::store::rules::{At, ClaimRow, Queues, Rows, StreamRow, Taking, WaitingRow};
use crate::store::time::Timestamp;

/// A transaction that is open.
#[derive(Clone, Copy)]
pub(super) struct Within<'a> {
    pub(super) connection: &'a Connection,
    /// What an error of SQLite means here.
    pub(super) failed: &'a dyn Fn(rusqlite::Error) -> Error,
}

impl Within<'_> {
    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, Error> {
        self.connection.prepare_cached(sql).map_err(self.failed)
    }

    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        self.prepare(sql)?.execute(params).map_err(self.failed)
    }

    /// Changes whenever another connection has committed something.
    pub(super) fn data_version(&self) -> Result<i64, Error> {
        self.prepare("PRAGMA data_version")?.query_row([], |row| row.get(0)).map_err(self.failed)
    }

    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        self.prepare(sql)?.query_row(params, read).optional().map_err(self.failed)
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map(params, read).and_then(Iterator::collect);
        rows.map_err(self.failed)
    }
}

pub(super) fn lease_row(row: &Row<'_>) -> rusqlite::Result<LeaseState> {
    Ok(LeaseState { epoch: from_sql(row.get(0)?), owner: row.get(1)?, until: time(row.get(2)?) })
}

pub(super) fn claim_row(row: &Row<'_>) -> rusqlite::Result<ClaimRow> {
    Ok(ClaimRow { value: row.get(0)?, expires: row.get::<_, Option<i64>>(1)?.map(time) })
}

/// From the columns `category`, `status`, `owner` that begin at this one.
pub(super) fn mark(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Mark>> {
    let (category, status): (Option<String>, Option<String>) = (row.get(at)?, row.get(at + 1)?);
    let owner = row.get(at + 2)?;
    Ok(category.zip(status).map(|(category, status)| Mark { category, status, owner }))
}

fn stream_row(row: &Row<'_>) -> rusqlite::Result<StreamRow> {
    Ok(StreamRow {
        id: row.get(0)?,
        first: from_sql(row.get(1)?),
        head: from_sql(row.get(2)?),
        created: time(row.get(3)?),
        changed: time(row.get(4)?),
        mark: mark(row, 5)?.map(Arc::new),
    })
}

fn timer_row(row: &Row<'_>) -> rusqlite::Result<Timer> {
    Ok(Timer { id: row.get(0)?, due: time(row.get(1)?), attempt: row.get(2)?, payload: row.get(3)? })
}

fn message_row(row: &Row<'_>) -> rusqlite::Result<OutboxItem> {
    let Timer { id, due, attempt, payload } = timer_row(row)?;
    Ok(OutboxItem { queue: row.get(4)?, id, due, payload, attempt })
}

impl Rows for Within<'_> {
    fn lease(&mut self, name: &str) -> Result<Option<LeaseState>, Error> {
        self.one("SELECT epoch, owner, until FROM lease WHERE name = ?1", [name], lease_row)
    }

    fn put_lease(&mut self, name: &str, lease: &LeaseState) -> Result<(), Error> {
        let sql = "INSERT INTO lease (name, epoch, owner, until) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (name) DO UPDATE SET epoch = ?2, owner = ?3, until = ?4";
        self.run(sql, (name, to_sql(lease.epoch), &lease.owner, lease.until.as_micros())).map(drop)
    }

    fn stream(&mut self, name: &str) -> Result<Option<StreamRow>, Error> {
        let sql =
            "SELECT id, first, head, created, changed, category, status, owner FROM stream WHERE name = ?1";
        self.one(sql, [name], stream_row)
    }

    fn put_stream(&mut self, name: &str, row: &mut StreamRow, has_mark: bool) -> Result<(), Error> {
        let (first, head, changed) = (to_sql(row.first), to_sql(row.head), row.changed.as_micros());
        let mark = row.mark.as_deref();
        let (category, status) = (mark.map(|mark| &mark.category), mark.map(|mark| &mark.status));
        let owner = mark.and_then(|mark| mark.owner.as_deref());
        if row.id == 0 {
            let sql = "INSERT INTO stream (name, first, head, created, changed, category, status, owner)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let created = row.created.as_micros();
            self.run(sql, (name, first, head, created, changed, category, status, owner))?;
            row.id = self.connection.last_insert_rowid();
            return Ok(());
        }
        // To name an indexed column writes its index, whether it changes or not.
        let sql = "UPDATE stream SET first = ?2, head = ?3, changed = ?4 WHERE id = ?1";
        let with_mark =
            "UPDATE stream SET first = ?2, head = ?3, changed = ?4, category = ?5, status = ?6, owner = ?7
            WHERE id = ?1";
        match has_mark {
            true => self.run(with_mark, (row.id, first, head, changed, category, status, owner)).map(drop),
            false => self.run(sql, (row.id, first, head, changed)).map(drop),
        }
    }

    fn put_event(&mut self, at: At<'_>, event: &NewEvent, is_packed: bool) -> Result<(), Error> {
        let sql = "INSERT INTO event (stream, version, packed, checksum, at, kind, payload)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let checksum = checksum(at.version, &event.kind, &event.payload);
        let place = (at.row.id, to_sql(at.version));
        let params =
            (place.0, place.1, is_packed, checksum, at.time.as_micros(), &*event.kind, &event.payload);
        self.run(sql, params).map(drop)
    }

    fn remove_events(&mut self, _: &str, row: &StreamRow, up_to: u64) -> Result<(), Error> {
        self.run("DELETE FROM event WHERE stream = ?1 AND version <= ?2", (row.id, to_sql(up_to))).map(drop)
    }

    fn remove_stream(&mut self, _: &str, row: &StreamRow) -> Result<(), Error> {
        self.run("DELETE FROM event WHERE stream = ?1", [row.id])?;
        self.run("DELETE FROM stream WHERE id = ?1", [row.id]).map(drop)
    }

    fn claim(&mut self, key: &str) -> Result<Option<ClaimRow>, Error> {
        self.one("SELECT value, expires FROM claim WHERE key = ?1", [key], claim_row)
    }

    fn put_claim(&mut self, key: &str, claim: &ClaimRow) -> Result<(), Error> {
        let sql = "INSERT INTO claim (key, value, expires) VALUES (?1, ?2, ?3)
            ON CONFLICT (key) DO UPDATE SET value = ?2, expires = ?3";
        self.run(sql, (key, &claim.value, claim.expires.map(Timestamp::as_micros))).map(drop)
    }

    fn remove_claim(&mut self, key: &str) -> Result<(), Error> {
        self.run("DELETE FROM claim WHERE key = ?1", [key]).map(drop)
    }

    fn put_timer(&mut self, timer: WaitingRow<'_>) -> Result<(), Error> {
        let sql =
            "INSERT OR REPLACE INTO timer (id, due, ready, attempt, payload) VALUES (?1, ?2, ?2, 0, ?3)";
        self.run(sql, (timer.id, timer.due.as_micros(), timer.payload)).map(drop)
    }

    fn remove_timer(&mut self, id: &str) -> Result<(), Error> {
        self.run("DELETE FROM timer WHERE id = ?1", [id]).map(drop)
    }

    fn put_message(&mut self, queue: &str, message: WaitingRow<'_>) -> Result<(), Error> {
        let sql = "INSERT OR REPLACE INTO outbox (id, queue, due, ready, attempt, payload)
            VALUES (?1, ?2, ?3, ?3, 0, ?4)";
        self.run(sql, (message.id, queue, message.due.as_micros(), message.payload)).map(drop)
    }

    fn remove_message(&mut self, id: &str) -> Result<(), Error> {
        self.run("DELETE FROM outbox WHERE id = ?1", [id]).map(drop)
    }
}

impl Queues for Within<'_> {
    fn take_timers(&mut self, taking: Taking<'_>) -> Result<Vec<Timer>, Error> {
        let sql =
            "SELECT id, due, attempt + 1, payload FROM timer WHERE ready <= ?1 ORDER BY ready, id LIMIT ?2";
        let timers = self.all(sql, (taking.now.as_micros(), limit(taking.limit)), timer_row)?;
        let hold = "UPDATE timer SET ready = ?2, holder = ?3, attempt = attempt + 1 WHERE id = ?1";
        for timer in &timers {
            self.run(hold, (&timer.id, taking.until.as_micros(), taking.holder))?;
        }
        Ok(timers)
    }

    fn take_messages(&mut self, queue: &str, taking: Taking<'_>) -> Result<Vec<OutboxItem>, Error> {
        let sql = "SELECT id, due, attempt + 1, payload, queue FROM outbox WHERE queue = ?1 AND ready <= ?2
            ORDER BY ready, id LIMIT ?3";
        let messages = self.all(sql, (queue, taking.now.as_micros(), limit(taking.limit)), message_row)?;
        let hold = "UPDATE outbox SET ready = ?2, holder = ?3, attempt = attempt + 1 WHERE id = ?1";
        for message in &messages {
            self.run(hold, (&message.id, taking.until.as_micros(), taking.holder))?;
        }
        Ok(messages)
    }

    fn sweep(&mut self, now: Timestamp, most: usize) -> Result<usize, Error> {
        let sql = "DELETE FROM claim WHERE key IN (SELECT key FROM claim WHERE expires <= ?1 LIMIT ?2)";
        self.run(sql, (now.as_micros(), limit(most)))
    }
}

/// The most rows, as SQLite counts them.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
