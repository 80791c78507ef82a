//! A store in an SQLite file: several processes of one host, one writer in each.

mod engine;
mod numbers;
mod open;
mod reading;
mod rows;
mod upkeep;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

pub(crate) use self::open::Opening;
use self::reading::Readers;
use super::backend::{Backend, Job};
use super::error::Error;
use super::rows::{Event, Filter, LeaseState, StreamInfo};
use super::rules;
use super::time::{Clock, Timestamp};
use super::upkeep::{Damage, Info};
use super::watch::{Elsewhere, Hub};
use super::writer::Writer;

/// How often a process asks whether another one wrote.
const POLL: Duration = Duration::from_millis(250);

/// The file.
pub(crate) struct File {
    // Before the readers, so that what is queued is written before the last connection closes the file.
    writer: Writer,
    readers: Readers,
    opening: Opening,
    clock: Arc<dyn Clock>,
    migrated_from: Option<u32>,
}

impl File {
    /// # Errors
    /// There is no store, or none that can be used.
    pub(crate) fn open(opening: Opening, clock: Arc<dyn Clock>, hub: Arc<Hub>) -> Result<Self, Error> {
        let (connection, schema) = opening.store()?;
        let migrated_from = u32::try_from(schema).ok().filter(|_| schema > 0 && schema < open::SCHEMA.len());
        let name = opening.path.display().to_string().into();
        let engine = engine::Sqlite::new(opening.clone(), connection, Arc::clone(&clock));
        let writer = Writer::start(name, engine, hub)?;
        Ok(Self { writer, readers: Readers::new(opening.clone()), opening, clock, migrated_from })
    }
}

impl Backend for File {
    fn submit(&self, job: Job) {
        self.writer.submit(job);
    }

    fn now(&self) -> Result<Timestamp, Error> {
        Ok(self.clock.now())
    }

    fn read(&self, stream: &str, from: u64, limit: usize) -> Result<Vec<Event>, Error> {
        self.readers.events(stream, from, limit)
    }

    fn head(&self, stream: &str) -> Result<u64, Error> {
        self.readers.head(stream)
    }

    fn stream(&self, stream: &str) -> Result<Option<StreamInfo>, Error> {
        self.readers.stream(stream)
    }

    fn streams(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Result<Vec<StreamInfo>, Error> {
        self.readers.streams(filter, after, limit)
    }

    fn claimed(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let now = self.clock.now();
        let claim = self.readers.claim(key)?;
        Ok(claim.filter(|claim| rules::stands(claim, now)).map(|claim| claim.value))
    }

    fn lease(&self, name: &str) -> Result<Option<LeaseState>, Error> {
        self.readers.lease(name)
    }

    fn next_timer(&self) -> Result<Option<Timestamp>, Error> {
        self.readers.next_timer()
    }

    fn next_message(&self, queue: &str) -> Result<Option<Timestamp>, Error> {
        self.readers.next_message(queue)
    }

    fn elsewhere(&self) -> Option<(Box<dyn Elsewhere>, Duration)> {
        let others = Others { connection: self.opening.further().ok(), seen: None };
        Some((Box::new(others.looked()), POLL))
    }

    fn info(&self) -> Result<Info, Error> {
        let info = upkeep::info(&self.readers, &self.opening, self.clock.now())?;
        Ok(Info { migrated_from: self.migrated_from, ..info })
    }

    fn verify(&self) -> Result<Vec<Damage>, Error> {
        upkeep::verify(&self.readers)
    }

    fn backup(&self, to: &Path) -> Result<(), Error> {
        upkeep::backup(&self.readers, to)
    }

    fn compact(&self) -> Result<u64, Error> {
        upkeep::compact(&self.readers)
    }
}

/// Notices the commits of all other connections, those of this process included.
struct Others {
    connection: Option<Connection>,
    seen: Option<i64>,
}

impl Others {
    fn looked(mut self) -> Self {
        self.has_changed();
        self
    }
}

impl Elsewhere for Others {
    fn has_changed(&mut self) -> bool {
        let version =
            |connection: &Connection| connection.pragma_query_value(None, "data_version", |row| row.get(0));
        let now = self.connection.as_ref().and_then(|connection| version(connection).ok());
        std::mem::replace(&mut self.seen, now) != now
    }
}
