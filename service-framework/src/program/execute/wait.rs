//! Waiting for what happens in the store: one thread for all runs that wait for others elsewhere.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::desk::Desk;
use super::journal::{CATEGORY, RUNNING, stream};
use crate::store::{Store, Topic};

/// How soon it is looked again at first; twice as long each time that nothing has come.
const SOON: Duration = Duration::from_millis(5);
/// How long it is not looked at most: what nobody tells of is seen then.
const LATE: Duration = Duration::from_secs(1);

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Awaited {
    /// The end of the run that has a lock. One that is stuck ends it too, whether it keeps the lock or not.
    Lock {
        /// That run.
        holder: String,
    },
    /// The end of this run.
    End(String),
}

impl Awaited {
    /// Whether the run's other locks stay taken meanwhile: one that waits for another's answer needs none.
    pub(super) fn keeps_locks(&self) -> bool {
        matches!(self, Self::Lock { .. })
    }

    /// Where the store cannot be read it is for the run to find out.
    fn has_come(&self, store: &Store) -> bool {
        let (Self::Lock { holder: run } | Self::End(run)) = self;
        store.stream(&stream(run)).map_or(true, |info| has_ended(info.map(|info| info.mark.status)))
    }
}

fn has_ended(status: Option<String>) -> bool {
    status.is_none_or(|status| status != RUNNING)
}

/// Looks for what jobs wait for until none do. A look reads each thing that is waited for once, and the more there are the
/// rarer it looks.
pub(super) fn attend(desk: &Arc<Desk>, store: &Store) {
    let mut watch = store.watch([Topic::category(CATEGORY)]);
    let mut pause = SOON;
    loop {
        let awaited = desk.awaited();
        if awaited.is_empty() {
            return;
        }
        let shortest = SOON + Duration::from_millis(awaited.len() as u64 / 4);
        let came: HashSet<Awaited> = awaited.into_iter().filter(|what| what.has_come(store)).collect();
        pause = if came.is_empty() { (pause * 2).min(LATE) } else { SOON };
        desk.wake(&came);
        desk.tell();
        watch.wait(pause);
        // What this process itself writes wakes it too.
        thread::sleep(shortest);
    }
}
