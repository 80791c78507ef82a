//! What a requester does with instances that are found by their name: they come and go, and what one of them does not answer
//! another is asked, if asking twice does no harm.

use std::time::Instant;

use super::deadlines::after;
use super::peer::Peer;
use super::picking::Standing;
use super::requester::{ATTEMPTS, Open, Requester};
use super::socket::Frame;
use crate::value::Limits;
use crate::wire::{Envelope, ErrorReply, codes};

/// Why an instance does not do what it was asked; nothing was done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Stopping,
    Overloaded,
}

impl Requester {
    /// Takes in which instances there are now.
    pub(super) fn take_news(&mut self) {
        let Some(found) = self.targets.news() else { return };
        for peer in self.peers.iter_mut().filter(|peer| peer.standing.is_found) {
            match found.iter().find(|found| found.address == peer.address) {
                Some(found) => peer.standing.is_found_again(found),
                None => peer.standing.is_gone = true,
            }
        }
        for found in found {
            if self.peers.iter().any(|peer| peer.address == found.address) {
                continue;
            }
            let standing = Standing::found(&found, self.peers.iter().map(|peer| &peer.standing));
            match Peer::connect(&self.sockets, &found.address, standing) {
                Ok(peer) => self.peers.push(peer),
                Err(error) => tracing::error!(connection = self.name, %error, "an instance is of no use"),
            }
        }
        self.let_go();
    }

    /// Closes the connections to instances that are gone and have nothing more to answer.
    pub(super) fn let_go(&mut self) {
        for index in (0..self.peers.len()).rev() {
            let peer = &self.peers[index];
            if !peer.standing.is_gone || (peer.connected && peer.standing.outstanding > 0) {
                continue;
            }
            self.peers.remove(index).forget_unsent();
            for peer in self.open.values_mut().filter_map(|open| open.peer.as_mut()) {
                *peer -= usize::from(*peer > index);
            }
        }
    }

    /// Notes until when a request waits for the peer that has it.
    pub(super) fn begin_attempt(&mut self, id: u64, now: Instant) {
        if !self.targets.discovers() {
            return;
        }
        if let Some(open) = self.open.get_mut(&id).filter(|open| open.request.idempotent) {
            let until = after(now, open.request.within / ATTEMPTS);
            open.attempt_until = Some(until);
            self.attempts.add(until, id);
        }
    }

    /// Sends elsewhere what has waited long enough, where somebody else is.
    pub(super) fn end_attempts(&mut self, now: Instant) {
        while let Some(id) = self.attempts.due(now) {
            let Some(open) = self.open.get(&id) else { continue };
            let Some(index) = open.peer.filter(|_| open.attempt_until.is_some_and(|until| until <= now))
            else {
                continue;
            };
            if self.has_other(&open.tried, index) {
                tracing::debug!(connection = self.name, address = self.peers[index].address, "no answer yet");
                self.peers[index].standing.failed(now);
                self.peers[index].standing.lets_go();
                self.send_elsewhere(id, index);
            } else {
                self.begin_attempt(id, now);
            }
        }
    }

    /// Whether a peer is there at which a request was not yet, besides the one that has it.
    fn has_other(&self, tried: &[String], index: usize) -> bool {
        self.peers.iter().enumerate().any(|(other, peer)| {
            other != index && peer.connected && !peer.standing.is_closed() && !tried.contains(&peer.address)
        })
    }

    /// Gives an answer to who waits for it, unless it says that this peer cannot do it now and another may.
    pub(super) fn answered(&mut self, index: usize, (id, open): (u64, Open), body: Frame, now: Instant) {
        let took = open.request.began.elapsed();
        self.counters.tap.observe_reply(&body, Some(&self.peers[index].address), took);
        let refusal = refusal(&body);
        match refusal {
            Some(Refusal::Stopping) => self.peers[index].standing.stops(now),
            Some(Refusal::Overloaded) => {}
            None => self.peers[index].standing.answered(),
        }
        let goes_on = open.request.idempotent
            && match refusal {
                Some(Refusal::Stopping) => true,
                Some(Refusal::Overloaded) => self.targets.discovers() && self.has_other(&open.tried, index),
                None => false,
            };
        if !goes_on {
            self.counters.took.note(took);
            return drop(open.request.answer.send(Ok(body)));
        }
        if refusal == Some(Refusal::Overloaded) {
            self.peers[index].standing.failed(now);
        }
        let has_it = open.peer;
        self.open.insert(id, open);
        match has_it.filter(|peer| *peer != index) {
            // Another one has it by now.
            Some(other) => self.peers[other].standing.outstanding += 1,
            None => self.send_elsewhere(id, index),
        }
    }
}

/// Up to where the nil of `return_args` stands in an error reply.
const HEAD: usize = 16;

/// Why nothing was done, if that is what a reply says. Good ones are told apart by a look at their first bytes.
fn refusal(body: &[u8]) -> Option<Refusal> {
    if !body[..body.len().min(HEAD)].contains(&0xc0) {
        return None;
    }
    let error = Envelope::split(body, &Limits::default()).ok()?.error?;
    match ErrorReply::from_msgpack(error).ok()?.code.as_str() {
        codes::STOPPING => Some(Refusal::Stopping),
        codes::OVERLOADED => Some(Refusal::Overloaded),
        _ => None,
    }
}
