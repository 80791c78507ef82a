//! State models written in Rust.

use std::time::Duration;

use super::connection::Side;
use super::state::{StateModel, StateType};
use super::types::Type;

impl StateModel {
    /// The owner of a delta state of this type: a map, or a record of which any keys may be missing.
    pub fn delta_out(name: impl Into<String>, of: Type) -> Self {
        Self::new(name, Side::Out, StateType::DeltaUpdate).requires("state", of)
    }

    /// A replica of a delta state of this type.
    pub fn delta_in(name: impl Into<String>, of: Type) -> Self {
        Self::new(name, Side::In, StateType::DeltaUpdate).requires("state", of)
    }

    /// The owner of a full state; its arguments are the state.
    pub fn full_out(name: impl Into<String>) -> Self {
        Self::new(name, Side::Out, StateType::FullUpdate)
    }

    /// A replica of a full state; its arguments are the state.
    pub fn full_in(name: impl Into<String>) -> Self {
        Self::new(name, Side::In, StateType::FullUpdate)
    }

    /// Adds an argument that every update has.
    pub fn requires(mut self, name: impl Into<String>, of: Type) -> Self {
        self.arguments = self.arguments.requires(name, of);
        self
    }

    /// Adds an argument that an update may have.
    pub fn optional(mut self, name: impl Into<String>, of: Type) -> Self {
        self.arguments = self.arguments.optional(name, of);
        self
    }

    /// Publishes under this topic, or follows the owner that does. An empty topic is none.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = Some(topic.into()).filter(|topic| !topic.is_empty());
        self
    }

    /// Follows several owners of one state, each under its topic: the first address is that of the first topic, and so
    /// on. Handlers have one view for each.
    pub fn topics<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.topics = topics.into_iter().map(Into::into).collect();
        self
    }

    /// Makes an owner's publisher connect instead of binding.
    pub fn connects(mut self) -> Self {
        self.is_x_pub = true;
        self
    }

    /// Sets how long an owner's publisher waits once it is made.
    pub fn waits_after_creation(mut self, wait: Duration) -> Self {
        self.wait_after_creation = Some(wait);
        self
    }

    /// Names the function that a replica calls with what has changed.
    pub fn on_change(mut self, function: impl Into<String>) -> Self {
        self.on_change = Some(function.into());
        self
    }

    /// Has the replica of a delta state keep a copy in this file, to begin with after a restart until the owner has
    /// answered.
    pub fn local_copy(mut self, path: impl Into<String>) -> Self {
        self.local_copy = Some(path.into());
        self
    }

    /// Has the owner of a delta state stand by for another one, until it takes over.
    pub fn stands_by(mut self) -> Self {
        self.is_standby = true;
        self
    }

    /// Takes whatever the owner sends.
    pub(crate) fn anything(mut self) -> Self {
        self.takes_anything = true;
        self
    }

    /// Has the owner of a full state send only the newest of values that are set within 10 ms.
    pub fn conflates(mut self) -> Self {
        self.conflates = true;
        self
    }
}
