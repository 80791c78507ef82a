//! A store in memory: the rules over persistent maps, for tests and for what need not outlive its process.

mod rows;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::rows::Maps;
use super::backend::{Backend, Done, Job, Work};
use super::error::Error;
use super::location::Location;
use super::rows::{Event, Filter, LeaseState, StreamInfo};
use super::rules::{self, Rows as _};
use super::time::{Clock, Timestamp};
use super::upkeep::{Damage, Info};
use super::watch::{Elsewhere, Hub, Topic};

/// All of a store. Whoever reads takes the maps as they stand.
pub(crate) struct Memory {
    maps: Mutex<Maps>,
    clock: Arc<dyn Clock>,
    hub: Arc<Hub>,
}

impl Memory {
    pub(crate) fn new(clock: Arc<dyn Clock>, hub: Arc<Hub>) -> Self {
        Self { maps: Mutex::default(), clock, hub }
    }

    /// The maps are always whole: they are replaced, not changed.
    fn lock(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> Maps {
        self.lock().clone()
    }

    fn work(&self, work: &Work) -> Result<Done, Error> {
        let mut maps = self.lock();
        let mut changed = maps.clone();
        let done = rules::work(&mut changed, work, self.clock.now())?;
        *maps = changed;
        Ok(done)
    }
}

impl Backend for Memory {
    fn submit(&self, job: Job) {
        let answer = self.work(&job.work);
        if answer.is_ok() {
            self.hub.changed(Topic::changed_by(&job.work));
        }
        job.reply.send(answer);
    }

    fn now(&self) -> Result<Timestamp, Error> {
        Ok(self.clock.now())
    }

    fn read(&self, stream: &str, from: u64, limit: usize) -> Result<Vec<Event>, Error> {
        Ok(self.view().events(stream, from, limit))
    }

    fn head(&self, stream: &str) -> Result<u64, Error> {
        Ok(self.view().stream(stream)?.map_or(0, |row| row.head))
    }

    fn stream(&self, stream: &str) -> Result<Option<StreamInfo>, Error> {
        Ok(self.view().stream_info(stream))
    }

    fn streams(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Result<Vec<StreamInfo>, Error> {
        Ok(self.view().list(filter, after, limit))
    }

    fn claimed(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let now = self.clock.now();
        Ok(self.view().claim(key)?.filter(|claim| rules::stands(claim, now)).map(|claim| claim.value))
    }

    fn lease(&self, name: &str) -> Result<Option<LeaseState>, Error> {
        self.view().lease(name)
    }

    fn next_timer(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.view().next_timer())
    }

    fn next_message(&self, queue: &str) -> Result<Option<Timestamp>, Error> {
        Ok(self.view().next_message(queue))
    }

    fn elsewhere(&self) -> Option<(Box<dyn Elsewhere>, Duration)> {
        None
    }

    fn info(&self) -> Result<Info, Error> {
        Ok(self.view().info(self.clock.now()))
    }

    fn verify(&self) -> Result<Vec<Damage>, Error> {
        Ok(Vec::new())
    }

    fn backup(&self, _: &Path) -> Result<(), Error> {
        let store = Location::Memory.to_string();
        Err(Error::Unsupported { what: "a backup", store, instead: "keep it in a file".to_owned() })
    }

    fn compact(&self) -> Result<u64, Error> {
        Ok(0)
    }
}
