//! What a host and an interpreter process say to each other.

use serde::{Deserialize, Serialize};

use crate::flow::engine::{Limits, Script};
use crate::flow::history::{Event, EventError};
use crate::flow::script::{Stood, Went};
use crate::store::NewEvent;
use crate::value::Bytes;

/// An event as the store has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its place in the stream.
    pub version: u64,
    /// What it is called.
    pub kind: String,
    /// What it consists of.
    pub payload: Bytes,
}

impl Stored {
    /// A new event as it will be stored at this version.
    pub(crate) fn at(version: u64, event: &NewEvent) -> Self {
        Self { version, kind: event.kind.to_string(), payload: event.payload.clone().into() }
    }

    /// The event.
    ///
    /// # Errors
    /// It is none of this version.
    pub fn read(&self) -> Result<Event, EventError> {
        Event::from_bytes(&self.kind, &self.payload.0)
    }
}

/// What a flow goes on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Base {
    /// From its beginning, over all of its events.
    Start,
    /// From what was saved, over the events since.
    Saved(Bytes),
    /// From where it stands in that process, which was told all up to the version.
    Kept(u64),
}

/// A turn that is to be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Which flow.
    pub flow: String,
    /// What it is called.
    pub name: String,
    /// Its script; none where it is kept.
    pub script: Option<Script>,
    /// What it goes on from.
    pub base: Base,
    /// The events since, in their order.
    pub events: Vec<Stored>,
    /// What URLs of callbacks begin with.
    pub public_url: String,
    /// What a script may take.
    pub limits: Limits,
    /// Whether it is to be saved after the turn.
    pub saves: bool,
    /// After how many moves it is only looked at where it stood, instead of going on.
    pub looks_at: Option<u64>,
}

impl Job {
    /// Whether moves are made first that were made before.
    #[must_use]
    pub fn replays(&self) -> bool {
        let has_turns = || self.events.iter().any(|event| event.kind == "turn");
        self.looks_at.is_some() || !matches!(self.base, Base::Kept(_)) && has_turns()
    }
}

/// What a host says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    Run(Box<Job>),
    /// What is kept of this flow is not what is in the store.
    Forget(String),
}

/// What came of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// It still makes moves that were made before; another report follows.
    Replaying,
    /// It has made all of them, and goes on; another report follows.
    Replayed,
    /// It went on.
    Went {
        /// How.
        went: Box<Went>,
        /// What was to be saved, if it could be.
        saved: Option<Bytes>,
        /// How many moves there were in all.
        moves: u64,
    },
    /// It was looked at where it stood.
    Stood(Box<Stood>),
    /// The process does not keep this flow any more.
    NotKept,
    /// What was saved cannot be used, and why.
    Unusable(String),
    /// The flow cannot be run on by this engine, and why. Nothing happened.
    Stuck(String),
}

/// Why a turn came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Died {
    /// It took more than it may, and its process was ended. Nothing of the turn happened.
    #[error("{0}")]
    Limit(String),
    /// Its process ended without a word. Nothing of the turn happened.
    #[error("the interpreter's process ended: {0}")]
    Crash(String),
    /// No process could be started, or the pool has ended.
    #[error("no interpreter can be had: {0}")]
    NoPlace(String),
}
