//! What is known of a flow besides where its script stands.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::asked::Awaited;
use super::inbox::Inbox;
use crate::value::Value;

/// Everything that is known of a flow besides where its script stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    /// How many moves there were.
    pub(super) moves: u64,
    pub(super) inbox: Inbox,
    /// What is awaited, by its calls.
    pub(super) awaited: BTreeMap<u32, Awaited>,
    /// For what the script stands still, if it asked for it.
    pub(super) standing: Option<Standing>,
    /// The deadlines that hold, the outermost first.
    pub(super) deadlines: Vec<Deadline>,
    pub(super) callbacks: BTreeSet<String>,
    /// Errands that were begun: what they are.
    pub(super) begun: BTreeMap<u32, (String, Vec<Value>)>,
    /// Sleeps that were begun: how long they are, in seconds.
    pub(super) begun_sleeps: BTreeMap<u32, f64>,
    pub(super) is_interrupted: bool,
}

impl Memory {
    /// Whether this is the handle of something that was begun.
    pub(super) fn has_begun(&self, handle: u32) -> bool {
        self.begun.contains_key(&handle) || self.begun_sleeps.contains_key(&handle)
    }
}

/// A deadline that holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Deadline {
    /// The call that began it.
    pub(super) call: u32,
    pub(super) seconds: f64,
    /// Whether it has ended something: it does so once.
    pub(super) is_spent: bool,
}

/// A call that was asked for and without whose outcome the script does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Standing {
    Errand(u32),
    Sleep(u32),
}

impl Standing {
    pub(super) fn call(self) -> u32 {
        match self {
            Self::Errand(call) | Self::Sleep(call) => call,
        }
    }
}
