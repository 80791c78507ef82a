//! What a simulated node has on its disk: everything that it was told to store before it sent anything else.

use std::collections::BTreeMap;

use super::super::engine::{Boot, Output};
use super::super::identity::{Identity, NodeId};
use super::super::map::{Entry, Key, Stored, Versions};

#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    epoch: u64,
    store: u64,
    entries: BTreeMap<Key, Entry>,
    versions: Versions,
    floor: Versions,
}

impl Disk {
    pub(super) fn new(store: u64) -> Self {
        Self { store, ..Self::default() }
    }

    pub(super) fn store(&mut self, output: &Output) {
        match output {
            Output::StoreEpoch(epoch) => self.epoch = *epoch,
            Output::Store(Stored::Entry(entry)) => {
                drop(self.entries.insert(entry.key.clone(), entry.clone()))
            }
            Output::Store(Stored::Removed(key)) => drop(self.entries.remove(key)),
            Output::Store(Stored::Versions { versions, floor }) => {
                (self.versions, self.floor) = (versions.clone(), floor.clone());
            }
            Output::Store(Stored::Seen(dot)) => self.versions.raise(*dot),
            Output::Store(Stored::Writer(store)) => self.store = *store,
            _ => {}
        }
    }

    /// What the next life of the node begins with.
    pub(super) fn boot(&self, node: NodeId, boot: u64, seed: u64) -> Boot {
        Boot {
            identity: Identity { node, epoch: self.epoch + 1, boot },
            store: self.store,
            seed,
            entries: self.entries.values().cloned().collect(),
            versions: self.versions.clone(),
            floor: self.floor.clone(),
        }
    }
}
