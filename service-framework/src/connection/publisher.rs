//! The telling end: every subscriber that keeps up gets every message, and what one misses is counted.
//!
//! The count is a least one: once libzmq leaves a subscriber out, it does so without a word until that one has caught
//! up by half. What a subscriber knows it missed, by the numbers of the messages, is exact.

use std::os::fd::RawFd;
use std::sync::Arc;

use super::burst::Burst;
use super::counters::Counters;
use super::directory::{Following, Targets};
use super::socket::{Role, Sent, Socket, SocketError};
use super::tap::{Kind, Observed};
use super::zeromq::{Sockets, ZmqSocket, failed};
use crate::wire::{Extras, WorkflowId, topic_prefix, write_request};

/// One publishing connection.
pub(crate) struct Publisher {
    name: String,
    counters: Arc<Counters>,
    socket: ZmqSocket,
    prefix: Vec<u8>,
    epoch: u64,
    seq: u64,
    drops: Burst,
    frame: Vec<u8>,
    following: Option<Box<Following>>,
    /// Where it listens, if it does; wildcards filled in.
    pub(crate) endpoint: Option<String>,
}

/// How a publisher is to be reached.
pub(crate) enum Place {
    /// It listens.
    Bind(String),
    /// It connects to subscribers that listen (`is_x_pub`).
    Connect(Targets),
}

impl Publisher {
    /// Opens the socket: [`Role::Publish`], or [`Role::PublishWatched`], where [`Publisher::take_subscriptions`] tells
    /// of subscribers. `epoch` tells this run of the publisher from those before.
    pub(crate) fn open(
        sockets: &Sockets,
        role: Role,
        name: &str,
        place: &Place,
        topic: Option<&str>,
        epoch: u64,
        counters: Arc<Counters>,
    ) -> Result<Self, SocketError> {
        let socket = sockets.socket(role)?;
        let endpoint = match place {
            Place::Bind(address) => Some(socket.bind(address)?),
            Place::Connect(targets) => {
                targets.fixed.iter().try_for_each(|address| socket.connect(address))?;
                None
            }
        };
        let following = match place {
            Place::Connect(targets) => targets.discovers().then(|| Box::new(Following::new(targets.clone()))),
            Place::Bind(_) => None,
        };
        if let Some(address) = &endpoint {
            tracing::info!(connection = name, address, "listening");
        }
        let mut publisher = Self {
            name: name.into(),
            counters,
            socket,
            prefix: topic.map(topic_prefix).unwrap_or_default(),
            epoch,
            seq: 0,
            drops: Burst::default(),
            frame: Vec::new(),
            following,
            endpoint,
        };
        publisher.follow();
        Ok(publisher)
    }

    /// Connects to subscribers that have come, and lets go of those that are gone.
    pub(crate) fn follow(&mut self) {
        if let Some(following) = &mut self.following {
            following.apply(&self.socket, &self.name);
        }
    }

    /// Sends arguments, already checked, to everyone who subscribed.
    pub(crate) fn publish(&mut self, args: &[u8], workflow: &WorkflowId) -> Result<(), SocketError> {
        let extras = Extras { seq: Some(self.seq), epoch: Some(self.epoch), ..Extras::default() };
        self.publish_with(args, workflow, &extras)
    }

    /// As [`Publisher::publish`], with other extras.
    pub(crate) fn publish_with(
        &mut self,
        args: &[u8],
        workflow: &WorkflowId,
        extras: &Extras<'_>,
    ) -> Result<(), SocketError> {
        self.frame.clear();
        self.frame.extend_from_slice(&self.prefix);
        write_request(&mut self.frame, args, workflow, extras);
        self.seq += 1;
        self.send_frame()
    }

    /// Sends what was published last once more, with the number that it had.
    pub(crate) fn publish_again(&mut self) -> Result<(), SocketError> {
        if self.frame.is_empty() { Ok(()) } else { self.send_frame() }
    }

    /// Whether somebody has subscribed since the last call; only of one that is watched.
    pub(crate) fn take_subscriptions(&self) -> Result<bool, SocketError> {
        let (mut frames, mut any) = (Vec::new(), false);
        while self.socket.receive(&mut frames)? {
            any |= frames.first().is_some_and(|frame| frame.first() == Some(&1));
        }
        Ok(any)
    }

    /// The descriptor that becomes readable when somebody subscribes; after each readiness, and after each message
    /// sent, the subscriptions must be taken.
    pub(crate) fn fd(&self) -> Result<RawFd, SocketError> {
        self.socket.fd().map_err(failed(|| "watch for subscribers".into()))
    }

    /// Lets go of subscribers that are gone, which a publisher otherwise does when it sends.
    pub(crate) fn look_after(&self) {
        self.socket.look_after();
    }

    fn send_frame(&mut self) -> Result<(), SocketError> {
        self.counters.sent.add_one();
        self.counters.tap.observe(|| Observed::went_out(Kind::Message, &self.frame));
        if self.socket.send(&[&self.frame])? == Sent::Done {
            return Ok(());
        }
        self.count_drop();
        self.socket.send_lossy(&[&self.frame])
    }

    fn count_drop(&self) {
        self.counters.dropped.add_one();
        if self.drops.begins() {
            tracing::warn!(
                connection = self.name,
                seq = self.seq - 1,
                dropped = self.counters.dropped.get(),
                "a subscriber is too slow and misses messages"
            );
        }
    }
}
