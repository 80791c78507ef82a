//! How many steps a program has with everything that its hooks depend on: programs within programs can double it with each
//! level.

use super::read::path_of;
use super::{Spec, Target};
use crate::model::Problem;

/// The most steps that a run of a program may have, and the most that undo it.
pub const MAX_STEPS: u64 = 100_000;

/// What running something takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Hooks that run.
    pub(super) forwards: u64,
    /// Hooks that run to undo those.
    pub(super) backwards: u64,
}

impl Count {
    fn and(self, other: Count) -> Count {
        Count {
            forwards: self.forwards.saturating_add(other.forwards),
            backwards: self.backwards.saturating_add(other.backwards),
        }
    }
}

/// What each hook and each program of a spec takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    hooks: Vec<Count>,
    programs: Vec<Count>,
}

/// Counts the steps of everything. In `order` everything stands behind what it refers to.
pub(super) fn count(spec: &Spec, order: &[Target]) -> Counts {
    let mut counts = Counts {
        hooks: vec![Count::default(); spec.hooks.len()],
        programs: vec![Count::default(); spec.programs.len()],
    };
    for target in order {
        match *target {
            Target::Hook(place) => counts.hooks[place] = counts.of_hook(spec, place),
            Target::Program(place) => counts.programs[place] = counts.all(&spec.programs[place].hooks),
        }
    }
    counts
}

/// A problem for every program that has too many steps.
pub(super) fn too_many(spec: &Spec) -> Vec<Problem> {
    let counted = spec.programs.iter().zip(&spec.counts.programs);
    counted.filter_map(|(program, count)| problem(&program.name, *count)).collect()
}

impl Counts {
    pub(super) fn of(&self, target: Target) -> Count {
        let count = match target {
            Target::Hook(place) => self.hooks.get(place),
            Target::Program(place) => self.programs.get(place),
        };
        count.copied().unwrap_or_default()
    }

    fn all(&self, targets: &[Target]) -> Count {
        targets.iter().fold(Count::default(), |sum, target| sum.and(self.of(*target)))
    }

    /// A hook with its dependencies. Its rectifiers, and what those depend on, run only backwards.
    fn of_hook(&self, spec: &Spec, place: usize) -> Count {
        let hook = &spec.hooks[place];
        let own = Count { forwards: 1, backwards: self.all(&hook.rectifiers).forwards };
        own.and(self.all(&hook.dependencies))
    }
}

fn problem(name: &str, count: Count) -> Option<Problem> {
    let (found, what) = match (count.forwards, count.backwards) {
        (forwards, _) if forwards > MAX_STEPS => {
            (forwards, "steps with all dependencies and nested programs")
        }
        (_, backwards) if backwards > MAX_STEPS => (backwards, "steps that undo it"),
        _ => return None,
    };
    let path = path_of("programs", name, "hooks");
    let found = if found == u64::MAX { "more than can be counted".to_owned() } else { found.to_string() };
    let problem = Problem::new(path, format!("at most {MAX_STEPS} {what}"), found);
    Some(problem.with_hint("what several hooks depend on runs once for each of them"))
}
