//! The other end of everything that a service is connected to, as a service.

use std::sync::Arc;

use super::board::Board;
use crate::model::{ConnectionModel, ConnectionType, NO_VERSION, ServiceModel, Side, StateModel};
use crate::service::{Erased, Kind, Relation, Service, Step};

/// The other ends of everything that a service with this model has.
pub(super) struct World {
    name: String,
    /// By the name that the service has for them, which is theirs too.
    connections: Vec<ConnectionModel>,
    /// Each with the name that the service has for it.
    pub(super) states: Vec<(String, StateModel)>,
}

impl World {
    pub(super) fn of(model: &ServiceModel) -> Self {
        Self {
            name: format!("the test of {}", model.name),
            connections: model.connections.iter().filter_map(other_end).collect(),
            states: model.states.iter().flat_map(other_states).collect(),
        }
    }

    /// The part of it that listens, or the one that connects.
    pub(super) fn part(&self, listens: bool) -> Self {
        let name =
            format!("{} ({})", self.name, if listens { "what it is led to" } else { "what is led to it" });
        let connections = self.connections.iter().filter(|other| other.is_bound() == Some(listens));
        let states = self.states.iter().filter(|(_, other)| (other.side == Side::Out) == listens);
        Self { name, connections: connections.cloned().collect(), states: states.cloned().collect() }
    }

    /// The names of its connections.
    pub(super) fn connections(&self) -> impl Iterator<Item = &str> {
        self.connections.iter().map(|other| other.name.as_str())
    }

    /// How it is related to the service.
    pub(super) fn relations(&self, model: &ServiceModel) -> Vec<Relation> {
        let connections = self.connections.iter().map(|other| (other.side, &other.name, &other.name));
        let states = self.states.iter().map(|(own, other)| (other.side, own, &other.name));
        let all = connections.chain(states);
        all.map(|(side, own, other)| relation(model, &self.name, side, (own, other))).collect()
    }

    /// The service that is the other end of all this.
    pub(super) fn service(self, board: &Arc<Board>) -> Service {
        let inputs = self.connections.iter().filter(|other| other.side == Side::In);
        let inputs: Vec<_> = inputs.map(|other| (other.name.clone(), other.kind)).collect();
        let model = ServiceModel {
            name: self.name,
            version: NO_VERSION.to_owned(),
            connections: self.connections,
            states: self.states.into_iter().map(|(_, other)| other).collect(),
            ..ServiceModel::default()
        };
        inputs.into_iter().fold(Service::from_model(model), |service, (name, kind)| {
            let handler = handler(board.clone(), name.clone(), kind);
            service.erased(name, handler)
        })
    }
}

/// How what is called `own` in the service leads to what is called `other` in the test, whose side that is.
fn relation(model: &ServiceModel, test: &str, side: Side, (own, other): (&str, &str)) -> Relation {
    let (service, test) = ((&*model.name, own), (test, other));
    match side {
        Side::In => Relation { from: service.into(), to: test.into() },
        Side::Out => Relation { from: test.into(), to: service.into() },
    }
}

fn other_end(model: &ConnectionModel) -> Option<ConnectionModel> {
    let other = ConnectionModel::new(&model.name, model.kind.other_end()?);
    let other = if model.is_bound()? { other.connects() } else { other.binds() };
    let topic = model.topic.clone();
    Some(ConnectionModel { arguments: model.message(), returns: model.returns.clone(), topic, ..other })
}

/// The other ends of a state, each with the name that the service has for it: one for each of several owners.
fn other_states(model: &StateModel) -> Vec<(String, StateModel)> {
    let side = if model.side == Side::In { Side::Out } else { Side::In };
    let other = |name: String, topic: Option<&String>| {
        let other = StateModel::new(name, side, model.kind);
        let other = StateModel { arguments: model.arguments.clone(), ..other };
        (model.name.clone(), other.topic(topic.cloned().unwrap_or_default()))
    };
    match model.topics.is_empty() {
        true => vec![other(model.name.clone(), model.topic.as_ref())],
        false => model.topics.iter().map(|topic| other(of_owner(&model.name, topic), Some(topic))).collect(),
    }
}

/// What the test calls the state of one of several owners.
pub(super) fn of_owner(state: &str, topic: &str) -> String {
    format!("{state}.{topic}")
}

fn handler(board: Arc<Board>, name: String, kind: ConnectionType) -> Erased {
    Erased::plain(Kind::Inline(Box::new(move |_run, args, out| match kind {
        ConnectionType::Replyer => board.ask(&name, args, out),
        _ => {
            board.note(&name, args);
            Step::Done(Ok(()))
        }
    })))
}
