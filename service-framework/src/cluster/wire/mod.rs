//! Frames between nodes: what is sent, in MessagePack behind one byte for the version.
//!
//! Nothing here knows what a frame means. Whatever bytes come in are checked for structure, depth and size before anything
//! is decoded; what is decoded is bounded by the bytes that were there.

#[cfg(any(fuzzing, test))]
pub mod fuzzing;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::events::Carried;
use super::identity::{Address, Identity, NodeId};
use super::map::Talk;
use super::membership::MemberState;
use super::record::{Record, Stand};
use crate::value::msgpack::check_whole;
use crate::value::{Bytes, Limits};

/// The version of the format; frames of another are refused.
pub(crate) const VERSION: u8 = 1;

/// Containers within each other that a frame may have.
const DEPTH: usize = 24;

/// What goes from one node to another, directly or through others.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Frame {
    /// A hash of the cluster's name: frames of other clusters are refused.
    pub(crate) cluster: u64,
    /// Who made it, which is not who handed it over if it was carried.
    pub(crate) from: Identity,
    /// Whom it is for; nobody in particular if it goes to an address whose node is unknown.
    pub(crate) to: Option<NodeId>,
    /// Who has carried it so far.
    pub(crate) trail: Vec<NodeId>,
    pub(crate) body: Body,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum Body {
    /// Of the failure detector.
    Swim(Bytes),
    /// Here I am: tell me who else is there.
    Hello {
        record: Record,
        /// Where this is sent to.
        called: Option<Address>,
    },
    /// Who is there.
    Welcome {
        members: Vec<MemberState>,
        records: Vec<Record>,
        /// Where the one who is welcomed was seen.
        seen: Option<Address>,
    },
    /// The cluster knows of a later life of the sender than the sender does.
    Stale {
        epoch: u64,
    },
    /// What the sender knows of all members, as one number.
    Digest(u64),
    /// What the sender knows of all members; with `ask`, the same is asked for.
    View {
        members: Vec<MemberState>,
        stands: Vec<Stand>,
        ask: bool,
    },
    /// Records of these nodes are wanted.
    Ask(Vec<NodeId>),
    Records(Vec<Record>),
    /// Whether the direct way works.
    Ping(u64),
    Pong(u64),
    /// The sender goes, on purpose.
    Leave(Identity),
    Event(Carried),
    Map(Talk),
}

/// Which frames wait for which: those of one lane only for those of the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lane {
    /// Small frames that say who is there.
    Control,
    /// Events, requests and their replies.
    Events,
    /// Shared data.
    Data,
}

impl Lane {
    /// All, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Control, Self::Events, Self::Data];
}

impl Body {
    pub(crate) fn lane(&self) -> Lane {
        match self {
            Self::Event(_) => Lane::Events,
            Self::Map(_) => Lane::Data,
            _ => Lane::Control,
        }
    }
}

/// Why bytes are no frame.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("an empty frame")]
    Empty,
    #[error("version {0} of the format, this node speaks {VERSION}")]
    Version(u8),
    #[error("{0} bytes, more than the {1} of a frame")]
    TooLong(usize, usize),
    #[error("{0}")]
    Malformed(String),
}

impl Frame {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        // Writing to memory cannot fail, and every type here can be written; a receiver would refuse the rest.
        let written = rmp_serde::encode::write(&mut out, self);
        debug_assert!(written.is_ok(), "{written:?}");
        out
    }

    /// # Errors
    /// Why `bytes` are no frame of at most `limit` bytes.
    pub(crate) fn decode(bytes: &[u8], limit: usize) -> Result<Self, WireError> {
        let (version, payload) = bytes.split_first().ok_or(WireError::Empty)?;
        if *version != VERSION {
            return Err(WireError::Version(*version));
        }
        if bytes.len() > limit {
            return Err(WireError::TooLong(bytes.len(), limit));
        }
        let malformed = |error: String| WireError::Malformed(error);
        check_whole(payload, &Limits { depth: DEPTH, bytes: limit })
            .map_err(|error| malformed(error.to_string()))?;
        rmp_serde::from_slice(payload).map_err(|error| malformed(error.to_string()))
    }

    /// Who handed it over: its maker, or who carried it last.
    pub(crate) fn giver(&self) -> NodeId {
        self.trail.last().copied().unwrap_or(self.from.node)
    }

    /// Whether it came from its maker without a detour.
    pub(crate) fn is_direct(&self) -> bool {
        self.trail.is_empty()
    }
}
