//! Looking at a flow: what happened since, and where its script stands or stood.

use super::engine::Limits;
use super::errors::FlowError;
use super::flows::Flows;
use super::history::Event;
use super::journal;
use super::script::Stood;
use super::worker::{Base, Job, Pool, Report};
use crate::store::{Event as StoreEvent, Timestamp};

impl Flows {
    /// The events of a flow behind this version, with the times at which they were written and their versions.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn since(&self, id: &str, version: u64) -> Result<Vec<(Timestamp, u64, Event)>, FlowError> {
        let read = |event: StoreEvent| {
            let read = Event::from_bytes(&event.kind, &event.payload);
            let version = event.version;
            let read = read.map_err(|source| FlowError::Event { flow: id.to_owned(), version, source })?;
            Ok((event.at, version, read))
        };
        journal::read(self.store(), id, version + 1)?.into_iter().map(read).collect()
    }

    /// Where the script of a flow stood after so many moves, or stands now. It is run over its journal by one of these
    /// interpreters; nothing changes.
    ///
    /// # Errors
    /// There is no such flow, or it cannot be replayed.
    pub fn stood(&self, pool: &Pool, id: &str, moves: Option<u64>) -> Result<Stood, FlowError> {
        let started = self.started(id)?;
        let script = self.script(id)?;
        let job = Job {
            flow: id.to_owned(),
            name: started.name,
            script: Some(script),
            base: Base::Start,
            events: self.events(id, 1)?,
            public_url: String::new(),
            limits: Limits::default(),
            saves: false,
            looks_at: Some(moves.unwrap_or(u64::MAX)),
        };
        let incomplete = |reason: String| FlowError::Incomplete { flow: id.to_owned(), reason };
        match pool.run_blocking(job) {
            Ok(Report::Stood(stood)) => Ok(*stood),
            Ok(Report::Stuck(reason) | Report::Unusable(reason)) => Err(incomplete(reason)),
            Ok(_) => Err(incomplete("its interpreter gave another answer".to_owned())),
            Err(died) => Err(incomplete(died.to_string())),
        }
    }
}
