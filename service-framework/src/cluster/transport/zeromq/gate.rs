//! Who may come in, and how many of those who never did.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::super::super::identity::NodeId;
use super::super::super::keys::{Keys, Proof, node_of};
use crate::connection::curve::{Doorkeeper, PublicKey};

/// Keys that are remembered as those of nodes.
const REMEMBERED: usize = 20_000;

/// What somebody is who has a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Guest {
    /// It has proved to have a secret of the cluster, and may be a node.
    Node(NodeId),
    /// It may ask.
    Asker,
    /// It may show a token.
    Enterer,
    Nobody,
}

struct Rules {
    keys: Keys,
    askers: Vec<PublicKey>,
    enterers: Vec<PublicKey>,
    /// Those who have proved to be nodes: they come in however many newcomers there are.
    nodes: BTreeSet<PublicKey>,
    /// Newcomers that are let in within a second, and how many may still come in now.
    newcomers: f64,
    room: f64,
    since: Instant,
}

/// Decides. A clone is the same.
#[derive(Clone)]
pub(super) struct Keeper {
    rules: Arc<Mutex<Rules>>,
    refused: Arc<AtomicU64>,
}

impl Keeper {
    pub(super) fn new(keys: &Keys, newcomers: u32) -> Self {
        let newcomers = f64::from(newcomers);
        let mut rules = Rules {
            keys: keys.clone(),
            askers: Vec::new(),
            enterers: Vec::new(),
            nodes: BTreeSet::new(),
            newcomers,
            room: newcomers,
            since: Instant::now(),
        };
        rules.take(keys);
        Self { rules: Arc::new(Mutex::new(rules)), refused: Arc::default() }
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change_keys(&self, keys: &Keys) {
        self.rules().take(keys);
    }

    /// What the owner of a key is that says this of itself.
    pub(super) fn guest(&self, key: PublicKey, proof: Option<&Proof>) -> Guest {
        let mut rules = self.rules();
        if rules.askers.contains(&key) {
            return Guest::Asker;
        }
        if rules.enterers.contains(&key) {
            return Guest::Enterer;
        }
        let is_node = proof.is_some_and(|proof| rules.keys.allows(key) && rules.keys.believes(key, proof));
        if !is_node {
            return Guest::Nobody;
        }
        if rules.nodes.len() < REMEMBERED {
            rules.nodes.insert(key);
        }
        Guest::Node(node_of(key))
    }

    pub(super) fn refuse(&self, key: PublicKey, address: &str) {
        let count = self.refused.fetch_add(1, Ordering::Relaxed);
        // Some of them are enough to know.
        if count.is_power_of_two() || count == 0 {
            tracing::warn!(%key, address, count = count + 1, "not let in");
        }
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Rules {
    fn take(&mut self, keys: &Keys) {
        self.askers = keys.askers().map(|pair| pair.public()).collect();
        self.enterers = keys.enterers().map(|pair| pair.public()).collect();
        self.nodes.retain(|node| keys.allows(*node));
        self.keys = keys.clone();
    }

    fn has_room(&mut self) -> bool {
        let passed = self.since.elapsed().as_secs_f64();
        self.since = Instant::now();
        self.room = (self.room + passed * self.newcomers).min(self.newcomers);
        let has_room = self.room >= 1.0;
        self.room -= f64::from(u8::from(has_room));
        has_room
    }
}

impl Doorkeeper for Keeper {
    fn may_enter(&mut self, key: PublicKey, address: &str) -> bool {
        let mut rules = self.rules();
        if rules.nodes.contains(&key) || rules.askers.contains(&key) {
            return true;
        }
        let is_known = rules.enterers.contains(&key) || rules.keys.allows(key);
        let may = is_known && rules.has_room();
        drop(rules);
        if !may {
            self.refuse(key, address);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::curve::KeyPair;

    #[test]
    fn newcomers_are_refused_before_nodes_are() {
        let keys = Keys::generate().unwrap();
        let mut keeper = Keeper::new(&keys, 3);
        let node = KeyPair::new().unwrap().public();
        let proof = keys.proofs(node)[0];
        assert_eq!(keeper.guest(node, Some(&proof)), Guest::Node(node_of(node)));
        let strangers = (0..200).map(|_| KeyPair::new().unwrap().public());
        let let_in = strangers.filter(|stranger| keeper.may_enter(*stranger, "")).count();
        assert!(let_in < 200 && keeper.refused() > 0, "{let_in}");
        let asker = keys.askers().next().unwrap().public();
        assert!(keeper.may_enter(node, "") && keeper.may_enter(asker, ""));
    }

    #[test]
    fn what_somebody_may_follows_from_the_key_and_what_it_proves() {
        let keys = Keys::generate().unwrap();
        let keeper = Keeper::new(&keys, 3);
        let of = |pair: KeyPair, proof: Option<Proof>| keeper.guest(pair.public(), proof.as_ref());
        let node = KeyPair::new().unwrap();
        let proof = keys.proofs(node.public())[0];
        assert_eq!(of(keys.askers().next().unwrap(), Some(proof)), Guest::Asker);
        assert_eq!(of(keys.enterers().next().unwrap(), Some(proof)), Guest::Enterer);
        assert_eq!(of(KeyPair::new().unwrap(), Some(proof)), Guest::Nobody);
        assert_eq!(of(node.clone(), None), Guest::Nobody);
        keeper.change_keys(&keys.added().unwrap().used().dropped());
        assert_eq!(of(node, Some(proof)), Guest::Nobody);
    }
}
