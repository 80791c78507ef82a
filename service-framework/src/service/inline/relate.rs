//! Relations, checked: every end is there, each two fit, and every request has one answer.

use super::{End, Relation};
use crate::model::{ConnectionType, Problem, ServiceModel, Side, compare, compare_states};

/// Who leads to whom, by numbers.
#[derive(Default)]
pub(super) struct Related {
    /// From an out connection to an in one.
    pub(super) connections: Vec<(Place, Place)>,
    /// Every own state, with its replicas.
    pub(super) states: Vec<(Place, Vec<Place>)>,
}

/// A connection or a state: the number of its service, its own on its side there, and its name.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) service: usize,
    pub(super) index: usize,
    pub(super) name: String,
}

/// What an end is.
enum Found {
    Connection(Place),
    State(Place),
}

/// Checks the relations.
///
/// # Errors
/// All problems of them at once.
pub(super) fn related(models: &[&ServiceModel], relations: &[Relation]) -> Result<Related, Vec<Problem>> {
    let mut checking = Checking { models, related: Related::default(), problems: Vec::new() };
    checking.add_states();
    for (number, relation) in relations.iter().enumerate() {
        checking.add(&format!("relations[{number}]"), relation);
    }
    checking.refuse_unrelated();
    if checking.problems.is_empty() { Ok(checking.related) } else { Err(checking.problems) }
}

struct Checking<'a> {
    models: &'a [&'a ServiceModel],
    related: Related,
    problems: Vec<Problem>,
}

impl Checking<'_> {
    fn add_states(&mut self) {
        for (service, model) in self.models.iter().enumerate() {
            for (index, state) in model.states_on(Side::Out).enumerate() {
                let place = Place { service, index, name: state.name.clone() };
                self.related.states.push((place, Vec::new()));
            }
        }
    }

    fn add(&mut self, path: &str, relation: &Relation) {
        let from = self.find(path, &relation.from, Side::Out);
        let to = self.find(path, &relation.to, Side::In);
        match (from, to) {
            (Some(Found::Connection(from)), Some(Found::Connection(to))) => self.connect(path, from, to),
            (Some(Found::State(from)), Some(Found::State(to))) => self.follow(from, to),
            (Some(_), Some(_)) => {
                let problem = Problem::new(path, "two connections or two states", "one of each");
                self.problems.push(problem);
            }
            _ => {}
        }
    }

    fn find(&mut self, path: &str, end: &End, side: Side) -> Option<Found> {
        let names = || self.models.iter().map(|model| model.name.as_str());
        let Some(service) = names().position(|name| name == end.service) else {
            let problem = Problem::new(path, "a service of the group", format!("{:?}", end.service));
            let problem = problem.with_near_miss(&end.service, names());
            self.problems.push(problem);
            return None;
        };
        let model = self.models[service];
        let place = |index| Place { service, index, name: end.name.clone() };
        let connections = || model.connections.iter().filter(|connection| connection.side == side);
        if let Some(index) = connections().position(|connection| connection.name == end.name) {
            return Some(Found::Connection(place(index)));
        }
        if let Some(index) = model.states_on(side).position(|state| state.name == end.name) {
            return Some(Found::State(place(index)));
        }
        let expected = format!("an {side} connection or state of {}", end.service);
        let known = connections().map(|connection| connection.name.as_str());
        let known = known.chain(model.states_on(side).map(|state| state.name.as_str()));
        let problem =
            Problem::new(path, expected, format!("{:?}", end.name)).with_near_miss(&end.name, known);
        self.problems.push(problem);
        None
    }

    fn connect(&mut self, path: &str, from: Place, to: Place) {
        let out = self.models[from.service].connections_on(Side::Out).nth(from.index);
        let input = self.models[to.service].connections_on(Side::In).nth(to.index);
        let (Some(out), Some(input)) = (out, input) else { return };
        self.problems.extend(compare(out, input));
        let mut known = self.related.connections.iter();
        let is_related = known.any(|(known, _)| (known.service, known.index) == (from.service, from.index));
        if out.kind == ConnectionType::Requester && is_related {
            let found = format!("{} of {} led to a second one", from.name, self.models[from.service].name);
            self.problems.push(Problem::new(path, "one replyer for each requester", found));
        }
        self.related.connections.push((from, to));
    }

    fn follow(&mut self, from: Place, to: Place) {
        let out = self.models[from.service].states_on(Side::Out).nth(from.index);
        let input = self.models[to.service].states_on(Side::In).nth(to.index);
        let (Some(out), Some(input)) = (out, input) else { return };
        self.problems.extend(compare_states(out, input));
        for (state, followers) in &mut self.related.states {
            if (state.service, state.index) == (from.service, from.index) {
                followers.push(to.clone());
            }
        }
    }

    /// Every requester and every replica needs another end; publishers and owners may have nobody who listens.
    fn refuse_unrelated(&mut self) {
        for (service, model) in self.models.iter().enumerate() {
            for (index, out) in model.connections_on(Side::Out).enumerate() {
                let is_related = || {
                    let mut all = self.related.connections.iter();
                    all.any(|(from, _)| (from.service, from.index) == (service, index))
                };
                if out.kind == ConnectionType::Requester && !is_related() {
                    self.problems.push(unrelated(&model.name, &out.name, "a replyer"));
                }
            }
            for (index, state) in model.states_on(Side::In).enumerate() {
                let mut followers = self.related.states.iter().flat_map(|(_, followers)| followers);
                if !followers.any(|to| (to.service, to.index) == (service, index)) {
                    self.problems.push(unrelated(&model.name, &state.name, "an owner"));
                }
            }
        }
    }
}

fn unrelated(service: &str, name: &str, expected: &str) -> Problem {
    Problem::new(format!("{service}.{name}"), format!("a relation to {expected}"), "none")
}
