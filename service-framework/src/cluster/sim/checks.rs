//! What every call promises, checked while a simulation runs and at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::engine::Change;
use super::super::events::{Delivery, Payload, Policy, RequestError, Ticket};
use super::super::identity::NodeId;
use super::super::map::{Cell, Key, Stamp, Written};
use super::super::time::Moment;

/// How late the end of a request may be told.
const SLACK: Duration = Duration::from_millis(50);

/// A promise that was not kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Broken {
    /// The call and its guarantee.
    pub guarantee: &'static str,
    /// What happened instead.
    pub what: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.guarantee, self.what)
    }
}

/// The guarantees that are checked, as `docs/cluster.md` lists them.
pub const GUARANTEES: [&str; 12] = [
    "emit: at most once",
    "emit: FIFO per sender",
    "emit_acked: acknowledged is delivered",
    "emit_acked: once per process life",
    "emit_acked: the policy is met if it is said to be",
    "any size arrives whole",
    "request: at most once executed",
    "request: the reply is that of the request",
    "request: ends by its deadline",
    "membership: every view becomes the same and true",
    "SharedMap: all nodes converge to the same bytes",
    "SharedMap: no acknowledged write is lost, nothing deleted returns",
];

/// How an event was sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum How {
    Fast,
    Sure,
}

impl How {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Sure => "sure",
        }
    }
}

/// An event that waits for its outcome.
struct Acked {
    id: u64,
    policy: Policy,
}

struct Asked {
    id: u64,
    deadline: Moment,
}

/// A write to a register.
struct Wrote {
    stamp: Stamp,
    value: Option<Vec<u8>>,
    since: Moment,
    /// Who surely had it at some time.
    holders: Vec<usize>,
}

/// How often what happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tallied {
    /// Events sent to all or to one, and their deliveries.
    pub events: u64,
    /// See above.
    pub deliveries: u64,
    /// Requests, and those of them that ended with a reply.
    pub requests: u64,
    /// See above.
    pub replies: u64,
    /// Writes to shared data, and those that were acknowledged as asked for.
    pub writes: u64,
    /// See above.
    pub acknowledged: u64,
    /// Calls that were refused at once.
    pub refused: u64,
    /// Members that were said to have failed.
    pub failures: u64,
    /// Those of them that ran, while nothing was cut.
    pub false_failures: u64,
    /// Members that were said to be unreachable.
    pub unreachable: u64,
}

pub(super) struct Checks {
    ids: Vec<NodeId>,
    next: u64,
    /// Who sent an event, in which life, and how many bytes.
    origins: BTreeMap<u64, (usize, u32, usize)>,
    delivered: BTreeSet<(u64, usize, u32)>,
    last: BTreeMap<(How, usize, u32, usize, u32), u64>,
    acked: BTreeMap<(usize, Ticket), Acked>,
    asked: BTreeMap<(usize, Ticket), Asked>,
    executed: BTreeMap<u64, (u32, bool)>,
    /// Until when nodes did nothing.
    excused: BTreeMap<usize, Moment>,
    writes: BTreeMap<Key, Vec<Wrote>>,
    written: BTreeMap<(usize, Ticket), (Key, Stamp)>,
    added: BTreeMap<Key, i128>,
    merged: BTreeMap<Key, BTreeSet<u8>>,
    broken: BTreeSet<Broken>,
    pub(super) tallied: Tallied,
}

/// A payload that says who it is, of `size` bytes at least.
fn payload(id: u64, size: usize) -> Payload {
    let mut data = id.to_be_bytes().to_vec();
    data.resize(size.max(8), id as u8);
    Payload::raw(&data)
}

fn id_of(payload: &Payload) -> Option<u64> {
    payload.data.first_chunk().map(|id| u64::from_be_bytes(*id))
}

impl Checks {
    pub(super) fn new(ids: Vec<NodeId>) -> Self {
        Self {
            ids,
            next: 0,
            origins: BTreeMap::new(),
            delivered: BTreeSet::new(),
            last: BTreeMap::new(),
            acked: BTreeMap::new(),
            asked: BTreeMap::new(),
            executed: BTreeMap::new(),
            excused: BTreeMap::new(),
            writes: BTreeMap::new(),
            written: BTreeMap::new(),
            added: BTreeMap::new(),
            merged: BTreeMap::new(),
            broken: BTreeSet::new(),
            tallied: Tallied::default(),
        }
    }

    pub(super) fn broken(&self) -> Vec<Broken> {
        self.broken.iter().cloned().collect()
    }

    pub(super) fn broke(&mut self, guarantee: usize, what: String) {
        self.broken.insert(Broken { guarantee: GUARANTEES[guarantee], what });
    }

    /// An event that is about to be sent by this life of a node.
    pub(super) fn event(&mut self, node: usize, life: u32, size: usize) -> (u64, Payload) {
        self.next += 1;
        self.tallied.events += 1;
        let payload = payload(self.next, size);
        self.origins.insert(self.next, (node, life, payload.data.len()));
        (self.next, payload)
    }

    pub(super) fn waits_for_acks(&mut self, node: usize, ticket: Ticket, id: u64, policy: Policy) {
        self.acked.insert((node, ticket), Acked { id, policy });
    }

    pub(super) fn delivered(
        &mut self,
        (node, life): (usize, u32),
        from: Option<usize>,
        name: &str,
        payload: &Payload,
    ) {
        self.tallied.deliveries += 1;
        let how = if name == How::Fast.name() { How::Fast } else { How::Sure };
        let Some((id, origin)) = id_of(payload).and_then(|id| Some((id, *self.origins.get(&id)?))) else {
            return self.broke(5, format!("n{node} got an event that nobody sent"));
        };
        if origin.2 != payload.data.len()
            || from != Some(origin.0)
            || payload.data[8..].iter().any(|b| *b != id as u8)
        {
            self.broke(5, format!("n{node} got event {id} of n{} changed", origin.0));
        }
        if !self.delivered.insert((id, node, life)) {
            let guarantee = if how == How::Fast { 0 } else { 3 };
            self.broke(guarantee, format!("life {life} of n{node} got event {id} of n{} twice", origin.0));
        }
        let last = self.last.insert((how, origin.0, origin.1, node, life), id);
        if let Some(last) = last.filter(|last| *last > id) {
            self.broke(1, format!("life {life} of n{node} got event {id} of n{} after {last}", origin.0));
        }
    }

    pub(super) fn outcome(
        &mut self,
        node: usize,
        ticket: Ticket,
        is_met: bool,
        nodes: &[(NodeId, Delivery)],
    ) {
        let Some(acked) = self.acked.remove(&(node, ticket)) else { return };
        let by: Vec<NodeId> =
            nodes.iter().filter(|(_, delivery)| *delivery == Delivery::Acked).map(|(id, _)| *id).collect();
        let needed = match acked.policy {
            Policy::All => nodes.len(),
            Policy::Majority => nodes.len().div_ceil(2),
            Policy::Count(count) => count,
        };
        if is_met != (by.len() >= needed) {
            self.broke(
                4,
                format!("event {} of n{node}: {} of {needed}, said to be {is_met}", acked.id, by.len()),
            );
        }
        for id in by {
            let place = self.ids.iter().position(|known| *known == id).unwrap_or(usize::MAX);
            let mut lives = self.delivered.range((acked.id, place, 0)..=(acked.id, place, u32::MAX));
            if lives.next().is_none() {
                self.broke(
                    2,
                    format!("event {} of n{node} was acknowledged by n{place}, which never got it", acked.id),
                );
            }
        }
    }

    /// A request that is about to be made.
    pub(super) fn request(&mut self, is_idempotent: bool) -> (u64, Payload) {
        self.next += 1;
        self.tallied.requests += 1;
        self.executed.insert(self.next, (0, is_idempotent));
        (self.next, payload(self.next, 8))
    }

    pub(super) fn waits_for_reply(&mut self, node: usize, ticket: Ticket, id: u64, deadline: Moment) {
        self.asked.insert((node, ticket), Asked { id, deadline });
    }

    pub(super) fn executed(&mut self, payload: &Payload) {
        let Some(executed) = id_of(payload).and_then(|id| self.executed.get_mut(&id)) else { return };
        executed.0 += 1;
        if executed.0 > 1 && !executed.1 {
            let what = format!("request {:?} was executed {} times", id_of(payload), executed.0);
            self.broke(6, what);
        }
    }

    pub(super) fn replied(
        &mut self,
        now: Moment,
        node: usize,
        ticket: Ticket,
        result: &Result<Payload, RequestError>,
    ) {
        let Some(asked) = self.asked.remove(&(node, ticket)) else { return };
        let excused = self.excused.get(&node).copied().unwrap_or_default();
        if now > asked.deadline.max(excused).after(SLACK) {
            self.broke(
                8,
                format!("request {} of n{node} ended {:?} too late", asked.id, now.since(asked.deadline)),
            );
        }
        if let Ok(payload) = result {
            self.tallied.replies += 1;
            if id_of(payload) != Some(asked.id) {
                self.broke(
                    7,
                    format!("request {} of n{node} got the reply of {:?}", asked.id, id_of(payload)),
                );
            }
            if self.executed.get(&asked.id).is_none_or(|executed| executed.0 == 0) {
                self.broke(7, format!("request {} of n{node} got a reply and was not executed", asked.id));
            }
        }
    }

    /// A node does nothing until then, so nothing of it can be in time.
    pub(super) fn excuse(&mut self, node: usize, until: Moment) {
        let excused = self.excused.entry(node).or_default();
        *excused = until.max(*excused);
    }

    /// A process has ended: what it waited for, nobody waits for.
    pub(super) fn ended(&mut self, node: usize, _life: u32) {
        self.acked.retain(|(of, _), _| *of != node);
        self.asked.retain(|(of, _), _| *of != node);
        self.written.retain(|(of, _), _| *of != node);
    }

    pub(super) fn changed(&mut self, change: Change, (is_running, is_whole): (bool, bool)) {
        self.tallied.unreachable += u64::from(change == Change::Unreachable);
        self.tallied.failures += u64::from(change == Change::Failed);
        self.tallied.false_failures += u64::from(change == Change::Failed && is_running && is_whole);
    }

    /// A register was written, or deleted, by a node that has stored it.
    pub(super) fn wrote(
        &mut self,
        now: Moment,
        node: usize,
        ticket: Ticket,
        (key, stamp): (Key, Option<Stamp>),
        value: Option<Vec<u8>>,
    ) {
        self.tallied.writes += 1;
        let Some(stamp) = stamp else { return };
        self.written.insert((node, ticket), (key.clone(), stamp));
        self.writes.entry(key).or_default().push(Wrote { stamp, value, since: now, holders: vec![node] });
    }

    pub(super) fn added(&mut self, key: Key, amount: i64) {
        self.tallied.writes += 1;
        *self.added.entry(key).or_default() += i128::from(amount);
    }

    /// A byte was joined to a set of bytes, which then was `shown`.
    pub(super) fn merged(&mut self, key: Key, byte: u8, shown: Option<Vec<u8>>) {
        self.tallied.writes += 1;
        if shown.is_none_or(|shown| !shown.contains(&byte)) {
            self.broke(11, format!("{:?} does not show what was joined to it", key.key));
        }
        self.merged.entry(key).or_default().insert(byte);
    }

    pub(super) fn written(&mut self, node: usize, ticket: Ticket, written: &Written) {
        self.tallied.acknowledged += u64::from(written.is_met);
        let Some((key, stamp)) = self.written.remove(&(node, ticket)) else { return };
        let holders = written.by.iter().filter_map(|id| self.ids.iter().position(|known| known == id));
        let holders: Vec<usize> = holders.collect();
        if let Some(write) =
            self.writes.get_mut(&key).and_then(|all| all.iter_mut().find(|w| w.stamp == stamp))
        {
            write.holders.extend(holders);
        }
    }

    /// The requests that should have ended.
    pub(super) fn check_requests(&mut self, now: Moment) {
        let late = self.asked.iter().filter(|(_, asked)| now > asked.deadline.after(SLACK));
        let late: Vec<String> =
            late.map(|((node, _), asked)| format!("request {} of n{node} never ended", asked.id)).collect();
        for what in late {
            self.broke(8, what);
        }
    }

    /// What must be in the shared data, which is the same at all nodes: of each key nothing older than what somebody
    /// surely had, and all that was added if no disk was lost.
    pub(super) fn check_shared(&mut self, shared: &BTreeMap<Key, Cell>, lost: &[Vec<Moment>], runs: &[bool]) {
        let survives = |write: &Wrote| {
            let keeps = |node: usize| runs[node] && !lost[node].iter().any(|at| *at >= write.since);
            write.holders.iter().any(|node| keeps(*node))
        };
        let mut broken = Vec::new();
        for (key, writes) in &self.writes {
            let shown = match shared.get(key) {
                Some(Cell::Register { stamp, .. }) => Some(*stamp),
                _ => writes.iter().filter(|write| write.value.is_none()).map(|write| write.stamp).max(),
            };
            let newest = writes.iter().filter(|write| survives(write)).max_by_key(|write| write.stamp);
            if let Some(newest) = newest.filter(|newest| shown.is_none_or(|shown| shown < newest.stamp)) {
                let what = if newest.value.is_none() { "its deletion" } else { "a later write" };
                broken.push(format!("{:?} shows {shown:?} and not {what} of {:?}", key.key, newest.stamp));
            }
        }
        if lost.iter().all(Vec::is_empty) && runs.iter().all(|runs| *runs) {
            for (key, added) in &self.added {
                let total = shared.get(key).map_or(0, Cell::total);
                if total != *added {
                    broken.push(format!("the counter {:?} is {total}, not {added}", key.key));
                }
            }
            for (key, bytes) in &self.merged {
                let all = Cell::Merged(bytes.iter().copied().collect::<Vec<u8>>().into());
                if shared.get(key) != Some(&all) {
                    broken.push(format!("{:?} is {:?}, not {all:?}", key.key, shared.get(key)));
                }
            }
        }
        for what in broken {
            self.broke(11, what);
        }
    }
}
