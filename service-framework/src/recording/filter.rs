//! Which messages of a recording are meant.

use super::{Direction, Kind};

/// Which messages of a recording are meant: those for which everything holds that is said.
///
/// ```
/// use service_framework::recording::{Direction, Filter, Kind};
///
/// let asked = Filter::new().service("desk").connection("in.buy").kind(Kind::Request);
/// let late = Filter::new().direction(Direction::Out).workflow("4711").without_bodies();
/// # let _ = (asked, late);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Filter {
    pub(super) services: Vec<String>,
    pub(super) connections: Vec<String>,
    pub(super) kinds: Vec<Kind>,
    pub(super) topics: Vec<String>,
    pub(super) workflow: Option<String>,
    pub(super) direction: Option<Direction>,
    pub(super) from: Option<u64>,
    pub(super) until: Option<u64>,
    pub(super) without_bodies: bool,
}

impl Filter {
    /// Every message.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time behind all that is meant, in microseconds since 1970; the last there is if none was said.
    pub(crate) fn ends_at(&self) -> u64 {
        self.until.unwrap_or(u64::MAX)
    }

    /// Of this service, or of another one that is said: its name, `SYSTEM/NAME`, or the number of its process.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.services.push(name.into());
        self
    }

    /// Of this connection, or of another one that is said: `in.ask`, or its last part `ask`.
    pub fn connection(mut self, name: impl Into<String>) -> Self {
        self.connections.push(name.into());
        self
    }

    /// Of this kind, or of another one that is said.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// Of this topic, or of another one that is said.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topics.push(topic.into());
        self
    }

    /// Of this workflow: the id itself, and those that begin with it and `_`.
    pub fn workflow(mut self, id: impl Into<String>) -> Self {
        self.workflow = Some(id.into());
        self
    }

    /// That came in, or that went out.
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// From this time on, in microseconds since 1970.
    pub fn from(mut self, time: u64) -> Self {
        self.from = Some(time);
        self
    }

    /// Before this time, in microseconds since 1970.
    pub fn until(mut self, time: u64) -> Self {
        self.until = Some(time);
        self
    }

    /// From when on, if that is said.
    pub(crate) fn begin(&self) -> Option<u64> {
        self.from
    }

    /// Without the frames, which saves reading them.
    pub fn without_bodies(mut self) -> Self {
        self.without_bodies = true;
        self
    }
}
