//! Frames over ZeroMQ: one socket listens, and to each other node there is one per lane.
//!
//! Whatever comes in comes from a socket whose owner has proved its key, where there are keys; so what a frame says of its
//! sender can be checked. Nothing is sent back the way it came, but to those who only ask.

mod batch;
mod client;
mod gate;
mod link;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::identity::{Address, NodeId};
use super::super::keys::{Keys, Proof};
use super::{Arrival, Bell, Caller, Connections, Lane, Origin, To, Transport, Undelivered};
use crate::connection::curve::{Gate, KeyPair, PublicKey};
use crate::connection::door::{Door, Room, Standing};
use crate::connection::{
    Frame, Interest, Role, Sent, Socket, SocketError, Sockets, Wake, ZmqSocket, poll, readable,
};
use batch::Message;
use gate::{Guest, Keeper};
use link::Link;

pub use client::ask_node;
pub(crate) use client::ask_to_enter;

/// Messages that are taken in at once.
const BUDGET: usize = 64;

/// Answers that may wait for one who asks.
const ANSWERS: i32 = 1_000;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// How often connections are looked after.
const TEND: Duration = Duration::from_millis(200);

/// Keys whose nodes are remembered.
const KNOWN: usize = 4_096;

/// How a node's sockets are to be opened.
#[derive(Debug)]
pub(crate) struct Opening {
    /// Where to listen: `tcp://HOST:PORT`, `ipc://PATH`.
    pub(crate) listen: Vec<String>,
    /// The node's own key, and those of the cluster; without them nothing is encrypted.
    pub(crate) keys: Option<(KeyPair, Keys)>,
    /// Bytes of the largest frame.
    pub(crate) frame_bytes: usize,
    /// Bytes that may wait in one lane for one node.
    pub(crate) waiting: usize,
    pub(crate) limits: Limits,
}

/// How many may come, and stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Newcomers within a second.
    pub(crate) newcomers: u32,
    /// Connections that have said nothing yet.
    pub(crate) half_open: usize,
    /// Connections that others open.
    pub(crate) links: usize,
}

/// The node's own key and those of the cluster, with what follows from them.
struct Ring {
    own: KeyPair,
    keys: Keys,
    /// What this node says of itself, for each secret of the cluster.
    proofs: Vec<Proof>,
}

impl Ring {
    fn new(own: KeyPair, keys: Keys) -> Self {
        let proofs = keys.proofs(own.public());
        Self { own, keys, proofs }
    }
}

/// What is needed to connect to somebody.
struct Dialling<'a> {
    sockets: &'a Sockets,
    ring: Option<&'a Ring>,
    listening: &'a [Address],
    bytes: i64,
    handshake: i32,
}

impl Dialling<'_> {
    fn keys_at(&self, at: usize) -> Option<(&KeyPair, PublicKey)> {
        let ring = self.ring?;
        let pairs = ring.keys.ring();
        Some((&ring.own, pairs.get(at % pairs.len().max(1))?.public()))
    }

    /// What this node says of itself to somebody who listens with that key.
    fn proof_at(&self, at: usize) -> &Proof {
        let proof = self.ring.and_then(|ring| ring.proofs.get(at % ring.proofs.len().max(1)));
        proof.unwrap_or(&[0; 16])
    }

    /// Where this node says it is to somebody at `address`: by the same transport.
    fn stated(&self, address: &Address) -> &str {
        let kind = |address: &Address| address.0.split(':').next().unwrap_or_default().to_owned();
        let same = self.listening.iter().find(|own| kind(own) == kind(address));
        same.or(self.listening.first()).map_or("", |address| &address.0)
    }
}

/// Frames over `tcp://` and `ipc://`.
pub(crate) struct ZeroMq {
    links: BTreeMap<Target, Link>,
    router: ZmqSocket,
    listening: Vec<Address>,
    /// Those of them at which it does not listen at the moment, because its key has changed.
    silent: Vec<Address>,
    door: Door,
    ring: Option<Ring>,
    frame_bytes: usize,
    waiting: usize,
    bell: Arc<Wake>,
    frames: Vec<Frame>,
    /// What those are who have these keys.
    known: BTreeMap<String, Guest>,
    undelivered: Undelivered,
    keeper: Option<Keeper>,
    is_stuck: bool,
    tended: Instant,
    // The gate outlives the sockets, and the context both: fields are dropped in this order.
    _gate: Option<Gate>,
    sockets: Sockets,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Node(NodeId),
    At(Address),
}

impl ZeroMq {
    /// Listens.
    ///
    /// # Errors
    /// An address that cannot be bound.
    pub(crate) fn open(opening: Opening) -> Result<Self, SocketError> {
        let (sockets, limits) = (Sockets::new(), opening.limits);
        let keeper = opening.keys.as_ref().map(|(_, keys)| Keeper::new(keys, limits.newcomers));
        let gate = keeper.clone().map(|keeper| Gate::open(&sockets, keeper)).transpose()?;
        let mut router = sockets.socket(Role::Router)?;
        router.bound((ANSWERS, link::MESSAGES), largest(opening.frame_bytes), handshake())?;
        if let Some(first) = opening.keys.as_ref().and_then(|(_, keys)| keys.ring().first()) {
            router.listen_with(first)?;
        }
        let door = Door::new(Room { half_open: limits.half_open, links: limits.links });
        let bind = |endpoint: &String| router.bind_in(&door, endpoint).map(Address);
        let listening = opening.listen.iter().map(bind).collect::<Result<_, _>>()?;
        let bell = Wake::new().map_err(|error| SocketError {
            what: "wait for what other threads want".into(),
            cause: error.to_string(),
        })?;
        Ok(Self {
            links: BTreeMap::new(),
            router,
            listening,
            silent: Vec::new(),
            door,
            ring: opening.keys.map(|(own, keys)| Ring::new(own, keys)),
            frame_bytes: opening.frame_bytes,
            waiting: opening.waiting,
            bell: Arc::new(bell),
            frames: Vec::new(),
            known: BTreeMap::new(),
            undelivered: Undelivered::default(),
            keeper,
            is_stuck: false,
            tended: Instant::now(),
            _gate: gate,
            sockets,
        })
    }

    /// One that knows with whom to speak, as whoever has seen a token does, and not the secret.
    #[cfg(test)]
    pub(crate) fn without_proof(mut self) -> Self {
        if let Some(ring) = &mut self.ring {
            ring.proofs.fill([0; 16]);
        }
        self
    }

    /// Closes ways that nobody uses, and tries other addresses where one does not work.
    fn tend(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.tended) < TEND {
            return;
        }
        self.tended = now;
        let keys = self.ring.as_ref().map_or(1, |ring| ring.keys.ring().len());
        self.links.retain(|_, link| link.tend(now, keys));
        self.listen_again();
    }

    /// Listens where it had to stop, once libzmq has let go of it.
    fn listen_again(&mut self) {
        let (router, door) = (&mut self.router, &self.door);
        self.silent.retain(|address| router.bind_in(door, &address.0).is_err());
    }

    /// Which node has the key that the sender of a message has proved to have, or what else it may.
    fn guest(&mut self, user: Option<&str>, proof: Option<&Proof>, host: Option<&str>) -> Guest {
        let Some((user, keeper)) = user.zip(self.keeper.as_ref()) else { return Guest::Nobody };
        if let Some(known) = self.known.get(user) {
            return *known;
        }
        let Some(key) = PublicKey::parse(user) else { return Guest::Nobody };
        let guest = keeper.guest(key, proof);
        if guest == Guest::Nobody {
            keeper.refuse(key, host.unwrap_or_default());
            return guest;
        }
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(user.to_owned(), guest);
        guest
    }

    fn take(&mut self, mut frames: Vec<Frame>, take: &mut dyn FnMut(Arrival<'_>)) -> Vec<Frame> {
        let [caller, payload] = frames.as_mut_slice() else {
            self.undelivered.malformed += 1;
            return frames;
        };
        let host = payload.peer_address().map(str::to_owned);
        let user = payload.user_id().map(str::to_owned);
        let descriptor = payload.descriptor();
        let message = batch::read(payload);
        let proof = match &message {
            Some(Message::Frames(proof, ..)) => Some(*proof),
            Some(Message::Question(_)) | None => None,
        };
        let is_open = self.ring.is_none();
        let guest = if is_open { Guest::Nobody } else { self.guest(user.as_deref(), proof, host.as_deref()) };
        if let Some(descriptor) = descriptor.filter(|_| is_open || guest != Guest::Nobody) {
            self.door.spoke(descriptor);
        }
        let caller = || Caller(caller.to_vec());
        match (message, guest) {
            (Some(Message::Question(asked)), Guest::Asker) => take(Arrival::Asked(caller(), asked)),
            (Some(Message::Question(asked)), _) if is_open => take(Arrival::Asked(caller(), asked)),
            (Some(Message::Question(token)), Guest::Enterer) => take(Arrival::Entering(caller(), token)),
            (Some(Message::Frames(_, stated, frames)), guest) if is_open || is_node(guest) => {
                let node = if let Guest::Node(node) = guest { Some(node) } else { None };
                let origin = Origin { node, address: observed(stated, host.as_deref()) };
                frames.into_iter().for_each(|frame| take(Arrival::Frame(&origin, frame)));
            }
            // Those were counted.
            (Some(_), Guest::Nobody) => {}
            (Some(_) | None, _) => self.undelivered.malformed += 1,
        }
        frames
    }
}

fn is_node(guest: Guest) -> bool {
    matches!(guest, Guest::Node(_))
}

/// The largest message for frames of so many bytes, with what is around them.
fn largest(frame_bytes: usize) -> i64 {
    i64::try_from(frame_bytes.max(batch::TOGETHER)).unwrap_or(i64::MAX).saturating_add(1_024)
}

fn handshake() -> i32 {
    i32::try_from(HANDSHAKE.as_millis()).unwrap_or(i32::MAX)
}

/// Where a sender is: at the port that it says, on the host from which it came.
fn observed(stated: &str, host: Option<&str>) -> Option<Address> {
    match (stated.strip_prefix("tcp://"), host) {
        (Some(rest), Some(host)) if !host.is_empty() => {
            let (_, port) = rest.rsplit_once(':')?;
            let host =
                if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.into() };
            Some(Address(format!("tcp://{host}:{port}")))
        }
        _ if stated.is_empty() => None,
        _ => Some(Address(stated.to_owned())),
    }
}

impl Transport for ZeroMq {
    fn addresses(&self) -> Vec<Address> {
        self.listening.clone()
    }

    fn bell(&self) -> Bell {
        let bell = self.bell.clone();
        Arc::new(move || bell.ring())
    }

    fn send(&mut self, to: &To, lane: Lane, bytes: Vec<u8>) {
        let first = to.addresses.iter().find(|address| is_of_here(address));
        let Some(first) = first.filter(|_| bytes.len() <= self.frame_bytes) else {
            self.undelivered.unknown_address += 1;
            return;
        };
        let target = to.node.map_or_else(|| Target::At(first.clone()), Target::Node);
        let now = Instant::now();
        let link = self.links.entry(target).or_insert_with(|| Link::new(to.addresses.clone(), now));
        link.point_to(&to.addresses, now);
        self.undelivered.full += u64::from(!link.push(lane, bytes, self.waiting, now));
    }

    fn flush(&mut self) {
        self.tend();
        let dialling = Dialling {
            sockets: &self.sockets,
            ring: self.ring.as_ref(),
            listening: &self.listening,
            bytes: largest(self.frame_bytes),
            handshake: handshake(),
        };
        self.is_stuck = false;
        self.links.retain(|_, link| match link.flush(&dialling) {
            Ok(is_done) => {
                self.is_stuck |= !is_done;
                true
            }
            Err(error) => {
                // What was to go there is lost, as anything may be; the next frame opens it again.
                tracing::warn!(%error, "a way to another node cannot be opened");
                false
            }
        });
    }

    fn receive(&mut self, take: &mut dyn FnMut(Arrival<'_>)) -> bool {
        for _ in 0..BUDGET {
            let mut frames = std::mem::take(&mut self.frames);
            match self.router.receive(&mut frames) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => {
                    tracing::error!(%error, "nothing can be received");
                    return false;
                }
            }
            self.frames = self.take(frames, take);
        }
        true
    }

    fn answer(&mut self, caller: &Caller, bytes: &[u8]) {
        match self.router.send(&[&caller.0, bytes]) {
            Ok(Sent::Done) => {}
            // It does not read, or is gone.
            Ok(Sent::Full | Sent::NoRoute) => self.undelivered.full += 1,
            Err(error) => tracing::warn!(%error, "an answer cannot be sent"),
        }
    }

    fn wait(&mut self, timeout: Duration) {
        let heard = {
            let mut items = vec![self.router.poll_item(Interest::Receive), readable(self.bell.fd())];
            if self.is_stuck {
                items.extend(self.links.values().flat_map(Link::stuck));
            }
            let is_tended = !self.links.is_empty() || !self.silent.is_empty();
            let timeout = if is_tended { timeout.min(TEND) } else { timeout };
            if let Err(error) = poll(&mut items, Some(timeout)) {
                tracing::error!(%error, "cannot wait");
            }
            crate::connection::is_ready(&items[1])
        };
        self.bell.clear(heard);
    }

    fn undelivered(&self) -> Undelivered {
        let not_let_in = self.keeper.as_ref().map_or(0, Keeper::refused);
        Undelivered { not_let_in, ..self.undelivered }
    }

    fn connections(&self) -> Connections {
        let Standing { half_open, links, shut } = self.door.standing();
        Connections { links, half_open, shut }
    }

    fn change_keys(&mut self, keys: &Keys) {
        let Some((ring, keeper)) = self.ring.as_mut().zip(self.keeper.as_ref()) else { return };
        let publics = |keys: &Keys| keys.ring().iter().map(KeyPair::public).collect::<Vec<_>>();
        let (old, new) = (publics(&ring.keys), publics(keys));
        keeper.change_keys(keys);
        *ring = Ring::new(ring.own.clone(), keys.clone());
        self.known.clear();
        let place = |at: usize| new.iter().position(|key| old.get(at % old.len().max(1)) == Some(key));
        let now = Instant::now();
        self.links.values_mut().for_each(|link| link.change_keys(place, now));
        if let Some(first) = keys.ring().first().filter(|_| old.first() != new.first())
            && self.router.listen_with(first).is_ok()
        {
            // What listens goes on with the key that it had.
            self.silent = self.listening.clone();
            self.silent.iter().for_each(|address| self.router.unbind_from(&self.door, &address.0));
            self.listen_again();
        }
    }
}

fn is_of_here(address: &Address) -> bool {
    address.0.starts_with("tcp://") || address.0.starts_with("ipc://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_where_it_came_from_at_the_port_that_it_says() {
        let seen = |stated, host| observed(stated, host).map(|address| address.0);
        assert_eq!(seen("tcp://0.0.0.0:7", Some("10.0.0.5")), Some("tcp://10.0.0.5:7".into()));
        assert_eq!(seen("tcp://[::]:7", Some("fe80::1")), Some("tcp://[fe80::1]:7".into()));
        assert_eq!(seen("ipc:///tmp/a", Some("localhost:0:0:7")), Some("ipc:///tmp/a".into()));
        assert_eq!(seen("", Some("10.0.0.5")), None);
    }
}
