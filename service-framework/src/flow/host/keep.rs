//! What a host does besides: its lease, and hearing of changes.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::{HostSettings, Inner};
use crate::flow::errors::FlowError;
use crate::flow::flows::new_id;
use crate::flow::stream::CATEGORY;
use crate::store::{Error as StoreError, Lease, Store, Timestamp, Topic};

/// How long it is waited at most before it is looked again.
const LOOK: Duration = Duration::from_secs(1);

/// A lease of this host's own: its flows are those that are marked with it.
pub(super) fn own_lease(store: &Store, settings: &HostSettings) -> Result<Lease, StoreError> {
    let id = new_id();
    store.acquire(format!("flows/{id}"), format!("{} {id}", settings.name), settings.lease).wait()
}

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
            renew(&inner);
        }
    };
    thread::Builder::new().name("flows lease".to_owned()).spawn(renewing).map_err(failed)?;

    let topics = [Topic::category(CATEGORY), Topic::Timers];
    let queues = inner.connectors.keys().map(Topic::queue);
    let mut watch = inner.store().watch(topics.into_iter().chain(queues));
    let weak = Arc::downgrade(inner);
    let listening = move || {
        loop {
            let Some(wait) = weak.upgrade().map(|inner| until_next(&inner)) else { return };
            let _ = watch.wait(wait);
            let Some(inner) = weak.upgrade().filter(|inner| !inner.is_stopping()) else { return };
            inner.bell.notify_one();
        }
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

fn renew(inner: &Inner) {
    let lease = inner.lease.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let renewed = match inner.store().renew(&lease, inner.settings.lease).wait() {
        Ok(renewed) => renewed,
        Err(StoreError::Refused(_)) => {
            tracing::error!(
                "this host of flows had not renewed its lease in time, and its flows were taken over; it goes on with new ones"
            );
            match own_lease(inner.store(), &inner.settings) {
                Ok(new) => new,
                Err(error) => return tracing::error!(%error, "no new lease could be had; it is tried again"),
            }
        }
        Err(error) => return tracing::warn!(%error, "the lease could not be renewed; it is tried again"),
    };
    *inner.lease.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
}

/// Gives the lease back, so that nobody waits for it to run out.
pub(super) fn release(inner: &Inner) {
    inner.is_stopping.store(true, Ordering::SeqCst);
    let lease = inner.lease.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Err(error) = inner.store().release(&lease).wait() {
        tracing::warn!(%error, "the lease could not be given back; it runs out by itself");
    }
}
