//! Where an owner's updates go: to a socket, or to handlers of the same thread.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::connection::{Publisher, SocketError, Wake};
use crate::wire::{Extras, WorkflowId};

/// Updates that may wait for a handler of the same thread; beyond, the oldest are lost.
const MOST_CHANGES: usize = 100_000;

/// Updates on their way to a handler of the same thread: arguments and workflow.
pub(crate) type Changes = Arc<Mutex<VecDeque<(Vec<u8>, WorkflowId)>>>;

/// Where updates go.
pub(crate) enum Outlet {
    Socket(Publisher),
    /// To whoever is told changes in this thread, which the bell wakes. Replicas there look at the owner itself.
    Inside {
        told: Vec<Changes>,
        wake: Arc<Wake>,
    },
}

impl Outlet {
    /// Publishes the arguments of an update.
    pub(crate) fn publish_with(
        &mut self,
        args: &[u8],
        workflow: &WorkflowId,
        extras: &Extras<'_>,
    ) -> Result<(), SocketError> {
        match self {
            Self::Socket(publisher) => publisher.publish_with(args, workflow, extras),
            Self::Inside { told, wake } => {
                tell(told, wake, args, workflow);
                Ok(())
            }
        }
    }

    /// Publishes a whole state.
    pub(crate) fn publish(&mut self, args: &[u8], workflow: &WorkflowId) -> Result<(), SocketError> {
        match self {
            Self::Socket(publisher) => publisher.publish(args, workflow),
            Self::Inside { told, wake } => {
                tell(told, wake, args, workflow);
                Ok(())
            }
        }
    }

    /// Publishes the last state once more.
    pub(crate) fn publish_again(&mut self) -> Result<(), SocketError> {
        match self {
            Self::Socket(publisher) => publisher.publish_again(),
            Self::Inside { .. } => Ok(()),
        }
    }

    /// Whether somebody has subscribed since the last call.
    pub(crate) fn take_subscriptions(&self) -> Result<bool, SocketError> {
        match self {
            Self::Socket(publisher) => publisher.take_subscriptions(),
            Self::Inside { .. } => Ok(false),
        }
    }

    /// Lets go of subscribers that are gone.
    pub(crate) fn look_after(&self) {
        if let Self::Socket(publisher) = self {
            publisher.look_after();
        }
    }
}

fn tell(told: &[Changes], wake: &Wake, args: &[u8], workflow: &WorkflowId) {
    for changes in told {
        let mut changes = changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.len() >= MOST_CHANGES {
            changes.pop_front();
            tracing::warn!("changes of a state are lost: they come faster than they are handled");
        }
        changes.push_back((args.to_vec(), workflow.clone()));
    }
    if !told.is_empty() {
        wake.ring();
    }
}
