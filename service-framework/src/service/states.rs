//! The in states of a service, as its handlers see them.

use std::sync::Arc;
use std::time::Duration;

use super::declare::Declarations;
use super::extract::{Extract, Place, Run, take};
use super::shared::Shared;
use super::state_table::{InEntry, Seen};
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
    /// The state has other owners than were asked for: several, one for each topic, or only one.
    #[error("{name:?} has {}", match .topics.as_slice() {
        [] => "one owner, without a topic".to_owned(),
        topics => format!("an owner for each topic: {}", topics.join(", ")),
    })]
    Owners {
        /// The state.
        name: String,
        /// The topics of its owners; empty for one owner.
        topics: Vec<String>,
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

take!([P: Place] P, States, |run| Self { shared: run.shared.clone(), seen: see(run.shared) });

fn see(shared: &Shared) -> Vec<Seen> {
    shared.states.ins.iter().map(|entry| entry.state.see()).collect()
}

impl States {
    /// Takes the states as they are now.
    pub fn refresh(&mut self) {
        self.seen = see(&self.shared);
    }

    /// A delta state.
    ///
    /// # Errors
    /// There is none of this name, it is a full state, or it has several owners.
    pub fn delta(&self, name: &str) -> Result<&View, StateError> {
        delta(name, self.only(name)?.1)
    }

    /// A delta state of several owners, as the one of this topic has it.
    ///
    /// # Errors
    /// There is none of this name and topic, or it is a full state.
    pub fn delta_of(&self, name: &str, topic: &str) -> Result<&View, StateError> {
        delta(name, self.of(name, topic)?)
    }

    /// A full state.
    ///
    /// # Errors
    /// There is none of this name, it is a delta state, or it has several owners.
    pub fn full(&self, name: &str) -> Result<&FullView, StateError> {
        full(name, self.only(name)?.1)
    }

    /// A full state of several owners, as the one of this topic has it.
    ///
    /// # Errors
    /// There is none of this name and topic, or it is a delta state.
    pub fn full_of(&self, name: &str, topic: &str) -> Result<&FullView, StateError> {
        full(name, self.of(name, topic)?)
    }

    /// A state of either type as a value, nil for a full state of which there is nothing yet; of several owners a map
    /// from their topics.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn get(&self, name: &str) -> Result<Value, StateError> {
        let all = self.all(name)?;
        let one =
            |(entry, seen): &(&InEntry, &Seen)| Some((Value::from(entry.topic.as_deref()?), seen.value()));
        match all.iter().map(one).collect() {
            Some(by_topic) => Ok(Value::Map(by_topic)),
            None => Ok(self.only(name)?.1.value()),
        }
    }

    /// Whether a state was what its owner had when it was taken; of several owners the first that is not.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn status(&self, name: &str) -> Result<Status, StateError> {
        let statuses = self.all(name)?.into_iter().map(|(_, seen)| seen.status());
        Ok(statuses.fold(Status::Current, |found, next| if found.is_current() { next } else { found }))
    }

    /// Whether anybody is there now to publish a state's updates: one that is not current although somebody is there
    /// waits for an answer, or for a first value.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn is_connected(&self, name: &str) -> Result<bool, StateError> {
        Ok(self.all(name)?.into_iter().any(|(entry, _)| entry.state.is_connected()))
    }

    /// The replica of this name, or those of it.
    fn all(&self, name: &str) -> Result<Vec<(&InEntry, &Seen)>, StateError> {
        let ins = &self.shared.states.ins;
        let found: Vec<_> = ins.iter().zip(&self.seen).filter(|(entry, _)| entry.name == name).collect();
        if found.is_empty() {
            let near = near_miss(name, ins.iter().map(|entry| entry.name.as_str()));
            return Err(StateError::Unknown { name: name.into(), near: near.map(Into::into) });
        }
        Ok(found)
    }

    fn only(&self, name: &str) -> Result<(&InEntry, &Seen), StateError> {
        match self.all(name)?.as_slice() {
            [only] if only.0.topic.is_none() => Ok(*only),
            several => Err(several_owners(several.iter().map(|(entry, _)| *entry))),
        }
    }

    fn of(&self, name: &str, topic: &str) -> Result<&Seen, StateError> {
        let all = self.all(name)?;
        let found = all.iter().find(|(entry, _)| entry.topic.as_deref() == Some(topic));
        found.map(|(_, seen)| *seen).ok_or_else(|| several_owners(all.iter().map(|(entry, _)| *entry)))
    }

    /// Waits until a state is what its owner has, or each of its owners, and takes all states as they are then.
    ///
    /// # Errors
    /// There is none of this name, or it is not current within that time.
    pub async fn wait_until_current(&mut self, name: &str, within: Duration) -> Result<(), StateError> {
        let in_time = until_current(self.all(name)?.into_iter().map(|(entry, _)| entry), within).await;
        self.refresh();
        if in_time {
            return Ok(());
        }
        Err(StateError::NotCurrent { name: name.into(), status: self.status(name)?, after: within })
    }
}

/// Waits until all of these replicas are current; whether they are within that time.
pub(super) async fn until_current<'a>(replicas: impl Iterator<Item = &'a InEntry>, within: Duration) -> bool {
    let watched: Vec<_> = replicas.map(|entry| entry.state.watch()).collect();
    let wait = async {
        // One may have become stale while another was waited for.
        while watched.iter().any(|status| !status.borrow().is_current()) {
            for status in &watched {
                let mut status = status.clone();
                // Its sender lives as long as the service.
                drop(status.wait_for(|status| status.is_current()).await);
            }
        }
    };
    tokio::time::timeout(within, wait).await.is_ok()
}

fn delta<'a>(name: &str, seen: &'a Seen) -> Result<&'a View, StateError> {
    match seen {
        Seen::Delta(view) => Ok(view),
        Seen::Full(_) => Err(StateError::WrongType { name: name.into(), is: "full" }),
    }
}

fn full<'a>(name: &str, seen: &'a Seen) -> Result<&'a FullView, StateError> {
    match seen {
        Seen::Full(view) => Ok(view),
        Seen::Delta(_) => Err(StateError::WrongType { name: name.into(), is: "delta" }),
    }
}

/// What is said of replicas of one state that are not those that were asked for.
pub(super) fn several_owners<'a>(replicas: impl IntoIterator<Item = &'a InEntry>) -> StateError {
    let (mut name, mut topics) = (String::new(), Vec::new());
    for entry in replicas {
        name.clone_from(&entry.name);
        topics.extend(entry.topic.clone());
    }
    StateError::Owners { name, topics }
}
