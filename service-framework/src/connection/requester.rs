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
use super::directory::Targets;
use super::error::SendError;
use super::peer::Peer;
use super::picking::{Standing, pick};
use super::socket::{Frame, Interest, PollItem, Sent, SocketError};
use super::tap::{Kind, Observed};
use super::zeromq::Sockets;
use crate::wire::{Correlation, Extras, WorkflowId, write_request};

/// What ends a request: the reply's body as it came, or why there is none.
pub(crate) type Answer = Result<Frame, SendError>;

/// Who has not looked at its connections for so long looks at them before it sends, or the request might go to a peer
/// that has been gone ever since.
const NEWS_AFTER: Duration = Duration::from_millis(1);
/// Requests that one connection may have open; a bound on memory, far above what a peer can serve in a deadline.
const MOST_OPEN: usize = 100_000;

/// An idempotent request that has waited so large a part of its time for one instance asks another.
pub(super) const ATTEMPTS: u32 = 3;

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
    pub(super) name: String,
    pub(super) sockets: Sockets,
    pub(super) counters: Arc<Counters>,
    pub(super) targets: Targets,
    pub(super) peers: Vec<Peer>,
    pub(super) open: HashMap<u64, Open, BuildHasherDefault<IdHasher>>,
    /// Requests that no peer has taken, oldest first; some of them may have ended meanwhile.
    waiting: VecDeque<u64>,
    deadlines: Deadlines,
    /// When requests that may go to another instance do.
    pub(super) attempts: Deadlines,
    next: u64,
    /// When the connections were looked at last.
    looked: Instant,
    frames: Vec<Frame>,
    envelope: Vec<u8>,
}

pub(super) struct Open {
    pub(super) request: Outgoing,
    /// Who has it.
    pub(super) peer: Option<usize>,
    /// Whether somebody ever had it.
    was_sent: bool,
    /// The addresses at which it was in vain.
    pub(super) tried: Vec<String>,
    /// When it goes elsewhere, if somebody else is there.
    pub(super) attempt_until: Option<Instant>,
}

impl Requester {
    /// Connects to every address and every instance that is found, whether or not somebody is there yet.
    pub(crate) fn connect(
        sockets: &Sockets,
        name: &str,
        targets: Targets,
        counters: Arc<Counters>,
    ) -> Result<Self, SocketError> {
        let peer = |address: &String| Peer::connect(sockets, address, Standing::fixed());
        let peers = targets.fixed.iter().map(peer).collect::<Result<_, _>>()?;
        let mut requester = Self {
            name: name.into(),
            sockets: sockets.clone(),
            counters,
            targets,
            peers,
            open: HashMap::default(),
            waiting: VecDeque::new(),
            deadlines: Deadlines::default(),
            attempts: Deadlines::default(),
            next: 0,
            looked: Instant::now(),
            frames: Vec::new(),
            envelope: Vec::new(),
        };
        requester.take_news();
        Ok(requester)
    }

    /// Sends a request, or keeps it until somebody can take it.
    pub(crate) fn start(&mut self, request: Outgoing, now: Instant) {
        if self.open.len() >= MOST_OPEN {
            let error = SendError::Overloaded { connection: self.name.clone(), open: self.open.len() };
            self.observe_end(&request, &error);
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
                let (was_sent, attempt_until) = (peer.is_some(), None);
                self.open.insert(id, Open { request, peer, was_sent, tried: Vec::new(), attempt_until });
                match peer {
                    Some(_) => self.begin_attempt(id, now),
                    None => self.waiting.push_back(id),
                }
            }
            Err(source) => {
                let error = SendError::Socket { connection: self.name.clone(), source };
                self.observe_end(&request, &error);
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
        self.offer(id, request.idempotent, now)
    }

    /// Takes in what has happened, if nobody looked for a while.
    fn look(&mut self, now: Instant) -> Result<(), SocketError> {
        if now.saturating_duration_since(self.looked) < NEWS_AFTER {
            return Ok(());
        }
        self.looked = now;
        (0..self.peers.len()).try_for_each(|index| self.take_in(index, true, now))
    }

    /// Hands the request in the buffer to the connected peer that is picked; `None` if nobody takes it now.
    fn offer(&mut self, id: u64, can_wait: bool, now: Instant) -> Result<Option<usize>, SocketError> {
        let mut full = vec![false; if self.peers.len() > 1 { self.peers.len() } else { 0 }];
        for _ in 0..self.peers.len() {
            let Some(index) = self.pick(id, &full, can_wait, now) else { break };
            if self.peers[index].send(id, &self.envelope)? == Sent::Done {
                self.counters.sent.add_one();
                let peer = Some(self.peers[index].address.as_str());
                self.counters
                    .tap
                    .observe(|| Observed::went_out(Kind::Request, &self.envelope).with_peer(peer));
                return Ok(Some(index));
            }
            if let Some(full) = full.get_mut(index) {
                *full = true;
            }
        }
        Ok(None)
    }

    fn pick(&self, id: u64, full: &[bool], can_wait: bool, now: Instant) -> Option<usize> {
        // Of one there is nothing to choose.
        let open = if self.peers.len() > 1 { self.open.get(&id) } else { None };
        let tried = open.map_or(&[][..], |open| &open.tried);
        let peers = self.peers.iter().enumerate();
        let usable =
            peers.filter(|(index, peer)| peer.connected && !full.get(*index).is_some_and(|full| *full));
        let usable = usable.map(|(index, peer)| (index, &peer.standing, tried.contains(&peer.address)));
        pick(usable, can_wait, now)
    }

    /// Whether somebody is there to take a request.
    pub(crate) fn has_peer(&self) -> bool {
        self.peers.iter().any(|peer| peer.connected)
    }

    /// Asks this instance alone, of those that are found.
    pub(crate) fn ask_only(&mut self, instance: Option<&Arc<str>>) {
        self.targets.only(instance);
        self.take_news();
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
                self.take_in(index, ready[1], now)?;
            }
        }
        self.send_waiting(now)
    }

    /// Takes in a share of a peer's replies, and what became of its connection.
    fn take_in(&mut self, index: usize, reports: bool, now: Instant) -> Result<(), SocketError> {
        self.receive(index, BUDGET, now)?;
        if reports && self.peers[index].reports(&self.name) {
            // All replies that came before the connection was lost are still good, and no more can come.
            self.receive(index, usize::MAX, now)?;
            self.lost(index, now);
        }
        Ok(())
    }

    fn receive(&mut self, index: usize, most: usize, now: Instant) -> Result<(), SocketError> {
        let mut frames = std::mem::take(&mut self.frames);
        for _ in 0..most {
            if !self.peers[index].receive(&mut frames)? {
                break;
            }
            self.settle(index, &mut frames, now);
        }
        self.frames = frames;
        Ok(())
    }

    /// A reply belongs to the request whose number rides before its first empty frame; others are too late.
    fn settle(&mut self, index: usize, frames: &mut Vec<Frame>, now: Instant) {
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
            (Some(open), Some(body)) => self.answered(index, (id, open), body, now),
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
            self.peers[peer].standing.lets_go();
        }
        Some(open)
    }

    /// Ends, or sends elsewhere if it may be, what the lost peer had.
    fn lost(&mut self, index: usize, now: Instant) {
        self.peers[index].standing.failed(now);
        for id in self.had_by(index) {
            if self.open.get(&id).is_some_and(|open| open.request.idempotent) {
                self.send_elsewhere(id, index);
            } else {
                let address = self.peers[index].address.clone();
                self.fail(id, |connection, _| SendError::NoPeer { connection, address });
            }
        }
    }

    /// The requests that a peer has, oldest first.
    fn had_by(&self, index: usize) -> Vec<u64> {
        let had = self.open.iter().filter(|(_, open)| open.peer == Some(index));
        let mut had: Vec<u64> = had.map(|(id, _)| *id).collect();
        had.sort_unstable();
        had
    }

    /// Takes a request from a peer that has it, for another one if there is any.
    pub(super) fn send_elsewhere(&mut self, id: u64, index: usize) {
        let Some(open) = self.open.get_mut(&id) else { return };
        (open.peer, open.attempt_until) = (None, None);
        open.tried.push(self.peers[index].address.clone());
        self.waiting.push_back(id);
    }

    fn send_waiting(&mut self, now: Instant) -> Result<(), SocketError> {
        while let Some(id) = self.waiting.front().copied() {
            if let Some(open) = self.open.get(&id) {
                open.request.write(&mut self.envelope, now);
                let can_wait = open.request.idempotent;
                let Some(peer) = self.offer(id, can_wait, now)? else { break };
                if let Some(open) = self.open.get_mut(&id) {
                    open.peer = Some(peer);
                    open.was_sent = true;
                }
                self.begin_attempt(id, now);
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Ends the requests whose deadline has come, opens again what was lost, and takes in what has been found.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.looked = now;
        self.reopen(now);
        for peer in &mut self.peers {
            peer.standing.stops_until.take_if(|until| *until <= now);
        }
        while let Some(id) = self.deadlines.due(now) {
            let sought = self.targets.discovers().then(|| self.targets.names());
            self.fail(id, |connection, open| timeout(connection, open, sought));
        }
        self.end_attempts(now);
        self.forget_ended();
        self.take_news();
        self.let_go();
    }

    /// When [`Requester::expire`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let reopening = self.peers.iter().filter_map(|peer| peer.reopen_at).min();
        let staying = self.peers.iter().filter_map(|peer| peer.standing.stops_until).min();
        [self.deadlines.next(), self.attempts.next(), reopening, staying].into_iter().flatten().min()
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
        self.observe_end(&open.request, &error);
        let _ = open.request.answer.send(Err(error));
    }

    /// Shows to whoever looks that a request has ended without a reply.
    fn observe_end(&self, request: &Outgoing, error: &SendError) {
        if self.counters.tap.is_watched() {
            let mut workflow = Vec::new();
            request.workflow.write(&mut workflow);
            let took = request.began.elapsed();
            self.counters.tap.observe(|| {
                Observed::came_in(Kind::Unanswered, &[])
                    .of_workflow(Some(&workflow))
                    .ended(took, error.word())
            });
        }
    }

    /// Ended requests leave the queues from their heads at once, from within when most there are ended.
    fn forget_ended(&mut self) {
        let open = &self.open;
        self.deadlines.forget(open.len(), |id| open.contains_key(&id));
        self.attempts.forget(open.len(), |id| open.contains_key(&id));
        while self.waiting.front().is_some_and(|id| !open.contains_key(id)) {
            self.waiting.pop_front();
        }
        if self.waiting.len() > 4 * open.len() + 64 {
            self.waiting.retain(|id| open.contains_key(id));
        }
    }
}

fn timeout(connection: String, open: &Open, sought: Option<String>) -> SendError {
    let after = open.request.within;
    match sought {
        Some(address) if !open.was_sent => SendError::NoInstance { connection, address, after },
        _ => SendError::Timeout { connection, after, no_peer: !open.was_sent },
    }
}

/// Hashes the numbers that we count up ourselves: nobody outside chooses them, so nothing need be secret.
#[derive(Default)]
pub(super) struct IdHasher(u64);

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
