//! A world of nodes in one thread, with a time of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use super::super::dice::{Dice, mixed};
use super::super::engine::{Call, Counts, Engine, Output};
use super::super::events::Payload;
use super::super::identity::{Address, NodeId};
use super::super::map::{Cell, Key, Stored};
use super::super::record::Instance;
use super::super::settings::Settings;
use super::super::time::{Moment, Now};
use super::checks::Checks;
use super::disk::Disk;
use super::network::{Network, Weather};
use super::timeline::{Mark, Timeline};

/// What the clock on the wall shows when a world begins, in milliseconds since 1970.
const BEGIN: u64 = 1_800_000_000_000;

/// Through how many nodes, the first, all join.
pub(super) const SEEDS: usize = 3;

/// The name of the handler that every node has.
pub(super) const HANDLER: &str = "work";

/// A node of the world.
pub(super) struct Seat {
    pub(super) id: NodeId,
    pub(super) engine: Option<Engine>,
    disk: Disk,
    /// How many processes of it there have been.
    pub(super) life: u32,
    /// Milliseconds that its clock on the wall is ahead, or behind.
    pub(super) skew: i64,
    /// It does nothing until then.
    frozen_until: Moment,
    /// How long it takes over each frame.
    pub(super) cost: Duration,
    /// When it is woken next.
    wakes_at: Option<Moment>,
    /// When it lost its disk.
    pub(super) lost_disk: Vec<Moment>,
    /// When its present life began, and when its last one ended.
    pub(super) since: Moment,
    pub(super) bytes_sent: u64,
    pub(super) frames_sent: u64,
}

enum What {
    Deliver { to: usize, from: usize, bytes: Arc<[u8]> },
    Wake { node: usize },
    Answer { node: usize, life: u32, to: NodeId, call: Call, payload: Payload },
}

struct Due {
    at: Moment,
    number: u64,
    what: What,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// A simulated cluster.
pub(super) struct World {
    pub(super) now: Moment,
    dice: Dice,
    pub(super) seats: Vec<Seat>,
    places: BTreeMap<NodeId, usize>,
    queue: BinaryHeap<Reverse<Due>>,
    queued: u64,
    pub(super) network: Network,
    /// When the last frame from one to another arrives, where order is kept.
    last_arrival: BTreeMap<(usize, usize), Moment>,
    settings: Settings,
    pub(super) checks: Checks,
    pub(super) timeline: Timeline,
    /// A hash of everything that was sent.
    pub(super) digest: u64,
    pub(super) steps: u64,
}

/// The name of a node.
pub(super) fn name_of(node: usize) -> String {
    format!("n{node}")
}

/// The service that runs at every node.
fn instance() -> Instance {
    Instance { service: HANDLER.to_owned(), endpoints: BTreeMap::new(), weight: 1, ready: true }
}

fn address_of(node: usize) -> Address {
    Address(format!("sim:{node}"))
}

impl World {
    /// A world of `count` nodes, none of which runs. They join through the first three.
    pub(super) fn new(seed: u64, count: usize, settings: Settings) -> Self {
        let mut dice = Dice::new(seed);
        let seats: Vec<Seat> = (0..count).map(|node| Seat::new(node, &mut dice)).collect();
        Self {
            now: Moment(0),
            places: seats.iter().enumerate().map(|(place, seat)| (seat.id, place)).collect(),
            checks: Checks::new(seats.iter().map(|seat| seat.id).collect()),
            seats,
            dice,
            queue: BinaryHeap::new(),
            queued: 0,
            network: Network::default(),
            last_arrival: BTreeMap::new(),
            settings,
            timeline: Timeline::default(),
            digest: 0,
            steps: 0,
        }
    }

    pub(super) fn set_weather(&mut self, weather: Weather) {
        self.network.weather = weather;
    }

    pub(super) fn is_running(&self, node: usize) -> bool {
        self.seats.get(node).is_some_and(|seat| seat.engine.is_some())
    }

    pub(super) fn running(&self) -> Vec<usize> {
        (0..self.seats.len()).filter(|node| self.is_running(*node)).collect()
    }

    pub(super) fn place_of(&self, node: NodeId) -> Option<usize> {
        self.places.get(&node).copied()
    }

    /// Starts a node, with what is on its disk.
    pub(super) fn start(&mut self, node: usize) {
        if self.is_running(node) {
            return;
        }
        let (boot, seed) = (self.dice.next(), self.dice.next());
        let settings = self.settings_of(node);
        let now = self.now_at(node);
        let at = self.now;
        let seat = &mut self.seats[node];
        let boot = seat.disk.boot(seat.id, boot, seed);
        let mut engine = Engine::new(settings, boot, now);
        engine.serve([HANDLER.to_owned()]);
        let registered = engine.register(now, vec![instance()]);
        debug_assert!(registered.is_ok(), "{registered:?}");
        (seat.engine, seat.since, seat.wakes_at) = (Some(engine), at, None);
        seat.life += 1;
        seat.frozen_until = Moment(0);
        self.mark(node, Mark::Started);
        self.attend(node);
    }

    fn settings_of(&self, node: usize) -> Settings {
        let join = (0..self.seats.len().min(SEEDS)).filter(|seed| *seed != node).map(address_of).collect();
        Settings { name: name_of(node), addresses: vec![address_of(node)], join, ..self.settings.clone() }
    }

    /// Ends a node without a word.
    pub(super) fn crash(&mut self, node: usize, keeps_disk: bool) {
        if !self.is_running(node) {
            return;
        }
        self.end(node);
        self.mark(node, if keeps_disk { Mark::Crashed } else { Mark::Lost });
        if !keeps_disk {
            self.lose_disk(node);
        }
    }

    fn lose_disk(&mut self, node: usize) {
        let store = self.dice.next();
        let seat = &mut self.seats[node];
        seat.disk = Disk::new(store);
        seat.lost_disk.push(self.now);
    }

    fn end(&mut self, node: usize) {
        let at = self.now;
        let seat = &mut self.seats[node];
        (seat.engine, seat.since) = (None, at);
        self.checks.ended(node, seat.life);
    }

    /// Lets a node do nothing for a while, as if it were stopped.
    pub(super) fn freeze(&mut self, node: usize, duration: Duration) {
        self.seats[node].frozen_until = self.now.after(duration);
        self.mark(node, Mark::Frozen(duration));
    }

    pub(super) fn mark(&mut self, node: usize, mark: Mark) {
        self.timeline.add(self.now, Some(node), mark);
    }

    pub(super) fn now_at(&self, node: usize) -> Now {
        let wall = BEGIN + self.now.0 / 1_000;
        Now { at: self.now, wall: wall.saturating_add_signed(self.seats[node].skew) }
    }

    /// Calls a node, if it runs, and does what it wants done then.
    pub(super) fn call<T>(&mut self, node: usize, call: impl FnOnce(&mut Engine, Now) -> T) -> Option<T> {
        let now = self.now_at(node);
        let result = self.seats.get_mut(node)?.engine.as_mut().map(|engine| call(engine, now));
        self.attend(node);
        result
    }

    /// Calls a node without doing what it wants done yet, so that the checks learn of the call first.
    pub(super) fn quietly<T>(&mut self, node: usize, call: impl FnOnce(&mut Engine, Now) -> T) -> Option<T> {
        let now = self.now_at(node);
        self.seats.get_mut(node)?.engine.as_mut().map(|engine| call(engine, now))
    }

    /// Goes on after such a call.
    pub(super) fn attend_to(&mut self, node: usize) {
        self.attend(node);
    }

    /// Whether all nodes that run see exactly each other.
    pub(super) fn is_one(&self) -> bool {
        let running = self.running();
        running.iter().all(|node| self.sees(*node, &running))
    }

    fn sees(&self, node: usize, running: &[usize]) -> bool {
        let Some(engine) = &self.seats[node].engine else { return true };
        let mut seen: Vec<usize> = engine.present().filter_map(|member| self.place_of(member)).collect();
        seen.push(node);
        seen.sort_unstable();
        seen == running && !engine.has_suspects()
    }

    /// Who sees whom wrongly, in words.
    pub(super) fn wrong_views(&self) -> String {
        let running = self.running();
        let wrong = running.iter().filter(|node| !self.sees(**node, &running));
        let view = |node: &usize| {
            let present = self.seats[*node].engine.iter().flat_map(Engine::present);
            let mut seen: Vec<usize> = present.filter_map(|member| self.place_of(member)).collect();
            seen.sort_unstable();
            let doubts = self.seats[*node].engine.as_ref().is_some_and(Engine::has_suspects);
            let doubts = if doubts { ", and suspects somebody" } else { "" };
            format!("n{node} sees {}{doubts}", super::text::nodes(&seen))
        };
        let views: Vec<String> = wrong.take(5).map(view).collect();
        format!("{} run; {}", super::text::nodes(&running), views.join("; "))
    }

    /// Whether all nodes that run have the same shared data.
    pub(super) fn has_same_data(&self) -> bool {
        let mut engines = self.seats.iter().filter_map(|seat| seat.engine.as_ref());
        let Some(first) = engines.next() else { return true };
        engines.all(|engine| engine.shared().eq(first.shared()))
    }

    /// What differs, in words: of each node that differs from the first, the first entry.
    pub(super) fn wrong_data(&self) -> String {
        let first = self.data_of_first();
        let of = |node: usize| {
            let engine = self.seats[node].engine.as_ref()?;
            let data: BTreeMap<Key, Cell> =
                engine.shared().map(|(key, cell)| (key.clone(), cell.clone())).collect();
            let all: std::collections::BTreeSet<&Key> = first.keys().chain(data.keys()).collect();
            let key = all.into_iter().find(|key| first.get(key) != data.get(key))?;
            Some(format!("n{node} has {key:?}: {:?}, the first {:?}", data.get(key), first.get(key)))
        };
        (0..self.seats.len()).filter_map(of).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn counts(&self) -> BTreeMap<usize, Counts> {
        let counts = |(node, seat): (usize, &Seat)| Some((node, seat.engine.as_ref()?.counts()));
        self.seats.iter().enumerate().filter_map(counts).collect()
    }

    pub(super) fn data_of_first(&self) -> BTreeMap<Key, Cell> {
        let first = self.seats.iter().find_map(|seat| seat.engine.as_ref());
        let shared = first.into_iter().flat_map(|engine| engine.shared());
        shared.map(|(key, cell)| (key.clone(), cell.clone())).collect()
    }

    /// Lets time pass.
    pub(super) fn run_until(&mut self, end: Moment) {
        while let Some(due) = self.queue.peek().map(|Reverse(due)| due.at).filter(|due| *due <= end) {
            let Some(Reverse(Due { what, .. })) = self.queue.pop() else { break };
            self.now = due;
            self.steps += 1;
            self.happen(what);
        }
        self.now = end;
    }

    fn happen(&mut self, what: What) {
        let node = match &what {
            What::Deliver { to: node, .. } | What::Wake { node } | What::Answer { node, .. } => *node,
        };
        if self.seats[node].frozen_until > self.now && self.is_running(node) {
            self.put(self.seats[node].frozen_until, what);
            return;
        }
        match what {
            What::Deliver { to, from, bytes } => self.deliver(to, from, &bytes),
            What::Wake { node } => self.wake(node),
            What::Answer { node, life, to, call, payload } => {
                if self.seats[node].life == life {
                    self.call(node, |engine, now| engine.reply(now, to, call, Ok(payload)));
                }
            }
        }
    }

    fn deliver(&mut self, to: usize, from: usize, bytes: &[u8]) {
        let (address, proved) = (address_of(from), Some(self.seats[from].id));
        self.call(to, |engine, now| engine.receive(now, Some(&address), proved, bytes));
        if self.seats[to].cost > Duration::ZERO {
            self.seats[to].frozen_until = self.now.after(self.seats[to].cost);
        }
    }

    fn wake(&mut self, node: usize) {
        if self.seats[node].wakes_at.is_none_or(|at| at > self.now) {
            return;
        }
        self.seats[node].wakes_at = None;
        self.call(node, |engine, now| engine.tick(now));
    }

    fn put(&mut self, at: Moment, what: What) {
        self.queued += 1;
        self.queue.push(Reverse(Due { at: at.max(self.now), number: self.queued, what }));
    }

    /// Does all that a node wants done, and sees to it that it is woken.
    fn attend(&mut self, node: usize) {
        while let Some(output) = self.seats[node].engine.as_mut().and_then(Engine::next_output) {
            self.seats[node].disk.store(&output);
            self.do_output(node, output);
        }
        let due = self.seats[node].engine.as_ref().and_then(Engine::next_due);
        if let Some(due) = due.map(|due| due.max(self.now))
            && self.seats[node].wakes_at.is_none_or(|at| due < at)
        {
            self.seats[node].wakes_at = Some(due);
            self.put(due, What::Wake { node });
        }
    }

    fn do_output(&mut self, node: usize, output: Output) {
        match output {
            Output::Transmit { addresses, bytes, .. } => self.transmit(node, &addresses, bytes),
            // No disk is of earlier here.
            Output::Store(Stored::Writer(_)) => {
                self.checks.broke(11, format!("n{node} takes its own writes for those of a restored backup"));
            }
            // They are on the disk already.
            Output::StoreEpoch(_) | Output::Store(_) => {}
            Output::Founded => self.mark(node, Mark::Founded),
            Output::Joined => self.mark(node, Mark::Joined),
            Output::HasLeft => {
                self.mark(node, Mark::Left);
                self.end(node);
            }
            Output::Member { change, node: member, .. } => {
                if let Some(other) = self.place_of(member) {
                    let facts = (self.is_running(other), self.network.is_whole());
                    self.checks.changed(change, facts);
                    self.mark(node, Mark::Saw { change, other });
                }
            }
            Output::Event { from, name, payload } => {
                let life = self.seats[node].life;
                self.checks.delivered((node, life), self.place_of(from), &name, &payload);
            }
            Output::Request { from, call, payload, .. } => self.execute(node, from, call, payload),
            Output::Outcome { ticket, is_met, nodes } => self.checks.outcome(node, ticket, is_met, &nodes),
            Output::Reply { ticket, result } => self.checks.replied(self.now, node, ticket, &result),
            Output::Changed(_) => {}
            Output::Written { ticket, written } => self.checks.written(node, ticket, &written),
        }
    }

    /// The application of every node: it answers with what it was asked, after a moment.
    fn execute(&mut self, node: usize, from: NodeId, call: Call, payload: Payload) {
        self.checks.executed(&payload);
        let life = self.seats[node].life;
        let pause = self.dice.between(Duration::ZERO, Duration::from_millis(20));
        self.put(self.now.after(pause), What::Answer { node, life, to: from, call, payload });
    }

    fn transmit(&mut self, from: usize, addresses: &[Address], bytes: Vec<u8>) {
        let place = |address: &Address| address.0.strip_prefix("sim:")?.parse::<usize>().ok();
        let Some(to) = addresses.iter().find_map(place).filter(|to| *to < self.seats.len()) else { return };
        let seat = &mut self.seats[from];
        seat.frames_sent += 1;
        seat.bytes_sent += bytes.len() as u64;
        self.digest = bytes.chunks(8).fold(mixed(self.digest ^ self.now.0), |hash, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            mixed(hash ^ u64::from_le_bytes(word))
        });
        let bytes: Arc<[u8]> = bytes.into();
        for delay in self.network.carry(from, to, &mut self.dice) {
            let mut at = self.now.after(delay);
            if self.network.weather.in_order {
                let last = self.last_arrival.entry((from, to)).or_default();
                *last = at.max(Moment(last.0 + 1));
                at = *last;
            }
            self.put(at, What::Deliver { to, from, bytes: bytes.clone() });
        }
    }
}

impl Seat {
    fn new(node: usize, dice: &mut Dice) -> Self {
        let half = mixed(node as u64 + 1);
        Self {
            id: NodeId(u128::from(half) << 64 | u128::from(mixed(half))),
            engine: None,
            disk: Disk::new(dice.next()),
            life: 0,
            skew: 0,
            frozen_until: Moment(0),
            cost: Duration::ZERO,
            wakes_at: None,
            lost_disk: Vec::new(),
            since: Moment(0),
            bytes_sent: 0,
            frames_sent: 0,
        }
    }
}
