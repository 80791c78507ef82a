//! What a node says of itself, and what others keep of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::identity::{Address, Identity, NodeId};

/// A service that runs at a node and takes requests there.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instance {
    /// The service's name, under which requests find it.
    pub service: String,
    /// Where its in connections listen, by name; a service of events only has none.
    pub endpoints: BTreeMap<String, String>,
    /// How much it takes beside others of its name: 1 unless said.
    pub weight: u32,
    /// Whether it takes requests now.
    pub ready: bool,
}

/// What a node says of itself: written by the node alone, so nobody's writes are ever in conflict.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) identity: Identity,
    /// Grows with every change within one life.
    pub(crate) version: u64,
    pub(crate) name: String,
    pub(crate) addresses: Vec<Address>,
    /// Members that it cannot reach directly though they live. All others count as reachable from it.
    pub(crate) unreachable: Vec<NodeId>,
    /// Whether it carries frames of others.
    pub(crate) relays: bool,
    pub(crate) leaving: bool,
    pub(crate) services: Vec<Instance>,
    /// What it says of itself beside.
    pub(crate) info: BTreeMap<String, String>,
}

impl Record {
    pub(crate) fn stand(&self) -> Stand {
        Stand { identity: self.identity, version: self.version }
    }

    /// Bytes that it takes in a frame.
    pub(crate) fn size(&self) -> usize {
        rmp_serde::to_vec(self).map_or(usize::MAX, |bytes| bytes.len())
    }

    /// The same without whom it cannot reach, which it does not choose.
    pub(crate) fn own_size(&self) -> usize {
        let unreachable = rmp_serde::to_vec(&self.unreachable).map_or(0, |bytes| bytes.len());
        self.size().saturating_sub(unreachable)
    }

    pub(crate) fn is_newer(&self, known: &Self) -> bool {
        self.stand().is_newer(&known.stand())
    }
}

/// Which version of its record a node's life is at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(crate) struct Stand {
    pub(crate) identity: Identity,
    pub(crate) version: u64,
}

impl Stand {
    pub(crate) fn is_newer(&self, known: &Self) -> bool {
        self.identity.supersedes(&known.identity)
            || self.identity == known.identity && self.version > known.version
    }
}
