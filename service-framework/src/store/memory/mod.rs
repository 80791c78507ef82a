//! A store in memory: the rules over maps, for tests and for what need not outlive its process.

mod rows;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::rows::Maps;
use super::backend::{Backend, Done, Job, Work};
use super::error::Error;
use super::location::Location;
use super::rows::{Event, Filter, LeaseState, StreamInfo};
use super::rules;
use super::staged::{Known, Staged};
use super::time::{Clock, Timestamp};
use super::upkeep::{Damage, Info};
use super::watch::{Elsewhere, Hub, Topic};

/// All of a store.
pub(crate) struct Memory {
    maps: Mutex<Maps>,
    clock: Arc<dyn Clock>,
    hub: Arc<Hub>,
}

impl Memory {
    pub(crate) fn new(clock: Arc<dyn Clock>, hub: Arc<Hub>) -> Self {
        Self { maps: Mutex::default(), clock, hub }
    }

    fn lock(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, work: &Work) -> Result<Done, Error> {
        let mut maps = self.lock();
        // The maps themselves are what is known.
        let mut known = Known::default();
        let mut staged = Staged::new(&mut *maps, &mut known);
        let done = staged.job(work, self.clock.now())??;
        staged.flush()?;
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
        Ok(self.lock().events(stream, from, limit))
    }

    fn head(&self, stream: &str) -> Result<u64, Error> {
        Ok(self.lock().head(stream))
    }

    fn stream(&self, stream: &str) -> Result<Option<StreamInfo>, Error> {
        Ok(self.lock().stream_info(stream))
    }

    fn streams(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Result<Vec<StreamInfo>, Error> {
        Ok(self.lock().list(filter, after, limit))
    }

    fn claimed(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let now = self.clock.now();
        Ok(self.lock().claimed(key).filter(|claim| rules::stands(claim, now)).map(|claim| claim.value))
    }

    fn lease(&self, name: &str) -> Result<Option<LeaseState>, Error> {
        Ok(self.lock().held(name))
    }

    fn next_timer(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.lock().next_timer())
    }

    fn next_message(&self, queue: &str) -> Result<Option<Timestamp>, Error> {
        Ok(self.lock().next_message(queue))
    }

    fn elsewhere(&self) -> Option<(Box<dyn Elsewhere>, Duration)> {
        None
    }

    fn info(&self) -> Result<Info, Error> {
        Ok(self.lock().info(self.clock.now()))
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
