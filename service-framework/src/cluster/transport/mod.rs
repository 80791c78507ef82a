//! Transports: how frames get from one node to another.
//!
//! A [`Transport`] knows addresses, bytes and nothing of what they mean. It never blocks but in [`Transport::wait`], and it
//! may lose frames: who needs more asks again. A node goes over ZeroMQ unless it is told another;
//! [`MemoryNetwork`] stays in one process.

#[cfg(test)]
mod conformance;
mod memory;
mod zeromq;

use std::sync::Arc;
use std::time::Duration;

use super::identity::{Address, NodeId};
use super::keys::Keys;
pub use super::wire::Lane;

pub use memory::MemoryNetwork;
pub(crate) use memory::MemoryTransport;
pub use zeromq::ask_node;
pub(crate) use zeromq::{Limits, Opening, ZeroMq, ask_to_enter};

/// To whom frames go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct To {
    /// The node, if it is known which one lives at the addresses.
    pub node: Option<NodeId>,
    /// Where it may be reached: the first that works counts.
    pub addresses: Arc<[Address]>,
}

/// From whom a frame came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// The node whose key its sender has proved to have; nothing where nobody has keys.
    pub node: Option<NodeId>,
    /// Where its sender can be reached, as far as the transport can tell.
    pub address: Option<Address>,
}

/// Somebody who is no node, and how an answer finds its way back.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Caller(pub Vec<u8>);

/// What has arrived.
#[derive(Debug)]
pub enum Arrival<'a> {
    /// A frame of a node.
    Frame(&'a Origin, &'a [u8]),
    /// A question of somebody who is no node.
    Asked(Caller, &'a [u8]),
    /// A token of somebody who asks for the keys, and may do nothing else.
    Entering(Caller, &'a [u8]),
}

/// What a transport has not delivered, since it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Undelivered {
    /// Frames for which there was no room in a queue.
    pub full: u64,
    /// Messages that are no frames.
    pub malformed: u64,
    /// Frames to addresses that are not of this transport.
    pub unknown_address: u64,
    /// Those who were not let in, and messages of those who have not shown that they may send them.
    pub not_let_in: u64,
}

/// Who is connected to a transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Connections {
    /// Connections that others have opened.
    pub links: usize,
    /// Those of them on which nothing has been said yet.
    pub half_open: usize,
    /// How often there were too many of either, and nobody new was let in for a while.
    pub shut: u64,
}

/// Ends a [`Transport::wait`], from any thread.
pub type Bell = Arc<dyn Fn() + Send + Sync>;

/// A way to carry frames between nodes.
pub trait Transport: Send {
    /// Where it listens, with everything filled in that the system chose.
    fn addresses(&self) -> Vec<Address>;

    /// What ends a wait.
    fn bell(&self) -> Bell;

    /// Takes a frame to be sent. Frames of one lane to one node keep their order; those of another lane do not wait for them.
    /// One for which there is no room is dropped and counted.
    fn send(&mut self, to: &To, lane: Lane, bytes: Vec<u8>);

    /// Hands over what was taken, as far as that can be done without waiting.
    fn flush(&mut self);

    /// Takes in some of what has arrived, without waiting; whether there may be more.
    fn receive(&mut self, take: &mut dyn FnMut(Arrival<'_>)) -> bool;

    /// Answers somebody who is no node, who may be gone.
    fn answer(&mut self, caller: &Caller, bytes: &[u8]);

    /// Waits until something arrives, the bell rings or the time is over. It may end early.
    fn wait(&mut self, timeout: Duration);

    /// What was not delivered.
    fn undelivered(&self) -> Undelivered;

    /// Who is connected; nobody where there are no connections.
    fn connections(&self) -> Connections {
        Connections::default()
    }

    /// Goes on with other keys of the cluster, where it has keys at all.
    fn change_keys(&mut self, _keys: &Keys) {}
}
