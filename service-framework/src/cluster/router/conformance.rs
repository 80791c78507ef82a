//! What every router must do, over random topologies, and what each promises besides.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Nodes numbered from 0, of which some pairs do not reach each other and some carry nothing.
#[derive(Clone, Debug)]
struct Net {
    me: u128,
    size: u128,
    cut: BTreeSet<(u128, u128)>,
    mute: BTreeSet<u128>,
}

impl Net {
    fn seen_from(&self, me: NodeId) -> Self {
        Self { me: me.0, ..self.clone() }
    }

    fn are_neighbours(&self, one: u128, other: u128) -> bool {
        !self.cut.contains(&(one.min(other), one.max(other)))
    }

    /// Whether any way of at most [`HOPS`] hops exists.
    fn has_way(&self, from: u128, to: u128) -> bool {
        let mut reached = BTreeSet::from([from]);
        for _ in 1..HOPS {
            if reached.iter().any(|node| self.are_neighbours(*node, to)) {
                return true;
            }
            let next = (0..self.size).filter(|node| !self.mute.contains(node));
            let next: Vec<u128> = next
                .filter(|node| reached.iter().any(|nearer| self.are_neighbours(*nearer, *node)))
                .collect();
            reached.extend(next);
        }
        reached.iter().any(|node| self.are_neighbours(*node, to))
    }
}

impl Topology for Net {
    fn me(&self) -> NodeId {
        NodeId(self.me)
    }

    fn members(&self) -> Vec<NodeId> {
        (0..self.size).filter(|node| *node != self.me).map(NodeId).collect()
    }

    fn reaches(&self, from: NodeId, to: NodeId) -> bool {
        self.are_neighbours(from.0, to.0)
    }

    fn relays(&self, node: NodeId) -> bool {
        !self.mute.contains(&node.0)
    }
}

/// Where a frame goes, hop by hop; the last is `to` if it arrives.
fn walk(router: &dyn Router, net: &Net, to: NodeId, attempt: u32) -> Vec<NodeId> {
    let (mut at, mut trail, mut way) = (NodeId(net.me), Vec::new(), Vec::new());
    while at != to {
        let Some(hop) = router.next_hop(&net.seen_from(at), to, &trail, attempt) else { return way };
        assert!(net.reaches(at, hop), "a hop that does not work");
        trail.push(at);
        at = hop;
        way.push(hop);
        assert!(way.len() <= HOPS, "too far");
    }
    way
}

fn net() -> impl Strategy<Value = Net> {
    (3_u128..9).prop_flat_map(|size| {
        let pair = (0..size, 0..size).prop_map(|(one, other)| (one.min(other), one.max(other)));
        let cut = prop::collection::btree_set(pair, 0..24);
        let mute = prop::collection::btree_set(0..size, 0..3);
        (cut, mute).prop_map(move |(cut, mute)| Net { me: 0, size, cut, mute })
    })
}

fn all() -> [&'static dyn Router; 2] {
    [Routing::Mesh.router(), Routing::Relay.router()]
}

proptest! {
    #[test]
    fn frames_never_go_in_circles_and_neighbours_get_theirs_directly(net in net(), attempt in 0_u32..5) {
        for router in all() {
            for to in net.members() {
                let way = walk(router, &net, to, attempt);
                let distinct: BTreeSet<_> = way.iter().collect();
                prop_assert_eq!(distinct.len(), way.len());
                prop_assert!(!way.contains(&NodeId(net.me)));
                if net.reaches(NodeId(net.me), to) {
                    prop_assert_eq!(way, [to]);
                }
            }
        }
    }

    #[test]
    fn what_is_for_all_goes_to_each_that_has_a_way_once(net in net()) {
        for router in all() {
            let spread = router.spread(&net);
            let expected = net.members().into_iter().filter_map(|to| {
                router.next_hop(&net, to, &[], 0).map(|hop| (to, hop))
            });
            prop_assert_eq!(spread, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_relay_arrives_wherever_there_is_a_way(net in net()) {
        for to in net.members() {
            let arrives = walk(&Relay, &net, to, 0).last() == Some(&to);
            prop_assert_eq!(arrives, net.has_way(net.me, to.0));
        }
    }

    #[test]
    fn nobody_carries_who_does_not_want_to(net in net(), attempt in 0_u32..5) {
        for router in all() {
            for to in net.members() {
                let way = walk(router, &net, to, attempt);
                let carriers = way.split_last().map(|(_, carriers)| carriers).unwrap_or_default();
                prop_assert!(carriers.iter().all(|node| net.relays(*node)));
            }
        }
    }
}

/// Two ends that do not see each other, and three nodes between them.
fn bridges() -> Net {
    Net { me: 0, size: 5, cut: BTreeSet::from([(0, 4)]), mute: BTreeSet::new() }
}

#[test]
fn a_repeated_frame_takes_the_next_best_way() {
    let hop = |attempt| Relay.next_hop(&bridges(), NodeId(4), &[], attempt).unwrap();
    assert_eq!(BTreeSet::from([0, 1, 2].map(hop)).len(), 3);
    assert_eq!(hop(3), hop(0));
}

#[test]
fn the_mesh_has_no_way_around() {
    assert_eq!(Mesh.next_hop(&bridges(), NodeId(4), &[], 0), None);
}

#[test]
fn frames_end_where_they_have_gone_too_far() {
    let trail: Vec<NodeId> = (10..10 + HOPS as u128).map(NodeId).collect();
    assert_eq!(Relay.next_hop(&bridges(), NodeId(1), &trail, 0), None);
}
