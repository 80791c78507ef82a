//! One node, without its sockets, clock and disk: what comes in and the time are told to it, what it wants done is taken out.
//!
//! Whoever drives an [`Engine`] hands it frames and calls with the present time, calls [`Engine::tick`] when
//! [`Engine::next_due`] has come, and after each of these does all [`Output`]s in their order. What is to be stored is on
//! the disk before what follows it is sent.

mod calls;
mod exchange;
mod join;
mod leave;
mod links;
mod notices;
mod peers;
mod receive;
mod shared;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::dice::{Dice, mixed};
use super::events::requests::Requests;
use super::events::streams::Streams;
use super::events::{Delivery, Payload, RequestError, Ticket};
use super::identity::{Address, Identity, NodeId};
use super::links::Links;
use super::map::replica::Replica;
use super::map::{Actor, Entry, Key, Sharing, Stored, Versions, Written};
use super::membership::{Membership, Swim};
use super::record::{Instance, Record};
use super::settings::Settings;
use super::time::{Agenda, Moment, Now};
use super::wire::{Body, Frame, Lane};
use calls::Tally;
use join::Seed;
use peers::Peers;

pub(crate) use shared::register as shared_register;
pub use view::{Member, Presence};

/// What a node brings from its last life, and what is new in this.
#[derive(Clone, Debug)]
pub(crate) struct Boot {
    /// Under an epoch above that of all earlier lives that are known of.
    pub(crate) identity: Identity,
    /// The number of its store; another one if that was lost.
    pub(crate) store: u64,
    /// For everything that is left to chance.
    pub(crate) seed: u64,
    /// What was on disk of the shared data.
    pub(crate) entries: Vec<Entry>,
    pub(crate) versions: Versions,
    pub(crate) floor: Versions,
}

/// What a member has done, as this node sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    /// It is there for the first time.
    Joined,
    /// What it says of itself has changed.
    Updated,
    /// It does not answer, and is given some time.
    Suspect,
    /// It has answered in time after all.
    Cleared,
    /// It lives, but not for this node.
    Unreachable,
    /// It can be reached again.
    Reachable,
    /// It has gone on purpose.
    Left,
    /// It is down.
    Failed,
    /// It is there again: after it was down or had left, or as a new process.
    Rejoined,
}

/// What a node wants done, or tells.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Output {
    /// Bytes for a node, at the first of the addresses that works.
    Transmit {
        to: Option<NodeId>,
        addresses: Arc<[Address]>,
        lane: Lane,
        bytes: Vec<u8>,
    },
    /// The node's epoch, before anything that follows.
    StoreEpoch(u64),
    /// Shared data, before anything that follows.
    Store(Stored),
    /// There was nobody to join, and the node is a cluster of its own.
    Founded,
    /// The node has become part of a cluster.
    Joined,
    /// The node has left, and can be ended.
    HasLeft,
    Member {
        change: Change,
        node: NodeId,
        name: String,
    },
    Event {
        from: NodeId,
        name: String,
        payload: Payload,
    },
    Request {
        from: NodeId,
        call: Call,
        name: String,
        payload: Payload,
        patience: u64,
    },
    /// What became of an acknowledged event, and whether its policy was met.
    Outcome {
        ticket: Ticket,
        is_met: bool,
        nodes: Vec<(NodeId, Delivery)>,
    },
    Reply {
        ticket: Ticket,
        result: Result<Payload, RequestError>,
    },
    Written {
        ticket: Ticket,
        written: Written,
    },
    /// The values of these keys may have changed.
    Changed(Vec<Key>),
}

/// Which request of which life of its requester a reply is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Call {
    pub(crate) boot: u64,
    pub(crate) id: u64,
}

/// What has been refused or lost, since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Frames that could not be read.
    pub malformed: u64,
    /// Frames of other clusters.
    pub foreign: u64,
    /// Frames of lives that have been given up.
    pub stale: u64,
    /// Frames for which there was no way.
    pub no_route: u64,
    /// Frames carried for others.
    pub carried: u64,
    /// Frames of another process with this node's key.
    pub twin: u64,
    /// Frames whose sender is not who they say.
    pub forged: u64,
    /// Newcomers beyond the limit, and what nodes say of themselves beyond its own.
    pub refused: u64,
    /// Messages dropped from full queues.
    pub dropped: u64,
    /// How often shared data had to wait: its stamp was far ahead, or its merge is not known here.
    pub held_back: u64,
    /// Values of the user's own types that have outgrown a frame by merging and are not sent to who lacks them.
    pub too_large: u64,
    /// Tombstones of shared data that are kept.
    pub tombstones: u64,
    /// How often this node had been given up and has taken another epoch.
    pub renewed: u64,
}

/// What is due at some time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Task {
    Seed(usize),
    Found,
    Heal,
    Exchange,
    Want,
    Publish,
    Renew,
    Drained,
    SayGoodbye(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Neither founded nor joined.
    Alone,
    InCluster,
    Draining,
    Left,
}

pub(crate) struct Engine {
    settings: Settings,
    cluster: u64,
    me: Identity,
    dice: Dice,
    phase: Phase,
    record: Record,
    swim: Swim,
    peers: Peers,
    links: Links,
    streams: Streams,
    requests: Requests,
    sharing: Sharing,
    tallies: BTreeMap<Ticket, Tally>,
    tickets: u64,
    served: BTreeSet<String>,
    seeds: Vec<Seed>,
    tasks: Agenda<Task>,
    is_publishing: bool,
    is_wanting: bool,
    is_goodbye: bool,
    /// Requests that handlers of this node are at.
    executing: usize,
    /// Handlers are behind: what would be acknowledged is not taken.
    is_congested: bool,
    renewal: join::Renewal,
    /// When a member last came or went.
    changed_at: Moment,
    outputs: VecDeque<Output>,
    counts: Counts,
}

/// A hash of a text: FNV-1a.
fn hash_of(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    mixed(text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

impl Engine {
    pub(crate) fn new(settings: Settings, boot: Boot, now: Now) -> Self {
        let me = boot.identity;
        let mut dice = Dice::new(boot.seed);
        let actor = Actor { node: me.node, store: boot.store };
        let ahead = u64::try_from(settings.clock_ahead.as_millis()).unwrap_or(u64::MAX);
        let mut replica = Replica::new(actor, ahead, settings.merges.clone()).within(settings.frame_bytes);
        replica.restore(boot.entries, boot.versions, boot.floor);
        let mut engine = Self {
            cluster: hash_of(&settings.cluster),
            me,
            phase: Phase::Alone,
            record: first_record(me, &settings),
            swim: Swim::new(me, settings.detection, dice.split()),
            peers: Peers::default(),
            links: Links::default(),
            streams: Streams::new(me.boot, settings.queues),
            requests: Requests::default(),
            sharing: Sharing::new(replica, dice.split(), now.at, settings.remember),
            tallies: BTreeMap::new(),
            tickets: 0,
            served: BTreeSet::new(),
            seeds: settings.join.iter().cloned().map(Seed::new).collect(),
            tasks: Agenda::default(),
            is_publishing: false,
            is_wanting: false,
            is_goodbye: false,
            executing: 0,
            is_congested: false,
            renewal: join::Renewal::default(),
            changed_at: now.at,
            outputs: VecDeque::new(),
            counts: Counts::default(),
            dice,
            settings,
        };
        engine.outputs.push_back(Output::StoreEpoch(me.epoch));
        engine.begin(now.at);
        engine
    }

    /// When it must be told the time again, at the latest.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        if self.phase == Phase::Left {
            return None;
        }
        let parts = [
            self.tasks.next_due(),
            self.swim.next_due(),
            self.links.next_due(),
            self.streams.next_due(),
            self.requests.next_due(),
            self.sharing.next_due(),
        ];
        parts.into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Now) {
        if self.phase == Phase::Left {
            return;
        }
        let is_due = |due: Option<Moment>| due.is_some_and(|due| due <= now.at);
        if is_due(self.swim.next_due()) {
            self.swim.tick(now.at);
        }
        if is_due(self.sharing.next_due()) {
            self.sharing.tick(now);
        }
        self.links.tick(now.at);
        self.streams.tick(now.at);
        self.requests.tick(now.at);
        while let Some((_, task)) = self.tasks.take_due(now.at) {
            self.do_task(now, task);
        }
        self.settle(now);
    }

    /// Says whether handlers are behind. Acknowledged events are not taken then, and come again.
    pub(crate) fn set_congested(&mut self, is_congested: bool) {
        self.is_congested = is_congested;
    }

    /// How much waits to be done.
    pub(crate) fn waiting(&self) -> usize {
        self.outputs.len()
    }

    /// What is to be done next, in order.
    pub(crate) fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn do_task(&mut self, now: Now, task: Task) {
        match task {
            Task::Seed(index) => self.try_seed(now.at, index),
            Task::Found => self.found(),
            Task::Heal => self.heal(now.at),
            Task::Exchange => self.exchange(now.at),
            Task::Want => self.ask_for_records(now.at),
            Task::Publish => self.publish(now.at),
            Task::Renew => self.renew(now.at),
            Task::Drained => self.is_drained(now.at),
            Task::SayGoodbye(times) => self.say_goodbye(now.at, times),
        }
    }

    /// Lets all parts tell each other what they have found out, until nothing is new.
    fn settle(&mut self, now: Now) {
        loop {
            let told = self.settle_members(now) | self.settle_links(now.at) | self.settle_streams(now);
            if !told {
                break;
            }
        }
        self.settle_shared(now.at);
    }

    /// Sends to a member, on the way that the router chooses.
    fn send(&mut self, now: Moment, to: NodeId, body: Body, attempt: u32) {
        let router = self.settings.routing.router();
        let Some(hop) = router.next_hop(&self.topology(), to, &[], attempt) else {
            self.counts.no_route += 1;
            return;
        };
        if hop == to && matches!(body, Body::Event(super::events::Carried::Sure { .. })) {
            self.links.expect(now, to, self.settings.detection.timeout);
        }
        let frame = Frame { cluster: self.cluster, from: self.me, to: Some(to), trail: Vec::new(), body };
        self.transmit(hop, frame.body.lane(), frame.encode());
    }

    /// Sends to a neighbour, whatever is known of the way.
    fn send_directly(&mut self, to: NodeId, body: Body) {
        let frame = Frame { cluster: self.cluster, from: self.me, to: Some(to), trail: Vec::new(), body };
        self.transmit(to, frame.body.lane(), frame.encode());
    }

    fn transmit(&mut self, hop: NodeId, lane: Lane, bytes: Vec<u8>) {
        let addresses = self.peers.addresses(hop);
        if addresses.is_empty() {
            self.counts.no_route += 1;
            return;
        }
        self.outputs.push_back(Output::Transmit { to: Some(hop), addresses, lane, bytes });
    }

    fn next_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn topology(&self) -> peers::Seen<'_> {
        peers::Seen { me: self.me.node, links: &self.links, peers: &self.peers }
    }

    /// The members that are there, as the application has been told.
    pub(crate) fn present(&self) -> impl Iterator<Item = NodeId> {
        self.peers.all().filter(|(_, peer)| peer.is_told).map(|(node, _)| node)
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            dropped: self.streams.dropped(),
            held_back: self.sharing.replica.held_back(),
            too_large: self.sharing.replica.too_large() as u64,
            tombstones: self.sharing.replica.tombstones() as u64,
            ..self.counts
        }
    }

    /// The hash of the cluster's name that its frames carry.
    #[cfg(any(fuzzing, test))]
    pub(crate) fn cluster(&self) -> u64 {
        self.cluster
    }
}

fn first_record(identity: Identity, settings: &Settings) -> Record {
    Record {
        identity,
        version: 1,
        name: settings.name.clone(),
        addresses: settings.addresses.clone(),
        unreachable: Vec::new(),
        relays: settings.relays,
        leaving: false,
        services: Vec::<Instance>::new(),
        info: settings.info.clone(),
    }
}
