//! The host of flows: it claims those that can go on, has their turns run, writes them, and does what they ask for.
//!
//! A flow that goes on is *hot*: a task here drives it, turn by turn. What it asks for of a connector of this host comes back to the
//! task, and is written together with the turn that takes it. A flow that waits for anything else is only rows of the store.

mod commit;
mod errands;
mod hot;
mod keep;
mod limited;
mod load;
mod open;
mod presence;
mod scan;
mod schedule;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use super::connect::Connector;
use super::engine::Checks;
use super::errors::FlowError;
use super::flows::Flows;
use super::history::{Event, Status};
use super::start::{Start, name_of};
use super::stream::encoded;
use super::worker::Pool;
use crate::store::{Batch, NewEvent, OwnLease, Store};

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
    /// Its flows are those that are marked with this.
    lease: OwnLease,
    hot: Mutex<HashMap<String, Tell>>,
    /// Who does which errand here now, by their ids in the outbox.
    underway: Mutex<HashMap<String, Arc<()>>>,
    limited: limited::Limited,
    /// Rung when there may be something to be done.
    bell: Arc<Notify>,
    is_stopping: AtomicBool,
    /// True when all tasks have to end.
    over: watch::Sender<bool>,
    /// Each task has one.
    tasks: Arc<()>,
    /// Who is told how flows come to stand here.
    observers: Mutex<Vec<Observer>>,
    runtime: Mutex<Option<Runtime>>,
    handle: tokio::runtime::Handle,
}

type Observer = Box<dyn Fn(&str, Status) + Send>;

/// What comes for a flow that is hot.
enum Incoming {
    /// Something that is not written yet.
    News(News),
    /// Something was written to its stream by others.
    Look,
}

/// What has come for a flow.
struct News {
    event: NewEvent,
    /// What belongs to it.
    with: Batch,
    /// The call whose errand it is of, if it is.
    errand: Option<u32>,
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
        let lease = OwnLease::take(flows.store(), "flows", &settings.name, settings.lease)?;
        let runtime = keep::runtime()?;
        let by_queue = |connector: Arc<dyn Connector>| (format!("flow-{}", connector.queue()), connector);
        let host = Self(Arc::new(Inner {
            flows: flows.clone(),
            engine,
            pool,
            connectors: connectors.into_iter().map(by_queue).collect(),
            settings,
            lease,
            hot: Mutex::default(),
            underway: Mutex::default(),
            limited: limited::Limited::default(),
            bell: Arc::default(),
            is_stopping: AtomicBool::new(false),
            over: watch::channel(false).0,
            tasks: Arc::default(),
            observers: Mutex::default(),
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
        }));
        keep::keep(&host.0)?;
        host.0.spawn(scan::scan(Arc::downgrade(&host.0)));
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
        if !inner.has_room() || inner.limit_of_name(&name_of(&start))?.is_some() {
            let started = inner.flows.start(&*inner.engine, start)?;
            inner.bell.notify_one();
            return Ok(started);
        }
        let owner = inner.lease.fence().0;
        let (id, is_new, _) = inner.flows.start_as(&*inner.engine, start, Status::Running, Some(&owner))?;
        if is_new {
            inner.open(&id, None);
        }
        Ok((id, is_new))
    }

    /// As [`Host::start_flow`]; `main` is called if no function is said and the script has one.
    ///
    /// # Errors
    /// The script cannot be run so, or the id belongs to another flow.
    pub fn start_flow_or_main(&self, start: Start) -> Result<(String, bool), FlowError> {
        self.start_flow(start.or_main(&*self.0.engine))
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
        let has_ended = keep::wait(grace, || inner.hot().is_empty());
        inner.end_tasks();
        if has_ended {
            inner.lease.release();
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

    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Has something go on until it has to end with the host.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let (over, counted) = (self.over(), self.tasks.clone());
        self.handle.spawn(async move {
            tokio::select! {
                // It may have something to say to its end.
                biased;
                () = task => {}
                () = over => {}
            }
            drop(counted);
        })
    }

    /// When all tasks have to end.
    fn over(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut over = self.over.subscribe();
        async move {
            // It is gone only with the host.
            let _ = over.wait_for(|over| *over).await;
        }
    }

    /// Ends what is still at something, and the threads for it.
    fn end_tasks(&self) {
        self.over.send_replace(true);
        self.store().wake_watches();
        let Some(runtime) = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        if keep::wait(Duration::from_secs(1), || Arc::strong_count(&self.tasks) == 1) {
            runtime.shutdown_background();
        } else {
            // Something hangs, in the store most likely. When it comes back it ends by itself, but its timers must be there still.
            std::mem::forget(runtime);
        }
    }

    /// Whether one more flow may be hot here.
    fn has_room(&self) -> bool {
        self.pool.is_some() && !self.is_stopping() && self.hot().len() < self.settings.most_hot
    }

    /// Brings something to a flow: to its task here, to a new one, or to its stream.
    fn deliver(self: &Arc<Self>, flow: &str, event: Event, with: Batch) {
        let errand = match &event {
            Event::Result { call, .. } | Event::Tried { call, .. } => Some(*call),
            _ => None,
        };
        let event = match encoded(&event) {
            Ok(event) => event,
            Err(error) => return tracing::error!(flow, %error, "what came for a flow cannot be written"),
        };
        let mut incoming = Incoming::News(News { event, with, errand });
        if let Some(hot) = self.hot().get(flow) {
            match hot.to.send(incoming) {
                Ok(()) => return,
                Err(back) => incoming = back.0,
            }
        }
        // One that has to take a place first is made ready, and taken up when it has one.
        let may_open = self.has_room() && matches!(self.limit_of(flow), Ok(None));
        if may_open {
            self.open(flow, Some(incoming));
        } else if let Incoming::News(news) = incoming {
            self.write_down(flow, &[news.event], news.with);
            self.bell.notify_one();
        }
    }

    /// Writes to a flow's stream what came for it; what belongs to it goes with the first.
    fn tell_all(&self, flow: &str, events: &[NewEvent], mut with: Batch) -> Result<(), FlowError> {
        for event in events {
            self.flows.tell_encoded(flow, event, std::mem::take(&mut with))?;
        }
        Ok(())
    }

    /// As [`Inner::tell_all`], where nobody is left to be told that it failed.
    fn write_down(&self, flow: &str, events: &[NewEvent], with: Batch) {
        if let Err(error) = self.tell_all(flow, events, with) {
            tracing::warn!(flow, %error, "what came for a flow cannot be written; it comes again");
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
        self.spawn(hot::drive(self.clone(), flow.to_owned(), tell, told));
    }
}
