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
use super::deadlines::{Deadlines, after};
use super::error::SendError;
use super::peer::Peer;
use super::socket::{Frame, Interest, PollItem, Sent, SocketError};
use super::zeromq::Sockets;
use crate::wire::{Correlation, Extras, WorkflowId, write_request};

/// What ends a request: the reply's body as it came, or why there is none.
pub(crate) type Answer = Result<Frame, SendError>;

/// Who has not looked at its connections for so long looks at them before it sends, or the request might go to a peer
/// that has been gone ever since.
const NEWS_AFTER: Duration = Duration::from_millis(1);
/// Requests that one connection may have open; a bound on memory, far above what a peer can serve in a deadline.
const MOST_OPEN: usize = 100_000;

/// Replies of one peer that are taken in before others have their turn.
const BUDGET: usize = 1_024;

/// One request on its way out.
pub(crate) struct Outgoing {
    /// The arguments as MessagePack.
    pub(crate) args: Vec<u8>,
    pub(crate) workflow: WorkflowId,
    /// When it was made; its deadline counts from then.
    pub(crate) began: Instant,
    /// How long it may take.
    pub(crate) within: Duration,
    /// What a replica asks for beside the arguments.
    pub(crate) snapshot: Option<Vec<u8>>,
    /// Whether it may be sent again to somebody else when its peer is gone.
    pub(crate) idempotent: bool,
    /// Who waits.
    pub(crate) answer: oneshot::Sender<Answer>,
}

impl Outgoing {
    /// When it ends without an answer.
    pub(crate) fn deadline(&self) -> Instant {
        after(self.began, self.within)
    }

    /// Writes the envelope as it is now: with the time that is left.
    pub(crate) fn write(&self, out: &mut Vec<u8>, now: Instant) {
        let left = self.within.saturating_sub(now.saturating_duration_since(self.began));
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let snapshot = self.snapshot.as_deref();
        let extras = Extras { deadline_ms: Some(left), snapshot, ..Extras::default() };
        out.clear();
        write_request(out, &self.args, &self.workflow, &extras);
    }
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
    envelope: Vec<u8>,
}

struct Open {
    request: Outgoing,
    /// Who has it.
    peer: Option<usize>,
    /// Whether somebody ever had it.
    was_sent: bool,
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
            envelope: Vec::new(),
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
        self.deadlines.add(request.deadline(), id);
        match looked.and_then(|()| self.first_offer(id, &request, now)) {
            Ok(peer) => {
                self.open.insert(id, Open { request, peer, was_sent: peer.is_some() });
                if peer.is_none() {
                    self.waiting.push_back(id);
                }
            }
            Err(source) => {
                let error = SendError::Socket { connection: self.name.clone(), source };
                let _ = request.answer.send(Err(error));
            }
        }
    }

    /// Offers a request to the peers unless others wait for them already.
    fn first_offer(
        &mut self,
        id: u64,
        request: &Outgoing,
        now: Instant,
    ) -> Result<Option<usize>, SocketError> {
        if !self.waiting.is_empty() {
            return Ok(None);
        }
        request.write(&mut self.envelope, now);
        self.offer(id)
    }

    /// Takes in what has happened, if nobody looked for a while.
    fn look(&mut self, now: Instant) -> Result<(), SocketError> {
        if now.saturating_duration_since(self.looked) < NEWS_AFTER {
            return Ok(());
        }
        self.looked = now;
        (0..self.peers.len()).try_for_each(|index| self.take_in(index, true))
    }

    /// Hands the request in the buffer to the connected peer with the least to do; `None` if nobody takes it now.
    fn offer(&mut self, id: u64) -> Result<Option<usize>, SocketError> {
        let mut tried = vec![false; if self.peers.len() > 1 { self.peers.len() } else { 0 }];
        for _ in 0..self.peers.len() {
            let Some(index) = self.least_busy(&tried) else { break };
            if self.peers[index].send(id, &self.envelope)? == Sent::Done {
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

    /// Whether somebody is there to take a request.
    pub(crate) fn has_peer(&self) -> bool {
        self.peers.iter().any(|peer| peer.connected)
    }

    /// Adds this connection's places to a poll set, always [`Requester::poll_places`] of them.
    pub(crate) fn poll_items<'a>(&'a self, items: &mut Vec<PollItem<'a>>) {
        let interest = if self.waiting.is_empty() { Interest::Receive } else { Interest::ReceiveOrSend };
        for peer in &self.peers {
            items.extend(peer.poll_items(interest));
        }
    }

    /// How many places [`Requester::poll_items`] takes.
    pub(crate) fn poll_places(&self) -> usize {
        2 * self.peers.len()
    }

    /// Takes in what the poll found ready, then sends what has waited for it.
    pub(crate) fn on_ready(&mut self, ready: &[bool], now: Instant) -> Result<(), SocketError> {
        for (index, ready) in ready.chunks_exact(2).enumerate().take(self.peers.len()) {
            if ready[0] || ready[1] {
                self.take_in(index, ready[1])?;
            }
        }
        self.send_waiting(now)
    }

    /// Takes in a share of a peer's replies, and what became of its connection.
    fn take_in(&mut self, index: usize, reports: bool) -> Result<(), SocketError> {
        self.receive(index, BUDGET)?;
        if reports && self.peers[index].reports(&self.name) {
            // All replies that came before the connection was lost are still good, and no more can come.
            self.receive(index, usize::MAX)?;
            self.lost(index);
        }
        Ok(())
    }

    fn receive(&mut self, index: usize, most: usize) -> Result<(), SocketError> {
        let mut frames = std::mem::take(&mut self.frames);
        for _ in 0..most {
            if !self.peers[index].receive(&mut frames)? {
                break;
            }
            self.settle(&mut frames);
        }
        self.frames = frames;
        Ok(())
    }

    /// A reply belongs to the request whose number rides before its first empty frame; others are too late.
    fn settle(&mut self, frames: &mut Vec<Frame>) {
        self.counters.received.add_one();
        let delimiter = frames.iter().position(|frame| frame.is_empty());
        let id = match delimiter {
            Some(at) if at > 0 && frames.len() == at + 2 => Correlation::from_frame(&frames[at - 1]),
            _ => None,
        };
        let Some(Correlation(id)) = id else {
            return self.counters.bad.add_one();
        };
        match (self.close(id), frames.pop()) {
            (Some(open), Some(body)) => drop(open.request.answer.send(Ok(body))),
            _ => self.counters.dropped.add_one(),
        }
        self.forget_ended();
    }

    /// Whether an answer is waited for.
    #[cfg(feature = "testing")]
    pub(crate) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Takes a request out of the open ones.
    fn close(&mut self, id: u64) -> Option<Open> {
        let open = self.open.remove(&id)?;
        if let Some(peer) = open.peer {
            let outstanding = &mut self.peers[peer].outstanding;
            *outstanding = outstanding.saturating_sub(1);
        }
        Some(open)
    }

    /// Ends, or sends elsewhere if it may be, what the lost peer had.
    fn lost(&mut self, index: usize) {
        let mut had: Vec<u64> =
            self.open.iter().filter(|(_, open)| open.peer == Some(index)).map(|(id, _)| *id).collect();
        had.sort_unstable();
        for id in had {
            match self.open.get_mut(&id) {
                Some(open) if open.request.idempotent => {
                    open.peer = None;
                    self.waiting.push_back(id);
                }
                _ => {
                    let address = self.peers[index].address.clone();
                    self.fail(id, |connection, _| SendError::NoPeer { connection, address });
                }
            }
        }
    }

    fn send_waiting(&mut self, now: Instant) -> Result<(), SocketError> {
        while let Some(id) = self.waiting.front().copied() {
            if let Some(open) = self.open.get(&id) {
                open.request.write(&mut self.envelope, now);
                let Some(peer) = self.offer(id)? else { break };
                if let Some(open) = self.open.get_mut(&id) {
                    open.peer = Some(peer);
                    open.was_sent = true;
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
                after: open.request.within,
                no_peer: !open.was_sent,
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
        for peer in &mut self.peers {
            if let Err(error) = peer.reopen(&self.sockets, now) {
                tracing::error!(connection = self.name, %error, "cannot connect again");
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
        let Some(open) = self.close(id) else { return };
        self.counters.failed.add_one();
        let error = error(self.name.clone(), &open);
        let _ = open.request.answer.send(Err(error));
    }

    /// Ended requests leave the queues from their heads at once, from within when most there are ended.
    fn forget_ended(&mut self) {
        let open = &self.open;
        self.deadlines.forget(open.len(), |id| open.contains_key(&id));
        while self.waiting.front().is_some_and(|id| !open.contains_key(id)) {
            self.waiting.pop_front();
        }
        if self.waiting.len() > 4 * open.len() + 64 {
            self.waiting.retain(|id| open.contains_key(id));
        }
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
