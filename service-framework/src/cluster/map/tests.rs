//! Replicas: laws of joining, pulls in parts, deletions that stay.

use std::sync::Arc;

use proptest::prelude::*;

use super::cell::Merges;
use super::replica::{Pulled, Replica};
use super::*;
use crate::cluster::identity::NodeId;
use crate::value::Bytes;

/// The union of sorted bytes.
struct Union;

impl Merge for Union {
    fn merge(&self, one: &[u8], other: &[u8]) -> Vec<u8> {
        let all: std::collections::BTreeSet<u8> = one.iter().chain(other).copied().collect();
        all.into_iter().collect()
    }
}

fn merges() -> Merges {
    Merges::from([("union".to_owned(), Arc::new(Union) as Arc<dyn Merge>)])
}

fn actor(node: u128) -> Actor {
    Actor { node: NodeId(node), store: 1 }
}

fn replica(node: u128) -> Replica {
    Replica::new(actor(node), 10_000, merges())
}

fn key(name: u8, kind: Kind) -> Key {
    Key { map: "m".to_owned(), key: vec![name].into(), kind }
}

fn register(name: u8) -> Key {
    key(name, Kind::Register)
}

/// Fetches what `to` lacks of `from`, in as many parts as it takes; how many.
fn pull(from: &Replica, to: &mut Replica, wall: u64) -> usize {
    let (image, versions) = (from.image().clone(), to.versions().clone());
    let (mut entries, mut after, mut parts) = (Vec::new(), Cursor::Start, 0);
    loop {
        let part = image.part(1, &versions, after);
        parts += 1;
        entries.extend(part.entries);
        let Some(next) = part.next else {
            let (versions, floor, is_whole) = (part.versions, part.floor, part.is_whole);
            to.take_pulled(wall, Pulled { entries, versions, floor, is_whole });
            return parts;
        };
        after = next;
    }
}

fn data(replica: &Replica) -> Vec<(Key, Cell)> {
    replica.live().map(|(key, cell)| (key.clone(), cell.clone())).collect()
}

/// Something that happens to replicas.
#[derive(Clone, Debug)]
enum Op {
    Set(usize, u8, Option<u8>),
    Add(usize, i8),
    Merge(usize, u8),
    Pull(usize, usize),
    /// The last write of a replica reaches another as it happened.
    Push(usize, usize),
    /// A replica removes its tombstones, if all have them.
    Collect(usize),
}

const REPLICAS: usize = 4;

fn op() -> impl Strategy<Value = Op> {
    let at = || 0..REPLICAS;
    prop_oneof![
        4 => (at(), 0_u8..4, prop::option::of(any::<u8>())).prop_map(|(at, key, value)| Op::Set(at, key, value)),
        2 => (at(), any::<i8>()).prop_map(|(at, by)| Op::Add(at, by)),
        2 => (at(), any::<u8>()).prop_map(|(at, state)| Op::Merge(at, state)),
        4 => (at(), at()).prop_map(|(from, to)| Op::Pull(from, to)),
        4 => (at(), at()).prop_map(|(from, to)| Op::Push(from, to)),
        2 => at().prop_map(Op::Collect),
    ]
}

/// Lets it happen; the writes that were made.
fn happen(replicas: &mut [Replica], ops: &[Op]) -> Vec<(Dot, Entry)> {
    let mut made = Vec::new();
    let mut last: Vec<Option<(Dot, Entry)>> = vec![None; REPLICAS];
    for (wall, op) in (1_000..).zip(ops) {
        let mut wrote = |at: usize, written: (Dot, Entry)| {
            last[at] = Some(written.clone());
            made.push(written);
        };
        match op {
            Op::Set(at, name, value) => {
                let value = value.map(|value| Bytes(vec![value]));
                wrote(*at, replicas[*at].set(wall, register(*name), value));
            }
            Op::Add(at, by) => wrote(*at, replicas[*at].add(key(0, Kind::Counter), i64::from(*by))),
            Op::Merge(at, state) => {
                let key = key(0, Kind::Merged("union".to_owned()));
                wrote(*at, replicas[*at].merge_in(key, vec![*state].into()).unwrap());
            }
            Op::Pull(from, to) => {
                let from = replicas[*from].image().clone();
                let part = from.part(1, replicas[*to].versions(), Cursor::Start);
                let Part { entries, versions, floor, is_whole, .. } = part;
                replicas[*to].take_pulled(wall, Pulled { entries, versions, floor, is_whole });
            }
            Op::Push(from, to) => {
                if let Some((dot, entry)) = last[*from].clone() {
                    replicas[*to].push(wall, dot, entry);
                }
            }
            // The first marks what can be collected, the second collects it.
            Op::Collect(at) => {
                let seen = replicas[*at].versions().clone();
                if replicas.iter().all(|replica| replica.versions().covers(&seen)) {
                    replicas[*at].collect(u64::MAX, u64::MAX);
                    replicas[*at].collect(u64::MAX, u64::MAX);
                }
            }
        }
        assert!(replicas.iter().all(covers_what_it_has), "after {op:?}");
    }
    made
}

/// Nothing is in a replica that its versions do not cover.
fn covers_what_it_has(replica: &Replica) -> bool {
    replica.image().all().all(|entry| replica.versions().covers(&entry.dots))
}

proptest! {
    #[test]
    fn replicas_that_have_pulled_from_each_other_are_equal(ops in prop::collection::vec(op(), 0..60)) {
        let mut replicas: Vec<Replica> = (0..REPLICAS as u128).map(replica).collect();
        let made = happen(&mut replicas, &ops);
        for _ in 0..2 {
            for from in 0..REPLICAS {
                for to in 0..REPLICAS {
                    let image = replicas[from].image().clone();
                    let Part { entries, versions, floor, is_whole, .. } =
                        image.part(1, replicas[to].versions(), Cursor::Start);
                    replicas[to].take_pulled(5_000, Pulled { entries, versions, floor, is_whole });
                }
            }
        }
        for replica in &replicas[1..] {
            prop_assert_eq!(data(replica), data(&replicas[0]));
            prop_assert_eq!(replica.versions(), replicas[0].versions());
        }
        prop_assert_eq!(data(&replicas[0]), expected(&made));
    }

    #[test]
    fn joining_needs_no_order_and_no_care(ops in prop::collection::vec(op(), 0..30), seed in any::<u64>()) {
        let mut replicas: Vec<Replica> = (0..REPLICAS as u128).map(replica).collect();
        let made: Vec<Entry> = happen(&mut replicas, &ops).into_iter().map(|(_, entry)| entry).collect();
        let mut shuffled = made.clone();
        let mut dice = crate::cluster::dice::Dice::new(seed);
        for index in (1..shuffled.len()).rev() {
            shuffled.swap(index, dice.below(index + 1));
        }
        shuffled.extend(made.iter().take(dice.below(made.len() + 1)).cloned());
        let joined = |entries: Vec<Entry>| {
            let mut all: std::collections::BTreeMap<Key, Entry> = std::collections::BTreeMap::new();
            for entry in entries {
                match all.get_mut(&entry.key) {
                    Some(present) => present.join(entry, &merges()).unwrap(),
                    None => drop(all.insert(entry.key.clone(), entry)),
                }
            }
            all.into_iter().map(|(key, entry)| (key, entry.cell)).collect::<Vec<_>>()
        };
        prop_assert_eq!(joined(shuffled), joined(made));
    }
}

/// What the writes come to, whoever saw them: of registers the last, of counters all, of merged cells the union.
fn expected(made: &[(Dot, Entry)]) -> Vec<(Key, Cell)> {
    let mut all: std::collections::BTreeMap<Key, Entry> = std::collections::BTreeMap::new();
    for (_, entry) in made {
        match all.get_mut(&entry.key) {
            Some(present) => present.join(entry.clone(), &merges()).unwrap(),
            None => drop(all.insert(entry.key.clone(), entry.clone())),
        }
    }
    let live = all.into_iter().filter(|(_, entry)| !entry.cell.is_tombstone());
    live.map(|(key, entry)| (key, entry.cell)).collect()
}

#[test]
fn much_data_comes_in_parts_and_whole() {
    let (mut from, mut to) = (replica(1), replica(2));
    for name in 0..200_u8 {
        from.set(1, register(name), Some(vec![0; 2_000].into()));
    }
    assert!(pull(&from, &mut to, 1) > 3);
    assert_eq!(data(&to), data(&from));
    assert_eq!(pull(&from, &mut to, 1), 1);
}

#[test]
fn what_was_deleted_and_forgotten_does_not_come_back() {
    let (mut one, mut late) = (replica(1), replica(2));
    for name in 0..3 {
        one.set(1, register(name), Some(vec![name].into()));
    }
    pull(&one, &mut late, 1);
    late.set(2, register(7), Some(vec![7].into()));
    // The second is away when a key is deleted, and its tombstone too.
    one.set(3, register(0), None);
    one.collect(0, u64::MAX);
    one.collect(u64::MAX, u64::MAX);
    assert_eq!(one.tombstones(), 0);
    pull(&late, &mut one, 4);
    pull(&one, &mut late, 4);
    let names =
        |replica: &Replica| data(replica).into_iter().map(|(key, _)| key.key.0[0]).collect::<Vec<_>>();
    assert_eq!((names(&one), names(&late)), (vec![1, 2, 7], vec![1, 2, 7]));
}

#[test]
fn a_tombstone_is_kept_until_it_is_known_to_be_everywhere() {
    let mut replica = replica(1);
    replica.set(1, register(0), Some(vec![1].into()));
    replica.set(2, register(0), None);
    replica.collect(0, u64::MAX);
    replica.collect(1, u64::MAX);
    assert_eq!(replica.tombstones(), 1);
    replica.collect(replica.point(), u64::MAX);
    assert_eq!(replica.tombstones(), 0);
}

#[test]
fn writes_of_a_clock_far_ahead_wait_and_are_not_lost() {
    let (mut ahead, mut here) = (replica(1), replica(2));
    ahead.set(100, register(0), Some(vec![0].into()));
    let (dot, entry) = ahead.set(60_000, register(1), Some(vec![1].into()));
    ahead.set(60_000, register(2), Some(vec![2].into()));
    assert!(!here.push(1_000, dot, entry));
    pull(&ahead, &mut here, 1_000);
    assert_eq!(data(&here).len(), 1);
    assert!(covers_what_it_has(&here) && !here.versions().covers(ahead.versions()));
    pull(&ahead, &mut here, 55_000);
    assert_eq!(data(&here), data(&ahead));
}

#[test]
fn states_of_an_unknown_merge_wait_for_a_node_that_knows_it() {
    let mut one = replica(1);
    let mut other = Replica::new(actor(2), 10_000, Merges::new());
    one.merge_in(key(0, Kind::Merged("union".to_owned())), vec![1].into()).unwrap();
    pull(&one, &mut other, 1);
    assert_eq!((data(&other).len(), other.held_back()), (0, 1));
    assert_eq!(other.versions().of(actor(1)), 0);
}

#[test]
fn a_lost_store_is_another_writer() {
    let mut other = replica(9);
    let mut first = replica(1);
    first.set(1, register(0), Some(vec![1].into()));
    pull(&first, &mut other, 1);
    // The same node starts again without its disk, and its numbers begin again.
    let mut second = Replica::new(Actor { store: 2, ..actor(1) }, 10_000, merges());
    second.set(2, register(1), Some(vec![2].into()));
    pull(&second, &mut other, 2);
    assert_eq!(data(&other).len(), 2);
}

#[test]
fn a_restored_replica_goes_on_where_it_was() {
    let mut replica = replica(1);
    let mut stored: std::collections::BTreeMap<Key, Entry> = std::collections::BTreeMap::new();
    let (mut versions, mut floor) = (Versions::default(), Versions::default());
    for name in 0..5 {
        replica.set(50, register(name), Some(vec![name].into()));
    }
    replica.set(60, register(0), None);
    replica.collect(0, u64::MAX);
    replica.collect(u64::MAX, u64::MAX);
    for stored_now in replica.take_stored() {
        match stored_now {
            Stored::Entry(entry) => drop(stored.insert(entry.key.clone(), entry)),
            Stored::Removed(key) => drop(stored.remove(&key)),
            Stored::Versions { versions: seen, floor: gone } => (versions, floor) = (seen, gone),
            Stored::Seen(dot) => versions.raise(dot),
            Stored::Writer(_) => panic!("it is the same writer"),
        }
    }
    let mut again = Replica::new(actor(1), 10_000, merges());
    again.restore(stored.into_values().collect(), versions, floor);
    assert_eq!(data(&again), data(&replica));
    assert_eq!(again.versions(), replica.versions());
    // Even under a clock that was set back its next write is its last.
    let (dot, _) = again.set(1, register(1), Some(vec![99].into()));
    assert!(!replica.versions().has(dot));
    assert!(replica.push(
        50,
        dot,
        again.image().all().find(|entry| entry.key == register(1)).unwrap().clone()
    ));
    assert_eq!(data(&again), data(&replica));
}

/// Everything joined after each other, whatever the user meant by it.
struct Append;

impl Merge for Append {
    fn merge(&self, one: &[u8], other: &[u8]) -> Vec<u8> {
        [one, other].concat()
    }
}

#[test]
fn merging_grows_nothing_that_cannot_be_sent() {
    let append = Merges::from([("append".to_owned(), Arc::new(Append) as Arc<dyn Merge>)]);
    let new = |node| Replica::new(actor(node), 10_000, append.clone()).within(40_000);
    let key = |name| key(name, Kind::Merged("append".to_owned()));
    let mut replicas: Vec<Replica> = (1..=4).map(new).collect();
    for replica in &mut replicas {
        replica.merge_in(key(0), vec![1; 9_000].into()).unwrap();
        let refused = replica.merge_in(key(0), vec![1; 2_000].into());
        assert_eq!(refused.unwrap_err(), MergeRefused::TooLarge(11_002, 10_000));
        assert_eq!(replica.get(&key(0)), Some(&Cell::Merged(vec![1; 9_000].into())));
    }
    let (one, others) = replicas.split_first_mut().unwrap();
    for other in &*others {
        pull(other, one, 1);
    }
    // What four have joined to a key at once is larger than what is sent, and does not hold up the rest.
    one.merge_in(key(1), vec![1].into()).unwrap();
    assert_eq!(one.too_large(), 1);
    let mut late = new(5);
    pull(one, &mut late, 1);
    assert_eq!(data(&late).len(), 1);
    assert_eq!(late.versions(), one.versions());
    // Whole, too, and nobody takes it for deleted.
    one.set(2, register(3), None);
    one.collect(0, u64::MAX);
    one.collect(u64::MAX, u64::MAX);
    pull(one, &mut others[0], 2);
    assert_eq!(data(&others[0]).len(), 2);
}

#[test]
fn a_write_stores_what_is_new_however_many_writers_there_are() {
    let mut here = replica(1);
    for node in 2..500 {
        let mut other = replica(node);
        let (dot, entry) = other.set(1, register(0), Some(vec![0].into()));
        assert!(here.push(1, dot, entry));
    }
    here.take_stored();
    let (dot, entry) = here.set(2, register(0), Some(vec![1].into()));
    assert_eq!(here.take_stored(), [Stored::Entry(entry), Stored::Seen(dot)]);
}
