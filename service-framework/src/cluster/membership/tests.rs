//! The failure detector, and what foca leaves to its user.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::cluster::dice::Dice;

fn identity(node: u128) -> Identity {
    Identity { node: NodeId(node), epoch: 1, boot: 1 }
}

fn alive(identity: Identity) -> MemberState {
    MemberState { identity, incarnation: 0, standing: Standing::Alive }
}

fn state(identity: Identity, standing: Standing) -> MemberState {
    MemberState { standing, ..alive(identity) }
}

fn swim(node: u128) -> Swim {
    Swim::new(identity(node), Detection::default(), Dice::new(node as u64))
}

fn notices(swim: &mut Swim) -> Vec<Notice> {
    std::iter::from_fn(|| swim.next_notice()).collect()
}

/// Detectors that hear each other at once, or not at all.
struct Net {
    swims: BTreeMap<NodeId, Swim>,
    told: Vec<(NodeId, Notice)>,
    now: Moment,
}

impl Net {
    fn new(count: u128) -> Self {
        let swims = (0..count).map(|node| (NodeId(node), swim(node))).collect();
        let mut net = Self { swims, told: Vec::new(), now: Moment(0) };
        let all: Vec<MemberState> = (0..count).map(|node| alive(identity(node))).collect();
        for swim in net.swims.values_mut() {
            swim.apply(Moment(0), &all);
        }
        net.deliver();
        net
    }

    fn deliver(&mut self) {
        loop {
            let mut sent = Vec::new();
            for (node, swim) in &mut self.swims {
                for notice in notices(swim) {
                    match notice {
                        Notice::Send { to, bytes } => sent.push((to.node, bytes)),
                        notice => self.told.push((*node, notice)),
                    }
                }
            }
            if sent.is_empty() {
                return;
            }
            for (to, bytes) in sent {
                if let Some(swim) = self.swims.get_mut(&to) {
                    swim.receive(self.now, &bytes).unwrap();
                }
            }
        }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now.after(Duration::from_secs(seconds));
        while let Some(due) =
            self.swims.values().filter_map(Membership::next_due).min().filter(|due| *due <= end)
        {
            self.now = due;
            self.swims.values_mut().for_each(|swim| swim.tick(due));
            self.deliver();
        }
        self.now = end;
    }

    fn has_told(&self, notice: &Notice) -> usize {
        self.told.iter().filter(|(_, told)| told == notice).count()
    }
}

#[test]
fn a_member_that_says_nothing_is_suspected_and_then_down_at_all() {
    let mut net = Net::new(5);
    net.run(10);
    assert!(!net.told.iter().any(|(_, told)| matches!(told, Notice::Suspected(_) | Notice::Down(_))));
    net.swims.remove(&NodeId(4));
    net.run(20);
    assert_eq!(net.has_told(&Notice::Down(identity(4))), 4);
    assert!(net.has_told(&Notice::Suspected(identity(4))) > 0);
}

#[test]
fn who_leaves_is_down_at_once() {
    let mut net = Net::new(5);
    let now = net.now;
    net.swims.get_mut(&NodeId(4)).unwrap().leave(now);
    net.deliver();
    net.run(2);
    assert_eq!(net.has_told(&Notice::Down(identity(4))), 4);
    assert_eq!(net.has_told(&Notice::GivenUp), 0);
}

#[test]
fn a_view_from_the_other_side_of_a_partition_gives_nobody_up() {
    let mut swim = swim(0);
    swim.apply(Moment(0), &[alive(identity(1)), alive(identity(2))]);
    notices(&mut swim);
    swim.apply(Moment(1), &[state(identity(1), Standing::Down), state(identity(2), Standing::Suspect)]);
    assert!(
        !notices(&mut swim).iter().any(|notice| matches!(notice, Notice::Down(_) | Notice::Suspected(_)))
    );
}

#[test]
fn a_life_that_was_given_up_is_told_so_and_goes_on_under_another() {
    let mut swim = swim(0);
    swim.apply(Moment(0), &[alive(identity(1))]);
    swim.apply(Moment(1), &[state(identity(0), Standing::Down)]);
    assert!(notices(&mut swim).contains(&Notice::GivenUp));
    swim.renew(Moment(2), identity(0).renewed(1));
    (1..12).for_each(|tick| swim.tick(Moment(tick * 200_000)));
    // It probes again, as its new life, and says nothing to its own old one, which foca keeps as a member.
    let sent = notices(&mut swim);
    assert!(sent.iter().any(|notice| matches!(notice, Notice::Probed { .. })));
    assert!(!sent.iter().any(|notice| matches!(notice, Notice::Send { to, .. } if to.node == NodeId(0))));
}

#[test]
fn a_later_life_takes_the_place_of_an_earlier_one_and_never_the_other_way_around() {
    let mut swim = swim(0);
    let (old, new) = (identity(1), Identity { epoch: 2, ..identity(1) });
    swim.apply(Moment(0), &[alive(old)]);
    notices(&mut swim);
    swim.apply(Moment(0), &[alive(new)]);
    assert!(notices(&mut swim).contains(&Notice::Replaced { old, new }));
    swim.apply(Moment(0), &[alive(old)]);
    assert!(!notices(&mut swim).iter().any(|notice| matches!(notice, Notice::Replaced { .. })));
    assert_eq!(swim.members(), [alive(new)]);
}

#[test]
fn a_suspect_is_down_in_the_end_though_this_node_has_begun_anew() {
    let mut net = Net::new(3);
    net.run(5);
    // One is cut off, suspects the others, and begins anew before their time is over.
    let mut alone = Net { swims: BTreeMap::new(), told: Vec::new(), now: net.now };
    alone.swims.insert(NodeId(0), net.swims.remove(&NodeId(0)).unwrap());
    while alone.has_told(&Notice::Suspected(identity(1))) == 0 {
        alone.run(1);
    }
    let now = alone.now;
    alone.swims.get_mut(&NodeId(0)).unwrap().renew(now, identity(0).renewed(1));
    assert_eq!(alone.has_told(&Notice::Down(identity(1))), 0);
    alone.run(20);
    assert_eq!(alone.has_told(&Notice::Down(identity(1))), 1);
}

#[test]
fn a_node_that_slept_condemns_nobody_for_it() {
    let mut net = Net::new(3);
    net.run(5);
    // One does nothing for a minute, and what the others sent meanwhile has not been read when its timers are called.
    let now = net.now.after(Duration::from_secs(60));
    let sleeper = net.swims.get_mut(&NodeId(0)).unwrap();
    sleeper.tick(now);
    assert!(!notices(sleeper).iter().any(|notice| matches!(notice, Notice::Down(_))));
}

proptest! {
    #[test]
    fn datagrams_from_anywhere_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut swim = swim(0);
        let _refused = swim.receive(Moment(0), &bytes);
        swim.tick(Moment(10_000_000));
    }

    #[test]
    fn datagrams_with_faults_are_taken_or_refused(at in 0_usize..80, byte in any::<u8>()) {
        let mut one = swim(1);
        one.apply(Moment(0), &[alive(identity(0)), alive(identity(2))]);
        one.tick(Moment(3_000_000));
        let mut other = swim(0);
        for notice in notices(&mut one) {
            if let Notice::Send { mut bytes, .. } = notice {
                let at = at % bytes.len();
                bytes[at] = byte;
                let _refused = other.receive(Moment(0), &bytes);
            }
        }
        other.tick(Moment(10_000_000));
    }
}
