//! The whole path of a workflow: what caused what, indented.
//!
//! Of each hop there are the two ends: a request that goes out and the handler that it comes to, which sends further ones. An end
//! that was not recorded is not there, and what hangs on it moves up.

use std::collections::BTreeMap;
use std::time::Duration;

use super::rows::{arguments, seconds};
use super::{ShowError, Shown, print};
use crate::launcher::columns::{self, aligned};
use crate::launcher::look::time;
use crate::launcher::recordings::chosen::cell;
use crate::launcher::say::say;
use crate::recording::{Direction, Kind, Message};

/// Messages of one workflow that are shown: every one is held against all others.
const MOST: usize = 10_000;

/// Something that begins with a message and ends, perhaps, with another.
struct Span {
    begin: Message,
    end: Option<Message>,
    parent: Option<usize>,
}

impl Span {
    fn id(&self) -> &str {
        self.begin.workflow_id.as_deref().unwrap_or_default()
    }

    /// Whether a handler began here.
    fn is_handler(&self) -> bool {
        self.begin.direction == Direction::In
    }

    fn is_open_at(&self, time: u64) -> bool {
        // Whoever sends looks at the clock after it has sent.
        let end = self.end.as_ref().map_or(u64::MAX, |end| end.time);
        self.begin.time <= time.saturating_add(SLACK) && time <= end.saturating_add(SLACK)
    }
}

/// How much later than its effect a cause may be seen, in microseconds.
const SLACK: u64 = 5_000;

pub(super) fn show(shown: &Shown<'_>) -> Result<(), ShowError> {
    let messages: Result<Vec<Message>, _> = shown.recording.messages(&shown.filter).take(MOST + 1).collect();
    let mut messages = messages?;
    if messages.len() > MOST {
        messages.pop();
        say!(
            "the first {MOST} messages of this workflow; --from and --until choose others, --json gives all"
        );
    }
    let spans = joined(spans(messages));
    let mut children = BTreeMap::<Option<usize>, Vec<usize>>::new();
    for (place, span) in spans.iter().enumerate() {
        children.entry(span.parent).or_default().push(place);
    }
    let heads = ["time", "", "workflow id", "took", "outcome", "arguments"];
    let mut rows = vec![heads.map(|head| shown.palette.bold(head)).to_vec()];
    let mut open: Vec<(usize, usize)> =
        children.get(&None).into_iter().flatten().rev().map(|place| (*place, 0)).collect();
    while let Some((place, depth)) = open.pop() {
        rows.push(row(&spans[place], depth, shown));
        let below = children.get(&Some(place)).into_iter().flatten().rev();
        open.extend(below.map(|place| (*place, depth + 1)));
    }
    Ok(print(&columns::text(&aligned(&rows, &[0, 3])))?)
}

fn row(span: &Span, depth: usize, shown: &Shown<'_>) -> Vec<String> {
    let last = span.end.as_ref().unwrap_or(&span.begin);
    let arrow = if span.is_handler() { "→" } else { "←" };
    let (service, connection) = (cell(&span.begin.service), cell(&span.begin.connection));
    let name = format!("{}{arrow} {service} {connection} {}", "  ".repeat(depth), span.begin.kind.as_str());
    let outcome = last.outcome.as_deref().map(cell).unwrap_or_default();
    let is_bad = !outcome.is_empty() && outcome != "ok";
    vec![
        seconds(span.begin.time, shown.first),
        name,
        shown.palette.dim(&cell(span.id())),
        last.took.map(|took: Duration| time(took.as_secs_f64())).unwrap_or_default(),
        if is_bad { shown.palette.red(&outcome) } else { outcome },
        arguments(&span.begin),
    ]
}

/// Puts begins and ends together.
fn spans(messages: Vec<Message>) -> Vec<Span> {
    let mut spans = Vec::<Span>::new();
    for message in messages {
        match begins(message.kind) {
            true => spans.push(Span { begin: message, end: None, parent: None }),
            false => {
                let is_its = |span: &&mut Span| span.end.is_none() && ends(&span.begin, &message);
                match spans.iter_mut().find(is_its) {
                    Some(span) => span.end = Some(message),
                    // Its begin was before the recording.
                    None => spans.push(Span { begin: message, end: None, parent: None }),
                }
            }
        }
    }
    spans
}

fn begins(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Request | Kind::Message | Kind::Update | Kind::SnapshotRequest | Kind::Change | Kind::Junk
    )
}

/// Whether a message ends what another began.
fn ends(begin: &Message, end: &Message) -> bool {
    let is_asked = matches!(begin.kind, Kind::Request | Kind::SnapshotRequest);
    let is_told = matches!(begin.kind, Kind::Message | Kind::Change) && begin.direction == Direction::In;
    let fits = match end.kind {
        Kind::Handled => is_told,
        _ => is_asked && (begin.direction != end.direction || end.kind == Kind::Unanswered),
    };
    let one = |message: &Message| (message.run, message.connection.clone(), message.workflow_id.clone());
    fits && one(begin) == one(end)
}

/// Finds what caused each.
fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    let mut is_taken = vec![false; spans.len()];
    for place in 0..spans.len() {
        let span = &spans[place];
        let parent = match span.is_handler() {
            true => sender(&spans, &is_taken, span),
            false => handler(&spans, span, place),
        };
        if let Some(parent) = parent.filter(|parent| !leads_to(&spans, *parent, place)) {
            // A request comes to one handler, a published message to many.
            is_taken[parent] |= spans[parent].begin.kind == Kind::Request;
            spans[place].parent = Some(parent);
        }
    }
    spans
}

/// Whether this place is above another one, or is it.
fn leads_to(spans: &[Span], from: usize, to: usize) -> bool {
    std::iter::successors(Some(from), |place| spans[*place].parent).any(|above| above == to)
}

/// The sending that came to this handler: of the same id and kind, the nearest in time that nobody else has.
fn sender(spans: &[Span], is_taken: &[bool], handler: &Span) -> Option<usize> {
    let kind = match handler.begin.kind {
        Kind::Change => Kind::Update,
        kind => kind,
    };
    let is_it = |(place, span): &(usize, &Span)| {
        !span.is_handler()
            && span.begin.kind == kind
            // What a service passes on is the same as what came, at nearly the same time.
            && span.begin.run != handler.begin.run
            && span.id() == handler.id()
            && span.begin.time <= handler.begin.time.saturating_add(SLACK)
            && is_same_frame(&span.begin, &handler.begin)
            && !is_taken[*place]
    };
    let distance = |(_, span): &(usize, &Span)| span.begin.time.abs_diff(handler.begin.time);
    spans.iter().enumerate().filter(is_it).min_by_key(distance).map(|(place, _)| place)
}

/// Whether what came in can be what went out: the same bytes, but for changes, which the replica makes of updates.
fn is_same_frame(out: &Message, into: &Message) -> bool {
    let are_same = match (&out.body, &into.body) {
        (Some(out), Some(into)) => out == into,
        _ => out.size == into.size,
    };
    into.kind == Kind::Change || are_same
}

/// The handler that sent this: of the same service, of the longest id with which this one begins, the latest.
fn handler(spans: &[Span], sent: &Span, place: usize) -> Option<usize> {
    let is_it = |(other, span): &(usize, &Span)| {
        let rest = sent.id().strip_prefix(span.id());
        *other != place
            && span.is_handler()
            && !matches!(span.begin.kind, Kind::Update | Kind::Junk)
            && span.begin.run == sent.begin.run
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
            && span.is_open_at(sent.begin.time)
    };
    let found = spans.iter().enumerate().filter(is_it);
    found.max_by_key(|(_, span)| (span.id().len(), span.begin.time)).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(time: u64, who: (i64, &str), direction: Direction, kind: Kind, id: &str) -> Message {
        let (run, connection) = who;
        let mut message = crate::recording::example_message();
        message.time = time;
        message.run = run;
        message.service = format!("s{run}").into();
        message.connection = connection.into();
        (message.direction, message.kind) = (direction, kind);
        message.workflow_id = Some(id.to_owned());
        message
    }

    /// Depths of the spans, in the order of their begin.
    fn depths(messages: Vec<Message>) -> Vec<usize> {
        let spans = joined(spans(messages));
        let depth = |mut place: usize| {
            let mut depth = 0;
            while let Some(parent) = spans[place].parent {
                (place, depth) = (parent, depth + 1);
            }
            depth
        };
        (0..spans.len()).map(depth).collect()
    }

    #[test]
    fn who_passes_on_what_came_did_not_send_it_to_itself() {
        let messages = vec![
            message(0, (2, "in.mid"), Direction::In, Kind::Request, "w"),
            message(1_000, (2, "out.echo"), Direction::Out, Kind::Request, "w"),
            message(1_200, (3, "in.echo"), Direction::In, Kind::Request, "w"),
        ];
        let parents: Vec<_> = joined(spans(messages)).iter().map(|span| span.parent).collect();
        assert_eq!(parents, [None, Some(0), Some(1)]);
    }

    #[test]
    fn a_request_is_followed_through_services() {
        use Direction::{In, Out};
        use Kind::{Handled, Message, Reply, Request};
        let path = vec![
            message(10, (1, "out.ask"), Out, Request, "w"),
            // The one who is asked may be seen before the one who asks.
            message(9, (2, "in.ask"), In, Request, "w"),
            message(20, (2, "out.further"), Out, Request, "w"),
            message(21, (3, "in.further"), In, Request, "w"),
            message(30, (3, "in.further"), Out, Reply, "w"),
            message(31, (2, "out.further"), In, Reply, "w"),
            message(40, (2, "out.news"), Out, Message, "w_1"),
            message(41, (4, "in.news"), In, Message, "w_1"),
            message(42, (5, "in.news"), In, Message, "w_1"),
            message(45, (5, "in.news"), In, Handled, "w_1"),
            message(50, (2, "in.ask"), Out, Reply, "w"),
            message(51, (1, "out.ask"), In, Reply, "w"),
        ];
        assert_eq!(depths(path), [0, 1, 2, 3, 2, 3, 3]);
    }

    #[test]
    fn what_was_not_recorded_leaves_roots() {
        use Direction::{In, Out};
        use Kind::{Reply, Request};
        let path = vec![
            message(1, (1, "in.ask"), Out, Reply, "w"),
            message(9, (2, "in.ask"), In, Request, "w"),
            message(50, (2, "in.ask"), Out, Reply, "w"),
            message(60, (2, "out.late"), Out, Request, "w_1"),
        ];
        assert_eq!(depths(path), [0, 0, 1]);
    }
}
