//! Fingerprints: whether two specs run the same.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Arg, Hook, LockTemplate, Program, Spec, Target};

/// A number over everything that a run depends on. The same in every process and every version of this library; names
/// count, while descriptions, the version and the order of the tables do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

/// Text that is no [`Fingerprint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint has 32 hexadecimal digits")]
pub struct InvalidFingerprint;

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let is_one = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_one {
            return Err(InvalidFingerprint);
        }
        u128::from_str_radix(text, 16).map(Fingerprint).map_err(|_| InvalidFingerprint)
    }
}

impl Spec {
    /// The fingerprint of the whole spec.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint_over(self.programs.iter().collect(), self.hooks.iter().collect())
    }

    /// The fingerprint of a program with all that it may run; that of nothing if there is no such program.
    #[must_use]
    pub fn fingerprint_of(&self, program: &str) -> Fingerprint {
        let (mut programs, mut hooks) = (Vec::new(), Vec::new());
        for target in self.reachable(program) {
            match target {
                Target::Hook(place) => hooks.extend(self.hooks.get(place)),
                Target::Program(place) => programs.extend(self.programs.get(place)),
            }
        }
        self.fingerprint_over(programs, hooks)
    }

    /// A program and everything that it may run, each once.
    fn reachable(&self, program: &str) -> Vec<Target> {
        let mut found: Vec<Target> = self.program_place(program).map(Target::Program).into_iter().collect();
        let mut seen: std::collections::HashSet<Target> = found.iter().copied().collect();
        let mut looked_at = 0;
        while let Some(target) = found.get(looked_at).copied() {
            looked_at += 1;
            let next = match target {
                Target::Hook(place) => {
                    self.hooks.get(place).map(|hook| [&*hook.dependencies, &*hook.rectifiers])
                }
                Target::Program(place) => self.programs.get(place).map(|program| [&*program.hooks, &[]]),
            };
            let next = next.into_iter().flatten().flatten().copied();
            found.extend(next.filter(|target| seen.insert(*target)));
        }
        found
    }

    fn fingerprint_over(&self, mut programs: Vec<&Program>, mut hooks: Vec<&Hook>) -> Fingerprint {
        programs.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        hooks.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut hash = Hash::new();
        hash.count(programs.len());
        programs.into_iter().for_each(|program| self.add_program(&mut hash, program));
        hash.count(hooks.len());
        hooks.into_iter().for_each(|hook| self.add_hook(&mut hash, hook));
        Fingerprint(hash.0)
    }

    fn add_program(&self, hash: &mut Hash, program: &Program) {
        hash.text(&program.name);
        self.add_targets(hash, &program.hooks);
        hash.args(&program.args);
        hash.args(&program.outputs);
        hash.duration(program.timeout);
        hash.count(program.locks.as_ref().map_or(0, |locks| locks.len() + 1));
        program.locks.iter().flatten().map(LockTemplate::to_string).for_each(|lock| hash.text(&lock));
        hash.text(program.on_crash.as_str());
    }

    fn add_hook(&self, hash: &mut Hash, hook: &Hook) {
        hash.text(&hook.name);
        hash.text(&hook.reference);
        hash.args(&hook.args);
        self.add_targets(hash, &hook.dependencies);
        self.add_targets(hash, &hook.rectifiers);
        hash.count(hook.retry.attempts as usize);
        hash.duration(Some(hook.retry.backoff));
        hash.duration(Some(hook.retry.max_backoff));
        hash.duration(hook.timeout);
        hash.count(usize::from(hook.idempotent));
    }

    fn add_targets(&self, hash: &mut Hash, targets: &[Target]) {
        hash.count(targets.len());
        targets.iter().for_each(|target| hash.text(&self.reference_to(*target)));
    }
}

/// FNV-1a with 128 bits. What goes in is preceded by its length, so that nothing runs together.
struct Hash(u128);

impl Hash {
    fn new() -> Self {
        Hash(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }

    fn count(&mut self, count: usize) {
        self.bytes(&(count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes(text.as_bytes());
    }

    fn duration(&mut self, duration: Option<Duration>) {
        self.bytes(&duration.map_or(u128::MAX, |duration| duration.as_nanos()).to_le_bytes());
    }

    fn args(&mut self, args: &[Arg]) {
        let mut args: Vec<&Arg> = args.iter().collect();
        args.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        self.count(args.len());
        for arg in args {
            self.text(&arg.name);
            self.text(arg.kind.as_str());
            self.count(usize::from(arg.required));
            let default = arg.default.as_ref().map(crate::value::Value::to_msgpack).unwrap_or_default();
            self.count(default.len());
            self.bytes(&default);
        }
    }
}
