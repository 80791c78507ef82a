//! The streams between this node and all others.

use std::collections::BTreeMap;

use super::super::identity::{Identity, NodeId};
use super::super::time::Moment;
use super::incoming::Incoming;
use super::outgoing::{Full, Outgoing, Sending};
use super::{Carried, Delivery, Message, QueueLimits, Ticket};

#[derive(Debug, Default)]
pub(crate) struct Streams {
    boot: u64,
    limits: QueueLimits,
    outgoing: BTreeMap<NodeId, Outgoing>,
    /// By sender, for the one of its lives that counts.
    incoming: BTreeMap<NodeId, (u64, Incoming)>,
    /// When something of a node may be due, or before.
    due: BTreeMap<NodeId, Moment>,
    sending: Vec<(NodeId, Sending)>,
    arrived: Vec<(Identity, Message)>,
    settled: Vec<(NodeId, Ticket, Delivery)>,
}

impl Streams {
    pub(crate) fn new(boot: u64, limits: QueueLimits) -> Self {
        Self { boot, limits, ..Self::default() }
    }

    pub(crate) fn fast(&mut self, to: NodeId, message: Message) {
        let carried = self.outgoing.entry(to).or_default().fast(message);
        self.sending.push((to, Sending { carried, attempt: 0 }));
    }

    /// # Errors
    /// A full queue that blocks.
    pub(crate) fn sure(
        &mut self,
        now: Moment,
        to: NodeId,
        message: Message,
        expires: Moment,
        ticket: Option<Ticket>,
    ) -> Result<(), Full> {
        self.outgoing.entry(to).or_default().sure(message, expires, ticket, &self.limits)?;
        self.pump(now, to);
        Ok(())
    }

    /// Takes what `from`, whose present life it is, has sent.
    pub(crate) fn receive(&mut self, now: Moment, from: Identity, carried: Carried) {
        match carried {
            Carried::Fast { seq, message } => {
                let messages = self.incoming(from).fast(now, seq, message);
                self.arrive(from, messages);
            }
            Carried::Sure { seq, base, message } => {
                let messages = self.incoming(from).sure(seq, base, message);
                self.arrive(from, messages);
                let carried = self.incoming(from).ack(from.boot);
                self.sending.push((from.node, Sending { carried, attempt: 0 }));
            }
            Carried::Ack { boot, next, held } if boot == self.boot => {
                if let Some(outgoing) = self.outgoing.get_mut(&from.node) {
                    outgoing.acked(now, next, &held);
                }
                self.pump(now, from.node);
            }
            Carried::Ack { .. } => {}
        }
        self.note_due(from.node);
    }

    fn incoming(&mut self, from: Identity) -> &mut Incoming {
        let (boot, incoming) =
            self.incoming.entry(from.node).or_insert_with(|| (from.boot, Incoming::default()));
        if *boot != from.boot {
            (*boot, *incoming) = (from.boot, Incoming::default());
        }
        incoming
    }

    fn arrive(&mut self, from: Identity, messages: Vec<Message>) {
        self.arrived.extend(messages.into_iter().map(|message| (from, message)));
    }

    fn pump(&mut self, now: Moment, to: NodeId) {
        if let Some(outgoing) = self.outgoing.get_mut(&to) {
            let sending = outgoing.pump(now, &self.limits);
            self.sending.extend(sending.into_iter().map(|sending| (to, sending)));
        }
        self.settle(to);
        self.note_due(to);
    }

    fn settle(&mut self, node: NodeId) {
        let settled = self.outgoing.get_mut(&node).map(Outgoing::take_settled).unwrap_or_default();
        self.settled.extend(settled.into_iter().map(|(ticket, delivery)| (node, ticket, delivery)));
    }

    fn note_due(&mut self, node: NodeId) {
        let outgoing = self.outgoing.get(&node).and_then(Outgoing::next_due);
        let incoming = self.incoming.get(&node).and_then(|(_, incoming)| incoming.next_due());
        match [outgoing, incoming].into_iter().flatten().min() {
            Some(due) => self.due.insert(node, due),
            None => self.due.remove(&node),
        };
    }

    /// The node has gone: nothing more is sent to it.
    pub(crate) fn give_up(&mut self, node: NodeId, delivery: Delivery) {
        if let Some(outgoing) = self.outgoing.get_mut(&node) {
            outgoing.give_up(delivery);
        }
        self.settle(node);
        self.note_due(node);
    }

    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.due.values().min().copied()
    }

    pub(crate) fn tick(&mut self, now: Moment) {
        let due = self.due.iter().filter(|(_, at)| **at <= now);
        for node in due.map(|(node, _)| *node).collect::<Vec<_>>() {
            self.tick_of(now, node);
            self.pump(now, node);
        }
    }

    fn tick_of(&mut self, now: Moment, node: NodeId) {
        if let Some(outgoing) = self.outgoing.get_mut(&node) {
            let sending = outgoing.tick(now);
            self.sending.extend(sending.into_iter().map(|sending| (node, sending)));
        }
        if let Some((boot, incoming)) = self.incoming.get_mut(&node) {
            // Only the node and its boot count for what has arrived.
            let from = Identity { node, epoch: 0, boot: *boot };
            let messages = incoming.tick(now);
            self.arrive(from, messages);
        }
    }

    pub(crate) fn take_sending(&mut self) -> Vec<(NodeId, Sending)> {
        std::mem::take(&mut self.sending)
    }

    pub(crate) fn take_arrived(&mut self) -> Vec<(Identity, Message)> {
        std::mem::take(&mut self.arrived)
    }

    pub(crate) fn take_settled(&mut self) -> Vec<(NodeId, Ticket, Delivery)> {
        std::mem::take(&mut self.settled)
    }

    /// Whether nothing waits to be acknowledged by anybody.
    pub(crate) fn is_idle(&self) -> bool {
        self.outgoing.values().all(Outgoing::is_idle)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.outgoing.values().map(Outgoing::dropped).sum()
    }
}
