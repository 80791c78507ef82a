//! Running a scenario to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::super::dice::Dice;
use super::super::engine::{Change, Counts, Engine, shared_register};
use super::super::events::Policy;
use super::super::events::requests::{Request, Target};
use super::super::identity::NodeId;
use super::super::map::{Key, Kind, Merge, Write};
use super::super::settings::Settings;
use super::super::time::Moment;
use super::checks::{Broken, How, Tallied};
use super::network::Weather;
use super::scenario::{Act, Load, Scenario, Step};
use super::timeline::{Mark, Timeline};
use super::world::{HANDLER, World};

/// How often the applications do something, and how often it is looked whether all have settled.
const BEAT: Duration = Duration::from_millis(100);

/// How long the cluster must stay as it is to count as settled; all calls have ended by then.
const STAYS: Duration = Duration::from_secs(8);

/// How long calls wait.
const PATIENCE: Duration = Duration::from_secs(3);

/// What came of a scenario.
pub struct Report {
    /// The scenario's name.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// Its nodes.
    pub nodes: usize,
    /// How long it took in the world's time.
    pub length: Duration,
    /// How long after the last fault all views and all data were the same; nothing if they never were.
    pub settled_after: Option<Duration>,
    /// Promises that were not kept.
    pub broken: Vec<Broken>,
    /// How often what happened.
    pub tallied: Tallied,
    /// Frames and bytes sent, by all nodes.
    pub frames: u64,
    /// See above.
    pub bytes: u64,
    /// A hash of all that was sent and when: two runs are the same if it is.
    pub digest: u64,
    /// What the simulation had to do.
    pub steps: u64,
    /// What each node that runs at the end has refused or lost, by its number.
    pub counts: BTreeMap<usize, Counts>,
    timeline: Timeline,
}

impl Report {
    /// Who saw what of whom, and when.
    #[must_use]
    pub fn seen(&self, wanted: Change) -> Vec<(Duration, usize, usize)> {
        let seen = |entry: &super::timeline::Entry| match entry.mark {
            Mark::Saw { change, other } if change == wanted => {
                Some((entry.at.since(Moment(0)), entry.node?, other))
            }
            _ => None,
        };
        self.timeline.entries().iter().filter_map(seen).collect()
    }

    pub(super) fn entries(&self) -> &[super::timeline::Entry] {
        self.timeline.entries()
    }

    /// What happened, a line for each event, with the seconds since the start.
    #[must_use]
    pub fn history(&self) -> String {
        self.timeline.entries().iter().map(super::text::line).collect()
    }
}

/// Runs a scenario to its end, and checks all promises.
#[must_use]
pub fn run(scenario: &Scenario) -> Report {
    let mut runner = Runner::new(scenario);
    runner.run();
    runner.report()
}

struct Runner<'a> {
    scenario: &'a Scenario,
    world: World,
    dice: Dice,
    load: Load,
    /// What is still to be done of each kind of call.
    debt: [f64; 5],
    settled_at: Option<Moment>,
    settled_after: Option<Duration>,
}

impl<'a> Runner<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        Self {
            scenario,
            world: World::new(scenario.seed, scenario.nodes, with_union(scenario.settings.clone())),
            dice: Dice::new(scenario.seed ^ 0x10ad),
            load: Load::default(),
            debt: [0.0; 5],
            settled_at: None,
            settled_after: None,
        }
    }

    fn run(&mut self) {
        let mut steps: Vec<&Step> = self.scenario.steps.iter().collect();
        steps.sort_by_key(|step| step.at);
        let mut steps = steps.into_iter().filter(|step| step.at <= self.scenario.length).peekable();
        let mut at = Duration::ZERO;
        while at < self.scenario.length {
            while let Some(step) = steps.next_if(|step| step.at < at + BEAT) {
                self.world.run_until(Moment(0).after(step.at));
                self.act(&step.act);
            }
            at = (at + BEAT).min(self.scenario.length);
            self.world.run_until(Moment(0).after(at));
            self.beat();
        }
        self.calm_down();
        self.settle();
        self.check();
    }

    fn act(&mut self, act: &Act) {
        let now = self.world.now;
        self.world.timeline.add(now, None, Mark::Step(super::text::of(act)));
        match act {
            Act::Start(nodes) => nodes.iter().for_each(|node| self.world.start(*node)),
            Act::Crash { nodes, keeps_disk } => {
                nodes.iter().for_each(|node| self.world.crash(*node, *keeps_disk))
            }
            Act::Leave(nodes) => {
                for node in nodes {
                    self.world.call(*node, |engine, now| engine.leave(now));
                }
            }
            Act::Freeze { nodes, duration } => {
                // All faults end with the scenario.
                let duration = (*duration).min(Moment(0).after(self.scenario.length).since(now));
                for node in nodes {
                    self.world.freeze(*node, duration);
                    // What it finds when it goes on takes a moment too.
                    self.world.checks.excuse(*node, now.after(duration + Duration::from_millis(500)));
                }
            }
            Act::Skew { nodes, millis } => {
                nodes.iter().for_each(|node| self.world.seats[*node].skew = *millis)
            }
            Act::Slow { nodes, cost } => {
                for node in nodes {
                    self.world.seats[*node].cost = *cost;
                    self.world.checks.excuse(*node, Moment(u64::MAX / 2));
                }
            }
            Act::Cut { from, to } => self.world.network.cut(from, to),
            Act::Mend { from, to } => self.world.network.mend(from, to),
            Act::MendAll => self.world.network.mend_all(),
            Act::Weather(weather) => self.world.set_weather(*weather),
            Act::Load(load) => self.load = *load,
        }
    }

    /// All faults end, and all nodes run.
    fn calm_down(&mut self) {
        let now = self.world.now;
        self.world.timeline.add(now, None, Mark::Step("all faults end".to_owned()));
        self.world.network.mend_all();
        self.world.set_weather(Weather::default());
        let started = self.scenario.steps.iter().filter_map(|step| match &step.act {
            Act::Start(nodes) => Some(nodes.iter().copied()),
            _ => None,
        });
        let left: Vec<usize> = self.left();
        let all: BTreeSet<usize> = started.flatten().filter(|node| !left.contains(node)).collect();
        for node in all {
            self.world.seats[node].cost = Duration::ZERO;
            self.world.start(node);
        }
    }

    /// Nodes that left as the last thing that was asked of them, but for those through which all join: without any of
    /// them, nobody who starts could find the others.
    fn left(&self) -> Vec<usize> {
        let mut steps: Vec<&Step> =
            self.scenario.steps.iter().filter(|step| step.at <= self.scenario.length).collect();
        steps.sort_by_key(|step| step.at);
        let mut left = Vec::new();
        for step in steps {
            match &step.act {
                Act::Leave(nodes) => left.extend(nodes.iter().copied()),
                Act::Start(nodes) => left.retain(|node| !nodes.contains(node)),
                _ => {}
            }
        }
        left.retain(|node| *node >= super::world::SEEDS);
        left
    }

    fn settle(&mut self) {
        let begin = self.world.now;
        let end = begin.after(self.scenario.settle);
        while self.world.now < end && self.settled_since().is_none_or(|since| since < STAYS) {
            self.world.run_until(self.world.now.after(BEAT));
            let now = self.world.now;
            match (self.is_settled(), self.settled_at) {
                (true, None) => self.settled_at = Some(now),
                (false, Some(_)) => self.settled_at = None,
                _ => {}
            }
        }
        if let Some(at) = self.settled_at {
            self.world.timeline.add(at, None, Mark::Settled(at.since(begin)));
        }
        self.settled_after = self.settled_at.map(|at| at.since(begin));
    }

    fn settled_since(&self) -> Option<Duration> {
        self.settled_at.map(|at| self.world.now.since(at))
    }

    fn is_settled(&self) -> bool {
        self.world.is_one() && self.world.has_same_data()
    }

    fn check(&mut self) {
        let now = self.world.now;
        self.world.checks.check_requests(now);
        if !self.world.is_one() {
            let what = self.world.wrong_views();
            self.world.checks.broke(9, what);
        }
        if !self.world.has_same_data() {
            let what = self.world.wrong_data();
            self.world.checks.broke(10, what);
        }
        let shared = self.world.data_of_first();
        let lost: Vec<Vec<Moment>> = self.world.seats.iter().map(|seat| seat.lost_disk.clone()).collect();
        let runs: Vec<bool> = (0..self.world.seats.len()).map(|node| self.world.is_running(node)).collect();
        self.world.checks.check_shared(&shared, &lost, &runs);
    }

    /// What the applications do in a tenth of a second.
    fn beat(&mut self) {
        let Load { emits, acked, sends, requests, writes, .. } = self.load;
        for (kind, rate) in [emits, acked, sends, requests, writes].into_iter().enumerate() {
            self.debt[kind] += rate * BEAT.as_secs_f64();
            while self.debt[kind] >= 1.0 {
                self.debt[kind] -= 1.0;
                self.call(kind);
            }
        }
    }

    fn call(&mut self, kind: usize) {
        let running = self.world.running();
        let Some(node) = running.get(self.dice.below(running.len())).copied() else { return };
        let other = self.world.seats[self.dice.below(self.world.seats.len())].id;
        match kind {
            0 => self.emit(node),
            1 => self.emit_acked(node),
            2 => self.send(node, other),
            3 => self.request(node, other),
            _ => self.write(node),
        }
    }

    fn size(&mut self) -> usize {
        self.dice.below(self.load.bytes + 1)
    }

    fn emit(&mut self, node: usize) {
        let size = self.size();
        let (_, payload) = self.world.checks.event(node, self.world.seats[node].life, size);
        let to_self = self.dice.below(4) == 0;
        let sent = self.world.call(node, |engine, now| engine.emit(now, How::Fast.name(), &payload, to_self));
        self.world.checks.tallied.refused += u64::from(!matches!(sent, Some(Ok(_))));
    }

    fn emit_acked(&mut self, node: usize) {
        let size = self.size();
        let policy = [Policy::All, Policy::Majority, Policy::Count(1)][self.dice.below(3)];
        let (id, payload) = self.world.checks.event(node, self.world.seats[node].life, size);
        let ticket = self.world.quietly(node, |engine, now| {
            engine.emit_acked(now, How::Sure.name(), &payload, policy, PATIENCE)
        });
        if let Some(Ok(ticket)) = ticket {
            self.world.checks.waits_for_acks(node, ticket, id, policy);
        }
        self.world.attend_to(node);
    }

    fn send(&mut self, node: usize, other: NodeId) {
        let size = self.size();
        if self.dice.below(2) == 0 {
            let (_, payload) = self.world.checks.event(node, self.world.seats[node].life, size);
            let sent = self
                .world
                .call(node, |engine, now| engine.send_event(now, other, How::Fast.name(), &payload));
            self.world.checks.tallied.refused += u64::from(!matches!(sent, Some(Ok(()))));
            return;
        }
        let (id, payload) = self.world.checks.event(node, self.world.seats[node].life, size);
        let ticket = self
            .world
            .quietly(node, |engine, now| engine.send_acked(now, other, How::Sure.name(), &payload, PATIENCE));
        match ticket {
            Some(Ok(ticket)) => self.world.checks.waits_for_acks(node, ticket, id, Policy::All),
            _ => self.world.checks.tallied.refused += 1,
        }
        self.world.attend_to(node);
    }

    fn request(&mut self, node: usize, other: NodeId) {
        let idempotent = self.dice.below(3) == 0;
        let (id, payload) = self.world.checks.request(idempotent);
        let target = match self.dice.below(2) {
            0 => Target::Node(other),
            _ => Target::Service(HANDLER.to_owned()),
        };
        let name = HANDLER.to_owned();
        let request = Request { target, name, payload, patience: PATIENCE, idempotent };
        let ticket = self.world.quietly(node, |engine, now| engine.request(now, request));
        match ticket {
            Some(Ok(ticket)) => {
                let deadline = self.world.now.after(PATIENCE);
                self.world.checks.waits_for_reply(node, ticket, id, deadline);
            }
            _ => self.world.checks.tallied.refused += 1,
        }
        self.world.attend_to(node);
    }

    fn write(&mut self, node: usize) {
        let write = [Write::Local, Write::Local, Write::Majority, Write::All][self.dice.below(4)];
        let name = format!("k{}", self.dice.below(12));
        let of = |kind| Key { kind, ..shared_register("data", &name) };
        match self.dice.below(8) {
            0 | 1 => self.add(node, of(Kind::Counter), write),
            2 => self.merge_in(node, of(Kind::Merged(UNION.to_owned())), write),
            3 => self.set(node, of(Kind::Element(name.as_bytes().into())), write),
            _ => self.set(node, of(Kind::Register), write),
        }
    }

    fn add(&mut self, node: usize, key: Key, write: Write) {
        let amount = self.dice.below(20) as i64 - 10;
        self.world.checks.added(key.clone(), amount);
        let totals = self.world.call(node, |engine, now| {
            let before = engine.total(&key);
            engine.add(now, key.clone(), amount, (write, PATIENCE));
            (before, engine.total(&key))
        });
        if totals.is_some_and(|(before, after)| after - before != i128::from(amount)) {
            self.world.checks.broke(11, format!("n{node} does not read what it added to {:?}", key.key));
        }
    }

    fn merge_in(&mut self, node: usize, key: Key, write: Write) {
        let state = [self.dice.below(256) as u8];
        let shown = self.world.call(node, |engine, now| {
            let _refused = engine.merge_in(now, key.clone(), &state, (write, PATIENCE)).err();
            engine.get(&key).map(<[u8]>::to_vec)
        });
        self.world.checks.merged(key, state[0], shown.flatten());
    }

    fn set(&mut self, node: usize, key: Key, write: Write) {
        let is_kept = self.dice.below(4) > 0;
        let value = is_kept.then(|| self.dice.next().to_be_bytes().to_vec());
        let wrote = self.world.quietly(node, |engine: &mut Engine, now| {
            let ticket = engine.set(now, key.clone(), value.as_deref(), (write, PATIENCE));
            (ticket, engine.stamp_of(&key), engine.get(&key) == value.as_deref())
        });
        if let Some((ticket, stamp, is_shown)) = wrote {
            if !is_shown {
                self.world.checks.broke(11, format!("n{node} does not read what it wrote to {:?}", key.key));
            }
            let now = self.world.now;
            self.world.checks.wrote(now, node, ticket, (key, stamp), value);
        }
        self.world.attend_to(node);
    }

    fn report(self) -> Report {
        let Self { scenario, world, settled_after, .. } = self;
        Report {
            name: scenario.name.clone(),
            seed: scenario.seed,
            nodes: scenario.nodes,
            length: world.now.since(Moment(0)),
            settled_after,
            broken: world.checks.broken(),
            tallied: world.checks.tallied,
            frames: world.seats.iter().map(|seat| seat.frames_sent).sum(),
            bytes: world.seats.iter().map(|seat| seat.bytes_sent).sum(),
            digest: world.digest,
            steps: world.steps,
            counts: world.counts(),
            timeline: world.timeline,
        }
    }
}

/// The merge that all nodes of a simulation know.
const UNION: &str = "union";

/// The bytes of both, in order.
struct Union;

impl Merge for Union {
    fn merge(&self, one: &[u8], other: &[u8]) -> Vec<u8> {
        let all: BTreeSet<u8> = one.iter().chain(other).copied().collect();
        all.into_iter().collect()
    }
}

fn with_union(mut settings: Settings) -> Settings {
    settings.merges.insert(UNION.to_owned(), Arc::new(Union));
    settings
}
