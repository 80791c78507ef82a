//! What all handlers of a running service have in common.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::link::Link;
use super::state_table::StateTable;
use super::stop::Stop;
use crate::connection::{Counters, SendError};
use crate::model::{Checker, Config, ConnectionType, near_miss};

/// One service, running.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) outs: OutTable,
    pub(crate) states: StateTable,
    pub(crate) link: Arc<Link>,
    pub(crate) stop: Stop,
    pub(super) counters: Mutex<Vec<(String, Arc<Counters>)>>,
}

impl Shared {
    /// Fresh counts for a connection, told when the service ends.
    pub(crate) fn counters(&self, connection: &str) -> Arc<Counters> {
        let counters = Arc::<Counters>::default();
        let mut all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((connection.into(), counters.clone()));
        counters
    }

    /// Logs the counts of every connection that lost or refused something.
    pub(crate) fn tell_losses(&self) {
        for (connection, counters) in &*self.counters.lock().unwrap_or_else(PoisonError::into_inner) {
            counters.tell(connection);
        }
    }
}

/// What is known of an out connection besides its sockets.
pub(crate) struct OutEntry {
    pub(crate) name: String,
    pub(crate) kind: ConnectionType,
    pub(crate) args: Checker,
    pub(crate) returns: Checker,
    /// Whether a reply without return arguments is a good one.
    pub(crate) returns_nothing: bool,
    pub(crate) within: Duration,
    pub(crate) idempotent: bool,
}

/// The out connections by name.
#[derive(Default)]
pub(crate) struct OutTable {
    entries: Vec<OutEntry>,
    by_name: HashMap<String, usize>,
}

impl OutTable {
    pub(crate) fn new(entries: Vec<OutEntry>) -> Self {
        let by_name = entries.iter().enumerate().map(|(index, entry)| (entry.name.clone(), index)).collect();
        Self { entries, by_name }
    }

    pub(crate) fn get(&self, index: usize) -> Option<&OutEntry> {
        self.entries.get(index)
    }

    /// The number of an out connection, and what is known of it.
    pub(crate) fn find(&self, name: &str) -> Result<(usize, &OutEntry), SendError> {
        let index = self.by_name.get(name).copied();
        index.and_then(|index| Some((index, self.entries.get(index)?))).ok_or_else(|| {
            let names = self.entries.iter().map(|entry| entry.name.as_str());
            SendError::UnknownConnection { name: name.into(), near: near_miss(name, names).map(Into::into) }
        })
    }
}
