//! Why a request or a message did not do what it was sent for.

use std::time::Duration;

use crate::model::Mismatch;
use crate::wire::{ErrorReply, most_args};

/// A request that has no answer, or a message that did not leave.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The service has no such out connection. Nothing was sent.
    #[error("no out connection {name:?}{}", did_you_mean(.near.as_deref()))]
    UnknownConnection {
        /// The name that was asked for.
        name: String,
        /// A declared name that is close to it.
        near: Option<String>,
    },
    /// The service has no such out state. Nothing has changed.
    #[error("no out state {name:?}{}", did_you_mean(.near.as_deref()))]
    UnknownState {
        /// The name that was asked for.
        name: String,
        /// A declared name that is close to it.
        near: Option<String>,
    },
    /// The state belongs to another service as long as this one only stands by. Nothing has changed.
    #[error("this one only stands by for the owner of {state:?}")]
    Standby {
        /// The state.
        state: String,
    },
    /// The connection is of another type than the call needs. Nothing was sent.
    #[error("{name:?} is a {is}, and {wanted} needs another type")]
    WrongType {
        /// The connection.
        name: String,
        /// Its type.
        is: &'static str,
        /// What was called.
        wanted: &'static str,
    },
    /// The arguments are not what the model says. Nothing was sent.
    #[error("invalid arguments for {connection:?}: {}", list(.mismatches))]
    InvalidArguments {
        /// The connection.
        connection: String,
        /// Each place that is wrong.
        mismatches: Vec<Mismatch>,
    },
    /// The message is over the limit for a frame. Nothing was sent.
    #[error("message of {size} bytes for {connection:?} is over the limit of {limit}")]
    TooLarge {
        /// The connection.
        connection: String,
        /// Its bytes.
        size: usize,
        /// The most bytes a frame may have.
        limit: usize,
    },
    /// Too many requests of this connection are open already. Nothing was sent.
    #[error("{open} requests of {connection:?} are open already")]
    Overloaded {
        /// The connection.
        connection: String,
        /// The bound, reached.
        open: usize,
    },
    /// The deadline came before the answer. Whether the other end acted is unknown, unless no peer was there.
    #[error("no answer on {connection:?} within {after:?}{}", if *.no_peer { ": no peer was there" } else { "" })]
    Timeout {
        /// The connection.
        connection: String,
        /// The time that it was given.
        after: Duration,
        /// Whether it still waited for somebody to connect to, and so was never sent.
        no_peer: bool,
    },
    /// No instance of what was looked for in the cluster was there until the deadline. Nothing was sent.
    #[error("no instance of {address} was there for {connection:?} within {after:?}")]
    NoInstance {
        /// The connection.
        connection: String,
        /// What was looked for: `cluster://SERVICE/CONNECTION`.
        address: String,
        /// The time that it was given.
        after: Duration,
    },
    /// The connection to the peer that had the request is gone. Whether it acted is unknown.
    #[error("the peer of {connection:?} at {address} is gone before it answered")]
    NoPeer {
        /// The connection.
        connection: String,
        /// Where the peer was.
        address: String,
    },
    /// This service stops. What was not sent stays unsent.
    #[error("the service is stopping")]
    Stopping,
    /// The answer is not what the model says. The other end has acted.
    #[error("invalid reply on {connection:?}: {reason}")]
    InvalidReply {
        /// The connection.
        connection: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The other end answered with an error.
    #[error("{connection:?} answered {}: {}", .error.code, .error.message)]
    Refused {
        /// The connection.
        connection: String,
        /// Code, message and details as they came.
        error: ErrorReply,
    },
    /// The arguments could not be written as MessagePack, or the answer not be read into the wanted type.
    #[error("{connection:?}: {reason}")]
    Encoding {
        /// The connection.
        connection: String,
        /// The reason.
        reason: String,
    },
    /// The function that would wait shares its thread with all others of the service. Nothing was sent.
    #[error(
        "waiting{} would hold up the service: make the handler an `async fn` and `.await`, or give it `workers`",
        .connection.as_deref().map(|name| format!(" on {name:?}")).unwrap_or_default()
    )]
    WouldBlock {
        /// The connection, if it is a request that was waited for.
        connection: Option<String>,
    },
    /// The socket itself failed.
    #[error("{connection:?}: {source}")]
    Socket {
        /// The connection.
        connection: String,
        /// What the engine says.
        source: super::SocketError,
    },
}

impl SendError {
    /// Whether arguments of so many bytes fit into a frame.
    pub(crate) fn unless_they_fit(connection: &str, size: usize) -> Result<(), Self> {
        let limit = most_args();
        match size > limit {
            true => Err(Self::TooLarge { connection: connection.into(), size, limit }),
            false => Ok(()),
        }
    }

    /// Whether this says that the service is on its way out.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        matches!(self, Self::Stopping)
    }

    /// One word for it: `timeout`, `no_peer` and so on, or the code of an error reply.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Timeout { .. } => "timeout",
            Self::NoInstance { .. } => "no_instance",
            Self::NoPeer { .. } => "no_peer",
            Self::Stopping => "stopping",
            Self::Overloaded { .. } => "overloaded",
            Self::Refused { error, .. } => &error.code,
            Self::InvalidReply { .. } => "invalid_reply",
            _ => "failed",
        }
    }

    /// The code of an error reply, if this is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { error, .. } => Some(&error.code),
            _ => None,
        }
    }
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

/// All mismatches in one line.
pub(crate) fn list(mismatches: &[Mismatch]) -> String {
    mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
