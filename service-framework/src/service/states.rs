//! The in states of a service, as its handlers see them.

use std::sync::Arc;
use std::time::Duration;

use super::extract::{Extract, Place, Run};
use super::shared::Shared;
use super::state_table::{InState, Seen};
use crate::model::near_miss;
use crate::state::{FullView, Status, View};
use crate::value::Value;

/// The in states of the service, as they were when the handler began, and so for its whole run.
///
/// Taking them costs next to nothing, whatever their size. What has changed meanwhile shows after
/// [`States::refresh`].
///
/// ```
/// use service_framework::service::States;
///
/// # #[derive(serde::Deserialize)]
/// # struct Asked { symbol: String }
/// fn price(asked: Asked, states: States) -> service_framework::Result<Option<f64>> {
///     Ok(states.delta("prices")?.get(&asked.symbol)?)
/// }
/// ```
#[derive(Clone)]
pub struct States {
    shared: Arc<Shared>,
    seen: Vec<Seen>,
}

/// A state that cannot be read, or is not current in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The service has no such in state.
    #[error("no in state {name:?}{}", .near.as_deref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default())]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// A declared name that is close to it.
        near: Option<String>,
    },
    /// The state is of the other type.
    #[error("{name:?} is a {is} state")]
    WrongType {
        /// The state.
        name: String,
        /// Its type.
        is: &'static str,
    },
    /// The owner was not heard of in time, or not wholly.
    #[error("{name:?} is not current after {after:?}: {}", match .status {
        Status::Waiting => "its owner has not answered",
        _ => "updates are missing",
    })]
    NotCurrent {
        /// The state.
        name: String,
        /// How it is.
        status: Status,
        /// The time that it was given.
        after: Duration,
    },
}

impl<P: Place> Extract<P> for States {
    fn extract(run: &Run<'_>) -> Self {
        Self { shared: run.shared.clone(), seen: see(run.shared) }
    }
}

fn see(shared: &Shared) -> Vec<Seen> {
    shared.states.ins.iter().map(|(_, state)| state.see()).collect()
}

impl States {
    /// Takes the states as they are now.
    pub fn refresh(&mut self) {
        self.seen = see(&self.shared);
    }

    /// A delta state.
    ///
    /// # Errors
    /// There is none of this name, or it is a full state.
    pub fn delta(&self, name: &str) -> Result<&View, StateError> {
        match self.find(name)?.1 {
            Seen::Delta(view) => Ok(view),
            Seen::Full(_) => Err(StateError::WrongType { name: name.into(), is: "full" }),
        }
    }

    /// A full state.
    ///
    /// # Errors
    /// There is none of this name, or it is a delta state.
    pub fn full(&self, name: &str) -> Result<&FullView, StateError> {
        match self.find(name)?.1 {
            Seen::Full(view) => Ok(view),
            Seen::Delta(_) => Err(StateError::WrongType { name: name.into(), is: "delta" }),
        }
    }

    /// A state of either type as a value; nil for a full state of which there is nothing yet.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn get(&self, name: &str) -> Result<Value, StateError> {
        Ok(match self.find(name)?.1 {
            Seen::Delta(view) => view.to_value(),
            Seen::Full(view) => view.to_value(),
        })
    }

    /// Whether a state was what its owner had when it was taken.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn status(&self, name: &str) -> Result<Status, StateError> {
        Ok(status(self.find(name)?.1))
    }

    fn find(&self, name: &str) -> Result<(&InState, &Seen), StateError> {
        let ins = &self.shared.states.ins;
        let found = ins.iter().zip(&self.seen).find(|((known, _), _)| known == name);
        found.map(|((_, state), seen)| (state, seen)).ok_or_else(|| {
            let near = near_miss(name, ins.iter().map(|(known, _)| known.as_str()));
            StateError::Unknown { name: name.into(), near: near.map(Into::into) }
        })
    }

    /// Waits until a state is what its owner has, and takes all states as they are then.
    ///
    /// # Errors
    /// There is none of this name, or it is not current within that time.
    pub async fn wait_until_current(&mut self, name: &str, within: Duration) -> Result<(), StateError> {
        let mut status = match self.find(name)?.0 {
            InState::Delta(cell) => cell.watch(),
            InState::Full(cell) => cell.watch(),
        };
        let current = tokio::time::timeout(within, status.wait_for(|status| status.is_current())).await;
        let is_current = matches!(current, Ok(Ok(_)));
        drop(current);
        self.refresh();
        if is_current {
            return Ok(());
        }
        Err(StateError::NotCurrent { name: name.into(), status: self.status(name)?, after: within })
    }
}

fn status(seen: &Seen) -> Status {
    match seen {
        Seen::Delta(view) => view.status(),
        Seen::Full(view) => view.status(),
    }
}
