//! Coming together, for ever: seeds that do not answer, members that are down, and lives that were given up.

use std::time::Duration;

use super::super::identity::{Address, NodeId};
use super::super::membership::Membership;
use super::super::settings::Founding;
use super::super::time::Moment;
use super::super::wire::Body;
use super::{Engine, Output, Phase, Task};

/// How often an address is tried, at first and in the end.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// How long the addresses to join have to answer.
const FOUND: Duration = Duration::from_secs(3);

/// How often a life may be renewed: at once after a while, more and more rarely in a row.
const RENEW: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Addresses that a node takes on because others reached it there, with its own.
const ADDRESSES: usize = 6;

/// An address to join at.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    address: Address,
    pause: Duration,
}

impl Seed {
    pub(super) fn new(address: Address) -> Self {
        Self { address, pause: RETRY.0 }
    }
}

/// When the next life may begin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Renewal {
    /// The greatest epoch that must be passed, if one must.
    wanted: Option<u64>,
    last: Option<Moment>,
    pause: Duration,
    /// Who said so.
    by: Option<NodeId>,
}

impl Engine {
    pub(super) fn begin(&mut self, now: Moment) {
        for index in 0..self.seeds.len() {
            self.tasks.add(now, Task::Seed(index));
        }
        self.tasks.add(now.after(self.dice.jitter(self.settings.heal)), Task::Heal);
        self.tasks.add(now.after(self.dice.jitter(Duration::from_secs(2))), Task::Exchange);
        match self.settings.founding {
            Founding::AtOnce => self.tasks.add(now, Task::Found),
            Founding::IfNobodyAnswers => {
                let patience = if self.seeds.is_empty() { Duration::ZERO } else { FOUND };
                self.tasks.add(now.after(patience), Task::Found);
            }
            Founding::Never => {}
        }
    }

    pub(super) fn found(&mut self) {
        if self.phase == Phase::Alone {
            self.phase = Phase::InCluster;
            self.outputs.push_back(Output::Founded);
        }
    }

    /// Says hello to an address unless a member that is there has it, and comes back to it in any case.
    pub(super) fn try_seed(&mut self, now: Moment, index: usize) {
        let Some(seed) = self.seeds.get(index).cloned() else { return };
        let is_met = self.settings.addresses.contains(&seed.address)
            || self.peers.active().any(|node| self.peers.addresses(node).contains(&seed.address));
        let pause = if is_met { RETRY.0 } else { (seed.pause * 2).min(RETRY.1) };
        self.seeds[index].pause = pause;
        let wait = if is_met { self.settings.heal } else { seed.pause };
        self.tasks.add(now.after(self.dice.jitter(wait)), Task::Seed(index));
        if !is_met && self.may_join() {
            let hello = self.hello(Some(seed.address.clone()));
            self.send_to_address(None, seed.address, hello);
        }
    }

    /// The addresses to join at.
    pub(crate) fn seeds(&self) -> Vec<String> {
        self.seeds.iter().map(|seed| seed.address.0.clone()).collect()
    }

    fn hello(&self, called: Option<Address>) -> Body {
        Body::Hello { record: self.record.clone(), called }
    }

    /// Somebody reached this node at an address that it may not know of: where it listens everywhere, others must be told
    /// where that is.
    pub(super) fn was_seen_at(&mut self, now: Moment, address: Option<Address>) {
        let Some((address, port)) = address.zip(self.settings.everywhere) else { return };
        let is_port = address.0.rsplit_once(':').is_some_and(|(_, of)| of == port.to_string());
        let is_known = self.record.addresses.contains(&address);
        if is_port && !is_known && !address.is_of_this_host() && self.record.addresses.len() < ADDRESSES {
            self.record.addresses.push(address);
            self.publish(now);
        }
    }

    fn may_join(&self) -> bool {
        matches!(self.phase, Phase::Alone | Phase::InCluster)
    }

    /// Says hello to two of those who are down.
    pub(super) fn heal(&mut self, now: Moment) {
        self.tasks.add(now.after(self.dice.jitter(self.settings.heal)), Task::Heal);
        if !self.may_join() {
            return;
        }
        self.forget_long_gone(now);
        let mut dead: Vec<NodeId> = self.peers.dead().map(|(node, _)| node).collect();
        for _ in 0..2.min(dead.len()) {
            let node = dead.swap_remove(self.dice.below(dead.len()));
            let hello = self.hello(None);
            self.send_directly(node, hello);
        }
    }

    /// Those who have been down for long enough are not waited for any more.
    fn forget_long_gone(&mut self, now: Moment) {
        let remember = self.settings.remember;
        for (node, peer) in self.peers.dead() {
            if now.since(peer.down_since) >= remember {
                self.sharing.forget(node);
            }
        }
    }

    /// Somebody knows of a later life of this node, or has given this one up.
    pub(super) fn was_called_stale(&mut self, now: Moment, by: NodeId, epoch: u64) {
        if epoch < self.me.epoch {
            return;
        }
        self.renewal.by = Some(by);
        self.want_renewal(now, epoch);
    }

    /// The failure detector has heard that this life is given up.
    pub(super) fn ask_for_renewal(&mut self, now: Moment) {
        self.want_renewal(now, self.me.epoch);
    }

    fn want_renewal(&mut self, now: Moment, epoch: u64) {
        if !self.may_join() {
            return;
        }
        let is_new = self.renewal.wanted.is_none();
        self.renewal.wanted = self.renewal.wanted.max(Some(epoch));
        if !is_new {
            return;
        }
        let since = self.renewal.last.map(|last| now.since(last));
        // Two processes with one key would otherwise renew themselves against each other without an end.
        let pause = match since {
            Some(since) if since < RENEW.1 * 2 => (self.renewal.pause * 2).clamp(RENEW.0, RENEW.1),
            _ => Duration::ZERO,
        };
        self.renewal.pause = pause;
        let at = self.renewal.last.map_or(now, |last| last.after(pause).max(now));
        self.tasks.add(at, Task::Renew);
    }

    /// Goes on under an epoch that nobody has given up.
    pub(super) fn renew(&mut self, now: Moment) {
        let Some(epoch) = self.renewal.wanted.take() else { return };
        if epoch < self.me.epoch || !self.may_join() {
            return;
        }
        self.me = self.me.renewed(epoch);
        self.counts.renewed += 1;
        self.renewal.last = Some(now);
        self.outputs.push_back(Output::StoreEpoch(self.me.epoch));
        self.swim.renew(now, self.me);
        self.take_notices(now, None);
        self.publish(now);
        if let Some(by) = self.renewal.by.take() {
            let hello = self.hello(None);
            self.send_directly(by, hello);
        }
    }
}
