//! What a host does besides: its lease, and hearing of changes.

use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::Inner;
use crate::flow::errors::FlowError;
use crate::flow::stream::CATEGORY;
use crate::store::{Error as StoreError, Timestamp, Topic};

/// How long it is waited at most before it is looked again.
const LOOK: Duration = Duration::from_secs(1);
/// What is said when the lease was somebody else's.
const LOST: &str = "this host of flows had not renewed its lease in time, and its flows were taken over; it goes on with new ones";

pub(super) fn runtime() -> Result<Runtime, FlowError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(2).thread_name("flows").enable_all().build();
    built.map_err(|error| FlowError::System {
        what: "the host of flows cannot start its threads",
        reason: error.to_string(),
    })
}

/// Renews the lease and listens to the store, each on a thread of its own, for as long as the host is there.
pub(super) fn keep(inner: &Arc<Inner>) -> Result<(), FlowError> {
    let failed = |error: std::io::Error| FlowError::System {
        what: "the host of flows cannot start a thread",
        reason: error.to_string(),
    };
    let weak = Arc::downgrade(inner);
    let every = inner.settings.lease / 3;
    let renewing = move || {
        loop {
            thread::sleep(every);
            let Some(inner) = weak.upgrade() else { return };
            if inner.runtime.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
                return;
            }
            inner.lease.renew(|| tracing::error!("{LOST}"));
        }
    };
    thread::Builder::new().name("flows lease".to_owned()).spawn(renewing).map_err(failed)?;

    let topics = [Topic::category(CATEGORY), Topic::Timers];
    let queues = inner.connectors.keys().map(Topic::queue);
    let mut watch = inner.store().watch(topics.into_iter().chain(queues));
    let (weak, counted) = (Arc::downgrade(inner), inner.tasks.clone());
    let listening = move || {
        while let Some(wait) = weak.upgrade().map(|inner| until_next(&inner)) {
            let _ = watch.wait(wait);
            let Some(inner) = weak.upgrade().filter(|inner| !inner.is_stopping()) else { break };
            inner.bell.notify_one();
        }
        // What it watches with keeps a file open.
        drop(watch);
        drop(counted);
    };
    thread::Builder::new().name("flows watch".to_owned()).spawn(listening).map(drop).map_err(failed)
}

/// How long until a timer or a message of the outbox is due.
fn until_next(inner: &Inner) -> Duration {
    let store = inner.store();
    let Ok(now) = store.now() else { return LOOK };
    let due = |due: Result<Option<Timestamp>, StoreError>| due.ok().flatten().map(|due| due.since(now));
    let timer = due(store.next_timer());
    let queues = inner.connectors.keys().filter_map(|queue| due(store.next_outbox(queue)));
    queues.chain(timer).min().unwrap_or(LOOK).clamp(Duration::from_millis(1), LOOK)
}

/// Waits until something is so, for no longer than this; whether it is.
pub(super) fn wait(longest: Duration, is_so: impl Fn() -> bool) -> bool {
    let until = Instant::now() + longest;
    while !is_so() {
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}
