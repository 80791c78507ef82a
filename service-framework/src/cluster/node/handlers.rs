//! What an application does when something happens, and the threads on which it does.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::super::engine::{Call, Change};
use super::super::events::Payload;
use super::super::identity::NodeId;
use super::{MapChange, Node};

/// What a handler may fail with.
pub type HandlerError = Box<dyn std::error::Error + Send + Sync>;

/// Bytes of events that may wait for handlers.
const WAITING: usize = 256 << 20;

/// An event that has arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Who sent it.
    pub from: NodeId,
    /// Its name.
    pub name: String,
    /// What it carries.
    pub payload: Payload,
}

impl Event {
    /// Bytes that it takes while it waits.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.payload.size()
    }
}

/// A request that has arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Who asks.
    pub from: NodeId,
    /// The name of the handler.
    pub name: String,
    /// What it carries.
    pub payload: Payload,
    /// How long somebody waits for the reply.
    pub patience: Duration,
}

/// What a member has done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberChange {
    /// What it has done.
    pub change: Change,
    /// Which member.
    pub node: NodeId,
    /// Its name.
    pub name: String,
}

/// A part of a node with a name of its own: what it answers, what it shares and what it says of itself. A node may have several.
///
/// Its name is that of the [`SharedMap`](super::SharedMap) whose changes it is told, and of the requests that it answers. Nothing of
/// it runs on the thread that keeps the node in its cluster, so it may take its time.
pub trait NodeType: Send + Sync + 'static {
    /// Its name, the same on all nodes.
    fn name(&self) -> &str;

    /// What other nodes see of it, in a few words each.
    fn info(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// The node has started.
    ///
    /// # Errors
    /// Whatever it says is logged and told as [`Happening::HandlerFailed`](super::Happening::HandlerFailed), here as below.
    fn on_start(&self, _node: &Node) -> Result<(), HandlerError> {
        Ok(())
    }

    /// An event has arrived, of whatever name.
    ///
    /// # Errors
    /// See [`on_start`](Self::on_start).
    fn on_event(&self, _node: &Node, _event: &Event) -> Result<(), HandlerError> {
        Ok(())
    }

    /// The map of its name has changed, here or elsewhere.
    ///
    /// # Errors
    /// See [`on_start`](Self::on_start).
    fn on_replicate(&self, _node: &Node, _change: &MapChange) -> Result<(), HandlerError> {
        Ok(())
    }

    /// Somebody asks for what this part has.
    ///
    /// # Errors
    /// What it says is sent to who asked.
    fn on_fetch(&self, _node: &Node, _asked: &Asked) -> Result<Payload, HandlerError> {
        Err("it answers nothing".into())
    }

    /// A member has come or gone.
    ///
    /// # Errors
    /// See [`on_start`](Self::on_start).
    fn on_member(&self, _node: &Node, _change: &MemberChange) -> Result<(), HandlerError> {
        Ok(())
    }
}

type OnEvent = Arc<dyn Fn(&Node, &Event) -> Result<(), HandlerError> + Send + Sync>;
type OnRequest = Arc<dyn Fn(&Node, &Asked) -> Result<Payload, HandlerError> + Send + Sync>;

/// All that an application has said it wants to do.
#[derive(Default)]
pub(super) struct Handlers {
    events: RwLock<BTreeMap<String, Vec<OnEvent>>>,
    requests: RwLock<BTreeMap<String, OnRequest>>,
    pub(super) types: Vec<Arc<dyn NodeType>>,
    /// Bytes of what waits.
    waiting: AtomicUsize,
    /// Requests that may wait, and those that do.
    most_jobs: usize,
    jobs: AtomicUsize,
    pub(super) jobs_refused: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) failed: AtomicU64,
}

/// What there is to do.
#[derive(Debug)]
pub(super) enum Todo {
    Start,
    Event(Event),
    Member(MemberChange),
    Changed(MapChange),
    /// The threads end.
    End,
}

/// A request and where its reply goes.
pub(super) struct Job {
    pub(super) asked: Asked,
    pub(super) call: Call,
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

impl Handlers {
    pub(super) fn on(&self, name: &str, handler: OnEvent) {
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        events.entry(name.to_owned()).or_default().push(handler);
    }

    pub(super) fn on_request(&self, name: &str, handler: OnRequest) {
        let mut requests = self.requests.write().unwrap_or_else(PoisonError::into_inner);
        requests.insert(name.to_owned(), handler);
    }

    /// The names of all requests that are answered.
    pub(super) fn served(&self) -> BTreeSet<String> {
        let types = self.types.iter().map(|part| part.name().to_owned());
        read(&self.requests).keys().cloned().chain(types).collect()
    }

    /// Whether somebody wants to know of changes of this map.
    pub(super) fn follows(&self, map: &str) -> bool {
        self.types.iter().any(|part| part.name() == map)
    }

    /// Whether so much waits that nothing is to come that must not be lost. What is read at once has room in the other half.
    pub(super) fn is_congested(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > WAITING / 2
    }

    /// Counts bytes that wait in any case.
    pub(super) fn counts(&self, bytes: usize) {
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether there is room for so many bytes more; they count from then on.
    pub(super) fn takes(&self, bytes: usize) -> bool {
        let has_room = self.waiting.load(Ordering::Relaxed) + bytes <= WAITING;
        if has_room {
            self.waiting.fetch_add(bytes, Ordering::Relaxed);
        } else if self.dropped.fetch_add(1, Ordering::Relaxed).is_power_of_two() {
            tracing::error!("handlers are too slow for the events that come: some are dropped");
        }
        has_room
    }

    pub(super) fn limit(&mut self, requests: usize) {
        self.most_jobs = requests;
    }

    /// Whether there is room for one more request; it counts from then on.
    pub(super) fn takes_job(&self, asked: &Asked) -> Result<(), String> {
        let waiting = self.jobs.load(Ordering::Relaxed);
        let bytes = asked.payload.size();
        if waiting >= self.most_jobs || self.waiting.load(Ordering::Relaxed) + bytes > WAITING {
            self.jobs_refused.fetch_add(1, Ordering::Relaxed);
            return Err(format!("too busy: {waiting} requests wait here; it was not executed"));
        }
        self.jobs.fetch_add(1, Ordering::Relaxed);
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn done(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn on_event(&self, node: &Node, event: &Event) {
        let handlers = read(&self.events).get(&event.name).cloned().unwrap_or_default();
        for handler in handlers {
            self.run(node, &event.name, || handler(node, event));
        }
        for part in &self.types {
            self.run(node, part.name(), || part.on_event(node, event));
        }
        self.done(event.size());
    }

    fn run(&self, node: &Node, name: &str, handler: impl FnOnce() -> Result<(), HandlerError>) {
        if let Err(error) = caught(handler) {
            self.failed.fetch_add(1, Ordering::Relaxed);
            node.handler_failed(name, &error);
        }
    }

    fn answer(&self, node: &Node, asked: &Asked) -> Result<Payload, String> {
        let handler = read(&self.requests).get(&asked.name).cloned();
        let part = self.types.iter().find(|part| part.name() == asked.name);
        let result = match (handler, part) {
            (Some(handler), _) => caught(|| handler(node, asked)),
            (None, Some(part)) => caught(|| part.on_fetch(node, asked)),
            (None, None) => Err(format!("nobody answers `{}`", asked.name)),
        };
        result.inspect_err(|error| {
            self.failed.fetch_add(1, Ordering::Relaxed);
            node.handler_failed(&asked.name, error);
        })
    }

    /// Does what there is to do, in its order, until the end.
    pub(super) fn work_off(&self, node: &Node, todo: &Receiver<Todo>) {
        for todo in todo {
            match todo {
                Todo::Start => {
                    self.types.iter().for_each(|part| self.run(node, part.name(), || part.on_start(node)))
                }
                Todo::Event(event) => self.on_event(node, &event),
                Todo::Member(change) => {
                    self.types
                        .iter()
                        .for_each(|part| self.run(node, part.name(), || part.on_member(node, &change)));
                }
                Todo::Changed(change) => {
                    let parts = self.types.iter().filter(|part| part.name() == change.map);
                    parts.for_each(|part| self.run(node, part.name(), || part.on_replicate(node, &change)));
                    self.done(change.size());
                }
                Todo::End => return,
            }
        }
    }

    /// Answers requests until there are no more.
    pub(super) fn answer_all(&self, node: &Node, jobs: &Mutex<Receiver<Job>>) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Job { asked, call }) = job else { return };
            self.jobs.fetch_sub(1, Ordering::Relaxed);
            let result = self.answer(node, &asked);
            self.done(asked.payload.size());
            node.reply(asked.from, call, result);
        }
    }
}

/// What a handler says, or with what it panicked.
fn caught<T>(handler: impl FnOnce() -> Result<T, HandlerError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(handler)) {
        Ok(result) => result.map_err(|error| chain(&*error)),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(format!("it panicked: {}", text.unwrap_or_default()))
        }
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Both ends of the queues to the threads of handlers.
pub(super) struct Queues {
    pub(super) todo: Sender<Todo>,
    pub(super) jobs: Sender<Job>,
}

/// Starts the threads: one for everything that has an order, and `workers` for requests.
pub(super) fn start(
    handlers: &Arc<Handlers>,
    node: &Node,
    workers: usize,
) -> std::io::Result<(Queues, Vec<std::thread::JoinHandle<()>>)> {
    let ((todo, to_do), (jobs, waiting)) = (channel(), channel());
    let mut threads = Vec::new();
    let (own, of) = (handlers.clone(), node.clone());
    let builder = std::thread::Builder::new().name("node events".into());
    threads.push(builder.spawn(move || own.work_off(&of, &to_do))?);
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..workers.max(1) {
        let (own, of, waiting) = (handlers.clone(), node.clone(), waiting.clone());
        let builder = std::thread::Builder::new().name("node requests".into());
        threads.push(builder.spawn(move || own.answer_all(&of, &waiting))?);
    }
    Ok((Queues { todo, jobs }, threads))
}
