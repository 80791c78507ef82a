//! Who talks to whom and how much: what `up` says of its system, with rates, states and what the models of those that run do
//! not agree on. A service that was started again may have another model than the one that `up` has checked.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::snapshot::{Service, System};
use crate::launcher::control::message::Question;
use crate::launcher::control::place::Kind;
use crate::launcher::look::{ask, describe_each, text};
use crate::model::{self, ServiceModel};

/// The first answer takes as long as `up` needs to compare all models.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many instances of each end are compared; more are of the same program, nearly always.
const COMPARED: usize = 3;

/// The instances of each entry of a system.
type Instances<'a> = HashMap<&'a str, Vec<&'a Service>>;

/// What has to be asked for once.
#[derive(Default)]
pub(super) struct Graphs {
    /// Of each `up`: services and connections.
    drawn: HashMap<u32, Json>,
    models: HashMap<u32, Option<ServiceModel>>,
    /// Between which processes what does not fit, by the connection.
    problems: HashMap<(u32, usize), (BTreeSet<u32>, Vec<String>)>,
}

impl Graphs {
    /// The graphs of these systems, and the services that belong to none.
    pub(super) fn look(&mut self, systems: &[System], services: &[Service]) -> Json {
        self.forget(systems, services);
        self.learn(systems, services);
        let mut of_entries: HashMap<u32, Instances<'_>> = HashMap::new();
        for service in services {
            if let Some((_, up)) = &service.found.system {
                let entry = text(&service.found.said, "entry");
                of_entries.entry(*up).or_default().entry(entry).or_default().push(service);
            }
        }
        let drawn: Vec<Json> = systems
            .iter()
            .map(|system| self.one(system, of_entries.remove(&system.up).unwrap_or_default()))
            .collect();
        let alone = services.iter().filter(|service| service.found.system.is_none());
        let alone: Vec<Json> = alone
            .map(|service| json!({ "id": service.id, "name": service.found.name, "state": service.state() }))
            .collect();
        json!({ "systems": drawn, "alone": alone })
    }

    fn forget(&mut self, systems: &[System], services: &[Service]) {
        let ups: HashSet<u32> = systems.iter().map(|system| system.up).collect();
        let pids: HashSet<u32> = services.iter().filter_map(|service| service.found.pid).collect();
        self.drawn.retain(|up, _| ups.contains(up));
        self.problems.retain(|(up, _), _| ups.contains(up));
        self.models.retain(|pid, _| pids.contains(pid));
    }

    fn learn(&mut self, systems: &[System], services: &[Service]) {
        for system in systems {
            if !self.drawn.contains_key(&system.up)
                && let Ok(graph) = ask(Kind::System, system.up, &Question::new("graph"), PATIENCE)
            {
                self.drawn.insert(system.up, graph);
            }
        }
        // Those that do not answer yet are asked again.
        let answering =
            services.iter().filter(|service| service.found.system.is_some() && !service.stats.is_null());
        let pids = answering.filter_map(|service| service.found.pid);
        let new: Vec<u32> = pids.filter(|pid| !self.models.contains_key(pid)).collect();
        for (pid, said) in new.iter().zip(describe_each(&new)) {
            let model =
                said.map(|said| ServiceModel::from_json(said.get("model").unwrap_or(&Json::Null), None).ok());
            if let Some(model) = model {
                self.models.insert(*pid, model);
            }
        }
    }

    fn one(&mut self, system: &System, instances: Instances<'_>) -> Json {
        let mut graph = self.drawn.get(&system.up).cloned().unwrap_or_default();
        for node in list(&mut graph, "services") {
            let mut states: Vec<&str> =
                of(&instances, text(node, "name")).iter().map(|service| service.state()).collect();
            states.sort_unstable();
            states.dedup();
            node["state"] = states.join(", ").into();
        }
        for (number, edge) in list(&mut graph, "connections").iter_mut().enumerate() {
            let end =
                |side: &str| (text(&edge[side], "service").to_owned(), text(&edge[side], "end").to_owned());
            let (from, to) = (end("from"), end("to"));
            let (senders, takers) = (of(&instances, &from.0), of(&instances, &to.0));
            edge["rate"] = json!(rate(senders, &from.1));
            edge["problems"] =
                self.mismatches((system.up, number), (senders, &from.1), (takers, &to.1)).into();
        }
        graph["name"] = system.name.as_str().into();
        graph["up"] = system.up.into();
        graph
    }

    /// What the ends of a connection do not agree on, of those that run now.
    fn mismatches(
        &mut self,
        connection: (u32, usize),
        (senders, out): (&[&Service], &str),
        (takers, into): (&[&Service], &str),
    ) -> Vec<String> {
        let pids = |services: &[&Service]| -> Vec<u32> {
            services.iter().filter_map(|service| service.found.pid).take(COMPARED).collect()
        };
        let (senders, takers) = (pids(senders), pids(takers));
        let all: Vec<u32> = senders.iter().chain(&takers).copied().collect();
        let compared: BTreeSet<u32> =
            all.iter().copied().filter(|pid| self.models.contains_key(pid)).collect();
        if let Some((known, problems)) =
            self.problems.get(&connection).filter(|(known, _)| *known == compared)
        {
            debug_assert_eq!(*known, compared);
            return problems.clone();
        }
        let model = |pid: &u32| self.models.get(pid).and_then(Option::as_ref);
        let mut problems: Vec<String> = Vec::new();
        for sender in senders.iter().filter_map(model) {
            for taker in takers.iter().filter_map(model) {
                problems.extend(compare((sender, out), (taker, into)));
            }
        }
        problems.sort_unstable();
        problems.dedup();
        self.problems.insert(connection, (compared, problems.clone()));
        problems
    }
}

fn of<'a, 'b>(instances: &'b Instances<'a>, entry: &str) -> &'b [&'a Service] {
    instances.get(entry).map(Vec::as_slice).unwrap_or_default()
}

fn list<'a>(graph: &'a mut Json, key: &str) -> &'a mut [Json] {
    graph.get_mut(key).and_then(Json::as_array_mut).map(Vec::as_mut_slice).unwrap_or_default()
}

/// Messages that leave by this end in a second, of all instances together.
fn rate(senders: &[&Service], end: &str) -> Option<f64> {
    let rates = senders.iter().filter_map(|service| service.rates.get(end)).map(|(_, sent)| *sent);
    rates.reduce(|sum, rate| sum + rate)
}

/// What two ends do not agree on; one that is not there any more is a problem too.
fn compare((sender, out): (&ServiceModel, &str), (taker, into): (&ServiceModel, &str)) -> Vec<String> {
    let of = |model: &ServiceModel, end: &str| End::find(model, end);
    let problems = match (of(sender, out), of(taker, into)) {
        (Some(End::Connection(sender)), Some(End::Connection(taker))) => model::compare(&sender, &taker),
        (Some(End::State(sender)), Some(End::State(taker))) => model::compare_states(&sender, &taker),
        (Some(_), _) => return vec![format!("{} has no {into} any more", taker.name)],
        (None, _) => return vec![format!("{} has no {out} any more", sender.name)],
    };
    problems.iter().map(ToString::to_string).collect()
}

enum End {
    Connection(model::ConnectionModel),
    State(model::StateModel),
}

impl End {
    /// The end of this name, such as `in.ask` or `states.out.book`.
    fn find(model: &ServiceModel, name: &str) -> Option<Self> {
        let (side, name, is_state) = match name.strip_prefix("states.") {
            Some(rest) => rest.split_once('.').map(|(side, name)| (side, name, true))?,
            None => name.split_once('.').map(|(side, name)| (side, name, false))?,
        };
        match is_state {
            true => model
                .states
                .iter()
                .find(|state| state.side.as_str() == side && state.name == name)
                .cloned()
                .map(Self::State),
            false => {
                let mut connections = model.connections.iter();
                connections
                    .find(|known| known.side.as_str() == side && known.name == name)
                    .cloned()
                    .map(Self::Connection)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConnectionModel, StateModel, Type};

    fn model(name: &str, connection: ConnectionModel, state: StateModel) -> ServiceModel {
        ServiceModel {
            name: name.into(),
            connections: vec![connection],
            states: vec![state],
            ..ServiceModel::default()
        }
    }

    #[test]
    fn what_two_ends_do_not_agree_on_is_told() {
        let asks = model(
            "asks",
            ConnectionModel::requester("ask").requires("n", Type::Int),
            StateModel::full_out("told").requires("n", Type::Int),
        );
        let answers = |of: Type| {
            model(
                "answers",
                ConnectionModel::replyer("ask").requires("n", of),
                StateModel::full_in("told").requires("n", Type::Int),
            )
        };
        let told = |of| compare((&asks, "out.ask"), (&answers(of), "in.ask"));
        assert_eq!(told(Type::Int), Vec::<String>::new());
        assert!(told(Type::Str)[0].contains("expected"), "{:?}", told(Type::Str));
        assert_eq!(
            compare((&asks, "states.out.told"), (&answers(Type::Int), "states.in.told")),
            Vec::<String>::new()
        );
        assert_eq!(compare((&asks, "out.ask"), (&asks, "in.ask")), ["asks has no in.ask any more"]);
    }
}
