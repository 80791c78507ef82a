//! Setting a node up.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::super::engine::{Boot, Engine};
use super::super::events::Payload;
use super::super::identity::{Address, Identity, NodeId};
use super::super::keys::{Keys, node_of};
use super::super::map::Merge;
use super::super::record::Instance;
use super::super::registry::{HOST, Registry, Remembered};
use super::super::settings::{Founding, Settings};
use super::super::transport::{MemoryNetwork, MemoryTransport, Transport, ZeroMq};
use super::disk::{Disk, Kept, Own};
use super::driver::Driver;
use super::handlers::{Asked, Event, HandlerError, Handlers, NodeType, Todo, start};
use super::shared::{Clock, Ring, Running, Shared};
use super::{DEFAULT_PORT, Node, NodeError, host};
use crate::connection::Endpoint;
use crate::connection::curve::{self, KeyPair};
use crate::store::{Location, Store};

/// Threads that answer requests.
const WORKERS: usize = 4;

/// How a node is to be. See [`Node::builder`].
pub struct NodeBuilder {
    settings: Settings,
    listen: Vec<String>,
    keys: Option<Keys>,
    may_be_insecure: bool,
    place: Place,
    way: Way,
    handlers: Handlers,
    services: Vec<Instance>,
    workers: usize,
}

/// Where it keeps what it must.
enum Place {
    Nowhere,
    Folder(PathBuf),
    Store(Store),
}

/// How its frames travel.
enum Way {
    Sockets,
    Memory(MemoryNetwork, String),
    Own(Box<dyn Transport>),
}

impl NodeBuilder {
    pub(super) fn new(cluster: &str) -> Self {
        Self {
            settings: Settings { cluster: cluster.to_owned(), ..Settings::default() },
            listen: Vec::new(),
            keys: None,
            may_be_insecure: false,
            place: Place::Nowhere,
            way: Way::Sockets,
            handlers: Handlers::default(),
            services: Vec::new(),
            workers: WORKERS,
        }
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.settings.name = name.to_owned();
        self
    }

    /// Listens there too: `tcp://HOST:PORT`, with `*` for every interface or port 0 for any free one, or `ipc://PATH`. Without
    /// any it listens at `tcp://127.0.0.1:60858`.
    #[must_use]
    pub fn listen(mut self, address: &str) -> Self {
        self.listen.push(with_transport(address));
        self
    }

    /// Joins at these addresses: those of any members. All are tried at once, for ever.
    #[must_use]
    pub fn join<A: AsRef<str>>(mut self, addresses: impl IntoIterator<Item = A>) -> Self {
        let addresses = addresses.into_iter().map(|address| Address(with_transport(address.as_ref())));
        self.settings.join.extend(addresses);
        self
    }

    /// What it does if nobody answers there.
    #[must_use]
    pub fn founding(mut self, founding: Founding) -> Self {
        self.settings.founding = founding;
        self
    }

    /// The keys of the cluster. Everything is encrypted then, and nobody without them gets in.
    #[must_use]
    pub fn keys(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// It may listen where other hosts can reach it without keys: anybody there can join, read and write then.
    #[must_use]
    pub fn insecure(mut self) -> Self {
        self.may_be_insecure = true;
        self
    }

    /// Keeps who it is, whom it knew and what it shares in this folder, which one node at a time may have.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.place = Place::Folder(folder.to_owned());
        self
    }

    /// Keeps the same in a store, which no other node may use.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.place = Place::Store(store);
        self
    }

    /// Stays in this process, at `memory://NAME`.
    #[must_use]
    pub fn in_memory(mut self, network: &MemoryNetwork, name: &str) -> Self {
        if self.settings.name.is_empty() {
            self.settings.name = name.to_owned();
        }
        self.way = Way::Memory(network.clone(), name.to_owned());
        self
    }

    /// Goes over a transport of the application's own.
    #[must_use]
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.way = Way::Own(Box::new(transport));
        self
    }

    /// A part of the node with a name of its own. There may be several.
    #[must_use]
    pub fn with(mut self, part: impl NodeType) -> Self {
        self.handlers.types.push(Arc::new(part));
        self
    }

    /// Calls `handler` at each event of this name. See [`Node::on`].
    #[must_use]
    pub fn on(
        self,
        name: &str,
        handler: impl Fn(&Node, &Event) -> Result<(), HandlerError> + Send + Sync + 'static,
    ) -> Self {
        self.handlers.on(name, Arc::new(handler));
        self
    }

    /// Answers requests of this name. See [`Node::on_request`].
    #[must_use]
    pub fn on_request(
        self,
        name: &str,
        handler: impl Fn(&Node, &Asked) -> Result<Payload, HandlerError> + Send + Sync + 'static,
    ) -> Self {
        self.handlers.on_request(name, Arc::new(handler));
        self
    }

    /// A service that runs here and takes requests.
    #[must_use]
    pub fn service(mut self, instance: Instance) -> Self {
        self.services.push(instance);
        self
    }

    /// How values of the application's own types are joined, by name; the same on all nodes.
    #[must_use]
    pub fn merge(mut self, name: &str, merge: impl Merge + 'static) -> Self {
        self.settings.merges.insert(name.to_owned(), Arc::new(merge));
        self
    }

    /// Something that it says of itself beside its name, in a few words.
    #[must_use]
    pub fn info(mut self, key: &str, value: &str) -> Self {
        self.settings.info.insert(key.to_owned(), value.to_owned());
        self
    }

    /// How many requests are answered at once: 4 unless said.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Changes anything else of how it behaves.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Starts it; it joins on its own. What it is called with runs on threads of its own.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub fn start(mut self) -> Result<Node, NodeError> {
        self.check()?;
        let (mut disk, mut kept) = self.open_disk()?;
        let (own, pair) = identity(&kept, disk.as_mut())?;
        if let (None, Some(disk)) = (&kept.cluster, &disk) {
            disk.keep_cluster(&self.settings.cluster)?;
        }
        let id = pair.as_ref().map_or(NodeId(own.id), |pair| node_of(pair.public()));
        let public = pair.as_ref().map(KeyPair::public);
        let ring = Ring { keys: self.keys.clone(), own: public, ..Ring::default() };
        let transport = self.open_transport(id, pair)?;
        let listening = transport.addresses();
        self.settle_addresses(&listening, &kept);
        let (clock, bell) = (Clock::new(), transport.bell());
        let registry = self.registry(clock.now().wall, std::mem::take(&mut kept.instances));
        let boot = boot(id, own.store, kept);
        let has_disk = disk.is_some();
        self.handlers.limit(self.settings.requests);
        let mut engine = Engine::new(self.settings, boot, clock.now());
        engine.serve(self.handlers.served());
        engine.register(clock.now(), self.services)?;
        let handlers = Arc::new(self.handlers);
        let shared = Shared::new(id, listening, has_disk, clock, (engine, registry), bell, handlers.clone());
        *shared.ring() = ring;
        let shared = Arc::new(shared);
        let (queues, _threads) =
            start(&handlers, &Node::weak(&shared), self.workers).map_err(NodeError::Thread)?;
        let todo = queues.todo.clone();
        // The queue is new, and has its reader.
        let _ = todo.send(Todo::Start);
        let driver = Driver::new(shared.clone(), transport, disk, queues);
        let thread = std::thread::Builder::new().name("node".into());
        let driver = thread.spawn(move || driver.run()).map_err(NodeError::Thread)?;
        let running = Running { shared: shared.clone(), driver: Mutex::new(Some(driver)), todo };
        Ok(Node { shared, running: Some(Arc::new(running)) })
    }

    /// What it knows of services, and on which host it is, which it also says of itself.
    fn registry(&mut self, wall: u64, kept: Vec<Remembered>) -> Registry {
        let host = if matches!(self.way, Way::Sockets) { host::this() } else { None };
        if let Some(host) = &host {
            self.settings.info.entry(HOST.to_owned()).or_insert_with(|| host.clone());
        }
        let mut registry = Registry::new(host, self.settings.remember);
        registry.restore(wall, kept);
        registry
    }

    fn check(&mut self) -> Result<(), NodeError> {
        let mut names = BTreeSet::new();
        for part in &self.handlers.types {
            if !names.insert(part.name().to_owned()) {
                return Err(NodeError::SameName(part.name().to_owned()));
            }
            for (key, value) in part.info() {
                self.settings.info.insert(format!("{}.{key}", part.name()), value);
            }
        }
        if self.listen.is_empty() {
            self.listen.push(format!("tcp://127.0.0.1:{DEFAULT_PORT}"));
        }
        if matches!(self.way, Way::Sockets) {
            let listen = self.listen.iter().map(|address| ("--listen", address.as_str()));
            let join = self.settings.join.iter().map(|address| ("--join", &*address.0));
            listen.chain(join).try_for_each(|(flag, address)| check_address(flag, address))?;
        }
        let open = self.listen.iter().find(|address| !Address((*address).clone()).is_of_this_host());
        match open {
            Some(open)
                if self.keys.is_none() && !self.may_be_insecure && matches!(self.way, Way::Sockets) =>
            {
                Err(NodeError::Insecure(open.clone()))
            }
            _ => Ok(()),
        }
    }

    fn open_disk(&self) -> Result<(Option<Disk>, Kept), NodeError> {
        let (store, lock) = match &self.place {
            Place::Nowhere => return Ok((None, Kept::default())),
            Place::Store(store) => (store.clone(), None),
            Place::Folder(folder) => open_folder(folder).map(|(store, lock)| (store, Some(lock)))?,
        };
        let (mut disk, kept) = Disk::open(store)?;
        if let Some(known) = kept.cluster.as_ref().filter(|known| **known != self.settings.cluster) {
            let (kept, cluster) = (known.clone(), self.settings.cluster.clone());
            return Err(NodeError::OtherCluster { kept, cluster });
        }
        disk.hold(lock);
        Ok((Some(disk), kept))
    }

    fn open_transport(&mut self, id: NodeId, pair: Option<KeyPair>) -> Result<Box<dyn Transport>, NodeError> {
        match std::mem::replace(&mut self.way, Way::Sockets) {
            Way::Own(transport) => Ok(transport),
            Way::Memory(network, name) => Ok(Box::new(MemoryTransport::open(&network, &name, Some(id)))),
            Way::Sockets => {
                let keys = match (self.keys.take(), pair) {
                    (Some(keys), Some(pair)) => {
                        keys.check_lists(pair.public()).map_err(NodeError::Keys)?;
                        Some((pair, keys))
                    }
                    (Some(_), None) => {
                        return Err(NodeError::Keys("the node has no key of its own".to_owned()));
                    }
                    (None, _) => None,
                };
                let opening = super::super::transport::Opening {
                    listen: std::mem::take(&mut self.listen),
                    keys,
                    frame_bytes: self.settings.frame_bytes,
                    waiting: self.settings.queues.bytes.max(self.settings.frame_bytes),
                    limits: super::super::transport::Limits {
                        newcomers: self.settings.newcomers,
                        half_open: self.settings.half_open,
                        links: self.settings.links,
                    },
                };
                Ok(Box::new(ZeroMq::open(opening)?))
            }
        }
    }

    /// Says where the node is: where it listens, but not on every interface, which is no address.
    fn settle_addresses(&mut self, listening: &[Address], kept: &Kept) {
        let everywhere = listening.iter().find_map(Address::everywhere);
        self.settings.everywhere = everywhere;
        let real = listening.iter().filter(|address| address.everywhere().is_none());
        self.settings.addresses.extend(real.cloned());
        if let Some(port) = everywhere {
            let own = self.settings.join.iter().filter_map(|seed| own_host_towards(&seed.0));
            let own: BTreeSet<Address> = own.map(|host| Address(format!("tcp://{host}:{port}"))).collect();
            self.settings.addresses.extend(own);
        }
        let known: Vec<Address> =
            kept.peers.iter().filter(|address| !self.settings.join.contains(address)).cloned().collect();
        self.settings.join.extend(known);
        let own = &self.settings.addresses;
        self.settings.join.retain(|seed| !own.contains(seed));
        if self.settings.name.is_empty() {
            self.settings.name = listening.first().map(|address| address.0.clone()).unwrap_or_default();
        }
    }
}

/// An address without a transport is one of tcp; `*` as host is every interface.
fn with_transport(address: &str) -> String {
    match address.contains("://") {
        true => address.to_owned(),
        false => format!("tcp://{address}"),
    }
}

/// What can be wrong with an address before anything is opened.
fn check_address(flag: &'static str, address: &str) -> Result<(), NodeError> {
    let wrong = |reason: String| NodeError::Address { flag, address: address.to_owned(), reason };
    match Endpoint::parse(address) {
        Err(error) => Err(wrong(error.to_string())),
        Ok(Endpoint::Cluster(_) | Endpoint::Inproc(_)) => {
            Err(wrong("host:port, tcp://host:port or ipc://path is expected".to_owned()))
        }
        Ok(_) if flag == "--join" && (address.contains("//*:") || address.ends_with(":0")) => {
            Err(wrong("an address at which a member listens is expected".to_owned()))
        }
        Ok(_) => Ok(()),
    }
}

/// The host by which this one would be seen at an address. Nothing is sent.
fn own_host_towards(seed: &str) -> Option<String> {
    let rest = seed.strip_prefix("tcp://")?;
    let socket =
        std::net::UdpSocket::bind(if rest.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" }).ok()?;
    socket.connect(rest).ok()?;
    let own = socket.local_addr().ok()?.ip();
    if own.is_loopback() || own.is_unspecified() {
        return None;
    }
    Some(if own.is_ipv6() { format!("[{own}]") } else { own.to_string() })
}

fn open_folder(folder: &Path) -> Result<(Store, std::fs::File), NodeError> {
    let failed = |reason: String| NodeError::Folder { folder: folder.display().to_string(), reason };
    std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    restrict(folder).map_err(|error| failed(error.to_string()))?;
    let lock = std::fs::File::create(folder.join("lock")).map_err(|error| failed(error.to_string()))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| NodeError::Taken { folder: folder.display().to_string() })?;
    let store = Store::open(&Location::File(folder.join("node.db")))?;
    Ok((store, lock))
}

/// It holds the node's secret key.
fn restrict(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

fn random() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1 ^ uuid::Uuid::new_v4().as_u64_pair().0
}

/// Who the node is: as it was kept, or somebody new.
fn identity(kept: &Kept, disk: Option<&mut Disk>) -> Result<(Own, Option<KeyPair>), NodeError> {
    if let Some(own) = &kept.identity {
        return Ok((own.clone(), own.secret.map(KeyPair::of_secret).transpose()?));
    }
    let pair = if curve::is_there() { Some(KeyPair::new()?) } else { None };
    let secret = pair.as_ref().map(KeyPair::secret);
    let own = Own { secret, id: uuid::Uuid::new_v4().as_u128(), store: random() };
    if let Some(disk) = disk {
        disk.keep_identity(&own)?;
    }
    Ok((own, pair))
}

fn boot(node: NodeId, store: u64, kept: Kept) -> Boot {
    let Kept { epoch, entries, versions, floor, .. } = kept;
    let identity = Identity { node, epoch: epoch + 1, boot: random() };
    Boot { identity, store, seed: random(), entries, versions, floor }
}
