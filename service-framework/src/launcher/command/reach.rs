//! What a command reaches through its service while a call is open.

use serde_json::Value as Json;

use super::protocol::{self, Destination};
use crate::service::{BlockingToSend, SendError, StateError, States};
use crate::value::Value;

/// The service as one call sees it.
pub(super) struct Reach<'a> {
    pub(super) to_send: &'a BlockingToSend,
    /// As they were when the call began.
    pub(super) states: &'a States,
}

impl Reach<'_> {
    /// Sends to a connection, or changes an own state.
    pub(super) fn send(&self, to: &Destination, args: Value) -> Result<Value, SendError> {
        match to {
            Destination::Connection(name) => self.to_send.connection(name, args),
            Destination::State(name) => self.to_send.state(name, args).map(|()| Value::Nil),
        }
    }

    /// The answer to a question for a state: an in state as it was when the call began, an own one as it is.
    pub(super) fn read(&self, number: &Json, name: &str) -> Json {
        let unknown = match self.states.get(name) {
            Ok(value) => return protocol::state(number, &value, self.states.status(name).ok()),
            Err(unknown) => unknown,
        };
        match self.own(name) {
            Ok(value) => protocol::state(number, &value, None),
            Err(no_own) => protocol::refused(number, "unknown_state", &no_state(name, unknown, no_own)),
        }
    }

    fn own(&self, name: &str) -> Result<Value, SendError> {
        match self.to_send.delta(name) {
            Err(SendError::WrongType { .. }) => Ok(self.to_send.full(name)?.view().to_value()),
            delta => Ok(delta?.view().to_value()),
        }
    }
}

fn no_state(name: &str, of_others: StateError, own: SendError) -> String {
    let near = match (of_others, own) {
        (StateError::Unknown { near: Some(near), .. }, _) => near,
        (_, SendError::UnknownState { near: Some(near), .. }) => near,
        _ => return format!("no state {name:?}"),
    };
    format!("no state {name:?}; did you mean {near:?}?")
}
