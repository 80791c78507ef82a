//! What happened in a simulation, in order.

use std::time::Duration;

use super::super::engine::Change;
use super::super::time::Moment;

/// Something that happened to a node, or to all.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Mark {
    Started,
    Founded,
    Joined,
    /// Its disk was kept.
    Crashed,
    /// It crashed and its disk is gone.
    Lost,
    Left,
    Frozen(Duration),
    Saw {
        change: Change,
        other: usize,
    },
    /// Of the scenario, for people.
    Step(String),
    /// The views and the shared data are the same at all nodes again.
    Settled(Duration),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry {
    pub(super) at: Moment,
    /// Nothing if it concerns all.
    pub(super) node: Option<usize>,
    pub(super) mark: Mark,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Timeline(Vec<Entry>);

impl Timeline {
    pub(super) fn add(&mut self, at: Moment, node: Option<usize>, mark: Mark) {
        self.0.push(Entry { at, node, mark });
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }
}
