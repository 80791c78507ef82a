//! What a node knows of all, for whoever asks.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::identity::{Address, NodeId};
use super::super::membership::Standing;
use super::super::record::{Instance, Record};
use super::Engine;
use super::peers::Peer;

/// How a member is, as one node sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It is there.
    Alive,
    /// It does not answer, and is given some time.
    Suspect,
    /// It lives, but this node reaches it only through others.
    Unreachable,
    /// It has gone on purpose.
    Left,
    /// It is down.
    Down,
}

impl Presence {
    /// Whether it takes part.
    #[must_use]
    pub fn is_there(self) -> bool {
        matches!(self, Self::Alive | Self::Suspect | Self::Unreachable)
    }
}

/// A member, as one node sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Member {
    /// Its id.
    #[serde(serialize_with = "as_text")]
    pub node: NodeId,
    /// Its name, for people.
    pub name: String,
    /// Whether it is the node that was asked.
    pub is_me: bool,
    /// How it is.
    pub presence: Presence,
    /// Which of its lives this is.
    pub epoch: u64,
    /// Where it says it can be reached.
    pub addresses: Vec<Address>,
    /// Where its frames come from.
    pub observed: Option<Address>,
    /// The services that run there.
    pub services: Vec<Instance>,
    /// What it says of itself beside.
    pub info: BTreeMap<String, String>,
}

fn as_text<S: serde::Serializer>(node: &NodeId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(node)
}

impl Engine {
    /// All members that are known, this node first, also those who are gone.
    pub(crate) fn view(&self) -> Vec<Member> {
        let me = of_record(&self.record, Presence::Alive, true);
        let others = self.peers.all().filter_map(|(node, peer)| self.member(node, peer));
        std::iter::once(me).chain(others).collect()
    }

    /// How many members are there, with this node.
    pub(crate) fn size(&self) -> usize {
        1 + self.present().count()
    }

    /// Whether anybody is suspected.
    pub(crate) fn has_suspects(&self) -> bool {
        self.peers.all().any(|(_, peer)| peer.standing == Standing::Suspect)
    }

    fn member(&self, node: NodeId, peer: &Peer) -> Option<Member> {
        let record = peer.record.as_ref()?;
        let presence = match peer.standing {
            Standing::Down if peer.has_left => Presence::Left,
            Standing::Down => Presence::Down,
            Standing::Suspect => Presence::Suspect,
            Standing::Alive if self.links.is_lost(node) => Presence::Unreachable,
            Standing::Alive => Presence::Alive,
        };
        let member = of_record(record, presence, false);
        Some(Member { epoch: peer.identity.epoch, observed: peer.observed.clone(), ..member })
    }
}

fn of_record(record: &Record, presence: Presence, is_me: bool) -> Member {
    Member {
        node: record.identity.node,
        name: record.name.clone(),
        is_me,
        presence,
        epoch: record.identity.epoch,
        addresses: record.addresses.clone(),
        observed: None,
        services: record.services.clone(),
        info: record.info.clone(),
    }
}
