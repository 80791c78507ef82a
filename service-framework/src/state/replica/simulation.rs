//! Owner and replica over a network that loses, repeats and reorders, with restarts at both ends: thousands of runs, each
//! from a seed that a failure prints. `SIMULATION_SEED` runs a single one, `SIMULATION_RUNS` more of them.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::*;
use crate::state::exchange::{Answer, Kind};
use crate::state::map::{apply, entries, set, write_all};
use crate::state::owner::{Answers, Owner};
use crate::state::raw::Raw;
use crate::state::update::write_update;
use crate::value::Value;

/// Numbers that look random and come again from the same seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// An update on its way.
#[derive(Clone)]
struct Flying {
    epoch: Option<u64>,
    args: Vec<u8>,
}

/// A question or its answer on its way; there is only ever one.
enum Exchange {
    None,
    Question(Option<Vec<u8>>),
    Answer(Answer),
}

/// An owner as the originals are: its numbers are its user's, its answers say 0.
struct OriginalOwner {
    map: StateMap,
    number: i64,
}

enum Either {
    Ours(Owner),
    Original(OriginalOwner),
}

struct World {
    dice: Dice,
    owner: Either,
    /// Of the owner's, in parts of a few keys.
    answers: Answers,
    replica: Replica,
    flying: Vec<Flying>,
    exchange: Exchange,
    now: Instant,
    /// Every state that an owner ever had.
    had: HashMap<(u64, i64), StateMap>,
    /// Every value that a key ever had.
    values: BTreeSet<(Raw, Raw)>,
    /// What the handlers of changes know.
    told: StateMap,
    next_value: i64,
    is_subscribed: bool,
}

impl World {
    fn new(seed: u64, is_original: bool) -> Self {
        let owner = match is_original {
            true => Either::Original(OriginalOwner { map: StateMap::new(), number: -1 }),
            false => Either::Ours(Owner::new(1_000)),
        };
        let mut world = Self {
            dice: Dice(seed),
            owner,
            answers: Answers::in_parts_of(4),
            replica: Replica::new(true),
            flying: Vec::new(),
            exchange: Exchange::None,
            now: Instant::now(),
            had: HashMap::new(),
            values: BTreeSet::new(),
            told: StateMap::new(),
            next_value: 0,
            is_subscribed: false,
        };
        world.remember();
        world
    }

    fn map(&self) -> &StateMap {
        match &self.owner {
            Either::Ours(owner) => owner.map(),
            Either::Original(owner) => &owner.map,
        }
    }

    fn remember(&mut self) {
        if let Either::Ours(owner) = &self.owner {
            self.had.insert((owner.epoch(), owner.number()), owner.map().clone());
        }
        let values: Vec<_> = self.map().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.values.extend(values);
    }

    fn random_changes(&mut self) -> Vec<u8> {
        let count = 1 + self.dice.below(3);
        let mut changes = StateMap::new();
        let mut deleted = Vec::new();
        for _ in 0..count {
            let key = Raw::key(&Value::Int(self.dice.below(6) as i64).to_msgpack());
            if self.dice.chance(30) && self.map().contains_key(&key) && !changes.contains_key(&key) {
                deleted.push(key);
            } else if !deleted.contains(&key) {
                self.next_value += 1;
                changes.insert(key, Raw::from(&Value::Int(self.next_value).to_msgpack()[..]));
            }
        }
        deleted.dedup();
        let all = changes.iter().map(|(key, value)| (key, Some(value)));
        let all: Vec<_> = all.chain(deleted.iter().map(|key| (key, None))).collect();
        let mut out = Vec::new();
        crate::state::map::write_changes(all.into_iter(), &mut out);
        out
    }

    fn update(&mut self) {
        let (mut changes, is_replaced) = (self.random_changes(), self.dice.chance(5));
        if is_replaced {
            let mut map = StateMap::new();
            for entry in entries(&changes).unwrap() {
                let (key, value) = entry.unwrap();
                value.map(|value| set(&mut map, key.into(), Some(value.into())));
            }
            changes.clear();
            write_all(&map, &mut changes);
        }
        let mut args = Vec::new();
        let epoch = match &mut self.owner {
            Either::Ours(owner) => {
                let numbered = match is_replaced {
                    true => owner.replace(&changes).unwrap(),
                    false => match owner.change(&changes, None, false).unwrap() {
                        Some(numbered) => numbered,
                        None => return,
                    },
                };
                write_update(&mut args, numbered.number, numbered.is_snapshot, &numbered.state, (0, &[]));
                Some(owner.epoch())
            }
            Either::Original(owner) => {
                owner.number += 1;
                if is_replaced {
                    owner.map = StateMap::new();
                }
                apply(&mut owner.map, &changes).unwrap();
                write_update(&mut args, owner.number, is_replaced, &changes, (0, &[]));
                None
            }
        };
        self.remember();
        if self.is_subscribed {
            self.flying.push(Flying { epoch, args });
        }
    }

    fn deliver(&mut self, index: usize) {
        let flying = self.flying.remove(index);
        let heard =
            Heard { epoch: flying.epoch, update: Update::read(&flying.args).unwrap(), workflow: None };
        self.replica.on_update(&heard, self.now).unwrap();
    }

    fn converse(&mut self) {
        self.exchange = match std::mem::replace(&mut self.exchange, Exchange::None) {
            Exchange::None => match self.replica.question() {
                Some(question) => Exchange::Question(question.write()),
                None => Exchange::None,
            },
            Exchange::Question(question) => Exchange::Answer(self.answer_of(question.as_deref())),
            Exchange::Answer(answer) => {
                self.replica.on_answer(&answer, self.now).unwrap();
                Exchange::None
            }
        };
    }

    fn answer_of(&mut self, question: Option<&[u8]>) -> Answer {
        match &mut self.owner {
            Either::Ours(owner) => self
                .answers
                .answer(&Question::read(question), |since| Some(owner.taken(since)), self.now)
                .unwrap(),
            Either::Original(owner) => {
                let mut state = Vec::new();
                write_all(&owner.map, &mut state);
                Answer { epoch: None, number: 0, kind: Kind::Complete, state }
            }
        }
    }

    fn restart_owner(&mut self) {
        self.owner = match &self.owner {
            Either::Ours(owner) if self.dice.chance(20) => {
                // Its clock was set back, to no moment that it has lived through.
                Either::Ours(Owner::new(owner.epoch() / 2 + self.dice.below(50) as u64 + 3))
            }
            Either::Ours(owner) => {
                Either::Ours(Owner::new(owner.epoch() + 1 + self.dice.below(1_000) as u64))
            }
            Either::Original(_) => Either::Original(OriginalOwner { map: StateMap::new(), number: -1 }),
        };
        if let Either::Ours(owner) = &mut self.owner {
            while self.had.contains_key(&(owner.epoch(), -1)) {
                *owner = Owner::new(owner.epoch() + 1);
            }
        }
        self.answers = Answers::in_parts_of(4);
        self.remember();
        self.disconnect();
        if self.dice.chance(50) {
            self.connect();
        }
    }

    fn restart_replica(&mut self) {
        let mut replica = Replica::new(true);
        if let (true, Some(at)) = (self.dice.chance(50), self.replica.at()) {
            replica.begin_with(self.replica.map().clone(), at, self.now);
        }
        self.told = replica.map().clone();
        self.replica = replica;
        self.exchange = Exchange::None;
        self.flying.clear();
        self.is_subscribed = false;
    }

    fn disconnect(&mut self) {
        self.is_subscribed = false;
        self.replica.on_disconnected(self.now);
        if matches!(self.owner, Either::Original(_)) {
            // What is in flight over one connection does not outlive it.
            self.flying.clear();
        }
        if !matches!(self.exchange, Exchange::None) && self.dice.chance(70) {
            self.exchange = Exchange::None;
            self.replica.on_failure(self.now);
        }
    }

    fn connect(&mut self) {
        if !self.is_subscribed {
            self.replica.on_connected();
            self.is_subscribed = true;
        }
    }

    fn step(&mut self) {
        let is_ours = matches!(self.owner, Either::Ours(_));
        match self.dice.below(100) {
            0..35 => self.update(),
            35..65 if !self.flying.is_empty() => {
                let reorders = is_ours && self.dice.chance(20);
                let index = if reorders { self.dice.below(self.flying.len()) } else { 0 };
                if self.dice.chance(10) {
                    let again = self.flying[index].clone();
                    self.flying.insert(index, again);
                }
                self.deliver(index);
            }
            65..70 if !self.flying.is_empty() => {
                let index = self.dice.below(self.flying.len());
                self.flying.remove(index);
            }
            70..86 => self.converse(),
            86..88 if !matches!(self.exchange, Exchange::None) => {
                self.exchange = Exchange::None;
                self.replica.on_failure(self.now);
            }
            88..92 => {
                self.now += Duration::from_millis(self.dice.below(2_000) as u64);
                self.replica.on_time(self.now);
            }
            92..94 => self.disconnect(),
            94..97 => self.connect(),
            97 => self.restart_owner(),
            98 => self.restart_replica(),
            _ => {}
        }
        self.check();
    }

    /// What is shown is what the owner had.
    fn check(&mut self) {
        self.check_told();
        match self.replica.at() {
            Some(At { life: Life::Counted(epoch), number: Some(number) }) => {
                assert_eq!(self.had.get(&(epoch, number)), Some(self.replica.map()), "at {epoch}, {number}");
            }
            _ => {
                let mut shown = self.replica.map().iter();
                assert!(
                    shown.all(|(key, value)| self.values.contains(&(key.clone(), value.clone()))),
                    "{:?}",
                    self.replica.map()
                );
            }
        }
    }

    /// From now on nothing is lost any more.
    fn heal(&mut self) {
        let is_new = !self.is_subscribed || self.dice.chance(50);
        if is_new {
            self.disconnect();
            self.connect();
        }
        // A last update that is lost over a good connection shows by nothing.
        if !is_new || self.dice.chance(50) {
            self.update();
        }
        for _ in 0..200 {
            while !self.flying.is_empty() {
                self.deliver(0);
                self.check();
            }
            self.converse();
            self.check();
            self.now += Duration::from_millis(100);
            self.replica.on_time(self.now);
        }
    }

    fn check_end(&mut self) {
        assert_eq!(self.replica.map(), self.map());
        assert_eq!(self.replica.status(), Status::Current);
        assert_eq!(self.replica.next_time(), None, "an idle replica has nothing to do");
    }

    /// What handlers were told leads to what is shown.
    fn check_told(&mut self) {
        let is_through = self.dice.chance(70);
        for change in self.replica.changes(if is_through { 3 } else { 1 }, is_through) {
            apply(&mut self.told, Update::read(&change.args).unwrap().state).unwrap();
        }
        if is_through {
            assert_eq!(&self.told, self.replica.map());
        }
    }
}

fn run(seed: u64, is_original: bool) {
    let mut world = World::new(seed, is_original);
    for _ in 0..250 {
        world.step();
    }
    world.heal();
    world.check_end();
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn run_many(is_original: bool) {
    if let Some(seed) = number("SIMULATION_SEED") {
        return run(seed, is_original);
    }
    let start = Dice(u64::from(std::process::id()) ^ Instant::now().elapsed().as_nanos() as u64).next() >> 16;
    for seed in start..start + number("SIMULATION_RUNS").unwrap_or(2_000) {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed, is_original)) {
            eprintln!("SIMULATION_SEED={seed} runs this one again");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn a_replica_ends_equal_to_its_owner_whatever_happens_on_the_way() {
    run_many(false);
}

#[test]
fn a_replica_ends_equal_to_an_original_owner_whatever_happens_on_the_way() {
    run_many(true);
}
