//! A replica that one thread keeps current and every thread may look at.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::replica::Status;

/// The machine of a replica, as far as it does not matter of which kind.
pub(crate) trait Machine {
    /// How current it is.
    fn status(&self) -> Status;
    /// The owner's updates come in from now on.
    fn on_connected(&mut self);
    /// The owner's updates do not come in any more.
    fn on_disconnected(&mut self, now: Instant);
    /// Something came that is no update of this state.
    fn on_refused_update(&mut self, now: Instant);
}

/// A replica behind its lock, and its status for whoever waits for it.
pub(crate) struct Cell<R> {
    name: String,
    replica: Mutex<R>,
    status: watch::Sender<Status>,
}

impl<R: Machine> Cell<R> {
    pub(crate) fn new(name: &str, replica: R) -> Self {
        let status = watch::Sender::new(replica.status());
        Self { name: name.into(), replica: Mutex::new(replica), status }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, R> {
        self.replica.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever waits, and the log, if the status has changed.
    pub(crate) fn tell_status(&self, status: Status) {
        let before = *self.status.borrow();
        let same = match (before, status) {
            (Status::Stale { .. }, Status::Stale { .. }) => true,
            (before, status) => before == status,
        };
        if same {
            return;
        }
        self.status.send_replace(status);
        let state = &*self.name;
        match (before, status) {
            (Status::Waiting, Status::Current) => tracing::info!(state, "the copy is current"),
            (Status::Stale { since }, Status::Current) => {
                let after = Instant::now().saturating_duration_since(since);
                tracing::info!(state, ?after, "the copy is current again");
            }
            _ => tracing::warn!(
                state,
                "the copy is stale: updates are missing, or nothing is heard of the owner"
            ),
        }
    }

    /// The status, to wait for another.
    pub(crate) fn watch(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }
}
