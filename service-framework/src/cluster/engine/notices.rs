//! What the failure detector has found out, and what the application is told of it.

use super::super::events::{Delivery, RequestError};
use super::super::identity::{Identity, NodeId};
use super::super::membership::{Membership, Notice, Standing};
use super::super::time::{Moment, Now};
use super::super::wire::Body;
use super::{Change, Engine, Output, Phase, Task};

impl Engine {
    pub(super) fn settle_members(&mut self, now: Now) -> bool {
        self.take_notices(now.at, None)
    }

    /// Does what the failure detector wants, of which `source` has brought the news; whether there was anything.
    pub(super) fn take_notices(&mut self, now: Moment, source: Option<NodeId>) -> bool {
        let mut any = false;
        while let Some(notice) = self.swim.next_notice() {
            any = true;
            self.take_notice(now, notice, source);
        }
        any
    }

    pub(super) fn take_notice(&mut self, now: Moment, notice: Notice, source: Option<NodeId>) {
        match notice {
            Notice::Send { to, bytes } => self.send(now, to.node, Body::Swim(bytes.into()), 0),
            Notice::Probed { to, within } => {
                if !self.links.is_lost(to) {
                    self.links.expect(now, to, within);
                }
            }
            Notice::Up(identity) => self.came_up(now, identity, source),
            Notice::Down(identity) => self.went_down(now, identity),
            Notice::Replaced { old, new } => self.was_replaced(now, old, new, source),
            Notice::Suspected(identity) => self.set_standing(identity, Standing::Suspect, Change::Suspect),
            Notice::Doubted(state) => {
                let view = Body::View { members: vec![state], stands: Vec::new(), ask: false };
                self.send(now, state.identity.node, view, 0);
            }
            Notice::Cleared(identity) => {
                self.links.lives_elsewhere(identity.node);
                self.set_standing(identity, Standing::Alive, Change::Cleared);
            }
            Notice::ReachedByOthers(node) => self.links.lives_elsewhere(node),
            Notice::GivenUp => self.ask_for_renewal(now),
        }
    }

    fn came_up(&mut self, now: Moment, identity: Identity, source: Option<NodeId>) {
        let peer = self.peers.of(identity);
        (peer.identity, peer.standing, peer.has_left) = (identity, Standing::Alive, false);
        peer.source = source;
        self.changed_at = now;
        self.sharing.came(identity.node);
        self.tell_if_known(identity.node);
        self.want_record(now);
        if self.phase == Phase::Alone {
            self.phase = Phase::InCluster;
            self.outputs.push_back(Output::Joined);
        }
    }

    fn went_down(&mut self, now: Moment, identity: Identity) {
        let node = identity.node;
        let peer = self.peers.of(identity);
        (peer.identity, peer.standing, peer.down_since) = (identity, Standing::Down, now);
        let (name, has_left) = (peer.name(), peer.has_left);
        let was_told = std::mem::take(&mut peer.is_told) | std::mem::take(&mut peer.is_loss_owed);
        peer.was_told |= was_told;
        self.links.forget(node);
        self.streams.give_up(node, Delivery::Gone);
        self.fail_requests_to(now, node);
        if was_told {
            let change = if has_left { Change::Left } else { Change::Failed };
            self.outputs.push_back(Output::Member { change, node, name });
        }
        self.peers.forget_oldest();
        self.changed_at = now;
        self.sharing.went(node);
    }

    fn was_replaced(&mut self, now: Moment, old: Identity, new: Identity, source: Option<NodeId>) {
        // Of whom only ends have been heard there is nothing to keep; whoever begins to live is told of after this.
        let Some(peer) = self.peers.get_mut(new.node) else { return };
        // That an earlier life left, or was suspected, says nothing of this one.
        (peer.identity, peer.source, peer.has_left) = (new, source, false);
        let was_suspect = peer.standing == Standing::Suspect;
        match peer.standing {
            Standing::Down => peer.down_since = now,
            Standing::Alive | Standing::Suspect => peer.standing = Standing::Alive,
        }
        if old.boot == new.boot {
            if was_suspect {
                self.tell(Change::Cleared, new.node);
            }
            // Its record of this life may have been quicker than this.
            self.tell_if_known(new.node);
            self.want_record(now);
            return;
        }
        // What was asked of the process that is gone will not be answered; and what it reached is not what this one does.
        let was_told = std::mem::take(&mut peer.is_told);
        (peer.was_told, peer.is_loss_owed) = (peer.was_told | was_told, peer.is_loss_owed | was_told);
        self.links.forget(new.node);
        self.fail_requests_to(now, new.node);
        self.changed_at = now;
        self.tell_if_known(new.node);
        self.want_record(now);
    }

    /// Tells of a member once there is something to tell: the application can send to whom it hears of.
    pub(super) fn tell_if_known(&mut self, node: NodeId) {
        let Some(peer) = self.peers.get_mut(node) else { return };
        if peer.is_told || !peer.is_active() || !peer.is_known() {
            return;
        }
        (peer.is_told, peer.is_loss_owed) = (true, false);
        let change = if peer.was_told { Change::Rejoined } else { Change::Joined };
        let name = peer.name();
        self.outputs.push_back(Output::Member { change, node, name });
    }

    pub(super) fn tell(&mut self, change: Change, node: NodeId) {
        let Some(peer) = self.peers.get(node).filter(|peer| peer.is_told) else { return };
        let name = peer.name();
        self.outputs.push_back(Output::Member { change, node, name });
    }

    fn set_standing(&mut self, identity: Identity, standing: Standing, change: Change) {
        let Some(peer) = self.peers.get_mut(identity.node).filter(|peer| peer.identity == identity) else {
            return;
        };
        if peer.is_active() && peer.standing != standing {
            peer.standing = standing;
            self.tell(change, identity.node);
        }
    }

    fn fail_requests_to(&mut self, now: Moment, node: NodeId) {
        for ticket in self.requests.waiting_for(node) {
            if let Some(again) = self.requests.fail(ticket, RequestError::NodeDown(node), false) {
                self.ask_somebody(now, again);
            }
        }
    }

    pub(super) fn want_record(&mut self, now: Moment) {
        if !std::mem::replace(&mut self.is_wanting, true) {
            self.tasks.add(now, Task::Want);
        }
    }
}
