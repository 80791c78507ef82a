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

    fn add_to(&mut self, node: usize, amount: i64) {
        let now = self.now();
        let written = self.at(node).replica.add(Key { kind: Kind::Counter, ..register("sum") }, amount);
        self.at(node).spread(now.at, written, (Ticket(0), Write::Local, Duration::ZERO));
    }

    /// What is on a node's disk.
    fn backup(&mut self, node: usize) -> (Vec<Entry>, Versions) {
        let replica = &self.at(node).replica;
        (replica.image().all().cloned().collect(), replica.versions().clone())
    }

    /// A node starts with what was on its disk, alone.
    fn start(&mut self, node: usize, (entries, versions): (Vec<Entry>, Versions)) {
        let mut replica = Replica::new(Actor { node: id(node), store: 1 }, 10_000, Merges::new());
        replica.restore(entries, versions, Versions::default());
        self.nodes[node] = Some(Sharing::new(replica, self.dice.split(), self.now, REMEMBER));
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
    let disk = room.backup(0);
    room.take(0, &[1]);
    room.start(0, disk);
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

/// Three, of which the first has written much since its backup was taken.
fn with_a_backup(room: &mut Room) -> (Vec<Entry>, Versions) {
    let (one, two, three) = (room.add(), room.add(), room.add());
    for (one, other) in [(one, two), (one, three), (two, three)] {
        room.meet(one, other);
    }
    room.set(one, "old", Some(vec![1]));
    room.add_to(one, 1);
    room.run(Duration::from_secs(5));
    let backup = room.backup(one);
    (0..5).for_each(|number| room.set(one, &format!("after {number}"), Some(vec![number])));
    room.add_to(one, 10);
    room.add_to(two, 100);
    room.run(Duration::from_secs(5));
    room.take(one, &[two, three]);
    backup
}

/// All have the same, and these keys, and the counter has come to so much.
fn has_all(room: &mut Room, keys: &[&str], sum: i128) {
    let data = room.data();
    assert!(data.iter().all(|other| *other == data[0]), "{data:#?}");
    assert!(keys.iter().all(|key| room.has(0, key)), "{data:#?}");
    let cell = room.at(0).replica.get(&Key { kind: Kind::Counter, ..register("sum") });
    assert_eq!(cell.map(Cell::total), Some(sum));
}

#[test]
fn what_a_node_writes_after_its_backup_was_restored_reaches_all() {
    for writes in [1, 3, 5, 6, 7, 20] {
        let mut room = Room::new(10_000_000, 0);
        let backup = with_a_backup(&mut room);
        room.start(0, backup);
        (1..writes).for_each(|number| room.set(0, &format!("new {number}"), Some(vec![number])));
        room.set(0, "last", Some(vec![1]));
        room.add_to(0, 1_000);
        room.run(Duration::from_secs(3));
        room.meet(0, 1);
        room.meet(0, 2);
        room.run(Duration::from_secs(20));
        room.set(0, "then", Some(vec![1]));
        room.run(Duration::from_secs(20));
        has_all(&mut room, &["old", "after 0", "after 4", "last", "then"], 1_111);
        assert_eq!(room.at(1).replica.live().count(), usize::from(writes) + 8, "{writes} writes");
    }
}

#[test]
fn whoever_took_the_second_writes_of_a_number_for_the_first_gets_both() {
    let mut room = Room::new(10_000_000, 0);
    let backup = with_a_backup(&mut room);
    room.start(0, backup);
    let new = room.add();
    room.meet(0, new);
    room.set(0, "new", Some(vec![1]));
    room.run(Duration::from_secs(5));
    for others in [[(0, 1), (0, 2)], [(1, new), (2, new)]] {
        others.into_iter().for_each(|(one, other)| room.meet(one, other));
        room.run(Duration::from_secs(30));
    }
    has_all(&mut room, &["old", "after 0", "after 4", "new"], 111);
}

#[test]
fn a_write_after_a_restored_backup_counts_as_seen_only_where_it_is() {
    let mut room = Room::new(10_000_000, 0);
    let backup = with_a_backup(&mut room);
    room.start(0, backup);
    room.meet(0, 1);
    room.meet(0, 2);
    let now = room.now();
    let written = room.at(0).replica.set(now.wall, register("new"), Some(vec![1].into()));
    room.at(0).spread(now.at, written, (Ticket(1), Write::All, Duration::from_secs(10)));
    for _ in 0..100 {
        room.run(Duration::from_millis(100));
        if let Some((_, written)) = room.at(0).take_written().pop() {
            assert!(written.is_met && room.has(1, "new") && room.has(2, "new"), "{written:?}");
            return;
        }
    }
    panic!("it never ended");
}

#[test]
fn writes_that_must_wait_are_not_remembered_without_a_bound() {
    let mut room = Room::new(10_000_000, 0);
    let (here, far) = (room.add(), room.add());
    room.meet(here, far);
    let ahead = Now { wall: BEGIN + 3_600_000, ..room.now() };
    for _ in 0..25_000 {
        let (dot, entry) = room.at(far).replica.set(ahead.wall, register("k"), Some(vec![1].into()));
        let now = room.now();
        room.at(here).receive(now, id(far), Talk::Push { dot, entry, ack: true });
        room.at(here).take_sending();
    }
    assert!(room.at(here).waiting_to_be_told() <= 10_000);
    room.at(here).went(id(far));
    assert_eq!(room.at(here).waiting_to_be_told(), 0);
}
