//! A node that runs: the machine of [`super::engine`] on a transport, with a clock, a disk and an application.
//!
//! One thread moves the machine, one calls what the application does with events, some answer requests. None of them is the
//! application's own, so a node runs beside anything.

mod admin;
mod builder;
mod calls;
mod disk;
mod driver;
mod entering;
#[cfg(test)]
mod forged;
mod handlers;
mod host;
mod map;
mod payload;
mod shared;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::engine::Change;
use super::events::CallError;
use super::identity::{Address, NodeId};
use crate::connection::SocketError;
use crate::store;

pub use admin::ask;
pub use builder::NodeBuilder;
pub use calls::{Outcome, Waiting};
pub use handlers::{Asked, Event, HandlerError, MemberChange, NodeType};
pub use map::{MapChange, MapError, MapValue, SharedMap};
pub use payload::{Cbor, Codec, CodecError, JsonText, MessagePack};

use shared::{Running, Shared};

/// The port of a node that is told none.
pub const DEFAULT_PORT: u16 = 60_858;

/// A member of a cluster in this process. A clone is the same node; it ends, without taking its leave, with the last of them.
///
/// ```
/// use service_framework::cluster::{MemoryNetwork, Node, Payload};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let network = MemoryNetwork::default();
/// let one = Node::builder("shop")
///     .in_memory(&network, "one")
///     .on_request("double", |_node, asked| Ok(Payload::of(&(asked.payload.to::<i64>()? * 2))?))
///     .start()?;
/// let two = Node::builder("shop").in_memory(&network, "two").join(["memory://one"]).start()?;
/// assert!(two.wait_for(2, Duration::from_secs(30)));
/// let reply = two.request(one.id(), "double", Payload::of(&21)?, Duration::from_secs(30))?;
/// assert_eq!(reply.to::<i64>()?, 42);
/// two.leave();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Node {
    shared: Arc<Shared>,
    /// What ends with the last handle of the application; handlers have none.
    running: Option<Arc<Running>>,
}

/// What happens to a node and in its cluster.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Happening {
    /// There was nobody to join, and the node is a cluster of its own.
    Founded,
    /// The node has become part of a cluster.
    Joined,
    /// The node has left.
    Left,
    /// A member has come, changed or gone.
    Member(MemberChange),
    /// An event has arrived.
    Event(Event),
    /// Shared data has changed.
    Map(MapChange),
    /// A handler has failed or panicked.
    HandlerFailed {
        /// Of the event, the request or the part of the node.
        name: String,
        /// What it said.
        error: String,
    },
    /// The node has ended, because its disk does not keep what it must.
    Failed(String),
}

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// An address cannot be listened at, or sockets cannot be opened.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// What it keeps cannot be read or written.
    #[error("what the node keeps: {0}")]
    Store(#[from] store::Error),
    /// What it keeps is not what was written.
    #[error("what the node keeps is damaged: {0}")]
    Damaged(String),
    /// Its folder cannot be used.
    #[error("{folder}: {reason}")]
    Folder {
        /// Which.
        folder: String,
        /// Why not.
        reason: String,
    },
    /// Another process has its folder.
    #[error("{folder}: another process has it; a folder is that of one node at a time")]
    Taken {
        /// Which.
        folder: String,
    },
    /// An address is none.
    #[error("{flag} {address:?}: {reason}")]
    Address {
        /// Whether it is one to listen at, `--listen`, or to join at, `--join`.
        flag: &'static str,
        /// What was said.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Its folder is that of a node of another cluster.
    #[error("what the node keeps is of the cluster `{kept}`, not of `{cluster}`")]
    OtherCluster {
        /// The cluster that it was in.
        kept: String,
        /// The one that it is to be in.
        cluster: String,
    },
    /// It would listen where other hosts can reach it, and has no keys.
    #[error(
        "{0} can be reached from other hosts, and without keys anybody there could join; give the node keys, or say that it may \
         be insecure"
    )]
    Insecure(String),
    /// The same name twice, or more than a node may say of itself.
    #[error("{0}")]
    Refused(#[from] CallError),
    /// Two parts of one node have the same name.
    #[error("two parts of the node are called `{0}`")]
    SameName(String),
    /// Its threads cannot be started.
    #[error("a thread of the node cannot be started: {0}")]
    Thread(std::io::Error),
    /// The keys are of no use here.
    #[error("{0}")]
    Keys(String),
}

impl Node {
    /// A node of the cluster of this name, to be set up.
    #[must_use]
    pub fn builder(cluster: &str) -> NodeBuilder {
        NodeBuilder::new(cluster)
    }

    /// Its id, which stays the same where it has a disk.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.shared.id
    }

    /// Where it listens, with everything filled in that the system chose.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.shared.listening
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Node({:?})", self.shared.id)
    }
}

/// A change as it is written for programs.
#[must_use]
pub(crate) fn word_of(change: Change) -> &'static str {
    match change {
        Change::Joined => "joined",
        Change::Updated => "updated",
        Change::Suspect => "suspect",
        Change::Cleared => "cleared",
        Change::Unreachable => "unreachable",
        Change::Reachable => "reachable",
        Change::Left => "left",
        Change::Failed => "failed",
        Change::Rejoined => "rejoined",
    }
}
