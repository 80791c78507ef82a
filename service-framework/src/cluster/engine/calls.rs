//! Events and requests, as the application asks for them and gets them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::events::requests::{Candidate, Request, Target};
use super::super::events::{Answer, CallError, Delivery, Message, Payload, Policy, RequestError, Ticket};
use super::super::identity::{Identity, NodeId};
use super::super::membership::Standing;
use super::super::record::Instance;
use super::super::time::{Moment, Now};
use super::super::wire::Body;
use super::{Call, Engine, Output, Phase};

/// The outcomes of an event that is to be acknowledged.
#[derive(Debug)]
pub(super) struct Tally {
    nodes: BTreeMap<NodeId, Delivery>,
    /// How many acknowledgements are still needed.
    needed: usize,
    open: usize,
}

impl Engine {
    /// Sends an event to all members of this node's view, at most once each; how many they are.
    ///
    /// # Errors
    /// Nothing was sent.
    pub(crate) fn emit(
        &mut self,
        now: Now,
        name: &str,
        payload: &Payload,
        to_self: bool,
    ) -> Result<usize, CallError> {
        self.check(payload)?;
        let peers: Vec<NodeId> = self.peers.active().collect();
        for peer in &peers {
            self.streams.fast(*peer, event(name, payload));
        }
        if to_self {
            self.deliver_here(name, payload);
        }
        self.settle(now);
        Ok(peers.len())
    }

    /// Sends an event to all members of this node's view, and tells what became of it.
    ///
    /// # Errors
    /// Nothing was sent.
    pub(crate) fn emit_acked(
        &mut self,
        now: Now,
        name: &str,
        payload: &Payload,
        policy: Policy,
        patience: Duration,
    ) -> Result<Ticket, CallError> {
        self.check(payload)?;
        let peers: Vec<NodeId> = self.peers.active().collect();
        let needed = match policy {
            Policy::All => peers.len(),
            // Of the others and this node more than half, of which this node is one.
            Policy::Majority => peers.len().div_ceil(2),
            Policy::Count(count) => count,
        };
        let ticket = self.next_ticket();
        let nodes = peers.iter().map(|peer| (*peer, Delivery::Open)).collect();
        self.tallies.insert(ticket, Tally { nodes, needed, open: peers.len() });
        for peer in peers {
            let message = event(name, payload);
            let expires = now.at.after(patience);
            if self.streams.sure(now.at, peer, message, expires, Some(ticket)).is_err() {
                self.count(peer, ticket, Delivery::Dropped);
            }
        }
        self.end_tally(ticket);
        self.settle(now);
        Ok(ticket)
    }

    /// Sends an event to one member, at most once.
    ///
    /// # Errors
    /// Nothing was sent.
    pub(crate) fn send_event(
        &mut self,
        now: Now,
        to: NodeId,
        name: &str,
        payload: &Payload,
    ) -> Result<(), CallError> {
        self.check(payload)?;
        if to == self.me.node {
            self.deliver_here(name, payload);
        } else {
            self.check_node(to)?;
            self.streams.fast(to, event(name, payload));
        }
        self.settle(now);
        Ok(())
    }

    /// Sends an event to one member, and tells what became of it.
    ///
    /// # Errors
    /// Nothing was sent.
    pub(crate) fn send_acked(
        &mut self,
        now: Now,
        to: NodeId,
        name: &str,
        payload: &Payload,
        patience: Duration,
    ) -> Result<Ticket, CallError> {
        self.check(payload)?;
        let ticket = self.next_ticket();
        if to == self.me.node {
            self.deliver_here(name, payload);
            let nodes = vec![(to, Delivery::Acked)];
            self.outputs.push_back(Output::Outcome { ticket, is_met: true, nodes });
            return Ok(ticket);
        }
        self.check_node(to)?;
        let nodes = BTreeMap::from([(to, Delivery::Open)]);
        self.tallies.insert(ticket, Tally { nodes, needed: 1, open: 1 });
        let sent = self.streams.sure(now.at, to, event(name, payload), now.at.after(patience), Some(ticket));
        if sent.is_err() {
            self.tallies.remove(&ticket);
            return Err(CallError::Full(to));
        }
        self.settle(now);
        Ok(ticket)
    }

    /// Asks a node or a service; its reply comes under the ticket.
    ///
    /// # Errors
    /// Nothing was sent.
    pub(crate) fn request(&mut self, now: Now, request: Request) -> Result<Ticket, CallError> {
        self.check(&request.payload)?;
        if self.requests.len() >= self.settings.requests {
            return Err(CallError::TooManyRequests(self.settings.requests));
        }
        match &request.target {
            Target::Node(node) if *node != self.me.node => self.check_node(*node)?,
            Target::Node(_) => {}
            Target::Service(service) if self.candidates(service).is_empty() => {
                return Err(CallError::NoResponders(service.clone()));
            }
            Target::Service(_) => {}
        }
        let ticket = self.next_ticket();
        let deadline = now.at.after(request.patience);
        self.requests.begin(ticket, request, deadline);
        self.ask_somebody(now.at, ticket);
        self.settle(now);
        Ok(ticket)
    }

    /// Says which requests this node takes, by the names of their handlers.
    pub(crate) fn serve(&mut self, names: impl IntoIterator<Item = String>) {
        self.served.extend(names);
    }

    /// Says which services run at this node.
    ///
    /// # Errors
    /// It is more than a node may say of itself; nothing has changed then.
    pub(crate) fn register(&mut self, now: Now, services: Vec<Instance>) -> Result<(), CallError> {
        let before = std::mem::replace(&mut self.record.services, services);
        let (size, limit) = (self.record.size(), self.settings.record_bytes);
        if size > limit {
            self.record.services = before;
            return Err(CallError::TooLarge(size, limit));
        }
        self.publish(now.at);
        self.settle(now);
        Ok(())
    }

    /// Answers a request.
    pub(crate) fn reply(&mut self, now: Now, to: NodeId, call: Call, result: Result<Payload, String>) {
        let answer = match result {
            Ok(payload) if payload.size() > self.settings.frame_bytes / 2 => {
                Answer::Failed(format!("a reply of {} bytes, more than an event may have", payload.size()))
            }
            Ok(payload) => Answer::Reply(payload),
            Err(text) => Answer::Failed(text),
        };
        self.executing = self.executing.saturating_sub(1);
        self.answer_call(now.at, to, call, answer);
        self.settle(now);
    }

    fn answer_call(&mut self, now: Moment, to: NodeId, call: Call, answer: Answer) {
        if to == self.me.node {
            self.take_answer(now, to, call.id, answer);
            return;
        }
        // A reply has as long as a request may take at most; who asked stops waiting on its own. One for which there is
        // no room is as lost as one on the way.
        let expires = now.after(Duration::from_secs(60));
        let message = Message::Reply { id: call.id, boot: call.boot, answer };
        let _no_room = self.streams.sure(now, to, message, expires, None);
    }

    fn check(&self, payload: &Payload) -> Result<(), CallError> {
        if matches!(self.phase, Phase::Draining | Phase::Left) {
            return Err(CallError::Left);
        }
        // Half of a frame leaves room for everything around it.
        let limit = self.settings.frame_bytes / 2;
        if payload.size() > limit { Err(CallError::TooLarge(payload.size(), limit)) } else { Ok(()) }
    }

    fn check_node(&self, node: NodeId) -> Result<(), CallError> {
        match self.peers.get(node) {
            None => Err(CallError::UnknownNode(node)),
            Some(peer) if !peer.is_active() => Err(CallError::NodeDown(node)),
            Some(_) => Ok(()),
        }
    }

    fn deliver_here(&mut self, name: &str, payload: &Payload) {
        let (from, name, payload) = (self.me.node, name.to_owned(), payload.clone());
        self.outputs.push_back(Output::Event { from, name, payload });
    }

    /// The instances of a service that take requests.
    fn candidates(&self, service: &str) -> Vec<Candidate> {
        let is_it = |instance: &&Instance| instance.service == service && instance.ready;
        let here = self.record.services.iter().filter(is_it).map(|instance| Candidate {
            node: self.me.node,
            weight: instance.weight,
            is_here: true,
            is_suspect: false,
        });
        let peers = self.peers.all().filter(|(_, peer)| peer.is_active());
        let there = peers.filter_map(|(node, peer)| {
            let instance = peer.record.as_ref()?.services.iter().find(is_it)?;
            let is_suspect = peer.standing == Standing::Suspect;
            Some(Candidate { node, weight: instance.weight, is_here: false, is_suspect })
        });
        here.chain(there).collect()
    }

    /// Sends a request to whoever is next, or ends it if nobody is.
    pub(super) fn ask_somebody(&mut self, now: Moment, ticket: Ticket) {
        let Some(open) = self.requests.get(ticket) else { return };
        let (request, deadline, tried) = (open.request.clone(), open.deadline, open.tried.clone());
        let node = match &request.target {
            Target::Node(node) => Some(*node),
            Target::Service(service) => self.requests.pick(&self.candidates(service), &tried, &mut self.dice),
        };
        let Some(node) = node else {
            let error = match tried.last() {
                Some(last) if request.idempotent => RequestError::NodeDown(*last),
                _ => RequestError::NoResponders(request.name),
            };
            self.requests.end(ticket, Err(error));
            return;
        };
        self.requests.was_sent_to(ticket, node);
        self.ask(now, ticket, node, request, deadline);
    }

    fn ask(&mut self, now: Moment, ticket: Ticket, node: NodeId, request: Request, deadline: Moment) {
        let patience = u64::try_from(deadline.since(now).as_millis()).unwrap_or(u64::MAX);
        if node == self.me.node {
            let call = Call { boot: self.me.boot, id: ticket.0 };
            self.take_request(now, node, call, request.name, request.payload, patience);
            return;
        }
        // Executed at most once also means: by no other process than that of which this node knows.
        let life = self.peers.get(node).map(|peer| peer.identity.boot).filter(|_| !request.idempotent);
        let (name, payload) = (request.name, request.payload);
        let message = Message::Request { id: ticket.0, name, payload, patience, life };
        if self.streams.sure(now, node, message, deadline, Some(ticket)).is_err() {
            self.requests.end(ticket, Err(RequestError::Dropped));
        }
    }

    pub(super) fn settle_streams(&mut self, now: Now) -> bool {
        let mut any = false;
        for (to, sending) in self.streams.take_sending() {
            any = true;
            self.send(now.at, to, Body::Event(sending.carried), sending.attempt);
        }
        for (from, message) in self.streams.take_arrived() {
            any = true;
            self.arrived(now.at, from, message);
        }
        for (node, ticket, delivery) in self.streams.take_settled() {
            any = true;
            self.count(node, ticket, delivery);
            self.end_tally(ticket);
            if delivery == Delivery::Dropped {
                self.requests.end(ticket, Err(RequestError::Dropped));
            }
        }
        for (ticket, result) in self.requests.take_ended() {
            any = true;
            self.outputs.push_back(Output::Reply { ticket, result });
        }
        any
    }

    fn arrived(&mut self, now: Moment, from: Identity, message: Message) {
        match message {
            Message::Event { name, payload } => {
                self.outputs.push_back(Output::Event { from: from.node, name, payload });
            }
            Message::Request { id, name, payload, patience, life } => {
                let call = Call { boot: from.boot, id };
                if life.is_some_and(|life| life != self.me.boot) {
                    self.answer_call(now, from.node, call, Answer::OtherLife);
                } else {
                    self.take_request(now, from.node, call, name, payload, patience);
                }
            }
            Message::Reply { id, boot, answer } if boot == self.me.boot => {
                self.take_answer(now, from.node, id, answer);
            }
            Message::Reply { .. } => {}
        }
    }

    fn take_request(
        &mut self,
        now: Moment,
        from: NodeId,
        call: Call,
        name: String,
        payload: Payload,
        patience: u64,
    ) {
        if self.phase != Phase::Draining && self.served.contains(&name) {
            self.executing += 1;
            self.outputs.push_back(Output::Request { from, call, name, payload, patience });
        } else {
            self.answer_call(now, from, call, Answer::NoResponders);
        }
    }

    fn take_answer(&mut self, now: Moment, from: NodeId, id: u64, answer: Answer) {
        if let Some(again) = self.requests.answered(Ticket(id), from, answer) {
            self.ask_somebody(now, again);
        }
    }

    fn count(&mut self, node: NodeId, ticket: Ticket, delivery: Delivery) {
        let Some(tally) = self.tallies.get_mut(&ticket) else { return };
        if let Some(open @ Delivery::Open) = tally.nodes.get_mut(&node) {
            *open = delivery;
            tally.open -= 1;
            if delivery == Delivery::Acked {
                tally.needed = tally.needed.saturating_sub(1);
            }
        }
    }

    /// Tells the outcome once the policy is met or nothing more can come.
    fn end_tally(&mut self, ticket: Ticket) {
        let is_over = self.tallies.get(&ticket).is_some_and(|tally| tally.needed == 0 || tally.open == 0);
        if let Some(tally) = is_over.then(|| self.tallies.remove(&ticket)).flatten() {
            let nodes = tally.nodes.into_iter().collect();
            self.outputs.push_back(Output::Outcome { ticket, is_met: tally.needed == 0, nodes });
        }
    }
}

fn event(name: &str, payload: &Payload) -> Message {
    Message::Event { name: name.to_owned(), payload: payload.clone() }
}
