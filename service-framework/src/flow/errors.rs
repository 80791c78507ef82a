//! What can go wrong with flows.

use super::engine::{Complaint, Function, Misfit};
use super::history::{EventError, Status};
use crate::store::Error as StoreError;
use crate::value::{DecodeError, EncodeError};

/// Why something cannot be done to a flow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// The store says no, or nothing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such flow.
    #[error("there is no flow {0:?} in this store")]
    NoFlow(String),
    /// Its id is taken by a flow of another script or with other arguments. Nothing was started.
    #[error("there is a flow {id:?} already, of another script or with other arguments: choose another id")]
    Taken {
        /// The id.
        id: String,
    },
    /// Its id cannot be one.
    #[error("{id:?} is no id of a flow: 1 to 200 letters, digits, and any of - _ . : @")]
    BadId {
        /// What was given.
        id: String,
    },
    /// No flow is called so. Nothing changed.
    #[error("{name:?} is no name of flows: 1 to 200 bytes, no control characters")]
    BadName {
        /// What was given.
        name: String,
    },
    /// A limit is higher than limits can be. Nothing changed.
    #[error("{most} is no limit: 1000 is the highest, and a name without one goes on as often as it likes")]
    BadLimit {
        /// What was given.
        most: u32,
    },
    /// The script cannot be run. Nothing was started.
    #[error("{file} cannot be run:\n{}", .complaints.iter().map(|c| line(file, c)).collect::<Vec<_>>().join("\n"))]
    Complaints {
        /// The file.
        file: String,
        /// Everything that is wrong with it.
        complaints: Vec<Complaint>,
    },
    /// The script has no such function at its top level. Nothing was started.
    #[error("{file} has no function {wanted:?}: it has {}", if .there.is_empty() { "none".to_owned() } else { .there.join(", ") })]
    NoFunction {
        /// The file.
        file: String,
        /// The function that was to be called.
        wanted: String,
        /// Those that it has.
        there: Vec<String>,
    },
    /// There are arguments, and no function is called. Nothing was started.
    #[error("{file} is given arguments, and no function that takes them")]
    ArgsOfNothing {
        /// The file.
        file: String,
    },
    /// The function cannot be called with these arguments. Nothing was started.
    #[error("{file}: {} cannot be called so: {}; it takes {}", .function.name, told(.misfits), .function.takes())]
    Call {
        /// The file.
        file: String,
        /// The function.
        function: Function,
        /// Everything that is wrong with the arguments.
        misfits: Vec<Misfit>,
    },
    /// It is not in a state for that. Nothing changed.
    #[error("flow {id} is {}: {needed}", .status.word())]
    NotNow {
        /// Which flow.
        id: String,
        /// How it stands.
        status: Status,
        /// How it would have to stand.
        needed: &'static str,
    },
    /// It went on too fast. Nothing changed.
    #[error("flow {0} went on each time that it was tried; try again")]
    Busy(String),
    /// What the store has of it is nothing that this version wrote.
    #[error("flow {flow}, event {version}: {source}")]
    Event {
        /// Which flow.
        flow: String,
        /// Which event.
        version: u64,
        /// What is wrong with it.
        source: EventError,
    },
    /// What the store has of it is not whole.
    #[error("flow {flow} cannot be read: {reason}")]
    Incomplete {
        /// Which flow.
        flow: String,
        /// What is missing.
        reason: String,
    },
    /// A value cannot be written.
    #[error("a value cannot be written: {0}")]
    Unwritable(#[from] EncodeError),
    /// What was written cannot be read.
    #[error("a record of the store cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// The host is ending.
    #[error("the host of flows is stopping")]
    Stopping,
    /// A thread or process cannot be had.
    #[error("{what}: {reason}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        reason: String,
    },
}

impl FlowError {
    /// Whether what the store has of a flow is not whole, so that trying again is of no use.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Event { .. } | Self::Incomplete { .. } | Self::Unreadable(_) => true,
            Self::Store(error) => matches!(error, StoreError::Damaged { .. }),
            _ => false,
        }
    }
}

fn line(file: &str, complaint: &Complaint) -> String {
    let Complaint { line, column, what, instead } = complaint;
    format!("  {file}:{line}:{column}: {what}; {instead}")
}

fn told(misfits: &[Misfit]) -> String {
    misfits.iter().map(Misfit::to_string).collect::<Vec<_>>().join(", ")
}
