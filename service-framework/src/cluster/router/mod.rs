//! Routers: by which neighbour a frame goes to a member.
//!
//! A [`Router`] looks at a [`Topology`], which anything may be: the cluster's own, a test's, another library's. It keeps
//! no state, sends nothing and knows no frame, so it can be used without the rest:
//!
//! ```
//! use service_framework::cluster::router::{Relay, Router, Topology};
//! use service_framework::cluster::NodeId;
//!
//! /// Three nodes in a row: the first and the last do not see each other.
//! struct Row;
//!
//! impl Topology for Row {
//!     fn me(&self) -> NodeId { NodeId(1) }
//!     fn members(&self) -> Vec<NodeId> { vec![NodeId(2), NodeId(3)] }
//!     fn reaches(&self, from: NodeId, to: NodeId) -> bool { from.0.abs_diff(to.0) == 1 }
//!     fn relays(&self, _node: NodeId) -> bool { true }
//! }
//!
//! assert_eq!(Relay.next_hop(&Row, NodeId(3), &[], 0), Some(NodeId(2)));
//! ```

#[cfg(test)]
mod conformance;
mod mesh;
mod relay;

use super::identity::NodeId;

pub use mesh::Mesh;
pub use relay::Relay;

/// How many hops a frame may take: it is carried by one node less.
pub const HOPS: usize = 8;

/// Who is there and who sees whom, from where one node stands.
pub trait Topology {
    /// The node that asks.
    fn me(&self) -> NodeId;

    /// All other members that are not known to be gone.
    fn members(&self) -> Vec<NodeId>;

    /// Whether frames pass from one to the other and back, as far as is known. Of members of which nothing is known it
    /// is assumed.
    fn reaches(&self, from: NodeId, to: NodeId) -> bool;

    /// Whether a member carries frames of others.
    fn relays(&self, node: NodeId) -> bool;
}

/// A way of choosing the next hop.
pub trait Router {
    /// The neighbour to which a frame for `to` goes, `to` itself if it is one; nothing if there is no way.
    ///
    /// `trail` are those where it has been, its maker first: it never goes to one of them again, and no further than [`HOPS`].
    /// `attempt` counts from 0 how often the same frame has been sent before: each takes the next best way.
    fn next_hop(&self, topology: &dyn Topology, to: NodeId, trail: &[NodeId], attempt: u32)
    -> Option<NodeId>;

    /// Where a frame for all goes: each member and its next hop; those without a way are left out.
    fn spread(&self, topology: &dyn Topology) -> Vec<(NodeId, NodeId)> {
        let members = topology.members().into_iter();
        members.filter_map(|to| self.next_hop(topology, to, &[], 0).map(|hop| (to, hop))).collect()
    }
}

/// Which router a node uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Routing {
    /// Every member is reached directly or not at all.
    Mesh,
    /// Directly where that works, through others where not.
    #[default]
    Relay,
}

impl Routing {
    pub(crate) fn router(self) -> &'static dyn Router {
        match self {
            Self::Mesh => &Mesh,
            Self::Relay => &Relay,
        }
    }
}
