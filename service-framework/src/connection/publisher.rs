//! The telling end: every subscriber that keeps up gets every message, and what one misses is counted.
//!
//! The count is a least one: once libzmq leaves a subscriber out, it does so without a word until that one has caught
//! up by half. What a subscriber knows it missed, by the numbers of the messages, is exact.

use std::sync::Arc;

use super::burst::Burst;
use super::counters::Counters;
use super::socket::{Role, Sent, Socket, SocketError};
use super::zeromq::{Sockets, ZmqSocket};
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
}

/// How a publisher is to be reached.
pub(crate) enum Place {
    /// It listens.
    Bind(String),
    /// It connects to subscribers that listen (`is_x_pub`).
    Connect(Vec<String>),
}

impl Publisher {
    /// Opens the socket. `epoch` tells this run of the publisher from those before.
    pub(crate) fn open(
        sockets: &Sockets,
        name: &str,
        place: &Place,
        topic: Option<&str>,
        epoch: u64,
        counters: Arc<Counters>,
    ) -> Result<Self, SocketError> {
        let socket = sockets.socket(Role::Publish)?;
        match place {
            Place::Bind(address) => {
                let address = socket.bind(address)?;
                tracing::info!(connection = name, address, "listening");
            }
            Place::Connect(addresses) => addresses.iter().try_for_each(|address| socket.connect(address))?,
        }
        Ok(Self {
            name: name.into(),
            counters,
            socket,
            prefix: topic.map(topic_prefix).unwrap_or_default(),
            epoch,
            seq: 0,
            drops: Burst::default(),
            frame: Vec::new(),
        })
    }

    /// Sends arguments, already checked, to everyone who subscribed.
    pub(crate) fn publish(&mut self, args: &[u8], workflow: &WorkflowId) -> Result<(), SocketError> {
        self.frame.clear();
        self.frame.extend_from_slice(&self.prefix);
        let extras = Extras { seq: Some(self.seq), epoch: Some(self.epoch), ..Extras::default() };
        write_request(&mut self.frame, args, workflow, &extras);
        self.seq += 1;
        self.counters.sent.add_one();
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
