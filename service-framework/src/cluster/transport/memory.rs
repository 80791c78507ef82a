//! Frames that stay in one process, for tests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Address, Arrival, Bell, Caller, Lane, NodeId, Origin, To, Transport, Undelivered};

/// Bytes that may wait in one lane of one receiver.
const WAITING: usize = 64 << 20;

/// Frames that are taken in at once.
const BUDGET: usize = 256;

/// A network within one process. Clones are the same network; each node takes one address of it.
///
/// ```
/// use service_framework::cluster::{MemoryNetwork, Node};
///
/// let network = MemoryNetwork::default();
/// let one = Node::builder("shop").in_memory(&network, "one").start()?;
/// let two = Node::builder("shop").in_memory(&network, "two").join(["memory://one"]).start()?;
/// assert!(two.wait_for(2, std::time::Duration::from_secs(30)));
/// # Ok::<(), service_framework::cluster::NodeError>(())
/// ```
#[derive(Clone, Default)]
pub struct MemoryNetwork(Arc<Mutex<BTreeMap<Address, Arc<Inbox>>>>);

#[derive(Default)]
struct Inbox {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    lanes: [VecDeque<(Origin, Vec<u8>)>; 3],
    bytes: [usize; 3],
    is_rung: bool,
}

impl Waiting {
    /// The most urgent.
    fn next(&mut self) -> Option<(Origin, Vec<u8>)> {
        let (lane, bytes) = self.lanes.iter_mut().zip(&mut self.bytes).find(|(lane, _)| !lane.is_empty())?;
        let frame = lane.pop_front()?;
        *bytes -= frame.1.len();
        Some(frame)
    }

    fn is_empty(&self) -> bool {
        self.lanes.iter().all(VecDeque::is_empty)
    }
}

/// Whoever panicked with it left it whole: nothing here panics half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One place in a network.
pub(crate) struct MemoryTransport {
    network: MemoryNetwork,
    origin: Origin,
    address: Address,
    inbox: Arc<Inbox>,
    undelivered: Undelivered,
}

impl MemoryTransport {
    /// Takes the address `memory://NAME`, also if somebody had it: that one is heard no more.
    pub(crate) fn open(network: &MemoryNetwork, name: &str, node: Option<NodeId>) -> Self {
        let address = Address(format!("memory://{name}"));
        let inbox = Arc::<Inbox>::default();
        lock(&network.0).insert(address.clone(), inbox.clone());
        let origin = Origin { node, address: Some(address.clone()) };
        Self { network: network.clone(), origin, address, inbox, undelivered: Undelivered::default() }
    }
}

impl Transport for MemoryTransport {
    fn addresses(&self) -> Vec<Address> {
        vec![self.address.clone()]
    }

    fn bell(&self) -> Bell {
        let inbox = self.inbox.clone();
        Arc::new(move || {
            lock(&inbox.waiting).is_rung = true;
            inbox.arrived.notify_all();
        })
    }

    fn send(&mut self, to: &To, lane: Lane, bytes: Vec<u8>) {
        let inbox = {
            let network = lock(&self.network.0);
            to.addresses.iter().find_map(|address| network.get(address).cloned())
        };
        let Some(inbox) = inbox else {
            self.undelivered.unknown_address += 1;
            return;
        };
        let mut waiting = lock(&inbox.waiting);
        let at = lane as usize;
        if waiting.bytes[at] + bytes.len() > WAITING {
            self.undelivered.full += 1;
            return;
        }
        waiting.bytes[at] += bytes.len();
        waiting.lanes[at].push_back((self.origin.clone(), bytes));
        inbox.arrived.notify_all();
    }

    fn flush(&mut self) {}

    fn receive(&mut self, take: &mut dyn FnMut(Arrival<'_>)) -> bool {
        for _ in 0..BUDGET {
            let Some((origin, bytes)) = lock(&self.inbox.waiting).next() else { return false };
            take(Arrival::Frame(&origin, &bytes));
        }
        true
    }

    fn answer(&mut self, _: &Caller, _: &[u8]) {}

    fn wait(&mut self, timeout: Duration) {
        let waiting = lock(&self.inbox.waiting);
        let is_quiet = |waiting: &mut Waiting| waiting.is_empty() && !waiting.is_rung;
        let ended = self.inbox.arrived.wait_timeout_while(waiting, timeout, is_quiet);
        ended.unwrap_or_else(PoisonError::into_inner).0.is_rung = false;
    }

    fn undelivered(&self) -> Undelivered {
        self.undelivered
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        let mut network = lock(&self.network.0);
        if network.get(&self.address).is_some_and(|inbox| Arc::ptr_eq(inbox, &self.inbox)) {
            network.remove(&self.address);
        }
    }
}
