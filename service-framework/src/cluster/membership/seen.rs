//! What a failure detector has been told already.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use foca::{Member, State};

use super::super::dice::mixed;
use super::super::identity::Identity;

/// So many are remembered; then it begins anew, which costs time and nothing else.
const MOST: usize = 100_000;

/// Numbers that are hashes already.
#[derive(Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mixed(self.0 ^ number);
    }
}

/// What foca has been told of members. It goes through all of them to find one, also to find that nothing is new; and of one
/// life of a member it only ever goes on, so what it was told once is nothing new for good.
pub(super) struct Seen {
    salt: u64,
    told: HashSet<u64, BuildHasherDefault<Hashed>>,
}

impl Seen {
    pub(super) fn new(salt: u64) -> Self {
        Self { salt, told: HashSet::default() }
    }

    /// The number of what is said of a member; nothing if foca has been told.
    pub(super) fn new_of(&self, member: &Member<Identity>) -> Option<u64> {
        let Identity { node, epoch, boot } = *member.id();
        let state = match member.state() {
            State::Alive => 0,
            State::Suspect => 1,
            State::Down => 2,
        };
        let last = u64::from(member.incarnation()) << 8 | state;
        let parts = [node.0 as u64, (node.0 >> 64) as u64, epoch, boot, last];
        let hash = parts.into_iter().fold(self.salt, |hash, part| mixed(hash ^ part));
        (!self.told.contains(&hash)).then_some(hash)
    }

    /// Foca has been told these.
    pub(super) fn note(&mut self, told: impl IntoIterator<Item = u64>) {
        if self.told.len() >= MOST {
            self.told.clear();
        }
        self.told.extend(told);
    }

    pub(super) fn forget(&mut self) {
        self.told.clear();
    }
}
