//! Comparing the two ends of a connection: whether what one end sends is what the other takes.

use super::arguments::Arguments;
use super::connection::{ConnectionModel, ConnectionType, Side};
use super::problem::{Problem, child, shortened};
use super::types::Type;

/// What keeps `a` and `b` from talking to each other, either of which may be the sender: types that do not fit,
/// arguments that one end sends and the other refuses, or needs and is not sent, and other topics.
///
/// The paths are those of `a`, such as `connection_models.out.echo.required_arguments.payload`.
pub fn compare(a: &ConnectionModel, b: &ConnectionModel) -> Vec<Problem> {
    let path = child(&child("connection_models", a.side.as_str()), &a.name);
    if a.kind.other_end() != Some(b.kind) {
        return vec![no_pair(&path, a, b)];
    }
    let a_asks = a.side == Side::Out;
    let (asking, answering) = if a_asks { (a, b) } else { (b, a) };
    let message = Exchange { path: &path, suffix: "arguments", a_sends: a_asks, other: b.kind.as_str() };
    let answer =
        Exchange { path: &path, suffix: "return_arguments", a_sends: !a_asks, other: b.kind.as_str() };
    let mut problems = message.compare(&asking.message(), &answering.message());
    problems.extend(answer.compare(&answering.returns, &asking.returns));
    problems.extend(compare_topics(asking, answering, &path));
    problems
}

fn no_pair(path: &str, a: &ConnectionModel, b: &ConnectionModel) -> Problem {
    let expected = match a.kind.other_end() {
        Some(kind) => format!("a {kind} at the other end"),
        None => "no other end, as it calls a function".to_owned(),
    };
    Problem::new(child(path, "connection_type"), expected, format!("the {} {}", b.kind, b.name))
}

/// One direction of a connection, told from the end `a`.
pub(super) struct Exchange<'a> {
    pub(super) path: &'a str,
    /// What the names of the tables end with.
    pub(super) suffix: &'a str,
    pub(super) a_sends: bool,
    /// What the other end is.
    pub(super) other: &'a str,
}

impl Exchange<'_> {
    pub(super) fn compare(&self, sent: &Arguments, taken: &Arguments) -> Vec<Problem> {
        let sends = sent.iter().filter_map(|(name, of)| match taken.get(name) {
            None => Some(self.unexpected(name, of, taken)),
            Some(wanted) if !wanted.accepts(of) => Some(self.mismatch(name, of, wanted, sent, taken)),
            Some(_) => None,
        });
        let is_sent = |name: &String| sent.required.iter().any(|(sent, _)| sent == name);
        let lacks = taken.required.iter().filter(|(name, _)| !is_sent(name));
        sends.chain(lacks.map(|(name, of)| self.not_sent(name, of, sent))).collect()
    }

    fn unexpected(&self, name: &str, of: &Type, taken: &Arguments) -> Problem {
        let expected = format!("no such argument, as {} takes none", self.receiver());
        let problem = Problem::new(self.at(name, false), expected, self.sends(of));
        problem.with_near_miss(name, taken.names())
    }

    pub(super) fn mismatch(
        &self,
        name: &str,
        of: &Type,
        wanted: &Type,
        sent: &Arguments,
        taken: &Arguments,
    ) -> Problem {
        let ours = if self.a_sends { sent } else { taken };
        let is_optional = ours.optional.iter().any(|(known, _)| known == name);
        let expected = format!("{}, which {} takes", text_of(wanted), self.receiver());
        Problem::new(self.at(name, is_optional), expected, self.sends(of))
    }

    fn not_sent(&self, name: &str, of: &Type, sent: &Arguments) -> Problem {
        let expected = format!("{}, which {} requires", text_of(of), self.receiver());
        let found = match sent.get(name) {
            Some(_) => format!("an argument that {} may leave out", self.sender()),
            None => format!("nothing, as {} does not send it", self.sender()),
        };
        Problem::new(self.at(name, false), expected, found)
    }

    fn at(&self, name: &str, is_optional: bool) -> String {
        let table = if is_optional { "optional" } else { "required" };
        child(&child(self.path, &format!("{table}_{}", self.suffix)), name)
    }

    fn sends(&self, of: &Type) -> String {
        format!("{}, which {} sends", text_of(of), self.sender())
    }

    fn sender(&self) -> String {
        self.end(self.a_sends)
    }

    fn receiver(&self) -> String {
        self.end(!self.a_sends)
    }

    fn end(&self, is_a: bool) -> String {
        if is_a { "this end".to_owned() } else { format!("the {}", self.other) }
    }
}

fn text_of(of: &Type) -> String {
    shortened(&of.to_string(), 120)
}

/// Topics travel with their length in front, so a subscriber gets exactly its own, and all of them if it has none.
fn compare_topics(asking: &ConnectionModel, answering: &ConnectionModel, path: &str) -> Option<Problem> {
    let heard = answering.topic.is_none() || asking.topic == answering.topic;
    if asking.kind != ConnectionType::Publisher || heard {
        return None;
    }
    let expected = format!("{}, to which the subscriber listens", topic_text(answering.topic.as_deref()));
    let found = format!("{}, under which the publisher publishes", topic_text(asking.topic.as_deref()));
    Some(Problem::new(child(&child(path, "optional_creation_arguments"), "topic"), expected, found))
}

pub(super) fn topic_text(topic: Option<&str>) -> String {
    topic.map_or_else(|| "no topic".to_owned(), |topic| format!("the topic {topic:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(a: &ConnectionModel, b: &ConnectionModel) -> Vec<String> {
        compare(a, b).iter().map(Problem::to_string).collect()
    }

    #[test]
    fn ends_that_fit_have_no_problems() {
        let replyer = ConnectionModel::replyer("echo")
            .requires("payload", Type::Str)
            .optional("n", Type::Float)
            .returns("echo", Type::Str);
        let requester = ConnectionModel::requester("ask")
            .requires("payload", Type::Literal(vec!["a".into()]))
            .requires("n", Type::Int)
            .returns("echo", Type::optional(Type::Str));
        assert_eq!(lines(&requester, &replyer), [""; 0]);
        assert_eq!(lines(&replyer, &requester), [""; 0]);
        let publisher = ConnectionModel::publisher("ticks").topic("eu");
        assert_eq!(lines(&publisher, &ConnectionModel::subscriber("ticks")), [""; 0]);
        assert_eq!(lines(&publisher, &ConnectionModel::subscriber("ticks").topic("eu")), [""; 0]);
    }

    #[test]
    fn names_everything_that_does_not_fit() {
        let replyer = ConnectionModel::replyer("echo")
            .requires("payload", Type::Str)
            .requires("size", Type::Int)
            .optional("cmd", Type::Str)
            .returns("echo", Type::Str)
            .optionally_returns("took", Type::Float);
        let requester = ConnectionModel::requester("ask")
            .optional("payload", Type::Str)
            .requires("cmds", Type::Str)
            .requires("cmd", Type::Int)
            .returns("echo", Type::Int)
            .returns("took", Type::Float);
        assert_eq!(
            lines(&requester, &replyer),
            [
                "connection_models.out.ask.required_arguments.cmds: expected no such argument, as the replyer takes none, found str, which this end sends (did you mean `cmd`?)",
                "connection_models.out.ask.required_arguments.cmd: expected str, which the replyer takes, found int, which this end sends",
                "connection_models.out.ask.required_arguments.payload: expected str, which the replyer requires, found an argument that this end may leave out",
                "connection_models.out.ask.required_arguments.size: expected int, which the replyer requires, found nothing, as this end does not send it",
                "connection_models.out.ask.required_return_arguments.echo: expected int, which this end takes, found str, which the replyer sends",
                "connection_models.out.ask.required_return_arguments.took: expected float, which this end requires, found an argument that the replyer may leave out",
            ]
        );
        assert_eq!(compare(&replyer, &requester).len(), 6);
        assert_eq!(
            lines(&replyer, &requester)[1],
            "connection_models.in.echo.optional_arguments.cmd: expected str, which this end takes, found int, which the requester sends"
        );
    }

    #[test]
    fn topics_must_be_the_same() {
        let publisher = ConnectionModel::publisher("ticks");
        let subscriber = ConnectionModel::subscriber("ticks").topic("eu");
        assert_eq!(
            lines(&publisher, &subscriber),
            [
                "connection_models.out.ticks.optional_creation_arguments.topic: expected the topic \"eu\", to which the subscriber listens, found no topic, under which the publisher publishes"
            ]
        );
        assert_eq!(lines(&subscriber, &publisher.topic("us")).len(), 1);
    }

    #[test]
    fn only_opposite_ends_are_compared() {
        let requester = ConnectionModel::requester("ask");
        assert_eq!(
            lines(&requester, &ConnectionModel::publisher("ticks")),
            [
                "connection_models.out.ask.connection_type: expected a replyer at the other end, found the publisher ticks"
            ]
        );
        assert_eq!(compare(&ConnectionModel::external_request("call"), &requester).len(), 1);
    }
}
