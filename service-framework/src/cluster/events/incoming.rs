//! What comes from one life of one node: in order, and nothing twice.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::time::Moment;
use super::{Carried, Message};

/// Messages that wait for an earlier one, at most.
const HELD: usize = 1_024;

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
    held: BTreeMap<u64, Message>,
    waits_until: Option<Moment>,
}

#[derive(Debug, Default)]
struct Sure {
    next: u64,
    held: BTreeMap<u64, Message>,
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
        let held = self.sure.held.keys().copied().take(64).collect();
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
        if self.held.is_empty() {
            self.waits_until = None;
        } else if self.waits_until.is_none() || !ready.is_empty() {
            self.waits_until = Some(now.after(PATIENCE));
        }
        if self.held.len() > HELD { [ready, self.skip()].concat() } else { ready }
    }

    fn ready(&mut self) -> Vec<Message> {
        let mut ready = Vec::new();
        while let Some(message) = self.next.and_then(|next| self.held.remove(&next)) {
            self.next = self.next.map(|next| next + 1);
            ready.push(message);
        }
        ready
    }

    /// Gives up everything that is missing.
    fn skip(&mut self) -> Vec<Message> {
        let held = std::mem::take(&mut self.held);
        self.next = held.keys().next_back().map(|last| last + 1).or(self.next);
        self.waits_until = None;
        held.into_values().collect()
    }
}

impl Sure {
    fn take(&mut self, seq: u64, base: u64, message: Message) -> Vec<Message> {
        if seq >= self.next && (self.held.len() < HELD || seq == self.next) {
            self.held.insert(seq, message);
        }
        // What came and whose predecessors were given up is handed over all the same.
        let mut ready = Vec::new();
        while let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() < base) {
            ready.push(entry.remove());
        }
        self.next = self.next.max(base);
        while let Some(message) = self.held.remove(&self.next) {
            self.next += 1;
            ready.push(message);
        }
        ready
    }
}
