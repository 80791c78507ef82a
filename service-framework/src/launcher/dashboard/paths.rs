//! The path of one request: what was seen of it at each service, as spans that lie within each other. Reads no clock.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::connection::tap::{Direction, Kind, OK, Record};

/// So many spans of one path are shown.
const MOST_SPANS: usize = 500;

/// So many microseconds later than it was sent a message may be noted as sent.
const LATE: u64 = 20_000;

/// A message that was seen.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The service's id in the page, and its name.
    pub(super) id: Arc<str>,
    pub(super) service: Arc<str>,
    /// Which has a workflow id.
    pub(super) record: Record,
}

impl Message {
    pub(super) fn workflow(&self) -> &str {
        self.record.workflow_id.as_deref().unwrap_or_default()
    }

    pub(super) fn took(&self) -> u64 {
        micros(self.record.took.unwrap_or_default())
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The id with which a workflow began: without the `_1`, `_2`, … that calls within it have appended.
pub(super) fn root(workflow: &str) -> &str {
    let mut root = workflow;
    while let Some((front, number)) = root.rsplit_once('_') {
        if front.is_empty() || number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        root = front;
    }
    root
}

/// Whether an id is this one, or of a call within it.
fn is_within(id: &str, of: &str) -> bool {
    id.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// What one service had to do with one message.
#[derive(Debug)]
struct Span<'a> {
    first: &'a Message,
    /// Microseconds since 1970; no end while it goes on.
    start: u64,
    end: Option<u64>,
    outcome: Option<&'a str>,
    /// The place of the span in which, or because of which, this one is.
    parent: Option<usize>,
}

impl<'a> Span<'a> {
    fn begin(first: &'a Message, end: Option<u64>) -> Self {
        Self { first, start: first.record.time, end, outcome: None, parent: None }
    }

    fn kind(&self) -> Kind {
        match self.first.record.kind {
            Kind::Reply | Kind::ErrorReply | Kind::Unanswered => Kind::Request,
            Kind::SnapshotReply => Kind::SnapshotRequest,
            Kind::Handled => Kind::Message,
            Kind::Change => Kind::Update,
            kind => kind,
        }
    }

    /// Whether it came to the service from outside.
    fn comes_in(&self) -> bool {
        let connection = &self.first.record.connection;
        let connection = connection.strip_prefix("states.").unwrap_or(connection);
        // The owner of a state takes the question for a snapshot in, by an out state.
        (self.kind() == Kind::SnapshotRequest) != connection.starts_with("in.")
    }

    /// What the service does.
    fn word(&self) -> &'static str {
        match (self.kind(), self.comes_in()) {
            (Kind::Request, false) => "asks",
            (Kind::Request, true) => "answers",
            (Kind::SnapshotRequest, false) => "asks for the state",
            (Kind::SnapshotRequest, true) => "gives the state",
            (Kind::Update, false) => "updates",
            (Kind::Update, true) if self.first.record.kind == Kind::Change => "sees the change",
            (Kind::Update, true) => "follows",
            (_, false) => "publishes",
            (_, true) => "hears",
        }
    }

    fn holds(&self, time: u64) -> bool {
        self.start <= time && self.end.is_none_or(|end| time <= end)
    }

    /// Whether `other` may be the reason for this one.
    fn may_follow(&self, other: &Self) -> bool {
        let (own, others) = (self.first.workflow(), other.first.workflow());
        let is_of_one = self.first.id == other.first.id;
        match (self.comes_in(), other.comes_in()) {
            // What somebody sends is what another takes in.
            (true, false) => own == others && self.kind() == other.kind(),
            // What a handler sends has the id of what it handles, or a longer one.
            (false, true) => is_of_one && is_within(own, others) && other.holds(self.start),
            // A replica tells a handler of what came.
            (true, true) => {
                is_of_one
                    && own == others
                    && self.first.record.kind == Kind::Change
                    && other.first.record.kind == Kind::Update
            }
            (false, false) => false,
        }
    }
}

/// The path of a workflow, of all messages that were seen of it.
pub(super) fn path<'a>(workflow: &str, messages: impl Iterator<Item = &'a Message>) -> Json {
    let mut messages: Vec<&Message> =
        messages.filter(|message| is_within(message.workflow(), workflow)).collect();
    messages.sort_by_key(|message| message.record.time);
    let mut spans = spans(&messages);
    let is_cut = spans.len() > MOST_SPANS;
    spans.truncate(MOST_SPANS);
    connect(&mut spans);
    let began = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let ended = spans.iter().map(|span| span.end.unwrap_or(span.start)).max().unwrap_or(began);
    let rows: Vec<Json> =
        in_order(&spans).into_iter().map(|(place, depth)| row(&spans[place], depth, began)).collect();
    json!({ "workflow": workflow, "began": began, "took": ended - began, "spans": rows, "is_cut": is_cut })
}

/// Finds for each span the one that it belongs to: the latest that fits and began before it, for a request one that no other
/// belongs to; or else one that was noted a little later, since what is sent may be there before it is noted as sent.
fn connect(spans: &mut [Span<'_>]) {
    let mut is_taken = vec![false; spans.len()];
    for place in 1..spans.len() {
        let earlier = || (0..place).rev().filter(|other| spans[place].may_follow(&spans[*other]));
        let free = || earlier().filter(|other| spans[place].kind() != Kind::Request || !is_taken[*other]);
        let going_on = free().find(|other| spans[*other].holds(spans[place].start));
        spans[place].parent = going_on.or_else(|| free().next());
        if let Some(parent) = spans[place].parent.filter(|_| spans[place].comes_in()) {
            is_taken[parent] = true;
        }
    }
    for place in 0..spans.len() {
        let is_near = |other: &usize| spans[*other].start <= spans[place].start.saturating_add(LATE);
        if spans[place].parent.is_none() && spans[place].comes_in() {
            let later = (place + 1..spans.len()).take_while(is_near);
            let mut fitting =
                later.filter(|other| !is_taken[*other] && spans[place].may_follow(&spans[*other]));
            let parent = fitting.find(|other| !is_below(spans, *other, place));
            spans[place].parent = parent;
            parent.into_iter().for_each(|parent| is_taken[parent] = true);
        }
    }
}

/// Whether the span at `place` belongs to that at `top`, however far away.
fn is_below(spans: &[Span<'_>], place: usize, top: usize) -> bool {
    let mut above = Some(place);
    while let Some(place) = above {
        if place == top {
            return true;
        }
        above = spans[place].parent;
    }
    false
}

/// What each service did, by the time at which it began.
fn spans<'a>(messages: &[&'a Message]) -> Vec<Span<'a>> {
    let mut spans: Vec<Span<'a>> = Vec::new();
    let mut open: HashMap<(&str, &str, &str), VecDeque<usize>> = HashMap::new();
    for message in messages {
        let record = &message.record;
        let key = (&*message.id, &*record.connection, message.workflow());
        match record.kind {
            Kind::Junk => {}
            Kind::Reply | Kind::ErrorReply | Kind::Unanswered | Kind::SnapshotReply | Kind::Handled => {
                let began = record.time.saturating_sub(message.took());
                let waiting = open.entry(key).or_default();
                let nearest =
                    (0..waiting.len()).min_by_key(|place| spans[waiting[*place]].start.abs_diff(began));
                let place = nearest.and_then(|place| waiting.remove(place)).unwrap_or_else(|| {
                    // Its beginning was not seen.
                    spans.push(Span { start: began, ..Span::begin(message, None) });
                    spans.len() - 1
                });
                spans[place].end = Some(record.time);
                spans[place].outcome = record.outcome.as_deref().or(Some(OK));
            }
            Kind::Request | Kind::SnapshotRequest | Kind::Change => {
                open.entry(key).or_default().push_back(spans.len());
                spans.push(Span::begin(message, None));
            }
            Kind::Message if record.direction == Direction::In => {
                open.entry(key).or_default().push_back(spans.len());
                spans.push(Span::begin(message, None));
            }
            _ => spans.push(Span::begin(message, Some(record.time))),
        }
    }
    spans.sort_by_key(|span| span.start);
    spans
}

/// Each span behind the one that it belongs to, with how deep it is.
fn in_order(spans: &[Span<'_>]) -> Vec<(usize, usize)> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let mut left: Vec<(usize, usize)> = Vec::new();
    for (place, span) in spans.iter().enumerate() {
        match span.parent {
            Some(parent) => children[parent].push(place),
            None => left.push((place, 0)),
        }
    }
    left.reverse();
    let mut order = Vec::with_capacity(spans.len());
    while let Some((place, depth)) = left.pop() {
        order.push((place, depth));
        left.extend(children[place].iter().rev().map(|child| (*child, depth + 1)));
    }
    order
}

fn row(span: &Span<'_>, depth: usize, began: u64) -> Json {
    let Message { id, service, record } = span.first;
    json!({
        "depth": depth,
        "id": &**id,
        "service": &**service,
        "connection": &*record.connection,
        "does": span.word(),
        "workflow": span.first.workflow(),
        "topic": record.topic,
        "peer": record.peer,
        "size": record.size,
        "start": span.start - began,
        "took": span.end.map(|end| end.saturating_sub(span.start)),
        "outcome": span.outcome,
    })
}

#[cfg(test)]
mod tests;
