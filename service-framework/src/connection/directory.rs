//! Where the instances of services are, by name: written by whoever knows, read by those who connect.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::addresses::{Discovered, Of};
use super::socket::Socket;
use super::wake::Wake;

/// One kind of socket of a service, which each of its instances has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Sought {
    /// The service.
    pub(crate) service: String,
    /// The socket there; see [`socket_key`].
    pub(crate) socket: String,
}

impl Sought {
    /// The other end of a socket that connects to `named`.
    pub(crate) fn by(of: Of, socket: &str, named: &Discovered) -> Self {
        Self { service: named.service.clone(), socket: socket_key(of, &named.name, other_end(socket)) }
    }
}

/// The name of a listening socket within its service: `NAME/replyer`, and `states/NAME/replyer` of a state.
pub(crate) fn socket_key(of: Of, name: &str, socket: &str) -> String {
    match of {
        Of::Connection => format!("{name}/{socket}"),
        Of::State => format!("{}/{name}/{socket}", of.key()),
    }
}

/// The name of the socket that one of this name talks to; nothing for a name that no socket has.
pub(crate) fn other_end(socket: &str) -> &'static str {
    match socket {
        "subscriber" => "publisher",
        "requester" => "replyer",
        "publisher" => "subscriber",
        "replyer" => "requester",
        _ => "",
    }
}

/// The socket of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which instance it is.
    pub(crate) instance: Arc<str>,
    /// Where it can be connected to.
    pub(crate) address: String,
    /// Whether it is on this host.
    pub(crate) is_near: bool,
    /// How much it takes beside others.
    pub(crate) weight: u32,
    /// Whether it is doubted that it lives.
    pub(crate) is_doubted: bool,
}

/// All that is known.
#[derive(Default)]
pub(crate) struct Directory {
    /// Grows with every change.
    version: AtomicU64,
    known: Mutex<BTreeMap<Sought, Vec<Found>>>,
    /// Rung at every change.
    bells: Mutex<Vec<Arc<Wake>>>,
}

impl Directory {
    /// Puts all that is known now in the place of what was known before.
    #[cfg(any(feature = "cluster", test))]
    pub(crate) fn set(&self, known: BTreeMap<Sought, Vec<Found>>) {
        let mut before = lock(&self.known);
        if *before == known {
            return;
        }
        *before = known;
        self.version.fetch_add(1, Ordering::SeqCst);
        drop(before);
        lock(&self.bells).iter().for_each(|bell| bell.ring());
    }

    /// Has a bell rung at every change.
    pub(crate) fn listen(&self, bell: Arc<Wake>) {
        lock(&self.bells).push(bell);
    }

    fn find(&self, sought: &Sought) -> Vec<Found> {
        lock(&self.known).get(sought).cloned().unwrap_or_default()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a socket connects to: addresses that stay, and whatever is found.
#[derive(Clone, Default)]
pub(crate) struct Targets {
    pub(super) fixed: Vec<String>,
    sought: Vec<(Sought, String)>,
    directory: Arc<Directory>,
    /// The instance that alone counts, where only one does.
    only: Option<Arc<str>>,
    /// The version of the directory that was looked at last.
    seen: Option<u64>,
}

impl Targets {
    /// Looks for what each of these is, with the address that names it, in a directory, beside addresses that stay.
    pub(crate) fn new(fixed: Vec<String>, sought: Vec<(Sought, String)>, directory: &Arc<Directory>) -> Self {
        Self { fixed, sought, directory: directory.clone(), only: None, seen: None }
    }

    /// The same in parts: one for each address that stays, and one for all that is found.
    pub(crate) fn each(self) -> Vec<Self> {
        let one = |address: String| Self::new(vec![address], Vec::new(), &self.directory);
        let mut each: Vec<Self> = self.fixed.iter().cloned().map(one).collect();
        if self.discovers() {
            each.push(Self { fixed: Vec::new(), ..self });
        }
        each
    }

    /// Looks for the socket of this instance alone from now on.
    pub(super) fn only(&mut self, instance: Option<&Arc<str>>) {
        if self.discovers() && self.only.as_ref() != instance {
            (self.only, self.seen) = (instance.cloned(), None);
        }
    }

    /// Whether anything is looked for.
    pub(crate) fn discovers(&self) -> bool {
        !self.sought.is_empty()
    }

    /// What is looked for, as it is written.
    pub(crate) fn names(&self) -> String {
        self.sought.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(" or ")
    }

    /// All that is found, if that may have changed since this was asked last. Each address once.
    pub(crate) fn news(&mut self) -> Option<Vec<Found>> {
        let version = self.directory.version.load(Ordering::SeqCst);
        if self.sought.is_empty() || self.seen == Some(version) {
            return None;
        }
        self.seen = Some(version);
        let mut found: Vec<Found> = Vec::new();
        for one in self.sought.iter().flat_map(|(sought, _)| self.directory.find(sought)) {
            if self.only.as_ref().is_some_and(|only| *only != one.instance) {
                continue;
            }
            let is_known =
                found.iter().any(|known| known.address == one.address) || self.fixed.contains(&one.address);
            if !is_known {
                found.push(one);
            }
        }
        Some(found)
    }
}

/// Connections of one socket to all that is found.
pub(super) struct Following {
    targets: Targets,
    connected: Vec<String>,
}

/// What a socket is to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Moves {
    pub(super) connect: Vec<String>,
    pub(super) disconnect: Vec<String>,
}

impl Following {
    pub(super) fn new(targets: Targets) -> Self {
        Self { targets, connected: Vec::new() }
    }

    /// Has `socket` connect to what has come, and to what is gone no longer.
    pub(super) fn apply(&mut self, socket: &impl Socket, connection: &str) {
        let Some(moves) = self.moves() else { return };
        let done = (moves.connect.iter().map(|address| socket.connect(address)))
            .chain(moves.disconnect.iter().map(|address| socket.disconnect(address)));
        for error in done.filter_map(Result::err) {
            tracing::error!(connection, %error, "an instance that was found is of no use");
        }
    }

    /// What has changed since this was asked last.
    pub(super) fn moves(&mut self) -> Option<Moves> {
        let found = self.targets.news()?;
        let is_found = |address: &String| found.iter().any(|found| found.address == *address);
        let gone = self.connected.extract_if(.., |address| !is_found(address)).collect();
        let fresh: Vec<String> = found
            .into_iter()
            .map(|found| found.address)
            .filter(|address| !self.connected.contains(address))
            .collect();
        self.connected.extend(fresh.iter().cloned());
        Some(Moves { connect: fresh, disconnect: gone })
    }
}

/// The one owner, of several that are found, that a replica follows: the same as long as it is there.
pub(super) struct OneOwner {
    targets: Targets,
    found: Vec<Found>,
    present: Option<Found>,
}

impl OneOwner {
    pub(super) fn new(targets: Targets) -> Self {
        Self { targets, found: Vec::new(), present: None }
    }

    /// The one that is followed.
    pub(super) fn present(&self) -> Option<&Found> {
        self.present.as_ref()
    }

    /// Whether another one is followed from now on, by what is found.
    pub(super) fn has_changed(&mut self) -> bool {
        let Some(found) = self.targets.news() else { return false };
        self.found = found;
        let is_there = |present: &Found| self.found.iter().any(|found| found.address == present.address);
        let has_changed = !self.present.as_ref().is_some_and(is_there);
        if has_changed {
            self.choose(None);
        }
        has_changed
    }

    /// The connection to this address is lost: whether another one is followed from now on.
    pub(super) fn lost(&mut self, address: &[u8]) -> bool {
        let is_present = self.present.as_ref().is_some_and(|present| present.address.as_bytes() == address);
        let has_others = self.found.iter().any(|found| found.address.as_bytes() != address);
        if is_present && has_others {
            self.choose(Some(address));
        }
        is_present && has_others
    }

    fn choose(&mut self, but: Option<&[u8]>) {
        let others = self.found.iter().filter(|found| Some(found.address.as_bytes()) != but);
        self.present = others.min_by_key(|found| (found.is_doubted, !found.is_near)).cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought() -> Sought {
        let named = Discovered { service: "desk".into(), name: "prices".into() };
        Sought::by(Of::Connection, "subscriber", &named)
    }

    fn found(address: &str) -> Found {
        Found {
            instance: address.into(),
            address: address.into(),
            is_near: true,
            weight: 1,
            is_doubted: false,
        }
    }

    fn set(directory: &Directory, addresses: &[&str]) {
        let found = addresses.iter().map(|address| found(address)).collect();
        directory.set(BTreeMap::from([(sought(), found)]));
    }

    fn targets(fixed: &[&str], directory: &Arc<Directory>) -> Targets {
        let fixed = fixed.iter().map(|address| (*address).to_owned()).collect();
        Targets::new(fixed, vec![(sought(), "cluster://desk/prices".into())], directory)
    }

    #[test]
    fn sockets_are_looked_for_by_their_other_ends() {
        assert_eq!(sought().socket, "prices/publisher");
        let named = Discovered { service: "desk".into(), name: "prices".into() };
        assert_eq!(Sought::by(Of::State, "requester", &named).socket, "states/prices/replyer");
    }

    #[test]
    fn news_are_told_once_and_bells_rung_at_changes_alone() {
        let (directory, bell) = (Arc::new(Directory::default()), Arc::new(Wake::new().unwrap()));
        let rings = Arc::new(AtomicU64::new(0));
        let count = rings.clone();
        bell.on_ring(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        directory.listen(bell.clone());
        let mut targets = targets(&["tcp://fixed:1"], &directory);
        assert_eq!((targets.news(), targets.news()), (Some(Vec::new()), None));
        set(&directory, &["tcp://a:1", "tcp://fixed:1", "tcp://a:1"]);
        bell.clear(true);
        set(&directory, &["tcp://a:1", "tcp://fixed:1", "tcp://a:1"]);
        assert_eq!(rings.load(Ordering::SeqCst), 1);
        assert_eq!((targets.news(), targets.news()), (Some(vec![found("tcp://a:1")]), None));
    }

    #[test]
    fn a_subscriber_follows_all() {
        let directory = Arc::new(Directory::default());
        let mut following = Following::new(targets(&[], &directory));
        let moves = |connect: &[&str], disconnect: &[&str]| {
            let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
            Some(Moves { connect: texts(connect), disconnect: texts(disconnect) })
        };
        set(&directory, &["a", "b"]);
        assert_eq!(following.moves(), moves(&["a", "b"], &[]));
        set(&directory, &["b", "c"]);
        assert_eq!(following.moves(), moves(&["c"], &["a"]));
        assert_eq!(following.moves(), None);
    }

    #[test]
    fn a_replica_follows_one_as_long_as_it_is_there() {
        let directory = Arc::new(Directory::default());
        let mut owner = OneOwner::new(targets(&[], &directory));
        let present = |owner: &OneOwner| owner.present().map(|found| found.address.clone());
        assert!(owner.has_changed() && owner.present().is_none());
        set(&directory, &["a", "b"]);
        assert!(owner.has_changed());
        assert_eq!(present(&owner).as_deref(), Some("a"));
        set(&directory, &["b", "a", "c"]);
        assert!(!owner.has_changed() && !owner.lost(b"b"));
        assert!(owner.lost(b"a"));
        assert_eq!(present(&owner).as_deref(), Some("b"));
        set(&directory, &["c"]);
        assert!(owner.has_changed());
        assert!(!owner.lost(b"c"), "nobody else is there, and it may come back");
        set(&directory, &[]);
        assert!(owner.has_changed() && owner.present().is_none());
    }

    #[test]
    fn one_instance_alone_can_be_looked_for() {
        let directory = Arc::new(Directory::default());
        let mut all = targets(&["fixed"], &directory).each();
        assert_eq!(all.iter().map(Targets::discovers).collect::<Vec<_>>(), [false, true]);
        let targets = &mut all[1];
        set(&directory, &["a", "b"]);
        targets.only(Some(&"b".into()));
        assert_eq!(targets.news(), Some(vec![found("b")]));
        targets.only(Some(&"b".into()));
        assert_eq!(targets.news(), None);
        targets.only(Some(&"a".into()));
        assert_eq!(targets.news(), Some(vec![found("a")]));
    }
}
