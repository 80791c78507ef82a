//! Waiting for changes.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::backend::Work;
use super::batch::Part;

/// What can change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A stream of this category got a mark.
    Category(String),
    /// A message was put into this queue of the outbox.
    Queue(String),
    /// A timer was set.
    Timers,
}

impl Topic {
    /// Streams of this category.
    #[must_use]
    pub fn category(name: impl Into<String>) -> Self {
        Self::Category(name.into())
    }

    /// Messages of this queue.
    #[must_use]
    pub fn queue(name: impl Into<String>) -> Self {
        Self::Queue(name.into())
    }

    /// As other processes are told of it.
    #[cfg(feature = "postgres")]
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Category(name) => format!("category {name}"),
            Self::Queue(name) => format!("queue {name}"),
            Self::Timers => "timers".to_owned(),
        }
    }

    /// What is told, unless it is something else.
    #[cfg(feature = "postgres")]
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            Some(("category", name)) => Some(Self::category(name)),
            Some(("queue", name)) => Some(Self::queue(name)),
            None if text == "timers" => Some(Self::Timers),
            _ => None,
        }
    }

    /// What a batch changes.
    pub(crate) fn changed_by(work: &Work) -> impl Iterator<Item = Self> {
        work.parts().iter().filter_map(|part| match part {
            Part::Mark { category, .. } => Some(Self::Category(category.clone())),
            Part::PutMessage { queue, .. } => Some(Self::Queue(queue.clone())),
            Part::SetTimer { .. } => Some(Self::Timers),
            _ => None,
        })
    }
}

/// Everybody who waits for changes of one store.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many changes there were, of all topics.
    count: u64,
    /// The count at the last change of each.
    last: HashMap<Topic, u64>,
    /// The count when anything may have changed.
    all: u64,
}

impl State {
    fn last(&self, topics: &[Topic]) -> u64 {
        let last = topics.iter().filter_map(|topic| self.last.get(topic)).max();
        last.copied().unwrap_or(0).max(self.all)
    }
}

impl Hub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes who waits for one of these.
    pub(crate) fn changed(&self, topics: impl IntoIterator<Item = Topic>) {
        let mut state = self.state();
        let before = state.count;
        for topic in topics {
            state.count += 1;
            let count = state.count;
            state.last.insert(topic, count);
        }
        if state.count > before {
            self.changed.notify_all();
        }
    }

    /// Wakes everybody: anything may have changed.
    #[cfg(any(feature = "postgres", feature = "flows"))]
    pub(crate) fn all_changed(&self) {
        let mut state = self.state();
        state.count += 1;
        state.all = state.count;
        self.changed.notify_all();
    }
}

/// Asks whether another process has changed the store since it was asked last.
pub(crate) trait Elsewhere: Send {
    fn has_changed(&mut self) -> bool;
}

/// Waits for changes of some topics, from the moment it is made: what changes between two waits ends the second at once.
///
/// ```
/// # use service_framework::store::{Batch, Due, Store, Topic};
/// # use std::time::Duration;
/// # let store = Store::in_memory();
/// let mut watch = store.watch([Topic::queue("mail")]);
/// store.submit(Batch::new().put_outbox("mail", "1", Due::NOW, b"hello")).wait()?;
/// assert!(watch.wait(Duration::from_secs(10)));
/// # Ok::<_, service_framework::store::Error>(())
/// ```
pub struct Watch {
    hub: Arc<Hub>,
    topics: Vec<Topic>,
    seen: u64,
    /// How to hear of other processes where nobody tells, and how often to ask.
    elsewhere: Option<(Box<dyn Elsewhere>, Duration)>,
}

impl Watch {
    pub(crate) fn new(
        hub: Arc<Hub>,
        topics: Vec<Topic>,
        elsewhere: Option<(Box<dyn Elsewhere>, Duration)>,
    ) -> Self {
        let seen = hub.state().count;
        Self { hub, topics, seen, elsewhere }
    }

    /// Blocks until one of the topics may have changed, at most so long; whether it may. Changes of other processes on the same
    /// SQLite file are noticed within a quarter of a second, whatever they were.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        let start = Instant::now();
        loop {
            if self.elsewhere.as_mut().is_some_and(|(elsewhere, _)| elsewhere.has_changed()) {
                return true;
            }
            let left = timeout.saturating_sub(start.elapsed());
            let nap = self.elsewhere.as_ref().map_or(left, |(_, every)| left.min(*every));
            if self.wait_here(nap) {
                return true;
            }
            if start.elapsed() >= timeout {
                return false;
            }
        }
    }

    /// Waits for changes of this process.
    fn wait_here(&mut self, timeout: Duration) -> bool {
        let (hub, topics, seen) = (&self.hub, &self.topics, self.seen);
        let nothing = |state: &mut State| state.last(topics) <= seen;
        let waited = hub.changed.wait_timeout_while(hub.state(), timeout, nothing);
        let (state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        self.seen = state.count;
        !outcome.timed_out()
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("topics", &self.topics).finish_non_exhaustive()
    }
}
