//! The messages between the services of the host system: as types, and as models of both ends.

use serde::{Deserialize, Serialize};
use service_framework::model::{ConnectionModel, StateModel, Type};

use crate::alarms::Alarm;
use crate::answers::QUESTIONS;
use crate::reading::Reading;

/// A question about the machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// One of [`QUESTIONS`].
    pub about: String,
}

/// The answer to a question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The answer in a sentence.
    pub text: String,
    /// The whole reading it comes from.
    pub reading: Reading,
    /// How long ago that came, in seconds.
    pub age: f64,
    /// What is over its limit in it.
    pub alarms: Vec<Alarm>,
}

/// The state of what was read last: a key for each part of a [`Reading`].
pub const FIGURES: &str = "figures";

/// The type of the state [`FIGURES`].
#[must_use]
pub fn figures() -> Type {
    Type::record(reading_fields())
}

/// The state of what is over its limit: [`Raised`].
pub const RAISED: &str = "raised";

/// What is over its limit, all of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Raised {
    /// In the order of their names.
    pub alarms: Vec<Alarm>,
}

/// Adds the arguments of the state [`RAISED`] to its owner or a replica.
pub fn raised(model: StateModel) -> StateModel {
    model.requires("alarms", Type::list(Type::record(alarm_fields())))
}

/// Adds the arguments of published [`Alarm`]s to a publisher or a subscriber.
pub fn alarms(model: ConnectionModel) -> ConnectionModel {
    alarm_fields().into_iter().fold(model, |model, (name, of)| model.requires(name, of))
}

/// Makes a replyer or a requester one that takes a [`Question`] and returns an [`Answer`].
pub fn ask(model: ConnectionModel) -> ConnectionModel {
    let questions = QUESTIONS.iter().map(|question| (*question).into()).collect();
    model
        .requires("about", Type::Literal(questions))
        .returns("text", Type::Str)
        .returns("reading", Type::record(reading_fields()))
        .returns("age", Type::Float)
        .returns("alarms", Type::list(Type::record(alarm_fields())))
}

fn reading_fields() -> Vec<(&'static str, Type)> {
    let space = || Type::record([("total", Type::Int), ("available", Type::Int)]);
    let load = Type::record([("one", Type::Float), ("five", Type::Float), ("fifteen", Type::Float)]);
    let disk = Type::record([("mount", Type::Str), ("space", space())]);
    let network = Type::record([("received", Type::Float), ("sent", Type::Float)]);
    let process =
        Type::record([("pid", Type::Int), ("name", Type::Str), ("cpu", Type::Float), ("memory", Type::Int)]);
    vec![
        ("host", Type::Str),
        ("up", Type::Int),
        ("cores", Type::Int),
        ("cpu", Type::Float),
        ("load", load),
        ("memory", space()),
        ("swap", space()),
        ("disks", Type::list(disk)),
        ("network", network),
        ("busiest", Type::list(process)),
    ]
}

fn alarm_fields() -> Vec<(&'static str, Type)> {
    vec![("what", Type::Str), ("value", Type::Float), ("limit", Type::Float), ("raised", Type::Bool)]
}

#[cfg(test)]
mod tests {
    use service_framework::model::{Arguments, Checker};
    use service_framework::value::encode;

    use super::*;
    use crate::reading::tests::reading;

    #[track_caller]
    fn fits(arguments: &Arguments, message: &impl Serialize) {
        let checker = Checker::compile(arguments).unwrap();
        assert_eq!(checker.check(&encode(message).unwrap()), Ok(()));
    }

    #[test]
    fn the_models_are_those_of_the_types() {
        let alarm = Alarm { what: "load".to_owned(), value: 2.1, limit: 2.0, raised: true };
        let checker = Checker::of_type(&figures(), "figures").unwrap();
        assert_eq!(checker.check(&encode(&reading()).unwrap()), Ok(()));
        let standing = Raised { alarms: vec![alarm.clone()] };
        fits(&raised(StateModel::full_out(RAISED)).arguments, &standing);
        fits(&alarms(ConnectionModel::publisher("alarms")).arguments, &alarm);
        let ask = ask(ConnectionModel::replyer("ask"));
        fits(&ask.arguments, &Question { about: "load".to_owned() });
        let answer = Answer { text: String::new(), reading: reading(), age: 0.1, alarms: vec![alarm] };
        fits(&ask.returns, &answer);
    }
}
