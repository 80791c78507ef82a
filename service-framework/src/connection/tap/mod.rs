//! Taps: where each message that a service takes in or sends out can be seen from beside it.
//!
//! Every connection has one, next to its counts. As long as nobody looks, a message costs one relaxed load; whoever
//! looks gets a [`Record`] of each through a bounded queue ([`hub`]), which never holds up the thread that sends.

mod hub;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(crate) use hub::{Attached, Hub, Next, Wanted};

use crate::value::Limits;
use crate::wire::{Envelope, ErrorReply, WorkflowId, split_topic};

/// Whether a message comes in or goes out, seen from the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// It came in.
    In,
    /// It went out.
    Out,
}

impl Direction {
    /// As records and files have it: `in` or `out`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// What a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A request.
    Request,
    /// A reply with return arguments.
    Reply,
    /// A reply that says why there are none.
    ErrorReply,
    /// A request that ended here without a reply: its deadline passed, or its peer was lost.
    Unanswered,
    /// A published message.
    Message,
    /// No message: the handler of one that nobody waits for is through.
    Handled,
    /// An update of a state.
    Update,
    /// The question of a replica to its owner.
    SnapshotRequest,
    /// The owner's answer to it.
    SnapshotReply,
    /// What changed in a replica, on its way to the handler that is told.
    Change,
    /// Frames that are no message of this kind of connection.
    Junk,
}

/// Every kind with its name in records and files.
const KINDS: [(Kind, &str); 11] = [
    (Kind::Request, "request"),
    (Kind::Reply, "reply"),
    (Kind::ErrorReply, "error_reply"),
    (Kind::Unanswered, "unanswered"),
    (Kind::Message, "message"),
    (Kind::Handled, "handled"),
    (Kind::Update, "update"),
    (Kind::SnapshotRequest, "snapshot_request"),
    (Kind::SnapshotReply, "snapshot_reply"),
    (Kind::Change, "change"),
    (Kind::Junk, "junk"),
];

impl Kind {
    /// As records and files have it, such as `error_reply`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind of this name.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// The names of all kinds.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(_, name)| *name)
    }

    /// What it is called where the connection is a state's.
    fn of_state(self) -> Self {
        match self {
            Self::Request => Self::SnapshotRequest,
            Self::Reply => Self::SnapshotReply,
            Self::Message => Self::Update,
            other => other,
        }
    }
}

/// The outcome of what ended well.
pub(crate) const OK: &str = "ok";

/// One message as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Microseconds since 1970.
    pub(crate) time: u64,
    /// Such as `in.ask` or `states.out.book`.
    pub(crate) connection: Arc<str>,
    pub(crate) direction: Direction,
    pub(crate) kind: Kind,
    pub(crate) workflow_id: Option<Box<str>>,
    pub(crate) topic: Option<Box<str>>,
    /// Who sent it or is sent it, as far as that is known.
    pub(crate) peer: Option<Box<str>>,
    /// Bytes of its frame, the topic included.
    pub(crate) size: usize,
    /// How long a handler took since the message arrived, or a request until its reply.
    pub(crate) took: Option<Duration>,
    /// `ok`, or the code of an error.
    pub(crate) outcome: Option<Box<str>>,
    /// The frame, if that was wanted.
    pub(crate) body: Option<Arc<[u8]>>,
}

impl Record {
    /// Bytes that it holds, whose number its senders choose.
    pub(super) fn held(&self) -> usize {
        let texts = [&self.workflow_id, &self.topic, &self.peer];
        let texts = texts.into_iter().flatten().map(|text| text.len());
        texts.chain(self.body.as_ref().map(|body| body.len())).sum()
    }
}

/// What is known of a message where it passes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed<'a> {
    direction: Direction,
    kind: Kind,
    frame: &'a [u8],
    workflow: Option<&'a [u8]>,
    peer: Option<&'a str>,
    took: Option<Duration>,
    outcome: Option<&'a str>,
}

impl<'a> Observed<'a> {
    pub(crate) fn new(direction: Direction, kind: Kind, frame: &'a [u8]) -> Self {
        Self { direction, kind, frame, workflow: None, peer: None, took: None, outcome: None }
    }

    pub(crate) fn came_in(kind: Kind, frame: &'a [u8]) -> Self {
        Self::new(Direction::In, kind, frame)
    }

    pub(crate) fn went_out(kind: Kind, frame: &'a [u8]) -> Self {
        Self::new(Direction::Out, kind, frame)
    }

    /// The workflow id as it stands in the frame; where it is not given, the frame is searched for it.
    pub(crate) fn of_workflow(self, raw: Option<&'a [u8]>) -> Self {
        Self { workflow: raw, ..self }
    }

    pub(crate) fn with_peer(self, peer: Option<&'a str>) -> Self {
        Self { peer, ..self }
    }

    pub(crate) fn with_outcome(self, outcome: &'a str) -> Self {
        Self { outcome: Some(outcome), ..self }
    }

    pub(crate) fn ended(self, took: Duration, outcome: &'a str) -> Self {
        Self { took: Some(took), outcome: Some(outcome), ..self }
    }
}

/// The tap of one connection.
#[derive(Debug)]
pub(crate) struct Tap {
    hub: Arc<Hub>,
    connection: Arc<str>,
    is_of_state: bool,
}

impl Default for Tap {
    /// One that nobody ever looks at.
    fn default() -> Self {
        Self { hub: Arc::default(), connection: "".into(), is_of_state: false }
    }
}

impl Tap {
    /// That of a connection by its name, such as `in.ask` or `states.out.book`.
    pub(crate) fn new(hub: &Arc<Hub>, connection: &str) -> Self {
        let is_of_state = connection.starts_with("states.");
        Self { hub: hub.clone(), connection: connection.into(), is_of_state }
    }

    /// Whether somebody looks.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.hub.is_watched()
    }

    /// Shows a message to whoever looks.
    #[inline]
    pub(crate) fn observe<'a>(&self, observe: impl FnOnce() -> Observed<'a>) {
        if self.is_watched() {
            self.show(&observe());
        }
    }

    /// As [`Tap::observe`], for a reply that came in: what kind it is of and how it ended is read from it.
    #[inline]
    pub(crate) fn observe_reply(&self, frame: &[u8], peer: Option<&str>, took: Duration) {
        if self.is_watched() {
            self.show_answer(Direction::In, frame, peer, Some(took));
        }
    }

    /// As [`Tap::observe_reply`], for one that goes out.
    #[inline]
    pub(crate) fn observe_answer(&self, frame: &[u8]) {
        if self.is_watched() {
            self.show_answer(Direction::Out, frame, None, None);
        }
    }

    #[cold]
    fn show_answer(&self, direction: Direction, frame: &[u8], peer: Option<&str>, took: Option<Duration>) {
        let envelope = Envelope::split(frame, &Limits::default()).unwrap_or_default();
        let code = envelope.error.map(|error| {
            ErrorReply::from_msgpack(error).map_or_else(|_| "unreadable".to_owned(), |error| error.code)
        });
        let kind = if code.is_some() { Kind::ErrorReply } else { Kind::Reply };
        let answer = Observed::new(direction, kind, frame).of_workflow(envelope.workflow_id).with_peer(peer);
        self.show(&Observed { took, ..answer }.with_outcome(code.as_deref().unwrap_or(OK)));
    }

    #[cold]
    fn show(&self, seen: &Observed<'_>) {
        let bare = || self.record(seen);
        self.hub.give(&self.connection, bare, || seen.frame.into());
    }

    fn record(&self, seen: &Observed<'_>) -> Record {
        let kind = if self.is_of_state { seen.kind.of_state() } else { seen.kind };
        let (topic, payload) = split_topic(seen.frame);
        let workflow = seen.workflow.or_else(|| workflow_in(payload));
        let workflow_id = workflow.and_then(WorkflowId::from_raw).map(|id| id.to_string().into());
        Record {
            time: now(),
            connection: self.connection.clone(),
            direction: seen.direction,
            kind,
            workflow_id,
            topic: topic.map(Into::into),
            peer: seen.peer.map(Into::into),
            size: seen.frame.len(),
            took: seen.took,
            outcome: seen.outcome.map(Into::into),
            body: None,
        }
    }
}

fn workflow_in(payload: &[u8]) -> Option<&[u8]> {
    Envelope::split(payload, &Limits::default()).ok()?.workflow_id
}

/// Microseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
