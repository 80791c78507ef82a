//! References: what `hooks.x`, `x` and `programs.p` mean in one spec.

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::Value as Json;

use super::Target;
use crate::model::{Problem, Table, describe, element, near_miss};

/// How many names are compared in search of those that were meant; a spec full of mistakes gets fewer hints.
const COMPARISONS: usize = 200_000;

/// A prefix that makes a reference one to a program.
const PROGRAMS: &str = "programs.";

/// The names of a spec.
pub(super) struct References<'a> {
    /// None where the table itself is wrong, so that nothing is known of what it would have held.
    hooks: Option<HashMap<&'a str, usize>>,
    programs: Option<HashMap<&'a str, usize>>,
    comparisons_left: Cell<usize>,
}

/// One reference that leads somewhere, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) to: Target,
    /// The key of the list.
    pub(super) list: &'static str,
    /// Its place in the list as it is written.
    pub(super) at: usize,
}

impl<'a> References<'a> {
    /// The names in a spec.
    pub(super) fn of(spec: &Table<'a, '_>) -> Self {
        let places = |key: &str| {
            let names = spec.get(key)?.as_object()?.keys();
            Some(names.enumerate().map(|(place, name)| (name.as_str(), place)).collect())
        };
        let (hooks, programs) = (places("hooks"), places("programs"));
        Self { hooks, programs, comparisons_left: Cell::new(COMPARISONS) }
    }

    /// What a reference means. Of a hook's only the last of its dotted parts counts.
    fn find(&self, reference: &str) -> Option<Target> {
        match reference.strip_prefix(PROGRAMS) {
            Some(program) => Some(Target::Program(*self.programs.as_ref()?.get(program)?)),
            None => Some(Target::Hook(*self.hooks.as_ref()?.get(last_part(reference))?)),
        }
    }

    /// Reads the references `items`, which `from` makes in the list at `path`; problems instead of those that lead nowhere.
    pub(super) fn read(
        &self,
        (items, list): (&[Json], &'static str),
        from: Target,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<Link> {
        let mut links = Vec::with_capacity(items.len());
        for (at, json) in items.iter().enumerate() {
            let Some(reference) = json.as_str() else {
                problems.push(Problem::new(
                    element(path, at),
                    "a string such as \"hooks.x\"",
                    describe(json),
                ));
                continue;
            };
            match self.find(reference) {
                Some(to) if to == from => problems.push(itself(to, reference, element(path, at))),
                Some(to) => links.push(Link { to, list, at }),
                None => problems.extend(self.unknown(reference, element(path, at))),
            }
        }
        links
    }

    /// The problem of a reference that leads nowhere; none if the table that it leads to is broken itself.
    fn unknown(&self, reference: &str, path: String) -> Option<Problem> {
        let found = describe(&Json::from(reference));
        if let Some(name) = reference.strip_prefix(PROGRAMS) {
            let programs = self.programs.as_ref()?;
            let problem = Problem::new(path, "a program of this spec", found);
            return Some(match self.hooks.as_ref().and_then(|hooks| hooks.get_key_value(name)) {
                Some((hook, _)) => problem.with_hint(format!("the hook is `hooks.{hook}`")),
                None => self.with_near(problem, name, programs.keys().copied(), PROGRAMS),
            });
        }
        let (hooks, name) = (self.hooks.as_ref()?, last_part(reference));
        let problem = Problem::new(path, "a hook of this spec", found);
        Some(match self.programs.as_ref().and_then(|programs| programs.get_key_value(name)) {
            Some((program, _)) => problem.with_hint(format!("the program is `programs.{program}`")),
            None => self.with_near(problem, name, hooks.keys().copied(), "hooks."),
        })
    }

    /// Adds which of `names` was probably meant, behind `prefix`, as long as comparing is affordable.
    pub(super) fn with_near<'n>(
        &self,
        problem: Problem,
        wanted: &str,
        names: impl ExactSizeIterator<Item = &'n str>,
        prefix: &str,
    ) -> Problem {
        let Some(left) = self.comparisons_left.get().checked_sub(names.len()) else { return problem };
        self.comparisons_left.set(left);
        // Of names that are equally near, always the same.
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        match near_miss(wanted, names) {
            Some(near) => problem.with_hint(format!("did you mean `{prefix}{near}`?")),
            None => problem,
        }
    }
}

fn last_part(reference: &str) -> &str {
    reference.rsplit_once('.').map_or(reference, |(_, last)| last)
}

fn itself(target: Target, reference: &str, path: String) -> Problem {
    let (expected, found) = match target {
        Target::Hook(_) => ("another hook", "the hook itself"),
        Target::Program(_) => ("another program", "the program itself"),
    };
    Problem::new(path, expected, format!("{reference:?}, {found}"))
}
