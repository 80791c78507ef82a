//! The states of a service by name.

use std::sync::Arc;

use tokio::sync::watch;

use crate::connection::SendError;
use crate::model::near_miss;
use crate::state::{Cell, DeltaOwner, FullCopy, FullOwner, FullView, Replica, Status, View};
use crate::value::Value;

/// The states of a running service.
#[derive(Default)]
pub(crate) struct StateTable {
    pub(crate) ins: Vec<InEntry>,
    pub(crate) outs: Vec<(String, OutState)>,
}

/// A replica, or one of several of the same state.
pub(crate) struct InEntry {
    pub(crate) name: String,
    /// Which of several owners it follows.
    pub(crate) topic: Option<String>,
    pub(crate) state: InState,
}

/// A replica.
#[derive(Clone)]
pub(crate) enum InState {
    Delta(Arc<Cell<Replica>>),
    Full(Arc<Cell<FullCopy>>),
    /// What an owner in the same thread has.
    Here(OutState),
}

/// An own state.
#[derive(Clone)]
pub(crate) enum OutState {
    Delta(Arc<DeltaOwner>),
    Full(Arc<FullOwner>),
}

/// A replica as it was at one moment.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    Delta(View),
    Full(FullView),
}

impl Seen {
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Delta(view) => view.to_value(),
            Self::Full(view) => view.to_value(),
        }
    }

    /// All that is in it as MessagePack; None if nothing is.
    pub(crate) fn to_msgpack(&self) -> Option<Vec<u8>> {
        match self {
            Self::Delta(view) => view.number().is_some().then(|| view.to_msgpack()),
            Self::Full(view) => view.raw().map(<[u8]>::to_vec),
        }
    }

    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Delta(view) => view.status(),
            Self::Full(view) => view.status(),
        }
    }
}

impl InState {
    /// Its status, to wait for another.
    pub(crate) fn watch(&self) -> watch::Receiver<Status> {
        match self {
            Self::Delta(cell) => cell.watch(),
            Self::Full(cell) => cell.watch(),
            Self::Here(_) => watch::Sender::new(Status::Current).subscribe(),
        }
    }

    /// Whether somebody is there to publish its updates.
    pub(crate) fn is_connected(&self) -> bool {
        match self {
            Self::Delta(cell) => cell.lock().is_connected(),
            Self::Full(cell) => cell.lock().is_connected(),
            Self::Here(_) => true,
        }
    }

    /// What it shows now.
    pub(crate) fn see(&self) -> Seen {
        match self {
            Self::Delta(cell) => {
                let replica = cell.lock();
                Seen::Delta(View::new(replica.map().clone(), replica.at(), replica.status()))
            }
            Self::Full(cell) => {
                let copy = cell.lock();
                Seen::Full(FullView::new(copy.value().cloned(), copy.at(), copy.status()))
            }
            Self::Here(state) => state.see(),
        }
    }
}

impl OutState {
    /// What it is now.
    pub(crate) fn see(&self) -> Seen {
        match self {
            Self::Delta(owner) => Seen::Delta(owner.view()),
            Self::Full(owner) => Seen::Full(owner.view()),
        }
    }
}

impl StateTable {
    /// The place of the first replica of a state.
    pub(crate) fn place_of_in(&self, name: &str) -> Option<usize> {
        self.ins.iter().position(|entry| entry.name == name)
    }

    /// The place of an own state.
    pub(crate) fn place_of_out(&self, name: &str) -> Option<usize> {
        self.outs.iter().position(|(known, _)| known == name)
    }

    /// The replica at this place and those of the same state.
    pub(crate) fn replicas_at(&self, place: usize) -> &[InEntry] {
        let Some(all) = self.ins.get(place..) else { return &[] };
        let count = all.iter().take_while(|entry| entry.name == all[0].name).count();
        &all[..count]
    }

    /// The own state at this place, with its name.
    pub(crate) fn out_at(&self, place: usize) -> Result<(&str, &OutState), SendError> {
        self.outs.get(place).map(|(name, state)| (name.as_str(), state)).ok_or(SendError::Stopping)
    }

    /// An own state.
    pub(crate) fn out(&self, name: &str) -> Result<&OutState, SendError> {
        let found = self.outs.iter().find(|(known, _)| known == name);
        found.map(|(_, state)| state).ok_or_else(|| {
            let near = near_miss(name, self.outs.iter().map(|(known, _)| known.as_str()));
            SendError::UnknownState { name: name.into(), near: near.map(Into::into) }
        })
    }
}
