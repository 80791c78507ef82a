//! Views and records: how nodes come to know the same of all.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::dice::mixed;
use super::super::identity::{Address, Identity, NodeId};
use super::super::membership::{MemberState, Membership, Standing};
use super::super::record::{Record, Stand};
use super::super::time::Moment;
use super::super::wire::Body;
use super::{Change, Engine, Task};

/// How soon a change of this node's record is told, with others of the same time.
const PUBLISH: Duration = Duration::from_millis(200);

/// How often missing records are asked for.
const WANT: Duration = Duration::from_millis(300);

/// How often views are compared while members come and go, and for how long after.
const BUSY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(20));

impl Engine {
    /// All members that this node knows, and as many of their records as a frame has room for: who is new asks for the others.
    pub(super) fn welcome(&self, seen: Option<Address>) -> Body {
        let others = self.peers.all().filter(|(_, peer)| peer.is_active());
        let others = others.filter_map(|(_, peer)| peer.record.clone());
        let mut room = self.room_for_records();
        let records = std::iter::once(self.record.clone()).chain(others).take_while(|record| {
            let size = record.size();
            let fits = size <= room;
            room = room.saturating_sub(size);
            fits
        });
        Body::Welcome { members: self.members_with_me(), records: records.collect(), seen }
    }

    /// Bytes of records in one frame, with plenty left for what is around them.
    fn room_for_records(&self) -> usize {
        self.settings.frame_bytes / 4
    }

    fn members_with_me(&self) -> Vec<MemberState> {
        let me = MemberState { identity: self.me, incarnation: 0, standing: Standing::Alive };
        let mut members = self.swim.members();
        members.push(me);
        members
    }

    pub(super) fn welcomed(
        &mut self,
        now: Moment,
        from: Identity,
        members: &[MemberState],
        records: Vec<Record>,
    ) {
        self.take_members(now, from.node, members);
        for record in records {
            self.learn_record(now, record, from.node);
        }
        // The other side may lack what this one knows: two clusters that meet are one from now on.
        self.send_view(now, from.node, false);
    }

    fn send_view(&mut self, now: Moment, to: NodeId, ask: bool) {
        let stands = self.peers.all().filter(|(_, peer)| peer.is_active());
        let stands = stands.filter_map(|(_, peer)| peer.record.as_ref().map(Record::stand));
        let stands = stands.chain([self.record.stand()]).collect();
        self.send(now, to, Body::View { members: self.members_with_me(), stands, ask }, 0);
    }

    pub(super) fn take_view(
        &mut self,
        now: Moment,
        from: NodeId,
        members: &[MemberState],
        stands: &[Stand],
        ask: bool,
    ) {
        self.take_members(now, from, members);
        let is_news = |stand: &&Stand| {
            let peer = self.peers.get(stand.identity.node);
            let known = peer.and_then(|peer| peer.record.as_ref());
            peer.is_some() && known.is_none_or(|known| stand.is_newer(&known.stand()))
        };
        let wanted: Vec<NodeId> = stands.iter().filter(is_news).map(|stand| stand.identity.node).collect();
        if !wanted.is_empty() {
            self.send(now, from, Body::Ask(wanted), 0);
        }
        if ask {
            self.send_view(now, from, false);
        }
    }

    /// Takes what another node sees. Whom it sees alive and this node had given up is told so: that ends partitions.
    fn take_members(&mut self, now: Moment, from: NodeId, members: &[MemberState]) {
        let members = self.as_many_as_may_be(members);
        self.swim.apply(now, &members);
        self.take_notices(now, Some(from));
        for state in members.iter().filter(|state| state.standing != Standing::Down) {
            let given_up = match self.peers.get(state.identity.node) {
                Some(peer) => {
                    let is_it = !peer.is_active() && !peer.has_left && peer.identity == state.identity;
                    is_it.then_some(state.identity.epoch)
                }
                None => self.swim.given_up(&state.identity),
            };
            if let Some(epoch) = given_up {
                self.send_directly(state.identity.node, Body::Stale { epoch });
            }
        }
    }

    /// Leaves out those who are not known, where there are as many as may be.
    fn as_many_as_may_be<'a>(&mut self, members: &'a [MemberState]) -> Cow<'a, [MemberState]> {
        let new = members.iter().filter(|state| self.peers.get(state.identity.node).is_none()).count();
        let room = self.settings.members.saturating_sub(self.peers.count());
        if new <= room {
            return Cow::Borrowed(members);
        }
        self.counts.refused += (new - room) as u64;
        let is_known = |state: &&MemberState| self.peers.get(state.identity.node).is_some();
        let known = members.iter().filter(is_known);
        let others = members.iter().filter(|state| !is_known(state)).take(room);
        known.chain(others).copied().collect()
    }

    /// Compares views with somebody.
    pub(super) fn exchange(&mut self, now: Moment) {
        let is_busy = now.since(self.changed_at) < BUSY.1;
        let pause = if is_busy { BUSY.0.min(self.settings.exchange) } else { self.settings.exchange };
        self.tasks.add(now.after(self.dice.jitter(pause)), Task::Exchange);
        if let Some(peer) = self.random_peer() {
            self.send(now, peer, Body::Digest(self.digest()), 0);
        }
    }

    pub(super) fn random_peer(&mut self) -> Option<NodeId> {
        let count = self.peers.active().count();
        self.peers.active().nth(self.dice.below(count))
    }

    /// What must be the same at all nodes: who lives, and what each says of itself.
    fn digest(&self) -> u64 {
        let others = self.peers.all().filter(|(_, peer)| peer.is_active());
        let others =
            others.map(|(_, peer)| (peer.identity, peer.record.as_ref().map_or(0, |record| record.version)));
        others.chain([(self.me, self.record.version)]).fold(0, |sum, (identity, version)| {
            let node = identity.node.0;
            let parts = [node as u64, (node >> 64) as u64, identity.epoch, identity.boot, version];
            sum ^ parts.into_iter().fold(1, |hash, part| mixed(hash ^ part))
        })
    }

    pub(super) fn compare_digest(&mut self, now: Moment, from: NodeId, digest: u64) {
        if digest != self.digest() {
            self.send_view(now, from, true);
        }
    }

    pub(super) fn give_records(&mut self, now: Moment, to: NodeId, nodes: &[NodeId]) {
        let wanted: BTreeSet<NodeId> = nodes.iter().copied().collect();
        let of = |node: &NodeId| match *node == self.me.node {
            true => Some(self.record.clone()),
            false => self.peers.get(*node).and_then(|peer| peer.record.clone()),
        };
        let (mut frames, mut room) = (Vec::<Vec<Record>>::new(), 0);
        for record in wanted.iter().filter_map(of) {
            let size = record.size();
            match frames.last_mut().filter(|_| size <= room) {
                Some(frame) => {
                    frame.push(record);
                    room -= size;
                }
                None => {
                    frames.push(vec![record]);
                    room = self.room_for_records().saturating_sub(size);
                }
            }
        }
        for records in frames {
            self.send(now, to, Body::Records(records), 0);
        }
    }

    pub(super) fn learn_record(&mut self, now: Moment, record: Record, from: NodeId) {
        let node = record.identity.node;
        let Some(peer) = self.peers.get_mut(node).filter(|_| node != self.me.node) else { return };
        if peer.record.as_ref().is_some_and(|known| !record.is_newer(known)) {
            return;
        }
        if record.own_size() > self.settings.record_bytes || record.unreachable.len() > self.settings.members
        {
            self.counts.refused += 1;
            return;
        }
        let is_change = peer.record.as_ref().is_some_and(|known| says_else(known, &record));
        let is_told = peer.is_told;
        peer.say(record.clone(), &self.settings.addresses);
        self.tell_if_known(node);
        if is_told && is_change {
            self.tell(Change::Updated, node);
        }
        if from == node {
            self.pass_on(now, record);
        }
    }

    /// A record reaches those whom its node cannot reach through those whom it can.
    fn pass_on(&mut self, now: Moment, record: Record) {
        for node in &record.unreachable {
            if self.peers.is_active(*node) && !self.links.is_lost(*node) {
                self.send(now, *node, Body::Records(vec![record.clone()]), 0);
            }
        }
    }

    /// Asks for the records of members of which none is known, whoever brought them first and then anybody.
    pub(super) fn ask_for_records(&mut self, now: Moment) {
        let unknown = self.peers.all().filter(|(_, peer)| peer.is_active() && !peer.is_known());
        let unknown: Vec<(NodeId, Option<NodeId>)> =
            unknown.map(|(node, peer)| (node, peer.source)).collect();
        self.is_wanting = !unknown.is_empty();
        let mut asked: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for (node, source) in unknown {
            let source = source.filter(|source| *source != self.me.node).or_else(|| self.random_peer());
            asked.entry(source.unwrap_or(node)).or_default().push(node);
            if let Some(peer) = self.peers.get_mut(node) {
                peer.source = None;
            }
        }
        for (to, nodes) in asked {
            self.send(now, to, Body::Ask(nodes), 0);
        }
        if self.is_wanting {
            self.tasks.add(now.after(WANT), Task::Want);
        }
    }

    pub(super) fn publish_soon(&mut self, now: Moment) {
        if !std::mem::replace(&mut self.is_publishing, true) {
            self.tasks.add(now.after(PUBLISH), Task::Publish);
        }
    }

    /// Tells all members what this node says of itself now.
    pub(super) fn publish(&mut self, now: Moment) {
        self.is_publishing = false;
        self.record.identity = self.me;
        self.record.version += 1;
        self.record.unreachable = self.links.unreachable();
        let peers: Vec<NodeId> = self.peers.active().collect();
        for peer in peers {
            self.send(now, peer, Body::Records(vec![self.record.clone()]), 0);
        }
    }
}

/// Whether two records of a node differ in what the application sees.
fn says_else(one: &Record, other: &Record) -> bool {
    fn seen(record: &Record) -> impl PartialEq + '_ {
        let Record { name, addresses, services, leaving, info, .. } = record;
        (name, addresses, services, leaving, info)
    }
    seen(one) != seen(other)
}
