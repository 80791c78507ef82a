//! Events: what happens to a flow, as its stream keeps it.

use serde::{Deserialize, Serialize};

use crate::flow::engine::{Call, Failure, Outcome, Raised};
use crate::value::{DecodeError, EncodeError, Value, decode, encode};

/// One thing that happened to a flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It was asked for. The first event of every flow.
    Started(Started),
    /// A host took it up, to run it.
    Claimed {
        /// The host's lease.
        by: String,
    },
    /// The script went on from where it stood to where it stands now.
    Turn(Turn),
    /// What came of an errand.
    Result {
        /// The call that it was for.
        call: u32,
        /// What came of it.
        outcome: Outcome,
    },
    /// An errand was tried and is tried again; for those who look.
    Tried {
        /// The call that it is for.
        call: u32,
        /// 1 for the first time.
        attempt: u32,
        /// Why it did not come to an end.
        reason: String,
        /// After how many seconds it is tried again.
        after: f64,
    },
    /// A time is over for which it waited.
    Elapsed(Timing),
    /// A message from outside: a signal, or an element of a queue.
    Message {
        /// What the script waits for it by.
        name: String,
        /// What it says.
        data: Value,
    },
    /// A callback was delivered, for the first and only time.
    Delivered {
        /// The callback's id.
        callback: String,
        /// What it brought.
        body: Value,
    },
    /// Another flow waits for the end of this one.
    Watched {
        /// Which flow.
        by: String,
        /// Its call.
        call: u32,
    },
    /// Somebody wants it ended: its compensations run.
    Cancelled,
    /// It took more than it may: it is interrupted where it stood before, and its compensations run.
    Exceeded {
        /// More than what.
        reason: String,
    },
    /// Somebody wants it to stand still.
    Paused,
    /// It may go on.
    Resumed,
    /// It failed and is run on from an earlier place.
    Retried {
        /// How many of its moves stay.
        keep: u64,
    },
    /// The process in which its script ran ended without a word.
    Died {
        /// What is known of it.
        reason: String,
    },
    /// It is not run any more until somebody looks at it.
    Parked {
        /// Why.
        reason: String,
    },
    /// It was ended from outside its script, such as for a limit.
    Ended(End),
}

/// What a flow was started with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// What it is called in lists: by default the file's name without its ending.
    pub name: String,
    /// How the file is called in tracebacks.
    pub file: String,
    /// SHA-like name under which the store has the text of the script.
    pub source: String,
    /// The function that is called after the top level has run.
    pub function: Option<String>,
    /// Its arguments.
    pub args: Vec<(String, Value)>,
    /// The scripts that it may start by their names, each with the name under which the store has its text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<(String, String)>,
    /// The flow that waits for it or started it.
    #[serde(default)]
    pub parent: Option<String>,
    /// The flow and the number of its moves from which this one was forked.
    #[serde(default)]
    pub forked_from: Option<(String, u64)>,
    /// [`Engine::version`](crate::flow::engine::Engine::version) of the engine that it began with.
    #[serde(default)]
    pub engine: String,
}

impl Started {
    /// The names under which the store has the texts that it needs.
    pub fn sources(&self) -> impl Iterator<Item = &String> {
        [&self.source].into_iter().chain(self.scripts.iter().map(|(_, source)| source))
    }
}

/// A time that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Timing {
    /// The sleep that is this call.
    Sleep(u32),
    /// The deadline that was pushed by this call.
    Deadline(u32),
}

/// What a script did in one go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// In order, everything that passed between it and the world.
    pub moves: Vec<Move>,
    /// What it printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub printed: String,
    /// If it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

impl Turn {
    /// Whether nothing happened in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty() && self.printed.is_empty() && self.end.is_none()
    }
}

/// One thing that passed between a script and the world. Replay makes the same ones in the same order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Move {
    /// It asked, and was answered at once.
    Answered(Call, Outcome),
    /// It asked for an errand and stands still until its outcome is there.
    Asked(Call),
    /// It asked for an errand whose outcome it may await later; the call's number is its handle.
    Begun(Call),
    /// It awaits something.
    Awaits(Call),
    /// A call came to what the event of this version says.
    Took {
        /// The call.
        call: u32,
        /// Version of the event.
        from: u64,
    },
    /// A call ended with `TimeoutError`, because this deadline is over.
    TimedOut {
        /// The call.
        call: u32,
        /// The deadline.
        deadline: u32,
    },
    /// It was interrupted where it stood, because it is to be cancelled.
    Interrupted,
}

/// How a flow ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// With this result.
    Done(Value),
    /// It failed.
    Failed(Failure),
    /// It was cancelled, and its compensations have run.
    Cancelled(Failure),
}

/// Why bytes are no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event {kind:?} cannot be read: {source}; was it written by a newer version?")]
pub struct EventError {
    /// What the event is called.
    pub kind: String,
    /// What is wrong with its bytes.
    pub source: DecodeError,
}

impl Event {
    /// What it is called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Claimed { .. } => "claimed",
            Self::Turn(_) => "turn",
            Self::Result { .. } => "result",
            Self::Tried { .. } => "tried",
            Self::Elapsed(_) => "elapsed",
            Self::Message { .. } => "message",
            Self::Delivered { .. } => "delivered",
            Self::Watched { .. } => "watched",
            Self::Cancelled => "cancelled",
            Self::Exceeded { .. } => "exceeded",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Retried { .. } => "retried",
            Self::Died { .. } => "died",
            Self::Parked { .. } => "parked",
            Self::Ended(_) => "ended",
        }
    }

    /// What it consists of, as MessagePack.
    ///
    /// # Errors
    /// A value in it is nested deeper than values may be.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        encode(self)
    }

    /// Reads what [`Event::to_bytes`] wrote.
    ///
    /// # Errors
    /// The bytes are no event of this version.
    pub fn from_bytes(kind: &str, bytes: &[u8]) -> Result<Self, EventError> {
        decode(bytes).map_err(|source| EventError { kind: kind.to_owned(), source })
    }
}

impl End {
    /// What the end of this flow is to who waits for it.
    #[must_use]
    pub fn outcome(&self, flow: &str) -> Outcome {
        match self {
            Self::Done(value) => Outcome::Value(value.clone()),
            Self::Failed(failure) => {
                let message = format!("the flow {flow} failed: {}: {}", failure.kind, failure.message);
                Outcome::Error(Raised { kind: "RuntimeError".to_owned(), message })
            }
            Self::Cancelled(_) => {
                let message = format!("the flow {flow} was cancelled");
                Outcome::Error(Raised { kind: "RuntimeError".to_owned(), message })
            }
        }
    }

    /// How a flow is listed that ended so.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Done(_) => Status::Done,
            Self::Failed(_) => Status::Failed,
            Self::Cancelled(_) => Status::Cancelled,
        }
    }
}

/// How a flow stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It can go on, and no host has it yet.
    Ready,
    /// It can go on as soon as one less of its name does.
    Queued,
    /// A host has it.
    Running,
    /// It waits for something that takes no host: a time, a message, a callback, a result from elsewhere.
    Waiting,
    /// Somebody wants it to stand still.
    Paused,
    /// Its interpreter died too often, or it cannot be replayed: somebody has to look.
    Parked,
    /// It ended with a result.
    Done,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Ready,
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Parked,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word under which the store lists it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Parked => "parked",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status that is listed under this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}
