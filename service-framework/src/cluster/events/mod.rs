//! Events: messages with a name, to one or to all, and requests with a reply.
//!
//! Between any two nodes there are two streams each way. The *fast* one delivers at most once, the *sure* one at least once
//! until its sender gives up, and once per life of the receiving process; both in the order of sending. Requests and their
//! replies travel on the sure one. [`streams`] holds both, [`requests`] who waits for what.

pub(crate) mod incoming;
pub(crate) mod outgoing;
pub(crate) mod requests;
pub(crate) mod streams;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::identity::NodeId;
use crate::value::Bytes;

/// Bytes and what they are.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Payload {
    /// How the data is written, as a media type: `application/msgpack`.
    pub content_type: String,
    /// The data, which nothing here looks into.
    pub data: Bytes,
}

impl Payload {
    /// Bytes of no particular type.
    #[must_use]
    pub fn raw(data: &[u8]) -> Self {
        Self { content_type: "application/octet-stream".to_owned(), data: Bytes::from(data) }
    }

    pub(crate) fn size(&self) -> usize {
        self.content_type.len() + self.data.len()
    }
}

/// What the streams between two nodes carry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum Carried {
    Fast {
        seq: u64,
        message: Message,
    },
    /// Everything below `base` has been acknowledged or given up by the sender.
    Sure {
        seq: u64,
        base: u64,
        message: Message,
    },
    /// The sender of the messages (`boot`) has had everything below `next` delivered, and need not repeat `held`.
    Ack {
        boot: u64,
        next: u64,
        held: Vec<u64>,
    },
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    Event {
        name: String,
        payload: Payload,
    },
    Request {
        id: u64,
        name: String,
        payload: Payload,
        /// Milliseconds until nobody waits any more.
        patience: u64,
        /// The only life of the receiver that may execute it.
        life: Option<u64>,
    },
    /// To the life of the requester that asked.
    Reply {
        id: u64,
        boot: u64,
        answer: Answer,
    },
}

impl Message {
    /// Bytes that it takes in a queue, about.
    pub(crate) fn size(&self) -> usize {
        64 + match self {
            Self::Event { name, payload } | Self::Request { name, payload, .. } => {
                name.len() + payload.size()
            }
            Self::Reply { answer: Answer::Reply(payload), .. } => payload.size(),
            Self::Reply { answer: Answer::Failed(text), .. } => text.len(),
            Self::Reply { .. } => 0,
        }
    }
}

/// What a node answers to a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Reply(Payload),
    Failed(String),
    NoResponders,
    /// The process for which the request was has ended; it may have executed it.
    OtherLife,
}

/// The number under which the outcome of a call is told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Ticket(pub u64);

/// What became of an acknowledged event at one node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Delivery {
    /// It was handed to the application there.
    Acked,
    /// The node left or went down first; it may have been delivered.
    Gone,
    /// The deadline came first; it may have been delivered.
    TimedOut,
    /// It was dropped from a full queue before it was sent, or could not be queued.
    Dropped,
    /// Its outcome was still open when the policy was met.
    Open,
}

/// How many must acknowledge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// All members of this node's view.
    All,
    /// More than half of the cluster, of which this node is one.
    Majority,
    /// So many others.
    Count(usize),
}

/// Why a call was refused; nothing was sent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallError {
    /// No member has this id.
    #[error("no member has the id {0}; nothing was sent")]
    UnknownNode(NodeId),
    /// The member is down or has left.
    #[error("the node {0} is down; nothing was sent")]
    NodeDown(NodeId),
    /// No ready instance of the service is known.
    #[error("nobody takes requests for `{0}`; nothing was sent")]
    NoResponders(String),
    /// The queue for the node is full, and its policy is to wait for room.
    #[error("the queue for the node {0} is full; nothing was sent")]
    Full(NodeId),
    /// More bytes than any event may have.
    #[error("an event of {0} bytes, more than the limit of {1}; nothing was sent")]
    TooLarge(usize, usize),
    /// As many requests as may wait for replies do.
    #[error("{0} requests wait for replies, which is the limit; nothing was sent")]
    TooManyRequests(usize),
    /// This node has left.
    #[error("this node has left the cluster; nothing was sent")]
    Left,
}

/// How a request ended without a reply.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequestError {
    /// The handler failed.
    #[error("the other side failed: {0}")]
    Remote(String),
    /// Nobody there takes such requests; it was not executed.
    #[error("nobody takes requests for `{0}`")]
    NoResponders(String),
    /// The node went down, left or was restarted; it may have executed the request.
    #[error("the node {0} went down; the request may have been executed")]
    NodeDown(NodeId),
    /// The deadline came; it may have been executed.
    #[error("no reply in time; the request may have been executed")]
    Deadline,
    /// It was refused at once.
    #[error(transparent)]
    Refused(CallError),
    /// It was dropped from a full queue; it was not sent.
    #[error("dropped from a full queue; it was not executed")]
    Dropped,
}

/// What happens when the queue for a node is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Overflow {
    /// The call is refused until there is room.
    #[default]
    Block,
    /// The new message is dropped.
    DropNew,
    /// The oldest message that has not been sent is dropped.
    DropOld,
}

/// Bounds of what waits for one node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueLimits {
    /// Messages: 10,000.
    pub messages: usize,
    /// Bytes: 64 MiB.
    pub bytes: usize,
    /// Messages sent and not yet acknowledged: 256.
    pub window: usize,
    /// What happens beyond.
    pub overflow: Overflow,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { messages: 10_000, bytes: 64 << 20, window: 256, overflow: Overflow::default() }
    }
}
