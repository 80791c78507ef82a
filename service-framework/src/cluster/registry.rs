//! Which instances of services there are: what living members say of themselves, and where those were that nobody has seen
//! leave.
//!
//! A machine without sockets, clock and disk: the view of a node and the time are told to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::engine::{Member, Presence};
use super::identity::NodeId;
use super::record::Instance;
use crate::connection::{Endpoint, Found, Sought};

/// Under which a node says on which host it is; see [`Registry::new`].
pub(crate) const HOST: &str = "host";

/// Nodes whose services are remembered.
const MOST: usize = 10_000;

/// An instance of a service, as one node knows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Located {
    /// The node that says so.
    #[serde(serialize_with = "as_text")]
    pub node: NodeId,
    /// The node's name, for people.
    pub name: String,
    /// How the node is; [`Presence::Down`] for one of which only the last is known.
    pub presence: Presence,
    /// Whether it is on the host of the node that was asked.
    pub is_near: bool,
    /// What it says.
    #[serde(flatten)]
    pub instance: Instance,
}

fn as_text<S: Serializer>(node: &NodeId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(node)
}

/// What a node said last of its services.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    node: NodeId,
    name: String,
    host: Option<String>,
    services: Vec<Instance>,
    /// When it was last there, in milliseconds since 1970.
    seen: u64,
}

/// What is remembered of services, besides the view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    host: Option<String>,
    remember: Duration,
    last: BTreeMap<NodeId, Remembered>,
}

impl Registry {
    /// Of a node on this host, whatever text tells hosts from one another: one whose loopback interface is the same is
    /// the same. Whoever is down is remembered for so long.
    pub(crate) fn new(host: Option<String>, remember: Duration) -> Self {
        Self { host, remember, last: BTreeMap::new() }
    }

    /// Goes on with what was kept. Nobody knows how long this node was away, so all of it counts as just seen.
    pub(crate) fn restore(&mut self, wall: u64, kept: Vec<Remembered>) {
        self.last = kept.into_iter().map(|last| (last.node, Remembered { seen: wall, ..last })).collect();
    }

    /// Takes in how the members are now; whether what is to be kept has changed.
    pub(crate) fn take_in(&mut self, wall: u64, view: &[Member]) -> bool {
        let mut has_changed = false;
        for member in view.iter().filter(|member| !member.is_me) {
            has_changed |= self.take_member(wall, member);
        }
        let remember = u64::try_from(self.remember.as_millis()).unwrap_or(u64::MAX);
        let before = self.last.len();
        self.last.retain(|_, last| last.seen.saturating_add(remember) >= wall);
        has_changed || self.last.len() < before
    }

    fn take_member(&mut self, wall: u64, member: &Member) -> bool {
        if !member.presence.is_there() {
            return member.presence == Presence::Left && self.last.remove(&member.node).is_some();
        }
        let ready: Vec<Instance> = member.services.iter().filter(|one| one.ready).cloned().collect();
        if ready.is_empty() {
            return self.last.remove(&member.node).is_some();
        }
        if self.last.len() >= MOST && !self.last.contains_key(&member.node) {
            return false;
        }
        let host = member.info.get(HOST).cloned();
        let (node, name) = (member.node, member.name.clone());
        let last = Remembered { node, name, host, services: ready, seen: wall };
        let before = self.last.insert(member.node, last.clone());
        before.is_none_or(|before| Remembered { seen: wall, ..before } != last)
    }

    /// What is to be kept.
    pub(crate) fn kept(&self) -> Vec<Remembered> {
        self.last.values().cloned().collect()
    }

    /// All instances: those of members that are there, this node's first, then those that were last seen at members
    /// that are down.
    pub(crate) fn instances(&self, view: &[Member]) -> Vec<Located> {
        let there: Vec<&Member> = view.iter().filter(|member| member.presence.is_there()).collect();
        let known: BTreeSet<NodeId> = there.iter().map(|member| member.node).collect();
        let living = there.iter().flat_map(|member| {
            let is_near = member.is_me || self.is_near(member.info.get(HOST));
            let of = (member.node, member.name.clone(), member.presence, is_near);
            located(of, member.services.clone())
        });
        let down = self.last.values().filter(|last| !known.contains(&last.node)).flat_map(|last| {
            let of = (last.node, last.name.clone(), Presence::Down, self.is_near(last.host.as_ref()));
            located(of, last.services.clone())
        });
        living.chain(down).collect()
    }

    fn is_near(&self, host: Option<&String>) -> bool {
        host.is_some() && host == self.host.as_ref()
    }
}

fn located(
    (node, name, presence, is_near): (NodeId, String, Presence, bool),
    services: Vec<Instance>,
) -> impl Iterator<Item = Located> {
    let of = move |instance| Located { node, name: name.clone(), presence, is_near, instance };
    services.into_iter().map(of)
}

/// Where those who connect find each socket: the ready instances of members that are there, or if there is none where the
/// last ones were, since services may well go on without their nodes.
pub(crate) fn directory(instances: &[Located]) -> BTreeMap<Sought, Vec<Found>> {
    let (living, down): (Vec<_>, Vec<_>) =
        instances.iter().partition(|located| located.presence != Presence::Down);
    let mut directory = BTreeMap::new();
    for located in living.into_iter().filter(|located| located.instance.ready) {
        add(&mut directory, located);
    }
    let mut last = BTreeMap::new();
    down.into_iter().for_each(|located| add(&mut last, located));
    for (sought, found) in last {
        directory.entry(sought).or_insert(found);
    }
    directory
}

fn add(directory: &mut BTreeMap<Sought, Vec<Found>>, located: &Located) {
    let Located { node, presence, is_near, instance, .. } = located;
    for (socket, address) in &instance.endpoints {
        let Some(address) = usable(address, *is_near) else { continue };
        let sought = Sought { service: instance.service.clone(), socket: socket.clone() };
        let found: &mut Vec<Found> = directory.entry(sought).or_default();
        if found.iter().all(|found| found.address != address) {
            let is_doubted = *presence != Presence::Alive;
            let of = format!("{node}/{}", instance.service).into();
            found.push(Found {
                instance: of,
                address,
                is_near: *is_near,
                weight: instance.weight,
                is_doubted,
            });
        }
    }
}

/// An address that can be connected to from here, as it was said by a node that may be wrong.
fn usable(address: &str, is_near: bool) -> Option<String> {
    let endpoint = Endpoint::parse(address).ok()?;
    let is_usable = endpoint.unconnectable().is_none()
        && match &endpoint {
            Endpoint::Tcp { host, .. } => !host.is_every() && (is_near || !host.is_loopback()),
            Endpoint::Ipc(_) => is_near,
            Endpoint::Inproc(_) | Endpoint::Cluster(_) => false,
        };
    is_usable.then(|| endpoint.to_string())
}

#[cfg(test)]
mod simulation;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{Of, socket_key};

    fn instance(service: &str, address: &str) -> Instance {
        let endpoints = BTreeMap::from([(socket_key(Of::Connection, "work", "replyer"), address.to_owned())]);
        Instance { service: service.to_owned(), endpoints, weight: 1, ready: true }
    }

    fn member(node: u128, presence: Presence, host: &str, services: Vec<Instance>) -> Member {
        Member {
            node: NodeId(node),
            name: format!("n{node}"),
            is_me: node == 0,
            presence,
            epoch: 1,
            addresses: Vec::new(),
            observed: None,
            services,
            info: BTreeMap::from([(HOST.to_owned(), host.to_owned())]),
        }
    }

    fn registry() -> Registry {
        Registry::new(Some("here".to_owned()), Duration::from_secs(10))
    }

    fn desk(node: u128, presence: Presence) -> Member {
        member(node, presence, "there", vec![instance("desk", &format!("10.0.0.{node}:1"))])
    }

    /// The addresses under `desk`'s replyer, doubted ones with a question mark.
    fn addresses(registry: &Registry, view: &[Member]) -> Vec<String> {
        let sought = Sought { service: "desk".into(), socket: "work/replyer".into() };
        let directory = directory(&registry.instances(view));
        let shown = |found: &Found| format!("{}{}", found.address, if found.is_doubted { "?" } else { "" });
        directory.get(&sought).map(|all| all.iter().map(shown).collect()).unwrap_or_default()
    }

    #[test]
    fn those_who_are_there_are_found_and_those_in_doubt_are_said_to_be() {
        let view = [
            desk(1, Presence::Alive),
            desk(2, Presence::Suspect),
            desk(3, Presence::Unreachable),
            desk(4, Presence::Left),
        ];
        let mut registry = registry();
        assert!(registry.take_in(0, &view) && !registry.take_in(1, &view));
        let found = ["tcp://10.0.0.1:1", "tcp://10.0.0.2:1?", "tcp://10.0.0.3:1?"];
        assert_eq!(addresses(&registry, &view), found);
    }

    #[test]
    fn who_is_down_is_gone_as_long_as_somebody_else_is_there() {
        let mut registry = registry();
        registry.take_in(0, &[desk(1, Presence::Alive), desk(2, Presence::Alive)]);
        let view = [desk(1, Presence::Alive), desk(2, Presence::Down)];
        registry.take_in(1, &view);
        assert_eq!(addresses(&registry, &view), ["tcp://10.0.0.1:1"]);
        let view = [desk(1, Presence::Down), desk(2, Presence::Down)];
        registry.take_in(2, &view);
        assert_eq!(
            addresses(&registry, &view),
            ["tcp://10.0.0.1:1?", "tcp://10.0.0.2:1?"],
            "the last that is known"
        );
        assert!(registry.take_in(20_000, &view), "it is forgotten");
        assert_eq!(addresses(&registry, &view), [""; 0]);
    }

    #[test]
    fn who_left_or_is_not_ready_is_not_remembered() {
        let mut registry = registry();
        let not_ready = Instance { ready: false, ..instance("desk", "10.0.0.2:1") };
        registry.take_in(0, &[desk(1, Presence::Alive), desk(2, Presence::Alive)]);
        let view = [desk(1, Presence::Left), member(2, Presence::Alive, "there", vec![not_ready])];
        assert!(registry.take_in(1, &view));
        assert_eq!(addresses(&registry, &view), [""; 0]);
        assert_eq!(addresses(&registry, &[]), [""; 0]);
        assert_eq!(registry.kept(), []);
    }

    #[test]
    fn what_was_kept_is_where_others_are_looked_for_first() {
        let mut before = registry();
        before.take_in(0, &[desk(1, Presence::Alive)]);
        let mut registry = registry();
        registry.restore(1_000_000, before.kept());
        assert_eq!(addresses(&registry, &[]), ["tcp://10.0.0.1:1?"]);
        assert!(!registry.take_in(1_000_001, &[]));
        assert_eq!(addresses(&registry, &[desk(1, Presence::Alive)]), ["tcp://10.0.0.1:1"]);
    }

    #[test]
    fn what_only_its_own_host_reaches_is_for_that_host_alone() {
        let on = |node, host: &str, address: &str| {
            member(node, Presence::Alive, host, vec![instance("desk", address)])
        };
        let view = [
            on(0, "here", "127.0.0.1:1"),
            on(1, "here", "ipc:///run/desk"),
            on(2, "there", "127.0.0.1:2"),
            on(3, "there", "ipc:///run/other"),
            on(4, "there", "10.0.0.4:4"),
            on(5, "here", "0.0.0.0:5"),
            on(6, "here", "*:6"),
            on(7, "here", "no address"),
            on(8, "here", "inproc://inside"),
        ];
        let found = ["tcp://127.0.0.1:1", "ipc:///run/desk", "tcp://10.0.0.4:4"];
        assert_eq!(addresses(&registry(), &view), found);
        let near = |registry: &Registry| {
            let instances = registry.instances(&view);
            instances.iter().filter(|located| located.is_near).count()
        };
        assert_eq!(near(&registry()), 6);
        assert_eq!(near(&Registry::default()), 1, "who does not know its host is near to itself alone");
    }

    #[test]
    fn an_address_that_two_claim_is_one() {
        let same = |node| member(node, Presence::Alive, "there", vec![instance("desk", "10.0.0.9:1")]);
        assert_eq!(addresses(&registry(), &[same(1), same(2)]), ["tcp://10.0.0.9:1"]);
    }
}
