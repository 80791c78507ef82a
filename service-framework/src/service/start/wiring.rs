//! Where the sockets of a service go that is started as an object: what was said of them, as an addresses file would.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::started::Face;
use crate::connection::{Need, Of, needs, other_end};
use crate::model::{Problem, ServiceModel, Side, compare, compare_states};
use crate::service::Service;
use crate::service::shared::Listening;

/// Where sockets bind of which nothing else is said.
const ANYWHERE: &str = "tcp://127.0.0.1:*";

/// All that was said.
#[derive(Default)]
pub(super) struct Wiring(Vec<Wire>);

/// What was said of one connection or state.
struct Wire {
    name: String,
    to: To,
}

enum To {
    Address(String),
    /// A service, and what it is called there.
    Service(Arc<Face>, String),
}

/// The sockets of a service, each with its addresses.
struct Laying<'a> {
    service: &'a Service,
    sockets: Vec<(Need, Vec<String>)>,
    problems: Vec<Problem>,
}

impl Wiring {
    pub(super) fn connect(&mut self, name: &str, other: Arc<Face>, name_there: &str) {
        self.0.push(Wire { name: name.to_owned(), to: To::Service(other, name_there.to_owned()) });
    }

    pub(super) fn address(&mut self, name: &str, address: String) {
        self.0.push(Wire { name: name.to_owned(), to: To::Address(address) });
    }

    /// The addresses of every socket, and what is wrong with what was said.
    pub(super) fn addresses(&self, service: &Service) -> (Json, Vec<Problem>) {
        let sockets = needs(service.model()).into_iter().map(|need| (need, Vec::new())).collect();
        let mut laying = Laying { service, sockets, problems: Vec::new() };
        for Wire { name, to } in &self.0 {
            match to {
                To::Address(address) => laying.add_address(name, address),
                To::Service(other, name_there) => laying.add_service(name, other, name_there),
            }
        }
        laying.refuse_unwired();
        (laying.json(), laying.problems)
    }
}

impl Laying<'_> {
    /// The sockets of this name, or the one socket of a state: `NAME.SOCKET`.
    fn find(&self, name: &str) -> Vec<usize> {
        let full = |need: &Need| format!("{}.{}", need.name, need.socket);
        let is_it = |need: &Need| need.name == name || full(need) == name;
        let sockets = self.sockets.iter().enumerate();
        sockets.filter(|(_, (need, _))| is_it(need)).map(|(index, _)| index).collect()
    }

    fn add_address(&mut self, name: &str, address: &str) {
        match *self.find(name) {
            [] => self.problems.push(self.unknown(name)),
            [only] => self.sockets[only].1.push(address.to_owned()),
            ref several => {
                let names: Vec<_> = several.iter().map(|index| self.full_name(*index)).collect();
                let expected = format!("an address for each of {}", names.join(" and "));
                self.problems.push(Problem::new(name, expected, format!("{address:?} for all of them")));
            }
        }
    }

    fn full_name(&self, index: usize) -> String {
        let (need, _) = &self.sockets[index];
        format!("{}.{}", need.name, need.socket)
    }

    fn unknown(&self, name: &str) -> Problem {
        let expected = format!("a connection or state of {} with an address", self.service.model().name);
        let names = self.sockets.iter().map(|(need, _)| need.name.as_str());
        Problem::new(name, expected, "none of this name").with_near_miss(name, names)
    }

    fn add_service(&mut self, name: &str, other: &Face, name_there: &str) {
        let mut connecting = self.find(name);
        if connecting.is_empty() {
            self.problems.push(self.unknown(name));
            return;
        }
        connecting.retain(|index| !self.sockets[*index].0.binds);
        let mut compared = false;
        for index in &connecting {
            let (need, addresses) = &mut self.sockets[*index];
            let Some(there) = other.listening.iter().find(|there| is_other_end(need, there, name_there))
            else {
                continue;
            };
            addresses.push(there.endpoint.clone());
            if !compared {
                self.problems.extend(misfits(self.service.model(), need, &other.model, name_there));
                compared = true;
            }
        }
        if !compared {
            let first = connecting.first().map(|index| &self.sockets[*index].0);
            self.problems.push(no_other_end(first, name, other, name_there));
        }
    }

    fn refuse_unwired(&mut self) {
        // The hook may still say them.
        if self.service.hooks.setup_addresses.is_some() {
            return;
        }
        let told: Vec<String> = self.problems.iter().map(|problem| problem.path.clone()).collect();
        let mut last = None;
        for (need, addresses) in &self.sockets {
            let path = path(need);
            let is_told = told.iter().any(|told| told.starts_with(&path) || *told == need.name);
            if need.binds || !addresses.is_empty() || is_told || last.as_ref() == Some(&path) {
                continue;
            }
            let hint = format!("say it by `.connect({0:?}, &service, name)` or `.address(…)`", need.name);
            self.problems.push(Problem::missing(&path, "where it connects to").with_hint(hint));
            last = Some(path);
        }
    }

    fn json(&self) -> Json {
        let mut json = json!({"connections": {"in": {}, "out": {}}, "states": {"in": {}, "out": {}}});
        for (need, addresses) in &self.sockets {
            let address = match &addresses[..] {
                [] if need.binds => json!(ANYWHERE),
                [] => continue,
                [one] => json!(one),
                several => json!(several),
            };
            let names = &mut json[need.of.key()][need.side.as_str()];
            if names.get(&need.name).is_none() {
                names[&need.name] = Json::Object(Map::new());
            }
            names[&need.name][need.socket] = address;
        }
        json
    }
}

/// Where it would stand in an addresses file.
fn path(need: &Need) -> String {
    format!("{}.{}.{}", need.of.key(), need.side, need.name)
}

fn is_other_end(need: &Need, there: &Listening, name_there: &str) -> bool {
    let wanted = (need.of, other_end(need.socket), name_there);
    need.side != there.side && wanted == (there.of, there.socket, &*there.name)
}

/// What keeps the two from talking to each other.
fn misfits(here: &ServiceModel, need: &Need, there: &ServiceModel, name_there: &str) -> Vec<Problem> {
    let (our_side, their_side) = (need.side, opposite(need.side));
    match need.of {
        Of::Connection => {
            let ours = here.connections_on(our_side).find(|model| model.name == need.name);
            let theirs = there.connections_on(their_side).find(|model| model.name == name_there);
            ours.zip(theirs).map(|(ours, theirs)| compare(ours, theirs)).unwrap_or_default()
        }
        Of::State => {
            let ours = here.states_on(our_side).find(|model| model.name == need.name);
            let theirs = there.states_on(their_side).find(|model| model.name == name_there);
            // An owner of one of several topics has that one, which is no misfit.
            let ours = ours.filter(|ours| ours.topics.is_empty());
            ours.zip(theirs).map(|(ours, theirs)| compare_states(ours, theirs)).unwrap_or_default()
        }
    }
}

fn opposite(side: Side) -> Side {
    match side {
        Side::In => Side::Out,
        Side::Out => Side::In,
    }
}

fn no_other_end(need: Option<&Need>, name: &str, other: &Face, name_there: &str) -> Problem {
    let Some(need) = need else {
        let problem = Problem::new(name, "a connection or state that connects", "one that listens");
        return problem.with_hint("connect the other end to it");
    };
    let (wanted, service) = (other_end(need.socket), &other.model.name);
    let expected = format!("a {wanted} of {service} that listens");
    let names = other.listening.iter().filter(|there| there.socket == wanted);
    let problem = Problem::new(path(need), expected, format!("{name_there:?}"));
    problem.with_near_miss(name_there, names.map(|there| there.name.as_str()))
}
