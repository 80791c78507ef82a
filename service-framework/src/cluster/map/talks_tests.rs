//! Replicas that talk over links which are slow or lose what is said.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cell::Merges;
use super::replica::Replica;
use super::*;
use crate::cluster::dice::Dice;
use crate::cluster::events::Ticket;
use crate::cluster::identity::NodeId;
use crate::cluster::time::{Moment, Now};

/// When the world begins, in milliseconds since 1970.
const BEGIN: u64 = 1_800_000_000_000;

/// How long those who are gone are remembered here.
const REMEMBER: Duration = Duration::from_secs(60 * 60);

/// Some replicas and the links between them.
struct Room {
    now: Moment,
    nodes: Vec<Option<Sharing>>,
    queue: BTreeMap<(Moment, u64), (usize, NodeId, Talk)>,
    queued: u64,
    /// Bytes that a link carries in a second.
    speed: u64,
    /// When each link is free again.
    free: BTreeMap<(NodeId, usize), Moment>,
    /// What is lost, of a million.
    loss: u32,
    dice: Dice,
}

fn id(node: usize) -> NodeId {
    NodeId(node as u128)
}

fn register(name: &str) -> Key {
    Key { map: "m".to_owned(), key: name.as_bytes().into(), kind: Kind::Register }
}

/// Bytes of what is said, about.
fn size(talk: &Talk) -> u64 {
    let bytes = match talk {
        Talk::Push { entry, .. } => entry.size(),
        Talk::Part(part) => part.entries.iter().map(Entry::size).sum(),
        Talk::Seen(_) | Talk::Compare { .. } | Talk::Versions { .. } | Talk::Pull { .. } => 0,
    };
    bytes as u64 + 100
}

impl Room {
    fn new(speed: u64, loss: u32) -> Self {
        let (queue, free) = (BTreeMap::new(), BTreeMap::new());
        Self { now: Moment(0), nodes: Vec::new(), queue, queued: 0, speed, free, loss, dice: Dice::new(7) }
    }

    fn now(&self) -> Now {
        Now { at: self.now, wall: BEGIN + self.now.0 / 1_000 }
    }

    /// A node that knows nobody and has nothing; its number.
    fn add(&mut self) -> usize {
        let node = self.nodes.len();
        let replica = Replica::new(Actor { node: id(node), store: 1 }, 10_000, Merges::new());
        self.nodes.push(Some(Sharing::new(replica, self.dice.split(), self.now, REMEMBER)));
        node
    }

    fn at(&mut self, node: usize) -> &mut Sharing {
        self.nodes[node].as_mut().unwrap()
    }

    fn meet(&mut self, one: usize, other: usize) {
        self.at(one).came(id(other));
        self.at(other).came(id(one));
    }

    /// A node goes, and these see it.
    fn take(&mut self, node: usize, by: &[usize]) -> Option<Sharing> {
        by.iter().for_each(|other| self.at(*other).went(id(node)));
        let mut taken = self.nodes[node].take();
        for other in by {
            taken.as_mut().unwrap().went(id(*other));
        }
        taken
    }

    /// What each node has, of those that are there.
    fn data(&self) -> Vec<Vec<(Key, Cell)>> {
        let of =
            |node: &Sharing| node.replica.live().map(|(key, cell)| (key.clone(), cell.clone())).collect();
        self.nodes.iter().flatten().map(of).collect()
    }

    fn set(&mut self, node: usize, name: &str, value: Option<Vec<u8>>) {
        let now = self.now();
        let written = self.at(node).replica.set(now.wall, register(name), value.map(Into::into));
        self.at(node).spread(now.at, written, (Ticket(0), Write::Local, Duration::ZERO));
    }

    fn has(&mut self, node: usize, name: &str) -> bool {
        self.at(node).replica.get(&register(name)).is_some()
    }

    fn run(&mut self, duration: Duration) {
        let end = self.now.after(duration);
        loop {
            self.send();
            let due = self.nodes.iter().flatten().filter_map(Sharing::next_due).min();
            let arrival = self.queue.keys().next().map(|(at, _)| *at);
            let Some(next) = due.into_iter().chain(arrival).min().filter(|next| *next <= end) else { break };
            self.now = next.max(self.now);
            let now = self.now();
            while let Some(first) = self.queue.first_entry().filter(|first| first.key().0 <= now.at) {
                let (to, from, talk) = first.remove();
                if let Some(node) = &mut self.nodes[to] {
                    node.receive(now, from, talk);
                }
            }
            for node in self.nodes.iter_mut().flatten() {
                node.tick(now);
            }
        }
        self.now = end;
    }

    fn send(&mut self) {
        for from in 0..self.nodes.len() {
            let Some(node) = &mut self.nodes[from] else { continue };
            for (to, talk) in node.take_sending() {
                let to = usize::try_from(to.0).unwrap();
                if self.dice.per_million(self.loss) {
                    continue;
                }
                let free = self.free.entry((id(from), to)).or_default();
                let takes = Duration::from_micros(size(&talk) * 1_000_000 / self.speed + 500);
                *free = self.now.max(*free).after(takes);
                self.queued += 1;
                self.queue.insert((*free, self.queued), (to, id(from), talk));
            }
        }
    }
}

#[test]
fn the_largest_value_comes_over_a_slow_link() {
    let mut room = Room::new(200_000, 0);
    let (full, late) = (room.add(), room.add());
    room.set(full, "large", Some(vec![1; 8 << 20]));
    (0..20).for_each(|number| room.set(full, &format!("{number}"), Some(vec![2; 30_000])));
    room.meet(full, late);
    room.run(Duration::from_secs(600));
    assert!(room.has(late, "large") && room.has(late, "19"));
}

#[test]
fn a_large_snapshot_comes_though_some_of_it_is_lost() {
    let mut room = Room::new(10_000_000, 10_000);
    let (full, late) = (room.add(), room.add());
    (0..2_000).for_each(|number| room.set(full, &format!("{number}"), Some(vec![3; 60_000])));
    room.meet(full, late);
    room.run(Duration::from_secs(300));
    assert_eq!(room.at(late).replica.live().count(), 2_000);
}

#[test]
fn a_part_that_is_late_is_also_asked_of_another() {
    let mut room = Room::new(10_000_000, 0);
    let (full, other, late) = (room.add(), room.add(), room.add());
    room.set(full, "k", Some(vec![1]));
    room.meet(full, other);
    room.run(Duration::from_secs(5));
    room.meet(full, late);
    room.run(Duration::from_millis(100));
    let now = room.now();
    let versions = room.at(full).replica.versions().clone();
    room.at(late).receive(now, id(full), Talk::Versions { versions, ask: false });
    // It is still told to be there, and says nothing any more.
    room.at(late).take_sending();
    room.nodes[full] = None;
    room.meet(other, late);
    room.run(Duration::from_secs(10));
    assert!(room.has(late, "k"));
}

/// Three with a key that the third, which is cut off then, writes again, and the first deletes after that. What the third
/// is then.
fn deleted_behind_the_back_of_one(room: &mut Room) -> Option<Sharing> {
    let (one, two, away) = (room.add(), room.add(), room.add());
    for (one, other) in [(one, two), (one, away), (two, away)] {
        room.meet(one, other);
    }
    room.set(one, "k", Some(vec![1]));
    room.run(Duration::from_secs(10));
    let taken = room.take(away, &[one, two]);
    room.nodes[away] = taken;
    room.set(away, "k", Some(vec![2]));
    let taken = room.nodes[away].take();
    room.run(Duration::from_secs(1));
    room.set(one, "k", None);
    room.run(Duration::from_secs(5));
    taken
}

#[test]
fn a_newcomer_keeps_what_was_deleted_for_those_who_were_there_before_it() {
    let mut room = Room::new(10_000_000, 0);
    let away = deleted_behind_the_back_of_one(&mut room);
    let new = room.add();
    room.meet(0, new);
    room.meet(1, new);
    room.run(Duration::from_secs(60));
    room.nodes[2] = away;
    room.meet(2, new);
    room.run(Duration::from_secs(10));
    room.meet(2, 0);
    room.meet(2, 1);
    room.run(Duration::from_secs(30));
    assert_eq!(room.data(), vec![Vec::new(); 4]);
}

#[test]
fn a_node_that_has_started_again_keeps_what_was_deleted_for_those_it_has_not_met() {
    let mut room = Room::new(10_000_000, 0);
    let away = deleted_behind_the_back_of_one(&mut room);
    // The first ends, and begins again with what is on its disk.
    let old = room.take(0, &[1]).unwrap();
    let mut replica = Replica::new(Actor { node: id(0), store: 1 }, 10_000, Merges::new());
    let (entries, versions) = (old.replica.image().all().cloned().collect(), old.replica.versions().clone());
    replica.restore(entries, versions, Versions::default());
    room.nodes[0] = Some(Sharing::new(replica, room.dice.split(), room.now, REMEMBER));
    room.meet(0, 1);
    room.run(Duration::from_secs(60));
    room.nodes[2] = away;
    room.meet(2, 0);
    room.run(Duration::from_secs(10));
    room.meet(2, 1);
    room.run(Duration::from_secs(30));
    assert_eq!(room.data(), vec![Vec::new(); 3]);
}

#[test]
fn deletions_are_waited_for_by_all_and_for_long_by_who_is_new_or_while_one_has_left() {
    let mut room = Room::new(10_000_000, 0);
    let (one, two, left) = (room.add(), room.add(), room.add());
    for (one, other) in [(one, two), (one, left), (two, left)] {
        room.meet(one, other);
    }
    let delete = |room: &mut Room, name: &str| {
        room.set(one, name, Some(vec![1]));
        room.set(one, name, None);
    };
    let tombstones =
        |room: &Room| room.nodes.iter().flatten().map(|node| node.replica.tombstones()).collect::<Vec<_>>();
    delete(&mut room, "while new");
    room.run(REMEMBER / 2);
    assert_eq!(tombstones(&room), [1, 1, 1]);
    room.run(REMEMBER / 2);
    delete(&mut room, "known to all");
    room.run(Duration::from_secs(60));
    assert_eq!(tombstones(&room), [0, 0, 0]);
    room.take(left, &[one, two]);
    delete(&mut room, "after one has left");
    room.run(REMEMBER / 2);
    assert_eq!(tombstones(&room), [1, 1]);
    room.run(REMEMBER / 2 + Duration::from_secs(60));
    assert_eq!(tombstones(&room), [0, 0]);
}
