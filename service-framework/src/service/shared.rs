//! What all handlers of a running service have in common.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::found::Found;
use super::link::Link;
use super::state_table::StateTable;
use super::stop::Stop;
use crate::connection::tap::{Hub, Tap};
use crate::connection::{Counters, Of, SendError};
use crate::model::{Arguments, Checker, Config, ConnectionType, Side, near_miss};

/// One service, running.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) outs: OutTable,
    pub(crate) states: StateTable,
    pub(crate) link: Arc<Link>,
    pub(crate) stop: Stop,
    /// What functions ask for by its type.
    pub(crate) found: Found,
    /// Who looks at its messages.
    pub(crate) tap: Arc<Hub>,
    pub(super) counters: Mutex<Vec<(String, Arc<Counters>)>>,
    pub(super) listening: Mutex<Vec<Listening>>,
    pub(super) activity: Activity,
}

/// How a service stands to what comes in.
#[derive(Default)]
pub(super) struct Activity {
    is_draining: AtomicBool,
    busy: AtomicUsize,
}

/// A socket that listens.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    pub(crate) of: Of,
    pub(crate) side: Side,
    /// The name of its connection or state.
    pub(crate) name: String,
    /// Its own name, such as `replyer`.
    pub(crate) socket: &'static str,
    /// Where, wildcards filled in.
    pub(crate) endpoint: String,
}

impl Shared {
    /// Fresh counts for a connection, told when the service ends.
    pub(crate) fn counters(&self, connection: &str) -> Arc<Counters> {
        let counters = Arc::new(Counters::with_tap(Tap::new(&self.tap, connection)));
        let mut all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((connection.into(), counters.clone()));
        counters
    }

    /// Takes nothing new from now on: requests are told that the service stops, messages stay in their sockets.
    pub(crate) fn drain(&self) {
        self.activity.is_draining.store(true, Ordering::Release);
        self.link.wake.ring();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.activity.is_draining.load(Ordering::Acquire)
    }

    /// How many handlers run or wait.
    pub(crate) fn busy(&self) -> usize {
        self.activity.busy.load(Ordering::Relaxed)
    }

    pub(super) fn set_busy(&self, handlers: usize) {
        self.activity.busy.store(handlers, Ordering::Relaxed);
    }

    /// Notes where a socket listens.
    pub(crate) fn listens(&self, socket: Listening) {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
    }

    /// Every socket that listens.
    pub(crate) fn listening(&self) -> Vec<Listening> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends what the service keeps, and logs the counts of every connection that lost or refused something.
    pub(crate) fn end(&self) {
        self.found.let_go();
        for (connection, counters) in &*self.counters.lock().unwrap_or_else(PoisonError::into_inner) {
            counters.tell(connection);
        }
    }
}

/// What is known of an out connection besides its sockets.
pub struct OutEntry {
    pub(crate) name: String,
    pub(crate) kind: ConnectionType,
    pub(crate) args: Checker,
    pub(crate) returns: Checker,
    /// What both of them are compiled from.
    pub(crate) models: (Arguments, Arguments),
    /// Whether a reply without return arguments is a good one.
    pub(crate) returns_nothing: bool,
    pub(crate) within: Duration,
    pub(crate) idempotent: bool,
}

impl OutEntry {
    /// Whether its model is still this one.
    pub(crate) fn is_of(&self, arguments: &Arguments, returns: &Arguments) -> bool {
        (&self.models.0, &self.models.1) == (arguments, returns)
    }
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

    /// The out connection of this number.
    pub(crate) fn at(&self, index: usize) -> Result<&OutEntry, SendError> {
        self.get(index).ok_or(SendError::Stopping)
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
