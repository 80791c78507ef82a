//! What waits for one node: messages in order, sent again until they are acknowledged or given up.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::time::Moment;
use super::{Carried, Delivery, Message, Overflow, QueueLimits, Ticket};

/// So many messages that are held an acknowledgement names.
pub(super) const HELD: usize = 64;

/// How long an acknowledgement may take before everything is sent again, the first time and at most.
const REPEAT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

#[derive(Debug)]
struct Waiting {
    /// Given when it is first sent, so that what is dropped before leaves no gap.
    seq: Option<u64>,
    message: Message,
    expires: Moment,
    ticket: Option<Ticket>,
    /// The receiver has it, though not what comes before.
    is_held: bool,
    /// Nobody waits for it any more; it is only there to keep its number.
    is_over: bool,
}

/// What is to be sent, and how often the way has failed.
#[derive(Debug, PartialEq)]
pub(crate) struct Sending {
    pub(crate) carried: Carried,
    pub(crate) attempt: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    next_fast: u64,
    next_sure: u64,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// How often in a row nothing was acknowledged.
    attempts: u32,
    repeat_at: Option<Moment>,
    /// No message expires before.
    expires_at: Option<Moment>,
    settled: Vec<(Ticket, Delivery)>,
    dropped: u64,
}

/// The queue is full and must not drop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

impl Outgoing {
    pub(crate) fn fast(&mut self, message: Message) -> Carried {
        self.next_fast += 1;
        Carried::Fast { seq: self.next_fast, message }
    }

    /// # Errors
    /// A full queue that blocks; the message is not taken then.
    pub(crate) fn sure(
        &mut self,
        message: Message,
        expires: Moment,
        ticket: Option<Ticket>,
        limits: &QueueLimits,
    ) -> Result<(), Full> {
        if self.is_full(message.size(), limits) && !self.make_room(ticket, message.size(), limits)? {
            return Ok(());
        }
        self.bytes += message.size();
        self.expires_at = Some(self.expires_at.map_or(expires, |at| at.min(expires)));
        self.waiting.push_back(Waiting {
            seq: None,
            message,
            expires,
            ticket,
            is_held: false,
            is_over: false,
        });
        Ok(())
    }

    fn is_full(&self, more: usize, limits: &QueueLimits) -> bool {
        self.waiting.len() >= limits.messages || self.bytes + more > limits.bytes
    }

    /// Whether there is room now; where there is not, the new message has been dropped.
    fn make_room(&mut self, ticket: Option<Ticket>, more: usize, limits: &QueueLimits) -> Result<bool, Full> {
        if limits.overflow == Overflow::Block {
            return Err(Full);
        }
        while limits.overflow == Overflow::DropOld && self.is_full(more, limits) {
            let Some(oldest) = self.waiting.iter().position(|waiting| waiting.seq.is_none()) else { break };
            self.dropped += 1;
            self.settle(oldest, Delivery::Dropped);
        }
        let has_room = !self.is_full(more, limits);
        if !has_room {
            self.dropped += 1;
            self.settled.extend(ticket.map(|ticket| (ticket, Delivery::Dropped)));
        }
        Ok(has_room)
    }

    /// Takes a message out of the queue.
    fn settle(&mut self, index: usize, delivery: Delivery) {
        let Some(waiting) = self.waiting.remove(index) else { return };
        self.bytes -= waiting.message.size();
        self.settled.extend(waiting.ticket.map(|ticket| (ticket, delivery)));
    }

    fn base(&self) -> u64 {
        self.waiting.front().and_then(|waiting| waiting.seq).unwrap_or(self.next_sure + 1)
    }

    /// What may be sent now for the first time.
    pub(crate) fn pump(&mut self, now: Moment, limits: &QueueLimits) -> Vec<Sending> {
        let (base, attempt, first) = (self.base(), self.attempts, self.next_sure + 1);
        let window = self.waiting.iter_mut().take(limits.window).filter(|waiting| waiting.seq.is_none());
        let mut sending = Vec::new();
        for (seq, waiting) in (first..).zip(window) {
            waiting.seq = Some(seq);
            self.next_sure = seq;
            sending.push(Sending { carried: carried(seq, base, waiting), attempt });
        }
        if !sending.is_empty() && self.repeat_at.is_none() {
            self.repeat_at = Some(now.after(REPEAT.0));
        }
        sending
    }

    /// Takes what the receiver has, and says whether that was news.
    pub(crate) fn acked(&mut self, now: Moment, next: u64, held: &[u64]) -> bool {
        let mut is_news = false;
        while self.waiting.front().is_some_and(|waiting| waiting.seq.is_some_and(|seq| seq < next)) {
            is_news = true;
            self.settle(0, Delivery::Acked);
        }
        // A receiver that has begun anew holds nothing of what its last life held. A full list says nothing of what is behind it.
        let last = if held.len() < HELD { u64::MAX } else { held.last().copied().unwrap_or(0) };
        for waiting in &mut self.waiting {
            match waiting.seq {
                Some(seq) if seq <= last => waiting.is_held = held.contains(&seq),
                Some(_) => {}
                None => break,
            }
        }
        if is_news {
            self.attempts = 0;
            self.repeat_at = None;
        }
        let is_open = self.waiting.front().is_some_and(|waiting| waiting.seq.is_some());
        if is_open && self.repeat_at.is_none() {
            self.repeat_at = Some(now.after(REPEAT.0));
        }
        is_news
    }

    pub(crate) fn next_due(&self) -> Option<Moment> {
        [self.expires_at, self.repeat_at].into_iter().flatten().min()
    }

    /// Gives up what has expired and sends the rest again if it is time.
    pub(crate) fn tick(&mut self, now: Moment) -> Vec<Sending> {
        if self.expires_at.is_some_and(|at| at <= now) {
            self.expire(now);
        }
        if self.repeat_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.attempts = self.attempts.saturating_add(1);
        let (base, attempt) = (self.base(), self.attempts);
        let open = self.waiting.iter().filter(|waiting| !waiting.is_held);
        let sending: Vec<Sending> = open
            .filter_map(|waiting| Some(Sending { carried: carried(waiting.seq?, base, waiting), attempt }))
            .collect();
        let wait = REPEAT.0 * 2_u32.saturating_pow(self.attempts.min(8));
        self.repeat_at = (!sending.is_empty()).then(|| now.after(wait.min(REPEAT.1)));
        sending
    }

    /// What was sent keeps its number until all before it are settled too, so that `base` can tell the receiver.
    fn expire(&mut self, now: Moment) {
        let is_late = |waiting: &Waiting| waiting.is_over || waiting.expires <= now;
        for index in (0..self.waiting.len()).rev() {
            if is_late(&self.waiting[index]) && self.waiting[index].seq.is_none() {
                self.settle(index, Delivery::TimedOut);
            }
        }
        for waiting in self.waiting.iter_mut().filter(|waiting| is_late(waiting)) {
            waiting.is_over = true;
            self.settled.extend(waiting.ticket.take().map(|ticket| (ticket, Delivery::TimedOut)));
        }
        let base = self.base();
        while self.waiting.front().is_some_and(|waiting| waiting.is_over) {
            self.settle(0, Delivery::TimedOut);
        }
        if self.base() > base {
            // What the receiver holds waits for what does not come any more, and it learns so with the next message.
            self.waiting.iter_mut().for_each(|waiting| waiting.is_held = false);
            self.repeat_at = self.waiting.front().and_then(|waiting| waiting.seq).map(|_| now);
        }
        let open = self.waiting.iter().filter(|waiting| !waiting.is_over);
        self.expires_at = open.map(|waiting| waiting.expires).min();
    }

    /// Nothing more is sent to the node: what waits ends as `delivery`. The numbers go on if it comes back.
    pub(crate) fn give_up(&mut self, delivery: Delivery) {
        while !self.waiting.is_empty() {
            self.settle(0, delivery);
        }
        (self.attempts, self.repeat_at, self.expires_at) = (0, None, None);
    }

    pub(crate) fn take_settled(&mut self) -> Vec<(Ticket, Delivery)> {
        std::mem::take(&mut self.settled)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn carried(seq: u64, base: u64, waiting: &Waiting) -> Carried {
    Carried::Sure { seq, base, message: waiting.message.clone() }
}
