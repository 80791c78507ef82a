//! The host of flows: it claims those that can go on, has their turns run, writes them, and does what they ask for.
//!
//! A flow that goes on is *hot*: a task here drives it, turn by turn. What it asks for of a connector of this host comes back to the
//! task, and is written together with the turn that takes it. A flow that waits for anything else is only rows of the store.

mod commit;
mod errands;
mod hot;
mod keep;
mod load;
mod presence;
mod scan;
mod schedule;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};

use super::connect::Connector;
use super::engine::Checks;
use super::errors::FlowError;
use super::flows::{Flows, Start};
use super::history::{Event, Status};
use super::worker::Pool;
use crate::store::{Batch, Lease, Store};

pub use presence::{Presence, Serves};
pub use schedule::Schedule;
pub use settings::HostSettings;

/// What runs the flows of a store. Clones are the same.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

pub(super) struct Inner {
    flows: Flows,
    engine: Arc<dyn Checks>,
    /// None where this host only has connectors.
    pool: Option<Pool>,
    /// By the queues of the outbox.
    connectors: HashMap<String, Arc<dyn Connector>>,
    settings: HostSettings,
    lease: Mutex<Lease>,
    hot: Mutex<HashMap<String, Tell>>,
    /// Rung when there may be something to be done.
    bell: Arc<Notify>,
    is_stopping: AtomicBool,
    /// Who is told how flows come to stand here.
    observers: Mutex<Vec<Observer>>,
    runtime: Mutex<Option<Runtime>>,
    handle: tokio::runtime::Handle,
}

type Observer = Box<dyn Fn(&str, Status) + Send>;

/// What comes for a flow that is hot.
enum Incoming {
    /// Something that is not written yet, and what belongs to it.
    Event(Box<Event>, Batch),
    /// Something was written to its stream by others.
    Look,
}

/// The way to the task of a flow that is hot.
#[derive(Clone)]
struct Tell {
    to: mpsc::UnboundedSender<Incoming>,
    /// Version of the last event that the task knows.
    version: Arc<AtomicU64>,
}

impl Tell {
    fn send(&self, incoming: Incoming) {
        // A task that has ended looks at the stream when it begins again.
        let _ = self.to.send(incoming);
    }

    fn at(&self, version: u64) {
        self.version.store(version, Ordering::Relaxed);
    }

    fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }
}

impl Host {
    /// Runs the flows of this store from now on.
    ///
    /// # Errors
    /// The store cannot be used, or the system has no more threads.
    pub fn start(
        flows: &Flows,
        engine: Arc<dyn Checks>,
        pool: Option<Pool>,
        connectors: Vec<Arc<dyn Connector>>,
        settings: HostSettings,
    ) -> Result<Self, FlowError> {
        let lease = keep::own_lease(flows.store(), &settings)?;
        let runtime = keep::runtime()?;
        let by_queue = |connector: Arc<dyn Connector>| (format!("flow-{}", connector.queue()), connector);
        let host = Self(Arc::new(Inner {
            flows: flows.clone(),
            engine,
            pool,
            connectors: connectors.into_iter().map(by_queue).collect(),
            settings,
            lease: Mutex::new(lease),
            hot: Mutex::default(),
            bell: Arc::default(),
            is_stopping: AtomicBool::new(false),
            observers: Mutex::default(),
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
        }));
        keep::keep(&host.0)?;
        host.0.handle.spawn(scan::scan(Arc::downgrade(&host.0)));
        Ok(host)
    }

    /// The flows of its store.
    #[must_use]
    pub fn flows(&self) -> &Flows {
        &self.0.flows
    }

    /// Starts a flow, here if there is room. Its id, and whether it was started just now.
    ///
    /// # Errors
    /// The script cannot be run, or the id belongs to another flow.
    pub fn start_flow(&self, start: Start) -> Result<(String, bool), FlowError> {
        let inner = &self.0;
        if !inner.has_room() {
            return inner.flows.start(&*inner.engine, start);
        }
        let owner = inner.fence().0;
        let (id, is_new, _) = inner.flows.start_as(&*inner.engine, start, Status::Running, Some(&owner))?;
        if is_new {
            inner.open(&id, None);
        }
        Ok((id, is_new))
    }

    /// Has somebody told of every flow that this host goes on with how it stands after each turn.
    pub fn observe(&self, told: impl Fn(&str, Status) + Send + 'static) {
        self.0.observers().push(Box::new(told));
    }

    /// Tells it that something was written to the store from this process, so that it does not have to find out by itself.
    pub fn ring(&self, flow: &str) {
        match self.0.hot().get(flow) {
            Some(hot) => hot.send(Incoming::Look),
            None => self.0.bell.notify_one(),
        }
    }

    /// Takes up nothing more, and lets what runs come to the end of its turn. False if it has not by then; what is left is taken up
    /// by others when the lease has run out.
    pub fn stop(&self, grace: Duration) -> bool {
        let inner = &self.0;
        inner.is_stopping.store(true, Ordering::SeqCst);
        inner.bell.notify_one();
        let hot: Vec<_> = inner.hot().values().cloned().collect();
        hot.iter().for_each(|hot| hot.send(Incoming::Look));
        let until = Instant::now() + grace;
        let has_ended = loop {
            if inner.hot().is_empty() {
                break true;
            }
            if Instant::now() >= until {
                break false;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        if let Some(runtime) = inner.runtime.lock().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_timeout(Duration::from_millis(200));
        }
        if has_ended {
            keep::release(inner);
        }
        has_ended
    }
}

impl Inner {
    fn store(&self) -> &Store {
        self.flows.store()
    }

    fn hot(&self) -> MutexGuard<'_, HashMap<String, Tell>> {
        self.hot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn observers(&self) -> MutexGuard<'_, Vec<Observer>> {
        self.observers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Name and epoch of the lease under which this host writes.
    fn fence(&self) -> (String, u64) {
        let lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        (lease.name.clone(), lease.epoch)
    }

    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Whether one more flow may be hot here.
    fn has_room(&self) -> bool {
        self.pool.is_some() && !self.is_stopping() && self.hot().len() < self.settings.most_hot
    }

    /// Brings something to a flow: to its task here, to a new one, or to its stream.
    fn deliver(self: &Arc<Self>, flow: &str, event: Event, with: Batch) {
        let mut incoming = Incoming::Event(Box::new(event), with);
        if let Some(hot) = self.hot().get(flow) {
            match hot.to.send(incoming) {
                Ok(()) => return,
                Err(back) => incoming = back.0,
            }
        }
        if self.has_room() {
            self.open(flow, Some(incoming));
        } else if let Incoming::Event(event, with) = incoming {
            self.write_down(flow, &event, with);
        }
    }

    /// Writes to a flow's stream what came for it.
    fn write_down(&self, flow: &str, event: &Event, with: Batch) {
        if let Err(error) = self.flows.tell(flow, event, with) {
            tracing::warn!(flow, event = event.kind(), %error, "what came for a flow cannot be written; it comes again");
        }
    }

    /// Makes a flow hot, if it is not.
    fn open(self: &Arc<Self>, flow: &str, first: Option<Incoming>) {
        let (to, told) = mpsc::unbounded_channel();
        let tell = Tell { to, version: Arc::default() };
        {
            let mut hot = self.hot();
            if let Some(there) = hot.get(flow) {
                // Whoever was faster has it.
                return there.send(first.unwrap_or(Incoming::Look));
            }
            if let Some(first) = first {
                tell.send(first);
            }
            hot.insert(flow.to_owned(), tell.clone());
        }
        self.handle.spawn(hot::drive(self.clone(), flow.to_owned(), tell, told));
    }
}
