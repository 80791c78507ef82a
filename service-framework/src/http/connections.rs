//! Connections that are open: the oldest ends when another needs its place.

use std::collections::{HashSet, VecDeque};
use std::future::pending;
use std::time::Duration;

use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Instant, sleep_until};

/// How long a connection keeps its place although others wait for one: a delivery is done in much less.
pub(super) const SAFE: Duration = Duration::from_secs(1);

/// Connections that are open, by their age.
#[derive(Default)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    /// The oldest first; some may have ended.
    opened: VecDeque<(Instant, AbortHandle)>,
    /// Those of the tasks that were told to end and have not yet.
    going: HashSet<Id>,
}

impl Connections {
    /// How many there are; those that have to go do not count.
    pub(super) fn count(&self) -> usize {
        self.tasks.len().saturating_sub(self.going.len())
    }

    /// Whether all have gone.
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn open(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        if self.opened.len() > 2 * self.count() {
            self.opened.retain(|(_, task)| !task.is_finished());
        }
        self.opened.push_back((Instant::now(), self.tasks.spawn(connection)));
    }

    /// Waits until one ends; for ever if none is open.
    pub(super) async fn one_ends(&mut self) {
        let Some(ended) = self.tasks.join_next_with_id().await else { return pending().await };
        // What it came to is of no interest.
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        self.going.remove(&id);
    }

    /// Ready when the oldest is not safe any more; at once if none is open.
    pub(super) fn oldest_is_old(&mut self) -> impl Future<Output = ()> + use<> {
        self.forget_ended();
        let since = self.opened.front().map_or_else(Instant::now, |(opened, _)| *opened);
        sleep_until(since + SAFE)
    }

    pub(super) fn end_oldest(&mut self) {
        self.forget_ended();
        if let Some((_, task)) = self.opened.pop_front() {
            task.abort();
            self.going.insert(task.id());
        }
    }

    /// Forgets those before the oldest that is open.
    fn forget_ended(&mut self) {
        while self.opened.front().is_some_and(|(_, task)| task.is_finished()) {
            self.opened.pop_front();
        }
    }
}
