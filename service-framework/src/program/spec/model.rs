//! What a spec holds.

use std::collections::HashMap;
use std::time::Duration;

use super::steps::Counts;
use super::{Arg, LockTemplate};

/// Programs and the hooks that they are made of: read, checked, every reference resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) programs: Vec<Program>,
    pub(super) hooks: Vec<Hook>,
    pub(super) program_places: HashMap<String, usize>,
    pub(super) hook_places: HashMap<String, usize>,
    pub(super) counts: Counts,
}

/// What a program, a dependency or a rectifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The hook at this place of [`Spec::hooks`].
    Hook(usize),
    /// The program at this place of [`Spec::programs`].
    Program(usize),
}

/// A sequence that a client can ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// By which it is asked for; unique in the spec.
    pub name: String,
    /// What runs, in this order.
    pub hooks: Vec<Target>,
    /// What the pool holds at the start.
    pub args: Vec<Arg>,
    /// What the answer holds.
    pub outputs: Vec<Arg>,
    /// What it is for; empty where nobody said.
    pub description: String,
    /// How long a run may take; None for as long as it takes.
    pub timeout: Option<Duration>,
    /// The locks that a run holds; None for the one of the whole server, an empty list for none.
    pub locks: Option<Vec<LockTemplate>>,
    /// What happens to a run that a crash cut off.
    pub on_crash: OnCrash,
}

/// What happens to a run that a crash cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnCrash {
    /// What it did is reversed.
    #[default]
    Rectify,
    /// It goes on where it was, if the step in doubt is idempotent; otherwise it is reversed.
    Resume,
}

/// One step: a function, and what runs before it and what undoes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// By which programs and hooks name it; unique in the spec.
    pub name: String,
    /// The path of its function, such as `order.stock.reserve`; unique in the spec.
    pub reference: String,
    /// What the pool must hold before it runs.
    pub args: Vec<Arg>,
    /// What runs before it, in this order.
    pub dependencies: Vec<Target>,
    /// What undoes it, in this order.
    pub rectifiers: Vec<Target>,
    /// What it is for; empty where nobody said.
    pub description: String,
    /// How often it is tried.
    pub retry: Retry,
    /// How long one attempt may take; None for as long as it takes.
    pub timeout: Option<Duration>,
    /// Whether to run it twice does the same as to run it once.
    pub idempotent: bool,
}

/// How often a hook is tried, and how long is waited between two attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// All attempts, the first among them: at least 1.
    pub attempts: u32,
    /// The wait after the first attempt; it doubles with each further one.
    pub backoff: Duration,
    /// The longest wait; not shorter than `backoff`.
    pub max_backoff: Duration,
}

impl Retry {
    /// The wait after the first attempt, where nobody said.
    pub const DEFAULT_BACKOFF: Duration = Duration::from_millis(100);

    /// The longest wait, where nobody said.
    pub const DEFAULT_MAX_BACKOFF: Duration = Duration::from_secs(30);

    /// The wait after attempt `attempt`, the first being 1.
    #[must_use]
    pub fn wait_after(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        self.backoff.saturating_mul(1 << doublings).min(self.max_backoff)
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 1, backoff: Self::DEFAULT_BACKOFF, max_backoff: Self::DEFAULT_MAX_BACKOFF }
    }
}

impl OnCrash {
    /// What becomes of a run that was cut off, in words.
    pub(crate) fn becomes(self) -> &'static str {
        match self {
            OnCrash::Rectify => "is undone",
            OnCrash::Resume => "goes on, or is undone where it was in a step that is not idempotent",
        }
    }

    /// All of them.
    pub const ALL: [OnCrash; 2] = [OnCrash::Rectify, OnCrash::Resume];

    /// The word in the spec.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            OnCrash::Rectify => "rectify",
            OnCrash::Resume => "resume",
        }
    }
}

impl Spec {
    /// The same, with attempts that follow each other at once.
    #[cfg(feature = "testing")]
    #[must_use]
    pub(crate) fn without_waits(mut self) -> Self {
        self.hooks.iter_mut().for_each(|hook| hook.retry.backoff = Duration::ZERO);
        self
    }

    /// The name, as its author wrote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as a module's: lower case, with underscores for spaces.
    #[must_use]
    pub fn module_name(&self) -> String {
        self.name.to_lowercase().replace(' ', "_")
    }

    /// The version, if there is one.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// All programs, in the order of the spec.
    #[must_use]
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// All hooks, in the order of the spec.
    #[must_use]
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// The program of this name.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.get(self.program_place(name)?)
    }

    /// The hook of this name.
    #[must_use]
    pub fn hook(&self, name: &str) -> Option<&Hook> {
        self.hooks.get(self.hook_place(name)?)
    }

    /// Where the program of this name stands in [`Spec::programs`].
    #[must_use]
    pub fn program_place(&self, name: &str) -> Option<usize> {
        self.program_places.get(name).copied()
    }

    /// Where the hook of this name stands in [`Spec::hooks`].
    #[must_use]
    pub fn hook_place(&self, name: &str) -> Option<usize> {
        self.hook_places.get(name).copied()
    }

    /// The name of what a target of this spec means; empty if it is one of another spec.
    #[must_use]
    pub fn name_of(&self, target: Target) -> &str {
        match target {
            Target::Hook(place) => self.hooks.get(place).map_or("", |hook| &hook.name),
            Target::Program(place) => self.programs.get(place).map_or("", |program| &program.name),
        }
    }

    /// How many hooks run when `target` runs, with all dependencies and nested programs; at most [`MAX_STEPS`] for a
    /// program.
    ///
    /// [`MAX_STEPS`]: super::MAX_STEPS
    #[must_use]
    pub fn steps_of(&self, target: Target) -> u64 {
        self.counts.of(target).forwards
    }

    /// How many hooks run to undo `target`, once it has run whole.
    #[must_use]
    pub fn undoing_steps_of(&self, target: Target) -> u64 {
        self.counts.of(target).backwards
    }

    /// A target of this spec as a reference: `hooks.x` or `programs.p`.
    #[must_use]
    pub fn reference_to(&self, target: Target) -> String {
        let table = match target {
            Target::Hook(_) => "hooks",
            Target::Program(_) => "programs",
        };
        format!("{table}.{}", self.name_of(target))
    }
}
