//! Through others, where there is no direct way.

use std::collections::{BTreeMap, BTreeSet};

use super::super::dice::mixed;
use super::super::identity::NodeId;
use super::{HOPS, Router, Topology};

/// Frames go directly where that works, and otherwise through as few others as possible, which are chosen from what all
/// members say of whom they cannot reach. Of several ways as short, pairs of nodes take different ones, and a repeated
/// frame takes the next.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relay;

impl Router for Relay {
    fn next_hop(
        &self,
        topology: &dyn Topology,
        to: NodeId,
        trail: &[NodeId],
        attempt: u32,
    ) -> Option<NodeId> {
        if trail.len() >= HOPS || trail.contains(&to) {
            return None;
        }
        if topology.reaches(topology.me(), to) {
            return Some(to);
        }
        let hops = u32::try_from(HOPS - trail.len()).unwrap_or(0);
        let ways = ways(topology, to, trail, hops.saturating_sub(1));
        let attempt = usize::try_from(attempt).unwrap_or(0);
        ways.get(attempt % ways.len().max(1)).copied()
    }
}

/// The neighbours from which at most `hops` more nodes lead to `to`, the shortest ways first.
fn ways(topology: &dyn Topology, to: NodeId, trail: &[NodeId], hops: u32) -> Vec<NodeId> {
    let me = topology.me();
    let distances = distances(topology, to, trail, hops);
    let mut ways: Vec<(u32, u64, NodeId)> = distances
        .into_iter()
        .filter(|(node, _)| topology.reaches(me, *node))
        .map(|(node, distance)| (distance, preference(me, node, to), node))
        .collect();
    ways.sort_unstable();
    ways.into_iter().map(|(_, _, node)| node).collect()
}

/// An order of the nodes that is another one for each pair of ends, so that not all load goes to the same.
fn preference(me: NodeId, node: NodeId, to: NodeId) -> u64 {
    let fold = |id: NodeId| (id.0 >> 64) as u64 ^ id.0 as u64;
    mixed(mixed(fold(me) ^ fold(to).rotate_left(17)) ^ fold(node))
}

/// How far from `to` the nodes are that carry frames, found from `to` outwards; only as far as a neighbour of this node
/// is met, since what is longer is the next best way at most.
fn distances(topology: &dyn Topology, to: NodeId, trail: &[NodeId], hops: u32) -> BTreeMap<NodeId, u32> {
    let me = topology.me();
    let is_free =
        |node: &NodeId| *node != to && *node != me && !trail.contains(node) && topology.relays(*node);
    let mut left: BTreeSet<NodeId> = topology.members().into_iter().filter(is_free).collect();
    let (mut found, mut edge) = (BTreeMap::new(), vec![to]);
    for distance in 1..=hops {
        let is_next = |node: &NodeId| edge.iter().any(|nearer| topology.reaches(*node, *nearer));
        let next: Vec<NodeId> = left.iter().copied().filter(is_next).collect();
        for node in &next {
            left.remove(node);
            found.insert(*node, distance);
        }
        if next.is_empty() || next.iter().any(|node| topology.reaches(me, *node)) {
            break;
        }
        edge = next;
    }
    found
}
