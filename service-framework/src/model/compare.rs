//! Comparing the two ends of a connection: whether what one end sends is what the other takes.

use super::arguments::Arguments;
use super::connection::{ConnectionModel, ConnectionType, Side};
use super::problem::{Problem, child, shortened};

/// What keeps `a` and `b` from talking to each other, either of which may be the sender: types that do not fit,
/// arguments that one end sends and the other refuses or that one needs and the other does not send, other topics.
///
/// The paths are those of `a`, such as `connection_models.out.echo.required_arguments.payload`; the name of the
/// other end stands in what was expected or found.
pub fn compare(a: &ConnectionModel, b: &ConnectionModel) -> Vec<Problem> {
    let path = child(&child("connection_models", a.side.as_str()), &a.name);
    if a.kind.other_end() != Some(b.kind) {
        return vec![no_pair(&path, a, b)];
    }
    let mut problems = Vec::new();
    let (sent, taken) = if a.side == Side::Out { (a, b) } else { (b, a) };
    let (message, expected) = (sent.message(), taken.message());
    problems.extend(Exchange::new(sent, taken, a, &path, "arguments").compare(&message, &expected));
    problems.extend(
        Exchange::new(taken, sent, a, &path, "return_arguments").compare(&taken.returns, &sent.returns),
    );
    problems.extend(compare_topics(sent, taken, &child(&path, "optional_creation_arguments.topic")));
    problems
}

fn no_pair(path: &str, a: &ConnectionModel, b: &ConnectionModel) -> Problem {
    let path = child(path, "connection_type");
    let expected = match a.kind.other_end() {
        Some(kind) => format!("a {kind} at the other end"),
        None => format!("no other end, as {} calls a function", a.name),
    };
    Problem::new(path, expected, format!("the {} {}", b.kind, b.name))
}

/// One direction: what `sender` sends to `receiver`, told with paths of the end that is ours.
struct Exchange<'a> {
    sender: &'a str,
    receiver: &'a str,
    path: &'a str,
    what: &'a str,
}

impl<'a> Exchange<'a> {
    fn new(
        sender: &'a ConnectionModel,
        receiver: &'a ConnectionModel,
        ours: &ConnectionModel,
        path: &'a str,
        what: &'a str,
    ) -> Self {
        let name =
            |end: &'a ConnectionModel| if end.side == ours.side { "this end" } else { end.kind.as_str() };
        Exchange { sender: name(sender), receiver: name(receiver), path, what }
    }

    fn compare(&self, sent: &Arguments, taken: &Arguments) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, of) in sent.iter() {
            match taken.get(name) {
                None => problems.push(self.unexpected(name, of, taken)),
                Some(expected) if !expected.accepts(of) => problems.push(self.mismatch(name, expected, of)),
                Some(_) => {}
            }
        }
        for (name, of) in &taken.required {
            if !sent.required.iter().any(|(sent, _)| sent == name) {
                problems.push(self.not_sent(name, of, sent));
            }
        }
        problems
    }

    fn at(&self, name: &str, table: &str) -> String {
        child(&child(self.path, &format!("{table}_{}", self.what)), name)
    }

    fn unexpected(&self, name: &str, of: &super::types::Type, taken: &Arguments) -> Problem {
        let expected = format!("nothing, as the {} takes no such argument", self.receiver);
        Problem::new(self.at(name, "required"), expected, self.sends(of)).with_near_miss(name, taken.names())
    }

    fn mismatch(&self, name: &str, expected: &super::types::Type, of: &super::types::Type) -> Problem {
        let expected = format!("{}, as the {} takes", shortened(&expected.to_string(), 120), self.receiver);
        Problem::new(self.at(name, "required"), expected, self.sends(of))
    }

    fn not_sent(&self, name: &str, of: &super::types::Type, sent: &Arguments) -> Problem {
        let expected = format!("{}, which the {} requires", shortened(&of.to_string(), 120), self.receiver);
        let found = match sent.get(name) {
            Some(_) => format!("an argument that the {} may leave out", self.sender),
            None => format!("nothing, as the {} does not send it", self.sender),
        };
        Problem::new(self.at(name, "required"), expected, found)
    }

    fn sends(&self, of: &super::types::Type) -> String {
        format!("{}, as the {} sends", shortened(&of.to_string(), 120), self.sender)
    }
}

/// A subscription takes every topic that begins with its own bytes; as the topic is sent with its length in front,
/// that is the same topic, and a subscriber without one takes all.
fn compare_topics(sent: &ConnectionModel, taken: &ConnectionModel, path: &str) -> Option<Problem> {
    let published = sent.kind == ConnectionType::Publisher;
    if !published || taken.topic.is_none() || sent.topic == taken.topic {
        return None;
    }
    let name =
        |topic: &Option<String>| topic.as_ref().map_or("no topic".to_owned(), |topic| format!("{topic:?}"));
    let expected = format!("{}, to which the subscriber listens", name(&taken.topic));
    Some(Problem::new(path, expected, format!("{}, under which the publisher publishes", name(&sent.topic))))
}
