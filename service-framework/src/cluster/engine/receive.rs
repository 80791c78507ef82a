//! Frames that come in.

use super::super::events::{Carried, Message};
use super::super::identity::{Address, Identity, NodeId};
use super::super::membership::{MemberState, Membership, Standing};
use super::super::router::Router;
use super::super::time::{Moment, Now};
use super::super::wire::{Body, Frame, WireError};
use super::{Engine, Output, Phase};

impl Engine {
    /// Takes bytes that came from `address`, where their sender may be reached, and who has proved to be `proved` if nodes
    /// have keys.
    pub(crate) fn receive(
        &mut self,
        now: Now,
        address: Option<&Address>,
        proved: Option<NodeId>,
        bytes: &[u8],
    ) {
        if self.phase == Phase::Left {
            return;
        }
        match Frame::decode(bytes, self.settings.frame_bytes) {
            Ok(frame) if frame.cluster != self.cluster => self.counts.foreign += 1,
            Ok(frame) if proved.is_some_and(|proved| proved != frame.giver()) => self.counts.forged += 1,
            Ok(frame) if frame.from.node == self.me.node => {
                // Its own come back to it where a seed is its own address.
                self.counts.twin += u64::from(frame.from.boot != self.me.boot);
            }
            Ok(frame) => self.take(now, address, frame),
            Err(
                WireError::Empty | WireError::Version(_) | WireError::TooLong(..) | WireError::Malformed(_),
            ) => {
                self.counts.malformed += 1;
            }
        }
        self.settle(now);
    }

    fn take(&mut self, now: Now, address: Option<&Address>, frame: Frame) {
        if frame.to.is_some_and(|to| to != self.me.node) {
            self.carry(frame);
            return;
        }
        // Two that have given each other up could not tell each other otherwise.
        if let Body::Stale { epoch } = frame.body {
            self.was_called_stale(now.at, frame.from.node, epoch);
            return;
        }
        if !self.is_present_life(now.at, address, &frame) {
            return;
        }
        if self.is_one_too_many(frame.from.node) {
            self.counts.refused += 1;
            return;
        }
        if frame.is_direct() {
            self.links.heard(now.at, frame.from.node);
        } else {
            self.links.lives_elsewhere(frame.from.node);
        }
        self.meet(now.at, address, &frame);
        self.act_on(now, address, frame);
    }

    /// Whether a node is new while there are as many as may be.
    fn is_one_too_many(&self, node: NodeId) -> bool {
        self.peers.get(node).is_none() && self.peers.count() >= self.settings.members
    }

    /// Passes a frame on, if this node does that and there is a way that leads to nobody who has had it.
    fn carry(&mut self, mut frame: Frame) {
        let Some(to) = frame.to.filter(|_| self.settings.relays) else { return };
        let visited: Vec<NodeId> =
            std::iter::once(frame.from.node).chain(frame.trail.iter().copied()).collect();
        let router: &dyn Router = self.settings.routing.router();
        let hop = if visited.contains(&self.me.node) {
            None
        } else {
            router.next_hop(&self.topology(), to, &visited, 0)
        };
        let Some(hop) = hop else {
            self.counts.no_route += 1;
            return;
        };
        frame.trail.push(self.me.node);
        self.counts.carried += 1;
        self.transmit(hop, frame.body.lane(), frame.encode());
    }

    /// Whether the sender lives, as far as is known. If not, it is told which epoch it must pass to live again.
    fn is_present_life(&mut self, now: Moment, address: Option<&Address>, frame: &Frame) -> bool {
        let Some(known) = self.peers.get(frame.from.node) else {
            return self.is_life_to_meet(now, address, frame);
        };
        let is_given_up = known.identity == frame.from && !known.is_active();
        if !is_given_up && !known.identity.supersedes(&frame.from) {
            return true;
        }
        self.counts.stale += 1;
        let epoch = known.identity.epoch;
        // Whoever has left may still have something on its way, and is not called back.
        let is_told = !(is_given_up && known.has_left || matches!(frame.body, Body::Leave(_)));
        if is_told {
            self.answer(now, address, frame, Body::Stale { epoch });
        }
        false
    }

    /// As [`Engine::is_present_life`], for a sender that was never met here: others may have said that this life of it was over,
    /// or a later one, before it was met, and it does not know so.
    fn is_life_to_meet(&mut self, now: Moment, address: Option<&Address>, frame: &Frame) -> bool {
        let Some(epoch) = self.swim.given_up(&frame.from) else { return true };
        self.counts.stale += 1;
        if !matches!(frame.body, Body::Leave(_)) {
            self.answer(now, address, frame, Body::Stale { epoch });
        }
        false
    }

    /// Answers a frame where it came from.
    fn answer(&mut self, now: Moment, address: Option<&Address>, frame: &Frame, body: Body) {
        match address.filter(|_| frame.is_direct()) {
            Some(address) => self.send_to_address(Some(frame.from.node), address.clone(), body),
            None => self.send(now, frame.from.node, body, 0),
        }
    }

    pub(super) fn send_to_address(&mut self, to: Option<NodeId>, address: Address, body: Body) {
        let frame = Frame { cluster: self.cluster, from: self.me, to, trail: Vec::new(), body };
        let (addresses, lane) = ([address].into(), frame.body.lane());
        self.outputs.push_back(Output::Transmit { to, addresses, lane, bytes: frame.encode() });
    }

    /// Whoever sends something is there.
    fn meet(&mut self, now: Moment, address: Option<&Address>, frame: &Frame) {
        let from = frame.from;
        let is_new = self.peers.get(from.node).is_none_or(|peer| from.supersedes(&peer.identity));
        if is_new && !matches!(frame.body, Body::Leave(_)) {
            self.apply_alive(now, from);
        }
        if let (Some(peer), Some(address), true) = (self.peers.get_mut(from.node), address, frame.is_direct())
        {
            peer.observe(address, &self.settings.addresses);
        }
    }

    fn apply_alive(&mut self, now: Moment, identity: Identity) {
        self.swim.apply(now, &[MemberState { identity, incarnation: 0, standing: Standing::Alive }]);
        self.take_notices(now, Some(identity.node));
    }

    fn act_on(&mut self, now: Now, address: Option<&Address>, frame: Frame) {
        let from = frame.from;
        match frame.body {
            Body::Swim(ref bytes) => {
                self.counts.malformed += u64::from(self.swim.receive(now.at, bytes).is_err());
                self.take_notices(now.at, Some(from.node));
            }
            Body::Hello { ref record, ref called } => {
                self.learn_record(now.at, record.clone(), from.node);
                self.was_seen_at(now.at, called.clone());
                let body = self.welcome(address.cloned());
                self.answer(now.at, address, &frame, body);
            }
            Body::Welcome { members, records, seen } => {
                self.was_seen_at(now.at, seen);
                self.welcomed(now.at, from, &members, records);
            }
            Body::Stale { .. } | Body::Pong(_) => {}
            Body::Digest(digest) => self.compare_digest(now.at, from.node, digest),
            Body::View { members, stands, ask } => self.take_view(now.at, from.node, &members, &stands, ask),
            Body::Ask(nodes) => self.give_records(now.at, from.node, &nodes),
            Body::Records(records) => {
                for record in records {
                    self.learn_record(now.at, record, from.node);
                }
            }
            Body::Ping(number) => self.answer(now.at, address, &frame, Body::Pong(number)),
            Body::Leave(identity) => self.learn_leaving(now.at, from.node, identity),
            // It is not acknowledged, and comes again when there is room for it.
            Body::Event(Carried::Sure { message: Message::Event { .. }, .. }) if self.is_congested => {}
            Body::Event(carried) => self.streams.receive(now.at, from, carried),
            Body::Map(talk) => self.sharing.receive(now, from.node, talk),
        }
    }
}
