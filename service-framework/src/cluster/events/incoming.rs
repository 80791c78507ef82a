//! What comes from one life of one node: in order, and nothing twice.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::time::Moment;
use super::{Carried, Message};

/// Messages that wait for an earlier one, at most, and their bytes.
const HELD: usize = 1_024;
const HELD_BYTES: usize = 64 << 20;

/// How long a fast message waits for an earlier one that may have taken a longer way.
const PATIENCE: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(crate) struct Incoming {
    fast: Fast,
    sure: Sure,
}

#[derive(Debug, Default)]
struct Fast {
    next: Option<u64>,
    held: Held,
    waits_until: Option<Moment>,
}

#[derive(Debug, Default)]
struct Sure {
    next: u64,
    held: Held,
}

/// Messages that wait for an earlier one.
#[derive(Debug, Default)]
struct Held {
    messages: BTreeMap<u64, Message>,
    bytes: usize,
}

impl Held {
    fn insert(&mut self, seq: u64, message: Message) {
        self.bytes += message.size();
        if let Some(before) = self.messages.insert(seq, message) {
            self.bytes -= before.size();
        }
    }

    fn remove(&mut self, seq: u64) -> Option<Message> {
        let message = self.messages.remove(&seq)?;
        self.bytes -= message.size();
        Some(message)
    }

    /// The first, if it is below `end`.
    fn remove_below(&mut self, end: u64) -> Option<Message> {
        let first = *self.messages.first_key_value()?.0;
        if first < end { self.remove(first) } else { None }
    }

    fn is_full(&self) -> bool {
        self.messages.len() >= HELD || self.bytes >= HELD_BYTES
    }
}

impl Incoming {
    pub(crate) fn fast(&mut self, now: Moment, seq: u64, message: Message) -> Vec<Message> {
        self.fast.take(now, seq, message)
    }

    /// What can be handed over now, in order.
    pub(crate) fn sure(&mut self, seq: u64, base: u64, message: Message) -> Vec<Message> {
        self.sure.take(seq, base, message)
    }

    /// What the sender is told of the sure stream.
    pub(crate) fn ack(&self, boot: u64) -> Carried {
        let held = self.sure.held.messages.keys().copied().take(super::outgoing::HELD).collect();
        Carried::Ack { boot, next: self.sure.next, held }
    }

    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.fast.waits_until
    }

    /// Fast messages whose predecessors are not waited for any longer.
    pub(crate) fn tick(&mut self, now: Moment) -> Vec<Message> {
        match self.fast.waits_until {
            Some(until) if until <= now => self.fast.skip(),
            _ => Vec::new(),
        }
    }
}

impl Fast {
    fn take(&mut self, now: Moment, seq: u64, message: Message) -> Vec<Message> {
        let next = *self.next.get_or_insert(seq);
        if seq < next {
            return Vec::new();
        }
        self.held.insert(seq, message);
        let ready = self.ready();
        if self.held.messages.is_empty() {
            self.waits_until = None;
        } else if self.waits_until.is_none() || !ready.is_empty() {
            self.waits_until = Some(now.after(PATIENCE));
        }
        if self.held.is_full() { [ready, self.skip()].concat() } else { ready }
    }

    fn ready(&mut self) -> Vec<Message> {
        let mut ready = Vec::new();
        while let Some(message) = self.next.and_then(|next| self.held.remove(next)) {
            self.next = self.next.map(|next| next.saturating_add(1));
            ready.push(message);
        }
        ready
    }

    /// Gives up everything that is missing.
    fn skip(&mut self) -> Vec<Message> {
        let held = std::mem::take(&mut self.held).messages;
        self.next = held.keys().next_back().map(|last| last.saturating_add(1)).or(self.next);
        self.waits_until = None;
        held.into_values().collect()
    }
}

impl Sure {
    fn take(&mut self, seq: u64, base: u64, message: Message) -> Vec<Message> {
        if seq >= self.next && (!self.held.is_full() || seq == self.next) {
            self.held.insert(seq, message);
        }
        // What came and whose predecessors were given up is handed over all the same.
        let mut ready = Vec::new();
        while let Some(message) = self.held.remove_below(base) {
            ready.push(message);
        }
        self.next = self.next.max(base);
        while let Some(message) = self.held.remove(self.next) {
            self.next = self.next.saturating_add(1);
            ready.push(message);
        }
        ready
    }
}
