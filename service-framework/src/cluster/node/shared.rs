//! What the threads of a node and those of its application share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::super::engine::Engine;
use super::super::events::{Payload, RequestError, Ticket};
use super::super::identity::{Address, NodeId};
use super::super::keys::Keys;
use super::super::map::Written;
use super::super::registry::Registry;
use super::super::time::{Moment, Now, micros};
use super::super::transport::{Bell, Connections, Undelivered};
use super::calls::Outcome;
use super::handlers::{Handlers, Todo};
use super::{Happening, Node};
use crate::connection::curve::PublicKey;

/// What may wait for one who follows what happens.
const FOLLOWING: usize = 10_000;

/// Both clocks of this host.
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        Now { at: Moment(micros(self.0.elapsed())), wall }
    }
}

/// The keys of the cluster, and what came of showing tokens.
#[derive(Default)]
pub(super) struct Ring {
    pub(super) keys: Option<Keys>,
    /// The transport does not have them yet.
    pub(super) is_new: bool,
    /// The public half of the node's own key.
    pub(super) own: Option<PublicKey>,
    pub(super) entered: u64,
    pub(super) not_entered: u64,
}

/// The machine, and who waits for what it says.
pub(super) struct Core {
    pub(super) engine: Engine,
    pub(super) registry: Registry,
    pub(super) outcomes: BTreeMap<Ticket, Sender<Outcome>>,
    pub(super) replies: BTreeMap<Ticket, Sender<Result<Payload, RequestError>>>,
    pub(super) writes: BTreeMap<Ticket, Sender<Written>>,
    /// How often outputs have been taken, and up to which of these they are on disk.
    pub(super) taken: u64,
    pub(super) kept: u64,
    /// The thread that moves the machine has ended.
    pub(super) is_over: bool,
}

pub(super) struct Shared {
    pub(super) id: NodeId,
    pub(super) listening: Vec<Address>,
    pub(super) has_disk: bool,
    pub(super) clock: Clock,
    core: Mutex<Core>,
    ring: Mutex<Ring>,
    /// What the transport has counted, as of the last turn.
    counted: Mutex<(Undelivered, Connections)>,
    /// Members have changed, something is on disk, or there is room again.
    pub(super) moved: Condvar,
    pub(super) bell: Bell,
    pub(super) handlers: Arc<Handlers>,
    following: Mutex<Vec<SyncSender<Happening>>>,
    /// Happenings that somebody did not take in time.
    pub(super) missed: AtomicU64,
    pub(super) is_stopped: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        id: NodeId,
        listening: Vec<Address>,
        has_disk: bool,
        clock: Clock,
        (engine, registry): (Engine, Registry),
        bell: Bell,
        handlers: Arc<Handlers>,
    ) -> Self {
        let core = Core {
            engine,
            registry,
            outcomes: BTreeMap::new(),
            replies: BTreeMap::new(),
            writes: BTreeMap::new(),
            taken: 0,
            kept: 0,
            is_over: false,
        };
        Self {
            id,
            listening,
            has_disk,
            clock,
            core: Mutex::new(core),
            ring: Mutex::default(),
            counted: Mutex::default(),
            moved: Condvar::new(),
            bell,
            handlers,
            following: Mutex::default(),
            missed: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
        }
    }

    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counted(&self) -> MutexGuard<'_, (Undelivered, Connections)> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits with the machine until something has moved.
    pub(super) fn wait<'a>(&self, core: MutexGuard<'a, Core>, timeout: Duration) -> MutexGuard<'a, Core> {
        self.moved.wait_timeout(core, timeout).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn follow(&self) -> Receiver<Happening> {
        let (sender, receiver) = sync_channel(FOLLOWING);
        self.following.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    pub(super) fn tell(&self, happening: &Happening) {
        let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        following.retain(|sender| match sender.try_send(happening.clone()) {
            Ok(()) => true,
            Err(std::sync::mpsc::TrySendError::Full(_)) => {
                self.missed.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => false,
        });
    }

    /// Ends the thread that moves the machine, whatever it does.
    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        (self.bell)();
    }
}

/// The threads of a node, which end with it.
pub(super) struct Running {
    pub(super) shared: Arc<Shared>,
    pub(super) driver: Mutex<Option<JoinHandle<()>>>,
    pub(super) todo: Sender<Todo>,
}

impl Running {
    /// Ends the node at once and waits until its thread has ended and its sockets are closed.
    pub(super) fn end(&self) {
        self.shared.stop();
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Not by the thread itself: a handler may have the last handle.
        let is_other = |driver: &JoinHandle<()>| driver.thread().id() != std::thread::current().id();
        if let Some(driver) = driver.filter(is_other) {
            // A thread that has panicked has ended too.
            let _ = driver.join();
        }
        // Handlers end after what is there has been done; nobody waits for them.
        let _ = self.todo.send(Todo::End);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

impl Node {
    /// A handle that does not keep the node running.
    pub(super) fn weak(shared: &Arc<Shared>) -> Self {
        Self { shared: shared.clone(), running: None }
    }

    pub(super) fn handler_failed(&self, name: &str, error: &str) {
        tracing::error!(name, error, "a handler of the node failed");
        self.shared.tell(&Happening::HandlerFailed { name: name.to_owned(), error: error.to_owned() });
    }
}
