//! Reads, on threads of their own: a connection cannot be waited for on a thread that runs futures.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use postgres::Row;

use super::link::{Link, is_lost, patiently, text};
use super::tables::{claim_row, lease_row, mark, signed, time, unsigned};
use super::target::Target;
use crate::store::error::Error;
use crate::store::rows::{Event, Filter, LeaseState, StreamInfo, sound};
use crate::store::time::Timestamp;

/// How many reads happen at the same time.
const THREADS: usize = 2;

type Read = Box<dyn FnOnce(&mut Option<Link>) + Send>;

/// The threads. They end when this goes.
pub(super) struct Readers {
    queue: Sender<Read>,
    target: Target,
}

impl Readers {
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(target: Target) -> Result<Self, Error> {
        let (queue, reads) = mpsc::channel();
        let reads = Arc::new(Mutex::new(reads));
        for _ in 0..THREADS {
            let reads = Arc::clone(&reads);
            let spawned = thread::Builder::new().name("store-reader".to_owned()).spawn(move || serve(&reads));
            spawned.map_err(|error| target.cannot(format!("no thread to read with: {error}")))?;
        }
        Ok(Self { queue, target })
    }

    /// Reads on one of the threads. A read that lost its connection happens again on a new one.
    pub(super) fn with<T: Send + 'static>(
        &self,
        read: impl Fn(&mut Link) -> Result<T, postgres::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = mpsc::channel();
        let target = self.target.clone();
        let serve: Read = Box::new(move |link| {
            // Whoever asked may have gone.
            let _ = reply.send(patiently(|| attempt(link, &target, &read)));
        });
        let ended = || self.unreadable("its readers have ended".to_owned());
        self.queue.send(serve).map_err(|_| ended())?;
        answer.recv().map_err(|_| ended())?.map_err(|error| self.unreadable(text(&error)))
    }

    fn unreadable(&self, reason: String) -> Error {
        Error::Unreadable { store: self.target.name.clone(), reason }
    }

    pub(super) fn events(&self, stream: &str, from: u64, limit: usize) -> Result<Vec<Event>, Error> {
        let sql = "SELECT version, packed, checksum, at, kind, payload FROM event
            WHERE stream = (SELECT id FROM stream WHERE name = $1) AND version >= $2 ORDER BY version LIMIT $3";
        let name = stream.to_owned();
        let (from, limit) = (signed(from), count(limit));
        let events = self.with(move |link| {
            let rows = link.query(sql, &[&name, &from, &limit])?;
            Ok(rows.iter().map(|row| sound(event(row), row.get(2))).collect::<Result<_, _>>())
        })?;
        let damaged = |what: String| Error::Damaged {
            store: self.target.name.clone(),
            what: format!("stream {stream:?}: {what}"),
        };
        events.map_err(damaged)
    }

    /// One row by one name.
    pub(super) fn one<T: Send + 'static>(
        &self,
        sql: &'static str,
        name: &str,
        read: fn(&Row) -> T,
    ) -> Result<Option<T>, Error> {
        let name = name.to_owned();
        self.with(move |link| Ok(link.one(sql, &[&name])?.as_ref().map(read)))
    }

    pub(super) fn head(&self, stream: &str) -> Result<u64, Error> {
        let head = self.one("SELECT head FROM stream WHERE name = $1", stream, |row| unsigned(row.get(0)))?;
        Ok(head.unwrap_or(0))
    }

    pub(super) fn stream(&self, stream: &str) -> Result<Option<StreamInfo>, Error> {
        let sql = "SELECT name, head, created, changed, category, status, owner FROM stream WHERE name = $1";
        self.one(sql, stream, info).map(Option::flatten)
    }

    pub(super) fn streams(
        &self,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StreamInfo>, Error> {
        let conditions = match (&filter.status, &filter.owner) {
            (Some(_), Some(_)) => "status = $3 AND owner = $4",
            (Some(_), None) => "status = $3 AND $4::text IS NULL",
            (None, Some(_)) => "$3::text IS NULL AND owner = $4",
            (None, None) => "$3::text IS NULL AND $4::text IS NULL",
        };
        let sql = format!(
            "SELECT name, head, created, changed, category, status, owner FROM stream
            WHERE category = $1 AND name > $2 AND {conditions} ORDER BY name LIMIT $5"
        );
        let (filter, after) = (filter.clone(), after.unwrap_or_default().to_owned());
        let limit = count(limit);
        self.with(move |link| {
            let Filter { category, status, owner } = &filter;
            let rows = link.query(&sql, &[category, &after, status, owner, &limit])?;
            Ok(rows.iter().filter_map(info).collect())
        })
    }

    pub(super) fn claimed(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let sql =
            "SELECT value, expires FROM claim WHERE key = $1 AND (expires IS NULL OR expires > store_now())";
        self.one(sql, key, |row| claim_row(row).value)
    }

    pub(super) fn lease(&self, name: &str) -> Result<Option<LeaseState>, Error> {
        self.one("SELECT epoch, owner, until FROM lease WHERE name = $1", name, lease_row)
    }

    pub(super) fn now(&self) -> Result<Timestamp, Error> {
        let now = self.with(|link| link.one("SELECT store_now()", &[]))?;
        Ok(now.map_or_else(Timestamp::default, |row| time(row.get(0))))
    }

    pub(super) fn next_timer(&self) -> Result<Option<Timestamp>, Error> {
        self.with(|link| {
            let first = link.one("SELECT ready FROM timer ORDER BY ready, id LIMIT 1", &[])?;
            Ok(first.map(|row| time(row.get(0))))
        })
    }

    pub(super) fn next_message(&self, queue: &str) -> Result<Option<Timestamp>, Error> {
        let sql = "SELECT ready FROM outbox WHERE queue = $1 ORDER BY ready, id LIMIT 1";
        self.one(sql, queue, |row| time(row.get(0)))
    }
}

/// One thread: it connects when it first reads, and keeps its connection.
fn serve(reads: &Mutex<Receiver<Read>>) {
    let mut link = None;
    loop {
        let read = reads.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match read {
            Ok(read) => read(&mut link),
            Err(_) => return,
        }
    }
}

fn attempt<T>(
    kept: &mut Option<Link>,
    target: &Target,
    read: &impl Fn(&mut Link) -> Result<T, postgres::Error>,
) -> Result<T, postgres::Error> {
    let mut link = match kept.take() {
        Some(link) => link,
        None => Link::connect(target)?,
    };
    let outcome = read(&mut link);
    *kept = Some(link).filter(|_| !outcome.as_ref().is_err_and(is_lost));
    outcome
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn info(row: &Row) -> Option<StreamInfo> {
    Some(StreamInfo {
        stream: row.get(0),
        version: unsigned(row.get(1)),
        created: time(row.get(2)),
        changed: time(row.get(3)),
        mark: mark(row, 4)?,
    })
}

/// An event from the columns `version, packed, checksum, at, kind, payload`.
pub(super) fn event(row: &Row) -> Event {
    Event {
        version: unsigned(row.get(0)),
        is_packed: row.get(1),
        at: time(row.get(3)),
        kind: row.get(4),
        payload: row.get(5),
    }
}
