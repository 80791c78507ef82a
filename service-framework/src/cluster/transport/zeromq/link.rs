//! The way from this node to another: one socket for each lane, so that none waits for another.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch;
use super::{Dialling, Lane, is_of_here};
use crate::cluster::identity::Address;
use crate::cluster::keys::Proof;
use crate::connection::{Interest, Monitored, PeerEvent, PollItem, Role, Sent, Socket, SocketError};

/// How long an address has until the next one is tried.
const DIAL: Duration = Duration::from_millis(1_000);

/// Without anything to send for so long, a way is closed.
const IDLE: Duration = Duration::from_secs(60);

/// What may wait for one lane of one node, in messages within ZeroMQ, at either end.
pub(super) const MESSAGES: i32 = 16;

#[derive(Default)]
struct Queue {
    socket: Option<Monitored>,
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    /// A message that ZeroMQ had no room for.
    stuck: Option<Vec<u8>>,
}

pub(super) struct Link {
    /// All that it was given, and those of them that are of this transport.
    given: Arc<[Address]>,
    addresses: Vec<Address>,
    /// Which address and which key of the cluster, by its place, are being tried.
    at: usize,
    key: usize,
    dialled: Instant,
    used: Instant,
    is_connected: bool,
    /// Whoever is there has refused it. ZeroMQ does not try again then.
    was_refused: bool,
    queues: [Queue; 3],
}

impl Link {
    pub(super) fn new(given: Arc<[Address]>, now: Instant) -> Self {
        let (queues, addresses) = (Default::default(), of_here(&given));
        Self {
            given,
            addresses,
            at: 0,
            key: 0,
            dialled: now,
            used: now,
            is_connected: false,
            was_refused: false,
            queues,
        }
    }

    /// Takes the addresses at which the node may be reached now.
    pub(super) fn point_to(&mut self, given: &Arc<[Address]>, now: Instant) {
        if Arc::ptr_eq(&self.given, given) {
            return;
        }
        self.given = given.clone();
        let addresses = of_here(given);
        if self.addresses == addresses {
            return;
        }
        let present = self.addresses.get(self.at).cloned();
        self.addresses = addresses;
        match present.and_then(|present| self.addresses.iter().position(|address| *address == present)) {
            Some(at) if self.is_connected => self.at = at,
            _ => {
                self.at = 0;
                self.hang_up(now);
            }
        }
    }

    /// Goes on with other keys of the cluster, of which the one that it has is at `place` now. Where that is not the first, it
    /// tries again from there.
    pub(super) fn change_keys(&mut self, place: impl Fn(usize) -> Option<usize>, now: Instant) {
        if place(self.key) != Some(0) {
            self.hang_up(now);
        }
        self.key = 0;
    }

    /// Takes a frame; false if there is no room.
    pub(super) fn push(&mut self, lane: Lane, bytes: Vec<u8>, limit: usize, now: Instant) -> bool {
        let queue = &mut self.queues[lane as usize];
        self.used = now;
        if queue.bytes + bytes.len() > limit && !queue.frames.is_empty() {
            return false;
        }
        queue.bytes += bytes.len();
        queue.frames.push_back(bytes);
        true
    }

    /// Hands over what waits; whether everything went.
    pub(super) fn flush(&mut self, dialling: &Dialling<'_>) -> Result<bool, SocketError> {
        let mut is_done = true;
        for lane in Lane::ALL {
            let queue = &mut self.queues[lane as usize];
            if queue.frames.is_empty() && queue.stuck.is_none() {
                continue;
            }
            if queue.socket.is_none() {
                let Some(address) = self.addresses.get(self.at) else { return Ok(true) };
                queue.socket = Some(open(dialling, address, self.key)?);
            }
            let stated = self.addresses.get(self.at).map_or("", |address| dialling.stated(address));
            is_done &= queue.hand_over(stated, dialling.proof_at(self.key))?;
        }
        Ok(is_done)
    }

    /// The sockets that have no room, to be waited for.
    pub(super) fn stuck(&self) -> impl Iterator<Item = PollItem<'_>> {
        let stuck = self.queues.iter().filter(|queue| queue.stuck.is_some());
        stuck.filter_map(|queue| {
            queue.socket.as_ref().map(|socket| socket.socket().poll_item(Interest::ReceiveOrSend))
        })
    }

    /// Takes in what happened to the connection, and tries another address if this one does not work; whether the link is
    /// still of use.
    pub(super) fn tend(&mut self, now: Instant, keys: usize) -> bool {
        let [control, others @ ..] = &mut self.queues;
        while let Some(event) = control.socket.as_ref().and_then(Monitored::event) {
            (self.is_connected, self.was_refused) = match event {
                PeerEvent::Connected => (true, false),
                PeerEvent::Disconnected => (false, self.was_refused),
                PeerEvent::Refused => (false, true),
            };
        }
        others.iter_mut().for_each(Queue::tend);
        if self.is_connected {
            self.dialled = now;
        }
        let has_choice = self.addresses.len() * keys.max(1) > 1;
        let is_late = now.duration_since(self.dialled) >= DIAL;
        let is_over = if has_choice { is_late || self.was_refused } else { is_late && self.was_refused };
        if !self.is_connected && is_over {
            self.next_choice(keys);
            self.hang_up(now);
        }
        now.duration_since(self.used) < IDLE
    }

    fn next_choice(&mut self, keys: usize) {
        self.key += 1;
        if self.key >= keys.max(1) {
            self.key = 0;
            self.at = (self.at + 1) % self.addresses.len().max(1);
        }
    }

    fn hang_up(&mut self, now: Instant) {
        self.queues.iter_mut().for_each(Queue::close);
        (self.is_connected, self.was_refused, self.dialled) = (false, false, now);
    }
}

fn of_here(addresses: &[Address]) -> Vec<Address> {
    addresses.iter().filter(|address| is_of_here(address)).cloned().collect()
}

impl Queue {
    /// Opens anew what was refused, when there is something to send.
    fn tend(&mut self) {
        let Some(socket) = &self.socket else { return };
        if std::iter::from_fn(|| socket.event()).any(|event| event == PeerEvent::Refused) {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.socket().linger(0);
        }
        // It has the address and the proof for where it was to go.
        self.stuck = None;
    }

    /// Hands frames to ZeroMQ, several in one message; whether all went.
    fn hand_over(&mut self, stated: &str, proof: &Proof) -> Result<bool, SocketError> {
        let Some(socket) = &self.socket else { return Ok(false) };
        loop {
            let message = match self.stuck.take() {
                Some(stuck) => stuck,
                None if self.frames.is_empty() => return Ok(true),
                None => together(&mut self.frames, &mut self.bytes, batch::begin(stated, proof)),
            };
            if socket.socket().send(&[&message])? != Sent::Done {
                self.stuck = Some(message);
                return Ok(false);
            }
        }
    }
}

/// One message of the frames that are next.
fn together(frames: &mut VecDeque<Vec<u8>>, bytes: &mut usize, mut message: Vec<u8>) -> Vec<u8> {
    while let Some(frame) = frames.pop_front() {
        *bytes -= frame.len();
        batch::add(&mut message, &frame);
        if frames.front().is_none_or(|next| message.len() + next.len() > batch::TOGETHER) {
            break;
        }
    }
    message
}

/// Watched, since ZeroMQ does not try again where it was refused.
fn open(dialling: &Dialling<'_>, address: &Address, key: usize) -> Result<Monitored, SocketError> {
    let mut socket = Monitored::new(dialling.sockets, Role::Dealer)?;
    let raw = socket.socket_mut();
    raw.bound((MESSAGES, MESSAGES), dialling.bytes, dialling.handshake)?;
    if let Some((pair, server)) = dialling.keys_at(key) {
        raw.connect_with(pair, server)?;
    }
    raw.connect(&address.0)?;
    Ok(socket)
}
