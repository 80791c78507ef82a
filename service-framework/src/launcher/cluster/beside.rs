//! The node beside a service: it says where the service's sockets are and finds those of others, by what the addresses
//! file says under `cluster`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::keys;
use super::shared_state::{SharedState, key_of, map_of};
use crate::cluster::{
    DEFAULT_PORT, Happening, Instance, Node, NodeBuilder, NodeError, Payload, Policy, directory,
};
use crate::connection::{ClusterSection, Directory, Endpoint, socket_key};
use crate::launcher::report;
use crate::model::Problem;
use crate::service::{Face, Listening, Prepared};
use crate::state::DeltaOwner;

/// The event by which an instance tells that it takes nothing more.
const DRAINING: &str = "service_framework.draining";

/// How long stopping waits for others to have heard that.
const HEARD_WITHIN: Duration = Duration::from_millis(500);

/// Instances on one host that may share their files.
const INSTANCES: u32 = 1_000;

/// How often the node is looked at when it tells nothing: its own addresses change without a word.
const LOOK: Duration = Duration::from_secs(1);

/// A node, and what it does for the service.
pub(in crate::launcher) struct Beside {
    link: Arc<Link>,
    follower: Option<JoinHandle<()>>,
}

/// What the threads of service and launcher have in common with the one that follows the node.
struct Link {
    node: Node,
    service: String,
    section: ClusterSection,
    directory: Arc<Directory>,
    said: Mutex<Said>,
}

/// What this node says of the service.
#[derive(Default)]
struct Said {
    /// The service, once it is ready.
    face: Option<Face>,
    registered: Vec<Instance>,
    is_draining: bool,
    is_over: bool,
}

/// Why a service cannot join its cluster.
pub(in crate::launcher) enum NotJoined {
    /// Something in its files is wrong.
    Wrong(Vec<Problem>),
    /// The node does not start.
    Failed(String),
}

/// Starts the node that the addresses of `prepared` ask for, if they do. Paths in them are relative to `file`.
///
/// # Errors
/// See [`NotJoined`]. Nothing was started then.
pub(in crate::launcher) fn join(
    prepared: Prepared,
    file: Option<&Path>,
) -> Result<(Prepared, Option<Beside>), NotJoined> {
    let Some(section) = prepared.cluster().cloned() else { return Ok((prepared, None)) };
    let service = prepared.name().to_owned();
    let node = start(&section, &service, file)?;
    let directory = Arc::new(Directory::default());
    let link = Link { node, service, section, directory: directory.clone(), said: Mutex::default() };
    let link = Arc::new(link);
    link.look();
    let follower = follow(&link).map_err(|error| NotJoined::Failed(error.to_string()))?;
    let mut prepared = prepared.find_in(directory);
    for state in &link.section.share {
        let shared = SharedState::new(link.node.clone(), &link.service, state);
        prepared = prepared.share(state, Arc::new(shared));
    }
    let shown = link.clone();
    let prepared = prepared.show(move |face| shown.show(face));
    Ok((prepared, Some(Beside { link, follower: Some(follower) })))
}

fn start(section: &ClusterSection, service: &str, file: Option<&Path>) -> Result<Node, NotJoined> {
    let folder = file.and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    let keys = section.keys.as_ref().map(|keys| keys::read(&folder.join(keys)));
    let keys = keys.transpose().map_err(|problem| NotJoined::Wrong(vec![problem]))?;
    let builder = || {
        let builder = builder(section, service);
        if let Some(keys) = &keys { builder.keys(keys.clone()) } else { builder }
    };
    let node = match &section.data {
        Some(data) => start_in(&folder.join(data), builder),
        None => builder().start(),
    };
    let failed = |error| NotJoined::Failed(format!("the node beside the service: {}", report::chain(&error)));
    let node = node.map_err(failed)?;
    let addresses: Vec<&str> = node.addresses().iter().map(|address| &*address.0).collect();
    tracing::info!(node = %node.id(), cluster = section.name, "listening at {}", addresses.join(", "));
    Ok(node)
}

fn builder(section: &ClusterSection, service: &str) -> NodeBuilder {
    let mut builder = Node::builder(&section.name).name(service);
    builder = match section.join.is_empty() {
        true => builder.join([format!("127.0.0.1:{DEFAULT_PORT}")]),
        false => builder.join(&section.join),
    };
    if section.listen.is_empty() {
        builder = builder.listen("127.0.0.1:0");
    }
    for address in &section.listen {
        builder = builder.listen(address);
    }
    if section.insecure { builder.insecure() } else { builder }
}

/// Starts a node in the first folder of `data/1`, `data/2` and so on that no other process has: the instances of a service may
/// share their files.
fn start_in(data: &Path, builder: impl Fn() -> NodeBuilder) -> Result<Node, NodeError> {
    let mut number = 1;
    loop {
        match builder().folder(&data.join(number.to_string())).start() {
            Err(NodeError::Taken { .. }) if number < INSTANCES => number += 1,
            started => return started,
        }
    }
}

impl Beside {
    /// Tells others that the service takes nothing more, and waits a little until they have heard.
    pub(in crate::launcher) fn drain(&self) {
        self.link.drain();
    }

    /// What does that, for whoever hears of a signal.
    pub(in crate::launcher) fn drainer(&self) -> impl FnOnce() + Send + 'static {
        let link = self.link.clone();
        move || link.drain()
    }

    /// Takes leave of the cluster.
    pub(in crate::launcher) fn leave(mut self) {
        self.link.said().is_over = true;
        self.link.node.leave();
        if let Some(follower) = self.follower.take() {
            // One that has panicked has ended too.
            let _ = follower.join();
        }
    }
}

/// Follows what happens to the node, on a thread of its own.
fn follow(link: &Arc<Link>) -> std::io::Result<JoinHandle<()>> {
    let (happenings, link) = (link.node.happenings(), link.clone());
    let thread = std::thread::Builder::new().name("discovery".into());
    thread.spawn(move || {
        while !link.said().is_over && !link.node.is_over() {
            link.take_in(&happenings);
        }
    })
}

impl Link {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to happen, and does what follows from it.
    fn take_in(&self, happenings: &Receiver<Happening>) {
        let mut next = happenings.recv_timeout(LOOK);
        if next == Err(RecvTimeoutError::Disconnected) {
            return std::thread::sleep(LOOK);
        }
        let mut changed: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        while let Ok(happening) = next {
            if let Happening::Map(change) = happening {
                changed.entry(change.map).or_default().extend(key_of(&change.key));
            }
            next = happenings.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
        self.look();
        self.say();
        for (state, owner) in self.shared_owners() {
            if let Some(keys) = changed.get(&map_of(&self.service, &state)) {
                take_shared(&owner, Some(keys));
            }
        }
    }

    /// Takes in where instances are.
    fn look(&self) {
        self.directory.set(directory(&self.node.instances()));
    }

    /// The service is ready.
    fn show(&self, face: Face) {
        self.said().face = Some(face);
        self.say();
        for (_, owner) in self.shared_owners() {
            take_shared(&owner, None);
        }
    }

    fn shared_owners(&self) -> Vec<(String, Arc<DeltaOwner>)> {
        let said = self.said();
        let owners = said.face.iter().flat_map(|face| face.owners.iter());
        owners.filter(|(state, _)| self.section.share.contains(state)).cloned().collect()
    }

    /// Says of the service what is true now, if that is something else than was said.
    fn say(&self) {
        let mut said = self.said();
        let Some(face) = &said.face else { return };
        let instance = Instance {
            service: self.service.clone(),
            endpoints: self.endpoints(&face.listening),
            weight: self.section.weight,
            ready: !said.is_draining,
        };
        let instances = vec![instance];
        if said.registered == instances {
            return;
        }
        match self.node.register(instances.clone()) {
            Ok(()) => said.registered = instances,
            Err(error) => tracing::error!(%error, "others cannot find this service"),
        }
    }

    /// Where others reach its sockets.
    fn endpoints(&self, listening: &[Listening]) -> BTreeMap<String, String> {
        let host = self.section.advertise.clone().unwrap_or_else(|| own_host(&self.node));
        let endpoint = |socket: &Listening| {
            let address = advertised(&socket.endpoint, &host)?;
            Some((socket_key(socket.of, &socket.name, socket.socket), address))
        };
        listening.iter().filter_map(endpoint).collect()
    }

    fn drain(&self) {
        let mut said = self.said();
        let is_first = !std::mem::replace(&mut said.is_draining, true);
        let was_found = !said.registered.is_empty();
        drop(said);
        if !is_first || !was_found {
            return;
        }
        self.say();
        let Ok(payload) = Payload::of(&self.service) else { return };
        let told = self.node.emit_acked(DRAINING, &payload, Policy::All, HEARD_WITHIN);
        // Who has not heard is told so by the service itself.
        let _ = told.map(|told| told.wait());
    }
}

fn take_shared(owner: &DeltaOwner, keys: Option<&[Vec<u8>]>) {
    if let Err(error) = owner.take_shared(keys) {
        tracing::error!(state = owner.name(), %error, "what others have of the state is of no use");
    }
}

/// The host by which this one is reached: that of the node's own addresses, one that others can use before one that
/// only this host can.
fn own_host(node: &Node) -> String {
    let me = node.members().into_iter().find(|member| member.is_me);
    let addresses = me.map(|me| me.addresses).unwrap_or_default();
    let hosts: Vec<&str> = addresses.iter().filter_map(|address| host_of(&address.0)).collect();
    let is_local = |host: &&&str| {
        Endpoint::parse(&format!("{host}:1")).is_ok_and(|endpoint| match endpoint {
            Endpoint::Tcp { host, .. } => host.is_loopback(),
            _ => true,
        })
    };
    let best = hosts.iter().find(|host| !is_local(host)).or(hosts.first());
    (*best.unwrap_or(&"127.0.0.1")).to_owned()
}

fn host_of(address: &str) -> Option<&str> {
    address.strip_prefix("tcp://")?.rsplit_once(':').map(|(host, _)| host)
}

/// The address by which others reach a socket that listens at `endpoint`; none if it is inside this process.
fn advertised(endpoint: &str, host: &str) -> Option<String> {
    match Endpoint::parse(endpoint).ok()? {
        Endpoint::Tcp { host: every, port } if every.is_every() => Some(format!("tcp://{host}:{}", port?)),
        Endpoint::Inproc(_) | Endpoint::Cluster(_) => None,
        endpoint => Some(endpoint.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_on_every_interface_is_where_its_host_is() {
        assert_eq!(advertised("tcp://0.0.0.0:8001", "10.0.0.7").as_deref(), Some("tcp://10.0.0.7:8001"));
        assert_eq!(advertised("tcp://[::]:8001", "[fd00::7]").as_deref(), Some("tcp://[fd00::7]:8001"));
        assert_eq!(advertised("tcp://127.0.0.1:8001", "10.0.0.7").as_deref(), Some("tcp://127.0.0.1:8001"));
        assert_eq!(advertised("ipc:///run/desk", "10.0.0.7").as_deref(), Some("ipc:///run/desk"));
        assert_eq!(advertised("inproc://desk", "10.0.0.7"), None);
    }

    #[test]
    fn the_host_is_one_that_others_can_use_if_there_is_one() {
        let network = crate::cluster::MemoryNetwork::default();
        let node = |addresses: &'static [&'static str]| {
            let builder = Node::builder("shop").in_memory(&network, addresses[0]);
            let addresses = addresses.iter().map(|address| crate::cluster::Address((*address).to_owned()));
            builder.settings(move |settings| settings.addresses = addresses.collect()).start().unwrap()
        };
        assert_eq!(own_host(&node(&["tcp://127.0.0.1:1", "tcp://10.0.0.7:1"])), "10.0.0.7");
        assert_eq!(own_host(&node(&["tcp://127.0.0.1:2"])), "127.0.0.1");
        assert_eq!(own_host(&node(&["ipc:///run/node"])), "127.0.0.1");
    }
}
