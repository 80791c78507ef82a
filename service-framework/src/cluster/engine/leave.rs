//! Going on purpose: what has been sent is acknowledged first, and all are told.

use std::time::Duration;

use super::super::identity::{Identity, NodeId};
use super::super::membership::Membership;
use super::super::time::{Moment, Now};
use super::super::wire::Body;
use super::{Engine, Output, Phase, Task};

/// How often goodbye is said, and how far apart.
const GOODBYES: (u32, Duration) = (3, Duration::from_millis(200));

/// How often it is looked whether everything has been acknowledged.
const LOOK: Duration = Duration::from_millis(50);

impl Engine {
    /// Leaves the cluster: takes no requests any more, waits for what has been sent, for the handlers that run, and until somebody has
    /// all the data that are here; says goodbye.
    pub(crate) fn leave(&mut self, now: Now) {
        if matches!(self.phase, Phase::Draining | Phase::Left) {
            return;
        }
        self.phase = Phase::Draining;
        self.record.leaving = true;
        self.record.services.iter_mut().for_each(|instance| instance.ready = false);
        self.publish(now.at);
        self.tasks.add(now.at.after(self.settings.drain), Task::SayGoodbye(0));
        self.tasks.add(now.at.after(LOOK), Task::Drained);
        self.settle(now);
    }

    pub(super) fn is_drained(&mut self, now: Moment) {
        if self.phase != Phase::Draining {
            return;
        }
        let is_idle = self.streams.is_idle() && self.requests.len() == 0 && self.executing == 0;
        if is_idle && self.sharing.is_handed_over() {
            self.say_goodbye(now, 0);
        } else {
            self.sharing.compare();
            self.settle_shared(now);
            self.tasks.add(now.after(LOOK), Task::Drained);
        }
    }

    pub(super) fn say_goodbye(&mut self, now: Moment, times: u32) {
        // Time to drain and an empty queue both lead here; the first begins.
        if times == 0 && std::mem::replace(&mut self.is_goodbye, true) {
            return;
        }
        if times == GOODBYES.0 {
            self.phase = Phase::Left;
            self.outputs.push_back(Output::HasLeft);
            return;
        }
        let peers: Vec<NodeId> = self.peers.active().collect();
        for peer in peers {
            self.send(now, peer, Body::Leave(self.me), 0);
        }
        // Not at once: whoever hears that it is down before it hears why takes it for a failure.
        if times == 1 {
            self.swim.leave(now);
            self.take_notices(now, None);
        }
        self.tasks.add(now.after(GOODBYES.1), Task::SayGoodbye(times + 1));
    }

    /// A member goes; whoever hears of it first tells three others, so that it is not taken for a failure.
    pub(super) fn learn_leaving(&mut self, now: Moment, from: NodeId, identity: Identity) {
        let Some(peer) = self.peers.get_mut(identity.node) else { return };
        if peer.identity != identity || std::mem::replace(&mut peer.has_left, true) || !peer.is_active() {
            return;
        }
        self.swim.remove(now, identity);
        self.take_notices(now, Some(from));
        let mut others: Vec<NodeId> = self.peers.active().collect();
        for _ in 0..3.min(others.len()) {
            let other = others.swap_remove(self.dice.below(others.len()));
            self.send(now, other, Body::Leave(identity), 0);
        }
    }
}
