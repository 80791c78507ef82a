//! A store in PostgreSQL: several hosts, one writer in each process.

mod draft;
mod engine;
mod link;
mod listening;
mod reading;
mod schema;
mod tables;
mod target;
mod upkeep;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::link::Link;
use self::reading::Readers;
pub(crate) use self::schema::May;
pub(crate) use self::target::Target;
use super::backend::{Backend, Job};
use super::error::Error;
use super::rows::{Event, Filter, LeaseState, StreamInfo};
use super::time::Timestamp;
use super::upkeep::{Damage, Info};
use super::watch::{Elsewhere, Hub};
use super::writer::Writer;

/// The schema of a database.
pub(crate) struct Postgres {
    writer: Writer,
    readers: Readers,
    target: Target,
    hub: Arc<Hub>,
    migrated_from: Option<u32>,
    /// Whether somebody listens; begins with the first who waits.
    listens: Mutex<bool>,
    is_over: Arc<AtomicBool>,
}

impl Postgres {
    /// # Errors
    /// The server cannot be reached, or there is no store that can be used.
    pub(crate) fn open(target: Target, may: May, hub: Arc<Hub>) -> Result<Self, Error> {
        let schema = schema::prepare(&target, may)?;
        let older = schema.filter(|schema| *schema < schema::SCHEMA.len());
        let link = Link::connect(&target).map_err(|error| target.cannot(link::text(&error)))?;
        let engine = engine::Server::new(target.clone(), link);
        let writer = Writer::start(target.name.as_str().into(), engine, Arc::clone(&hub))?;
        Ok(Self {
            writer,
            readers: Readers::start(target.clone())?,
            target,
            hub,
            migrated_from: older.and_then(|older| u32::try_from(older).ok()),
            listens: Mutex::new(false),
            is_over: Arc::default(),
        })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if *self.listens.lock().unwrap_or_else(PoisonError::into_inner) {
            let channel = self.target.channel();
            let tell = move |link: &mut Link| {
                link.execute("SELECT pg_notify($1, $2)", &[&channel, &listening::END]).map(drop)
            };
            // If the server is gone, the one who listens notices that by itself.
            let _ = self.readers.with(tell);
        }
    }
}

impl Backend for Postgres {
    fn submit(&self, job: Job) {
        self.writer.submit(job);
    }

    fn now(&self) -> Result<Timestamp, Error> {
        self.readers.now()
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
        self.readers.claimed(key)
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
        let mut listens = self.listens.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *listens, true) {
            listening::start(self.target.clone(), Arc::clone(&self.hub), Arc::clone(&self.is_over));
        }
        None
    }

    fn info(&self) -> Result<Info, Error> {
        let info = upkeep::info(&self.readers, &self.target)?;
        Ok(Info { migrated_from: self.migrated_from, ..info })
    }

    fn verify(&self) -> Result<Vec<Damage>, Error> {
        upkeep::verify(&self.readers)
    }

    fn backup(&self, _: &Path) -> Result<(), Error> {
        let store = self.target.name.clone();
        let instead = format!("`pg_dump --schema={}` copies it while it is used", self.target.schema);
        Err(Error::Unsupported { what: "a backup to a file", store, instead })
    }

    fn compact(&self) -> Result<u64, Error> {
        upkeep::compact(&self.readers)
    }
}
