//! Registries of nodes that crash, start again, cannot see each other and say something else of their services all the time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::dice::Dice;
use super::super::engine::{Boot, Engine, Output};
use super::super::identity::{Address, Identity, NodeId};
use super::super::map::Versions;
use super::super::record::Instance;
use super::super::settings::Settings;
use super::super::time::{Moment, Now};
use super::{Registry, directory};
use crate::connection::Sought;

const NODES: usize = 5;
const STEP: u64 = 50;

/// Seconds of faults, and those in which all must become one again.
const FAULTS: u64 = 60;
const CALM: u64 = 60;

struct Seat {
    engine: Option<Engine>,
    registry: Registry,
    life: u64,
    /// What it says of its service: the number in its address, and whether it is ready.
    says: (u64, bool),
}

struct World {
    dice: Dice,
    seats: Vec<Seat>,
    cut: BTreeSet<(usize, usize)>,
    millis: u64,
    loses: bool,
    /// Every address that anybody ever said.
    said: BTreeSet<String>,
}

fn sought() -> Sought {
    Sought { service: "s".into(), socket: "work/replyer".into() }
}

fn address(node: usize, number: u64) -> String {
    format!("tcp://10.0.{node}.1:{}", 1_000 + number)
}

impl World {
    fn new(seed: u64) -> Self {
        let registry = || Registry::new(Some("here".into()), Duration::from_secs(86_400));
        let seat = |_| Seat { engine: None, registry: registry(), life: 0, says: (0, true) };
        let seats = (0..NODES).map(seat).collect();
        let (cut, said) = (BTreeSet::new(), BTreeSet::new());
        let mut world = Self { dice: Dice::new(seed), seats, cut, millis: 0, loses: true, said };
        (0..NODES).for_each(|node| world.start(node));
        world
    }

    fn now(&self) -> Now {
        Now { at: Moment(self.millis * 1_000), wall: self.millis }
    }

    fn start(&mut self, node: usize) {
        let (boot, seed, now) = (self.dice.next(), self.dice.next(), self.now());
        let seat = &mut self.seats[node];
        if seat.engine.is_some() {
            return;
        }
        seat.life += 1;
        let identity = Identity { node: NodeId(node as u128 + 1), epoch: seat.life, boot };
        let (versions, floor) = (Versions::default(), Versions::default());
        let boot = Boot { identity, store: boot, seed, entries: Vec::new(), versions, floor };
        let sim = |node: usize| Address(format!("sim:{node}"));
        let join = (0..2).filter(|other| *other != node).map(sim).collect();
        let settings = Settings { addresses: vec![sim(node)], join, ..Settings::default() };
        seat.engine = Some(Engine::new(settings, boot, now));
        // What it kept is what it begins with.
        let kept = seat.registry.kept();
        seat.registry.restore(now.wall, kept);
        self.say(node, true);
    }

    /// Says something else of the service of a node.
    fn say(&mut self, node: usize, ready: bool) {
        let (number, now) = (self.dice.next() % 50, self.now());
        let seat = &mut self.seats[node];
        let Some(engine) = &mut seat.engine else { return };
        seat.says = (number, ready);
        let address = address(node, number);
        let endpoints = BTreeMap::from([("work/replyer".to_owned(), address.clone())]);
        self.said.insert(address);
        engine.register(now, vec![Instance { service: "s".into(), endpoints, weight: 1, ready }]).unwrap();
    }

    fn fault(&mut self) {
        let (node, other) = (self.dice.below(NODES), self.dice.below(NODES));
        match self.dice.below(6) {
            0 => self.seats[node].engine = None,
            1 | 2 => self.start(node),
            3 => drop(self.cut.insert((node, other))),
            4 => self.cut.clear(),
            _ => {
                let ready = self.dice.below(3) > 0;
                self.say(node, ready);
            }
        }
    }

    fn step(&mut self) {
        self.millis += STEP;
        let now = self.now();
        for seat in &mut self.seats {
            if let Some(engine) = &mut seat.engine {
                engine.tick(now);
            }
        }
        for from in 0..NODES {
            self.carry(from);
        }
        for node in 0..NODES {
            self.check_said(node);
        }
    }

    /// Carries what a node has to send, and takes in what it tells.
    fn carry(&mut self, from: usize) {
        let mut has_news = false;
        while let Some(output) = self.seats[from].engine.as_mut().and_then(Engine::next_output) {
            match output {
                Output::Transmit { addresses, bytes, .. } => self.deliver(from, &addresses, &bytes),
                Output::Member { .. } => has_news = true,
                _ => {}
            }
        }
        let wall = self.millis;
        let Seat { engine, registry, .. } = &mut self.seats[from];
        if let Some(engine) = engine.as_ref().filter(|_| has_news) {
            registry.take_in(wall, &engine.view());
        }
    }

    fn deliver(&mut self, from: usize, addresses: &[Address], bytes: &[u8]) {
        let now = self.now();
        let to = addresses.iter().find_map(|address| address.0.strip_prefix("sim:")?.parse::<usize>().ok());
        let Some(to) = to.filter(|to| !self.cut.contains(&(from, *to)) && !self.cut.contains(&(*to, from)))
        else {
            return;
        };
        let is_lost = self.loses && self.dice.below(20) == 0;
        if let Some(engine) = self.seats[to].engine.as_mut().filter(|_| !is_lost) {
            engine.receive(now, Some(&Address(format!("sim:{from}"))), None, bytes);
        }
    }

    /// The addresses that are found at a node.
    fn found(&self, node: usize) -> Option<BTreeSet<String>> {
        let seat = &self.seats[node];
        let view = seat.engine.as_ref()?.view();
        let directory = directory(&seat.registry.instances(&view));
        let found = directory.get(&sought()).into_iter().flatten();
        Some(found.map(|found| found.address.clone()).collect())
    }

    fn check_said(&self, node: usize) {
        let found = self.found(node).unwrap_or_default();
        assert!(found.is_subset(&self.said), "{found:?} are found, and nobody said all of them");
    }
}

#[test]
fn after_the_last_fault_all_find_exactly_who_is_ready() {
    for seed in 1..=8 {
        let mut world = World::new(seed);
        while world.millis < FAULTS * 1_000 {
            world.step();
            if world.dice.below(20) == 0 {
                world.fault();
            }
        }
        world.loses = false;
        world.cut.clear();
        (0..NODES).for_each(|node| world.start(node));
        while world.millis < (FAULTS + CALM) * 1_000 {
            world.step();
        }
        let ready = world.seats.iter().enumerate().filter(|(_, seat)| seat.says.1);
        let truth: BTreeSet<String> = ready.map(|(node, seat)| address(node, seat.says.0)).collect();
        for node in 0..NODES {
            let found = world.found(node).unwrap();
            // Where nobody is ready, the last that were are still said, and found to be of no use.
            assert!(
                truth.is_empty() || found == truth,
                "seed {seed}, node {node}: {found:?} and not {truth:?}"
            );
        }
    }
}
