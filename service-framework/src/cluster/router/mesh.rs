//! Everybody sees everybody.

use super::super::identity::NodeId;
use super::{Router, Topology};

/// Frames go to their members directly or not at all; nobody carries anything for others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mesh;

impl Router for Mesh {
    fn next_hop(
        &self,
        topology: &dyn Topology,
        to: NodeId,
        trail: &[NodeId],
        _attempt: u32,
    ) -> Option<NodeId> {
        (trail.is_empty() && topology.reaches(topology.me(), to)).then_some(to)
    }
}
