//! Cycles: what would run itself. Specs may be deep, so nothing here recurses.

use super::read::{Links, path_of};
use super::references::Link;
use super::{Spec, Target};
use crate::model::{Problem, element};

/// How many names all cycles together may have; what is beyond is found once those are mended.
const MOST_NAMES: usize = 10_000;

/// So many names of a cycle are said; of longer ones the middle is left out.
const SHOWN: usize = 100;

/// What a walk over all references finds.
pub(super) struct Walk {
    /// Every hook and program, each behind all that it refers to. Meaningful if there are no cycles.
    pub(super) order: Vec<Target>,
    pub(super) cycles: Vec<Problem>,
}

/// Follows every reference of a spec.
pub(super) fn walk(spec: &Spec, links: &Links) -> Walk {
    let programs = (0..links.programs.len()).map(Target::Program);
    let hooks = (0..links.hooks.len()).map(Target::Hook);
    let mut walker = Walker {
        spec,
        links,
        states: [vec![State::New; links.hooks.len()], vec![State::New; links.programs.len()]],
        open: Vec::new(),
        names_left: MOST_NAMES,
        found: Walk { order: Vec::new(), cycles: Vec::new() },
    };
    programs.chain(hooks).for_each(|root| walker.visit(root));
    walker.found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// On the way to where we are, at this depth.
    Open(usize),
    Done,
}

struct Walker<'a> {
    spec: &'a Spec,
    links: &'a Links,
    /// Of hooks, and of programs.
    states: [Vec<State>; 2],
    /// The way to where we are, each with the number of references that have been followed.
    open: Vec<(Target, usize)>,
    names_left: usize,
    found: Walk,
}

impl Walker<'_> {
    fn visit(&mut self, root: Target) {
        if self.state(root) == State::New {
            self.enter(root);
        }
        while let Some((at, followed)) = self.open.last_mut() {
            let at = *at;
            let Some(link) = self.links.of(at).get(*followed).copied() else {
                self.leave(at);
                continue;
            };
            *followed += 1;
            match self.state(link.to) {
                State::New => self.enter(link.to),
                State::Open(depth) => self.report(at, link, depth),
                State::Done => {}
            }
        }
    }

    fn state(&self, target: Target) -> State {
        match target {
            Target::Hook(place) => self.states[0][place],
            Target::Program(place) => self.states[1][place],
        }
    }

    fn set(&mut self, target: Target, state: State) {
        match target {
            Target::Hook(place) => self.states[0][place] = state,
            Target::Program(place) => self.states[1][place] = state,
        }
    }

    fn enter(&mut self, target: Target) {
        self.set(target, State::Open(self.open.len()));
        self.open.push((target, 0));
    }

    fn leave(&mut self, target: Target) {
        self.set(target, State::Done);
        self.open.pop();
        self.found.order.push(target);
    }

    /// Notes the cycle that `link`, from `at`, closes at `depth`.
    fn report(&mut self, at: Target, link: Link, depth: usize) {
        let members = &self.open[depth..];
        let Some(left) = self.names_left.checked_sub(members.len()) else {
            if self.found.cycles.is_empty() {
                self.names_left = 0;
                let problem = self.problem(at, link, members);
                self.found.cycles.push(problem);
            }
            return;
        };
        self.names_left = left;
        let problem = self.problem(at, link, members);
        self.found.cycles.push(problem);
    }

    fn problem(&self, at: Target, link: Link, members: &[(Target, usize)]) -> Problem {
        let name = |target: Target| match target {
            Target::Hook(_) => self.spec.name_of(target).to_owned(),
            Target::Program(_) => self.spec.reference_to(target),
        };
        let mut names: Vec<String> = Vec::new();
        let hidden = members.len().saturating_sub(SHOWN);
        for (index, (member, _)) in members.iter().enumerate() {
            if hidden == 0 || !(SHOWN / 2..SHOWN / 2 + hidden).contains(&index) {
                names.push(name(*member));
            } else if index == SHOWN / 2 {
                names.push(format!("… {hidden} more …"));
            }
        }
        names.push(name(link.to));
        let table = if matches!(at, Target::Hook(_)) { "hooks" } else { "programs" };
        let path = element(&path_of(table, self.spec.name_of(at), link.list), link.at);
        Problem::new(path, "no way back to where it began", names.join(" → "))
    }
}

impl Links {
    /// The references of a hook or a program.
    fn of(&self, target: Target) -> &[Link] {
        match target {
            Target::Hook(place) => &self.hooks[place],
            Target::Program(place) => &self.programs[place],
        }
    }
}
