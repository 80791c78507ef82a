//! The listening end: receives what it subscribed to, takes the topic off and counts what is missing.

use std::collections::HashMap;
use std::sync::Arc;

use super::burst::Burst;
use super::counters::Counters;
use super::directory::{Following, Targets};
use super::socket::{Frame, Interest, PollItem, Received, Role, Socket, SocketError};
use super::zeromq::{Sockets, ZmqSocket};
use crate::wire::{split_topic, topic_prefix};

/// Publishers that are remembered by their epoch; with more of them, the count of missed messages starts anew.
const MOST_EPOCHS: usize = 1_024;

/// One subscribing connection.
pub(crate) struct Subscriber {
    name: String,
    counters: Arc<Counters>,
    socket: ZmqSocket,
    gaps: Gaps,
    missing: Burst,
    frames: Vec<Frame>,
    following: Option<Box<Following>>,
    /// Where it listens, if it does; wildcards filled in.
    pub(crate) endpoint: Option<String>,
}

/// Where a subscriber gets its messages from.
pub(crate) enum Source {
    /// It connects to publishers.
    Connect(Targets),
    /// It listens for publishers that connect (`is_binder`).
    Bind(String),
}

impl Subscriber {
    /// Opens the socket and subscribes, to everything where no topic is given.
    pub(crate) fn open(
        sockets: &Sockets,
        name: &str,
        source: &Source,
        topic: Option<&str>,
        counters: Arc<Counters>,
    ) -> Result<Self, SocketError> {
        let socket = sockets.socket(Role::Subscribe)?;
        socket.subscribe(&topic.map(topic_prefix).unwrap_or_default())?;
        let endpoint = match source {
            Source::Bind(address) => Some(socket.bind(address)?),
            Source::Connect(targets) => {
                targets.fixed.iter().try_for_each(|address| socket.connect(address))?;
                None
            }
        };
        let following = match source {
            Source::Connect(targets) => {
                targets.discovers().then(|| Box::new(Following::new(targets.clone())))
            }
            Source::Bind(_) => None,
        };
        if let Some(address) = &endpoint {
            tracing::info!(connection = name, address, "listening");
        }
        let mut subscriber = Self {
            name: name.into(),
            counters,
            socket,
            gaps: Gaps::default(),
            missing: Burst::default(),
            frames: Vec::new(),
            following,
            endpoint,
        };
        subscriber.follow();
        Ok(subscriber)
    }

    /// Connects to publishers that have come, and lets go of those that are gone.
    pub(crate) fn follow(&mut self) {
        if let Some(following) = &mut self.following {
            following.apply(&self.socket, &self.name);
        }
    }

    /// Its place in a poll set.
    pub(crate) fn poll_item(&self) -> PollItem<'_> {
        self.socket.poll_item(Interest::Receive)
    }

    /// The next message's frame and where in it the payload begins.
    pub(crate) fn receive(&mut self) -> Result<Received<(Frame, usize)>, SocketError> {
        if !self.socket.receive(&mut self.frames)? {
            return Ok(Received::Nothing);
        }
        self.counters.received.add_one();
        // The originals send one frame; of more, none can be meant for us.
        let (Some(frame), true) = (self.frames.pop(), self.frames.is_empty()) else {
            self.counters.bad.add_one();
            return Ok(Received::Junk(self.frames.drain(..).next()));
        };
        let start = frame.len() - split_topic(&frame).1.len();
        Ok(Received::Message((frame, start)))
    }

    /// Notes a message's number; says once per gap what is missing.
    pub(crate) fn note_sequence(&mut self, epoch: Option<u64>, seq: Option<u64>) {
        let Some(seq) = seq else { return };
        let missed = self.gaps.note(epoch.unwrap_or(0), seq);
        if missed == 0 {
            return;
        }
        self.counters.missed.add(missed);
        if self.missing.begins() {
            let total = self.counters.missed.get();
            tracing::warn!(connection = self.name, missed, total, "messages were missed");
        }
    }
}

/// The next number that each publisher should send; the one that sent last is at hand.
#[derive(Debug, Default)]
struct Gaps {
    last: Option<(u64, u64)>,
    others: HashMap<u64, u64>,
}

impl Gaps {
    /// How many messages are missing before this one. The first of a publisher may have any number.
    fn note(&mut self, epoch: u64, seq: u64) -> u64 {
        let next = self.next_of(epoch).unwrap_or(seq);
        self.last = Some((epoch, next.max(seq.saturating_add(1))));
        seq.saturating_sub(next)
    }

    fn next_of(&mut self, epoch: u64) -> Option<u64> {
        match self.last {
            Some((last, next)) if last == epoch => Some(next),
            Some((last, next)) => {
                if self.others.len() >= MOST_EPOCHS {
                    self.others.clear();
                }
                self.others.insert(last, next);
                self.others.remove(&epoch)
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_missing_per_publisher() {
        let mut gaps = Gaps::default();
        assert_eq!([gaps.note(1, 5), gaps.note(1, 6), gaps.note(1, 9)], [0, 0, 2]);
        assert_eq!([gaps.note(2, 0), gaps.note(1, 10), gaps.note(2, 3)], [0, 0, 2]);
        assert_eq!([gaps.note(1, 10), gaps.note(1, 4)], [0, 0], "duplicates and old ones are no gap");
    }

    #[test]
    fn remembers_a_bounded_number_of_publishers() {
        let mut gaps = Gaps::default();
        for epoch in 0..10_000 {
            assert_eq!(gaps.note(epoch, u64::MAX), 0);
        }
        assert!(gaps.others.len() <= MOST_EPOCHS);
    }
}
