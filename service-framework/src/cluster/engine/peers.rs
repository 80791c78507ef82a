//! The other members, as this node knows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::identity::{Address, Identity, NodeId};
use super::super::links::Links;
use super::super::membership::Standing;
use super::super::record::Record;
use super::super::router::Topology;
use super::super::time::Moment;

/// How many who are down are remembered, the latest.
const DEAD: usize = 1_024;

#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) identity: Identity,
    pub(super) standing: Standing,
    /// It went on purpose.
    pub(super) has_left: bool,
    pub(super) record: Option<Record>,
    /// Where its frames come from, which may be another address than it thinks.
    pub(super) observed: Option<Address>,
    /// Where it may be reached: where its frames come from after what it says itself. Every frame to it has them.
    addresses: Arc<[Address]>,
    /// The application has been told that it is there.
    pub(super) is_told: bool,
    /// It was told before, and was gone then.
    pub(super) was_told: bool,
    /// Another process has taken the place of the one that the application was told of, and has not been told yet.
    pub(super) is_loss_owed: bool,
    pub(super) down_since: Moment,
    /// Who may know its record.
    pub(super) source: Option<NodeId>,
}

impl Peer {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            identity,
            standing: Standing::Alive,
            has_left: false,
            record: None,
            observed: None,
            addresses: Arc::default(),
            is_told: false,
            was_told: false,
            is_loss_owed: false,
            down_since: Moment(0),
            source: None,
        }
    }

    /// Takes what it says of itself. `own` are the addresses of this node: what leads here leads to nobody else, such as a loopback
    /// address that both have.
    pub(super) fn say(&mut self, record: Record, own: &[Address]) {
        self.record = Some(record);
        self.collect_addresses(own);
    }

    /// Takes where its frames come from.
    pub(super) fn observe(&mut self, address: &Address, own: &[Address]) {
        if self.observed.as_ref() != Some(address) {
            self.observed = Some(address.clone());
            self.collect_addresses(own);
        }
    }

    fn collect_addresses(&mut self, own: &[Address]) {
        let said = self.record.iter().flat_map(|record| &record.addresses);
        let mut addresses: Vec<Address> = said.filter(|address| !own.contains(address)).cloned().collect();
        let observed = self.observed.iter().filter(|observed| !addresses.contains(observed));
        addresses.extend(observed.cloned().collect::<Vec<_>>());
        self.addresses = addresses.into();
    }

    pub(super) fn is_active(&self) -> bool {
        self.standing != Standing::Down
    }

    /// Whether its record of this life is known.
    pub(super) fn is_known(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.identity == self.identity)
    }

    pub(super) fn name(&self) -> String {
        self.record.as_ref().map(|record| record.name.clone()).unwrap_or_default()
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Peers(BTreeMap<NodeId, Peer>);

impl Peers {
    pub(super) fn get(&self, node: NodeId) -> Option<&Peer> {
        self.0.get(&node)
    }

    pub(super) fn get_mut(&mut self, node: NodeId) -> Option<&mut Peer> {
        self.0.get_mut(&node)
    }

    /// The entry of the node; a new one if there is none.
    pub(super) fn of(&mut self, identity: Identity) -> &mut Peer {
        self.0.entry(identity.node).or_insert_with(|| Peer::new(identity))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (NodeId, &Peer)> {
        self.0.iter().map(|(node, peer)| (*node, peer))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn active(&self) -> impl Iterator<Item = NodeId> {
        self.all().filter(|(_, peer)| peer.is_active()).map(|(node, _)| node)
    }

    pub(super) fn is_active(&self, node: NodeId) -> bool {
        self.get(node).is_some_and(Peer::is_active)
    }

    /// Those who are down and did not say that they would be.
    pub(super) fn dead(&self) -> impl Iterator<Item = (NodeId, &Peer)> {
        self.all().filter(|(_, peer)| !peer.is_active() && !peer.has_left)
    }

    /// Where a node may be reached; nowhere if it is not known.
    pub(super) fn addresses(&self, node: NodeId) -> Arc<[Address]> {
        self.get(node).map(|peer| peer.addresses.clone()).unwrap_or_default()
    }

    pub(super) fn forget_oldest(&mut self) {
        let gone = || self.all().filter(|(_, peer)| !peer.is_active());
        if gone().count() <= DEAD {
            return;
        }
        if let Some((_, oldest)) = gone().map(|(node, peer)| (peer.down_since, node)).min() {
            self.0.remove(&oldest);
        }
    }

    fn refuses(&self, from: NodeId, to: NodeId) -> bool {
        let record = self.get(from).and_then(|peer| peer.record.as_ref());
        record.is_some_and(|record| record.unreachable.contains(&to))
    }
}

/// What the router looks at.
pub(super) struct Seen<'a> {
    pub(super) me: NodeId,
    pub(super) links: &'a Links,
    pub(super) peers: &'a Peers,
}

impl Topology for Seen<'_> {
    fn me(&self) -> NodeId {
        self.me
    }

    fn members(&self) -> Vec<NodeId> {
        self.peers.active().collect()
    }

    fn reaches(&self, from: NodeId, to: NodeId) -> bool {
        // What this node sees itself is newer than what others say of it.
        if from == self.me {
            return !self.links.is_lost(to);
        }
        if to == self.me {
            return !self.links.is_lost(from);
        }
        !self.peers.refuses(from, to) && !self.peers.refuses(to, from)
    }

    fn relays(&self, node: NodeId) -> bool {
        let record = self.peers.get(node).and_then(|peer| peer.record.as_ref());
        record.is_some_and(|record| record.relays && !record.leaving)
    }
}
