//! The asking end: many requests in flight, each with a deadline, none ever answered twice.
//!
//! One dealer socket per address, so that the choice of the peer is ours and a lost connection names the requests it
//! took along. What cannot leave yet waits here, not in the socket, where nothing could take it back.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::counters::Counters;
use super::deadlines::Deadlines;
use super::error::SendError;
use super::monitor::{Monitored, PeerEvent};
use super::socket::{Frame, Interest, PollItem, Role, Sent, Socket, SocketError};
use super::zeromq::Sockets;
use crate::wire::Correlation;

/// What ends a request: the reply's body as it came, or why there is none.
pub(crate) type Answer = Result<Frame, SendError>;

/// A connection that ends sooner than this after its begin is not tried again at once.
const REOPEN_AFTER: Duration = Duration::from_millis(100);
/// Who has not looked at its connections for so long looks at them before it sends, or the request might go to a peer
/// that has been gone ever since.
const NEWS_AFTER: Duration = Duration::from_millis(1);
/// Requests that one connection may have open; a bound on memory, far above what a peer can serve in a deadline.
const MOST_OPEN: usize = 100_000;

/// One request on its way out.
pub(crate) struct Outgoing {
    /// The envelope, ready to send.
    pub(crate) body: Vec<u8>,
    /// How long it may take.
    pub(crate) within: Duration,
    /// Whether it may be sent again to somebody else when its peer is gone.
    pub(crate) idempotent: bool,
    /// Who waits.
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// One request connection and all of its open requests.
pub(crate) struct Requester {
    name: String,
    sockets: Sockets,
    counters: Arc<Counters>,
    peers: Vec<Peer>,
    open: HashMap<u64, Open, BuildHasherDefault<IdHasher>>,
    /// Requests that no peer has taken, oldest first; some of them may have ended meanwhile.
    waiting: VecDeque<u64>,
    deadlines: Deadlines,
    next: u64,
    /// When the connections were looked at last.
    looked: Instant,
    frames: Vec<Frame>,
}

struct Peer {
    address: String,
    link: Monitored,
    opened: Instant,
    /// When to open a new socket, if the one that is there has lost its connection.
    reopen_at: Option<Instant>,
    connected: bool,
    outstanding: usize,
}

struct Open {
    answer: oneshot::Sender<Answer>,
    within: Duration,
    peer: Option<usize>,
    /// Kept while it may have to be sent (again).
    body: Option<Vec<u8>>,
    idempotent: bool,
}

impl Requester {
    /// Connects to every address, whether or not somebody is there yet.
    pub(crate) fn connect(
        sockets: &Sockets,
        name: &str,
        addresses: &[String],
        counters: Arc<Counters>,
    ) -> Result<Self, SocketError> {
        let peers =
            addresses.iter().map(|address| Peer::connect(sockets, address)).collect::<Result<_, _>>()?;
        Ok(Self {
            name: name.into(),
            sockets: sockets.clone(),
            counters,
            peers,
            open: HashMap::default(),
            waiting: VecDeque::new(),
            deadlines: Deadlines::default(),
            next: 0,
            looked: Instant::now(),
            frames: Vec::new(),
        })
    }

    /// Sends a request, or keeps it until somebody can take it.
    pub(crate) fn start(&mut self, request: Outgoing, now: Instant) {
        if self.open.len() >= MOST_OPEN {
            let error = SendError::Overloaded { connection: self.name.clone(), open: self.open.len() };
            let _ = request.answer.send(Err(error));
            return self.counters.failed.add_one();
        }
        // Before the request has a number, which otherwise would look like that of one that has ended.
        let looked = self.look(now);
        let id = self.next;
        self.next += 1;
        self.deadlines.add(now + request.within, id);
        let Outgoing { body, within, idempotent, answer } = request;
        match looked.and_then(|()| self.first_offer(id, &body)) {
            Ok(peer) => {
                let body = (peer.is_none() || idempotent).then_some(body);
                self.open.insert(id, Open { answer, within, peer, body, idempotent });
                if peer.is_none() {
                    self.waiting.push_back(id);
                }
            }
            Err(source) => {
                let _ = answer.send(Err(SendError::Socket { connection: self.name.clone(), source }));
            }
        }
    }

    /// Offers a request to the peers unless others wait for them already.
    fn first_offer(&mut self, id: u64, body: &[u8]) -> Result<Option<usize>, SocketError> {
        if self.waiting.is_empty() { self.offer(id, body) } else { Ok(None) }
    }

    /// Takes in what has happened, if nobody looked for a while.
    fn look(&mut self, now: Instant) -> Result<(), SocketError> {
        if now.saturating_duration_since(self.looked) < NEWS_AFTER {
            return Ok(());
        }
        self.looked = now;
        for index in 0..self.peers.len() {
            self.receive(index)?;
            self.reports(index);
        }
        Ok(())
    }

    /// Hands a request to the connected peer with the least to do; `None` if nobody takes it now.
    fn offer(&mut self, id: u64, body: &[u8]) -> Result<Option<usize>, SocketError> {
        let mut tried = vec![false; if self.peers.len() > 1 { self.peers.len() } else { 0 }];
        for _ in 0..self.peers.len() {
            let Some(index) = self.least_busy(&tried) else { break };
            let correlation = Correlation(id).to_frame();
            let sent = self.peers[index].link.socket().send(&[&correlation, &[], body])?;
            if sent == Sent::Done {
                self.peers[index].outstanding += 1;
                self.counters.sent.add_one();
                return Ok(Some(index));
            }
            if let Some(tried) = tried.get_mut(index) {
                *tried = true;
            }
        }
        Ok(None)
    }

    fn least_busy(&self, tried: &[bool]) -> Option<usize> {
        let usable =
            |index: &usize| self.peers[*index].connected && !tried.get(*index).copied().unwrap_or(false);
        (0..self.peers.len()).filter(usable).min_by_key(|index| self.peers[*index].outstanding)
    }

    /// Adds this connection's places to a poll set, always [`Requester::poll_places`] of them.
    pub(crate) fn poll_items<'a>(&'a self, items: &mut Vec<PollItem<'a>>) {
        for peer in &self.peers {
            // Room in a socket without a connection is of no use.
            let sends = !self.waiting.is_empty() && peer.connected;
            items.extend(peer.link.poll_items(if sends {
                Interest::ReceiveOrSend
            } else {
                Interest::Receive
            }));
        }
    }

    /// How many places [`Requester::poll_items`] takes.
    pub(crate) fn poll_places(&self) -> usize {
        2 * self.peers.len()
    }

    /// Takes in what the poll found ready, then sends what has waited for it.
    pub(crate) fn on_ready(&mut self, ready: &[bool]) -> Result<(), SocketError> {
        for (index, ready) in ready.chunks_exact(2).enumerate().take(self.peers.len()) {
            let [socket, report] = [ready[0], ready[1]];
            // Also on a report alone: replies that came before a connection was lost are still good.
            if socket || report {
                self.receive(index)?;
            }
            if report {
                self.reports(index);
            }
        }
        self.send_waiting()
    }

    fn receive(&mut self, index: usize) -> Result<(), SocketError> {
        let mut frames = std::mem::take(&mut self.frames);
        while self.peers[index].link.socket().receive(&mut frames)? {
            self.settle(index, &mut frames);
        }
        self.frames = frames;
        Ok(())
    }

    /// A reply belongs to the request whose number rides before its first empty frame; others are too late.
    fn settle(&mut self, peer: usize, frames: &mut Vec<Frame>) {
        self.counters.received.add_one();
        let delimiter = frames.iter().position(|frame| frame.is_empty());
        let id = match delimiter {
            Some(at) if at > 0 && frames.len() == at + 2 => Correlation::from_frame(&frames[at - 1]),
            _ => None,
        };
        let Some(Correlation(id)) = id else {
            return self.counters.bad.add_one();
        };
        match (self.open.remove(&id), frames.pop()) {
            (Some(open), Some(body)) => {
                self.peers[open.peer.unwrap_or(peer)].outstanding -= usize::from(open.peer.is_some());
                let _ = open.answer.send(Ok(body));
            }
            _ => self.counters.dropped.add_one(),
        }
        self.forget_ended();
    }

    fn reports(&mut self, index: usize) {
        while let Some(event) = self.peers[index].link.event() {
            match event {
                PeerEvent::Connected => {
                    tracing::debug!(
                        connection = self.name,
                        address = self.peers[index].address,
                        "peer connected"
                    );
                    // One that was lost in between has a socket that is to be replaced.
                    self.peers[index].connected = self.peers[index].reopen_at.is_none();
                }
                PeerEvent::Disconnected => self.lost(index),
                PeerEvent::Refused => tracing::warn!(
                    connection = self.name,
                    address = self.peers[index].address,
                    "the peer does not speak this protocol or does not let us in"
                ),
            }
        }
    }

    /// Ends, or sends elsewhere if it may be, what the lost peer had.
    fn lost(&mut self, index: usize) {
        let address = self.peers[index].address.clone();
        tracing::debug!(connection = self.name, address, "peer lost");
        let peer = &mut self.peers[index];
        peer.connected = false;
        peer.outstanding = 0;
        // A new socket, for this one would send what is left in it to whoever answers next, however late.
        peer.reopen_at = Some(peer.opened + REOPEN_AFTER);
        let mut had: Vec<u64> =
            self.open.iter().filter(|(_, open)| open.peer == Some(index)).map(|(id, _)| *id).collect();
        had.sort_unstable();
        for id in had {
            match self.open.get_mut(&id) {
                Some(open) if open.idempotent => {
                    open.peer = None;
                    self.waiting.push_back(id);
                }
                _ => {
                    self.fail(id, |connection, _| SendError::NoPeer { connection, address: address.clone() })
                }
            }
        }
    }

    fn send_waiting(&mut self) -> Result<(), SocketError> {
        while let Some(id) = self.waiting.front().copied() {
            if let Some(body) = self.open.get_mut(&id).and_then(|open| open.body.take()) {
                let taken_by = self.offer(id, &body)?;
                if let Some(open) = self.open.get_mut(&id) {
                    open.peer = taken_by;
                    open.body = (taken_by.is_none() || open.idempotent).then_some(body);
                }
                if taken_by.is_none() {
                    break;
                }
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Ends the requests whose deadline has come, and opens again what was lost.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.looked = now;
        self.reopen(now);
        while let Some(id) = self.deadlines.due(now) {
            self.fail(id, |connection, open| SendError::Timeout {
                connection,
                after: open.within,
                no_peer: open.peer.is_none(),
            });
        }
        self.forget_ended();
    }

    /// When [`Requester::expire`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let reopening = self.peers.iter().filter_map(|peer| peer.reopen_at).min();
        [self.deadlines.next(), reopening].into_iter().flatten().min()
    }

    fn reopen(&mut self, now: Instant) {
        for peer in self.peers.iter_mut().filter(|peer| peer.reopen_at.is_some_and(|at| at <= now)) {
            match Peer::connect(&self.sockets, &peer.address) {
                Ok(fresh) => std::mem::replace(peer, fresh).link.socket().forget_unsent(),
                Err(error) => {
                    tracing::error!(connection = self.name, %error, "cannot connect again");
                    peer.reopen_at = Some(now + REOPEN_AFTER);
                }
            }
        }
    }

    /// Ends every open request.
    pub(crate) fn stop(&mut self) {
        let mut ids: Vec<u64> = self.open.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.fail(id, |_, _| SendError::Stopping);
        }
    }

    fn fail(&mut self, id: u64, error: impl FnOnce(String, &Open) -> SendError) {
        let Some(open) = self.open.remove(&id) else { return };
        if let Some(peer) = open.peer {
            let outstanding = &mut self.peers[peer].outstanding;
            *outstanding = outstanding.saturating_sub(1);
        }
        self.counters.failed.add_one();
        let error = error(self.name.clone(), &open);
        let _ = open.answer.send(Err(error));
    }

    fn forget_ended(&mut self) {
        let open = &self.open;
        self.deadlines.forget(open.len(), |id| open.contains_key(&id));
        while self.waiting.front().is_some_and(|id| !open.contains_key(id)) {
            self.waiting.pop_front();
        }
    }
}

impl Peer {
    fn connect(sockets: &Sockets, address: &str) -> Result<Self, SocketError> {
        let link = Monitored::new(sockets, Role::Dealer)?;
        link.socket().connect(address)?;
        Ok(Self {
            address: address.into(),
            link,
            opened: Instant::now(),
            reopen_at: None,
            // Connections inside the process are never reported, and count as always there.
            connected: address.starts_with("inproc:"),
            outstanding: 0,
        })
    }
}

/// Hashes the numbers that we count up ourselves: nobody outside chooses them, so nothing need be secret.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // An odd number near 2^64 divided by the golden ratio spreads neighbours over all bits.
        self.0 = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
