//! Comparing the two ends of a state: whether what its owner publishes is what a replica takes.

use super::arguments::Arguments;
use super::compare::{Exchange, topic_text};
use super::connection::Side;
use super::problem::{Problem, child};
use super::state::{StateModel, StateType};
use super::types::Type;

/// The argument of a delta update that holds the changed keys.
const STATE: &str = "state";

/// What keeps the two ends of a state from being one: another kind of state, types that do not fit, arguments that one
/// end sends and the other refuses, or needs and is not sent, and other topics. One of both is the owner.
///
/// The paths are those of `a`, such as `state_models.in.book.required_arguments.state`.
pub fn compare_states(a: &StateModel, b: &StateModel) -> Vec<Problem> {
    let path = child(&child("state_models", a.side.as_str()), &a.name);
    let (owner, replica, other) = match a.side {
        Side::Out => (a, b, "replica"),
        Side::In => (b, a, "owner"),
    };
    if a.kind != b.kind || a.side == b.side {
        let expected = format!("{} at the other end", a.kind.on(opposite(a.side)));
        return vec![Problem::new(child(&path, "state_type"), expected, b.kind.on(b.side))];
    }
    let exchange = Exchange { path: &path, suffix: "arguments", a_sends: a.side == Side::Out, other };
    let (sent, taken) = (others(owner), others(replica));
    let mut problems = exchange.compare(&sent, &taken);
    if a.kind == StateType::DeltaUpdate {
        problems.extend(compare_keys(&exchange, owner, replica));
    }
    problems.extend(compare_topics(owner, replica, &path));
    problems
}

fn opposite(side: Side) -> Side {
    match side {
        Side::In => Side::Out,
        Side::Out => Side::In,
    }
}

/// The arguments but for the keys of a delta state.
fn others(model: &StateModel) -> Arguments {
    let is_other = |(name, _): &&(String, Type)| model.kind == StateType::FullUpdate || name != STATE;
    Arguments {
        required: model.arguments.required.iter().filter(is_other).cloned().collect(),
        optional: model.arguments.optional.iter().filter(is_other).cloned().collect(),
    }
}

fn compare_keys(exchange: &Exchange<'_>, owner: &StateModel, replica: &StateModel) -> Option<Problem> {
    let of = |model: &StateModel| model.arguments.get(STATE).cloned().unwrap_or(Type::Any);
    let (sent, taken) = (of(owner), of(replica));
    let mismatch = || exchange.mismatch(STATE, &sent, &taken, &Arguments::new(), &Arguments::new());
    (!accepts_keys(&taken, &sent)).then(mismatch)
}

/// As [`Type::accepts`], but that any keys of a record may be missing.
fn accepts_keys(taken: &Type, sent: &Type) -> bool {
    match (taken, sent) {
        (Type::Record(taken), Type::Record(sent)) => sent.iter().all(|(name, of)| {
            taken.iter().find(|(known, _)| known == name).is_some_and(|(_, wanted)| wanted.accepts(of))
        }),
        _ => taken.accepts(sent),
    }
}

/// A replica without a topic hears all of them.
fn compare_topics(owner: &StateModel, replica: &StateModel, path: &str) -> Option<Problem> {
    let hears_all = replica.topic.is_none() && replica.topics.is_empty();
    let is_one = owner.topic.as_ref().is_some_and(|topic| replica.topics.contains(topic));
    if hears_all || is_one || (owner.topic == replica.topic && replica.topics.is_empty()) {
        return None;
    }
    let heard = match replica.topics.as_slice() {
        [] => topic_text(replica.topic.as_deref()),
        topics => format!("one of the topics {}", topics.join(", ")),
    };
    let found = format!("{}, under which the owner publishes", topic_text(owner.topic.as_deref()));
    let path = child(&child(path, "optional_creation_arguments"), "topic");
    Some(Problem::new(path, format!("{heard}, to which the replica listens"), found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(a: &StateModel, b: &StateModel) -> Vec<String> {
        compare_states(a, b).iter().map(Problem::to_string).collect()
    }

    #[test]
    fn ends_that_fit_have_no_problems() {
        let fields = |names: &[&'static str]| Type::record(names.iter().map(|name| (*name, Type::Int)));
        for (owner, replica) in [
            (Type::map(Type::Str, Type::Int), Type::map(Type::Str, Type::Float)),
            (fields(&["a"]), fields(&["a", "b"])),
            (fields(&["a"]), Type::map(Type::Str, Type::Any)),
            (Type::map(Type::Str, Type::Int), Type::Any),
        ] {
            let (owner, replica) = (StateModel::delta_out("s", owner), StateModel::delta_in("r", replica));
            assert_eq!(lines(&owner, &replica), [""; 0]);
            assert_eq!(lines(&replica, &owner), [""; 0]);
        }
        let owner = StateModel::full_out("s").requires("mode", Type::Str).topic("eu");
        let replica = StateModel::full_in("s").requires("mode", Type::Str);
        assert_eq!(lines(&owner, &replica), [""; 0], "without a topic all are heard");
        assert_eq!(lines(&owner, &replica.clone().topic("eu")), [""; 0]);
        assert_eq!(lines(&owner, &replica.topics(["us", "eu"])), [""; 0]);
    }

    #[test]
    fn names_everything_that_does_not_fit() {
        let owner =
            StateModel::delta_out("book", Type::map(Type::Str, Type::Any)).requires("venue", Type::Str);
        let replica = StateModel::delta_in("book", Type::map(Type::Str, Type::Float)).topic("eu");
        assert_eq!(
            lines(&replica, &owner),
            [
                "state_models.in.book.required_arguments.venue: expected no such argument, as this end takes none, found str, which the owner sends",
                r#"state_models.in.book.required_arguments.state: expected ["map","str","float"], which this end takes, found ["map","str","any"], which the owner sends"#,
                r#"state_models.in.book.optional_creation_arguments.topic: expected the topic "eu", to which the replica listens, found no topic, under which the owner publishes"#,
            ]
        );
        assert_eq!(lines(&owner, &replica).len(), 3);
        let full = StateModel::full_in("book");
        assert_eq!(
            lines(&owner, &full),
            [
                "state_models.out.book.state_type: expected delta_update_in at the other end, found full_update_in"
            ]
        );
    }
}
