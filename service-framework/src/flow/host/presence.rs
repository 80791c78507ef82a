//! Who serves a store: each process that does has a lease of its own, under which it is listed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::flow::errors::FlowError;
use crate::flow::flows::Flows;
use crate::flow::stream::all;
use crate::store::{
    Batch, Error as StoreError, Filter, Lease, Store, StreamInfo, Timestamp, name_in, new_id,
};

/// Under what they are listed.
const CATEGORY: &str = "flow-host";
/// How long one stays listed whose lease has run out.
const KEPT: Duration = Duration::from_secs(3600);

/// A process that serves a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serves {
    /// What it is called, such as `host pid 17`.
    pub name: String,
    /// What it does, as it said.
    pub role: String,
}

/// That this process serves a store, for as long as this is there.
pub struct Presence {
    store: Store,
    lease: Lease,
    stream: String,
    has_ended: Arc<AtomicBool>,
    renewing: Option<JoinHandle<()>>,
}

impl Presence {
    /// Says so from now on. If it ends without a word, nobody counts it any more after the time of `ttl`.
    ///
    /// # Errors
    /// The store cannot be written, or the system has no more threads.
    pub fn announce(flows: &Flows, name: &str, role: &str, ttl: Duration) -> Result<Self, FlowError> {
        let (store, id) = (flows.store().clone(), new_id());
        let lease = store.acquire(format!("flow-host/{id}"), format!("{name} {id}"), ttl).wait()?;
        let stream = lease.name.clone();
        let batch = Batch::new().mark(&stream, CATEGORY, role, Some(&lease.name));
        store.commit(gone(&store)?.into_iter().fold(batch, Batch::remove))?;
        let has_ended = Arc::new(AtomicBool::new(false));
        let (kept, renewed, over) = (store.clone(), lease.clone(), has_ended.clone());
        let renewing = move || {
            loop {
                thread::park_timeout(ttl / 3);
                if over.load(Ordering::SeqCst) {
                    return;
                }
                // One that was paused for too long is not counted for a moment: its lease is its own.
                if let Err(error) = kept.renew(&renewed, ttl).wait() {
                    tracing::warn!(%error, "the store cannot be told that this process serves it; it is tried again");
                }
            }
        };
        let renewing = thread::Builder::new().name("flows presence".to_owned()).spawn(renewing);
        let renewing = renewing.map_err(|error| FlowError::System {
            what: "a process that serves flows cannot start a thread",
            reason: error.to_string(),
        })?;
        Ok(Self { store, lease, stream, has_ended, renewing: Some(renewing) })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::SeqCst);
        if let Some(renewing) = self.renewing.take() {
            renewing.thread().unpark();
            // Its panic has been said by then.
            let _ = renewing.join();
        }
        let ended = self.store.commit(Batch::new().remove(&self.stream));
        if let Err(error) = ended.and_then(|_| self.store.release(&self.lease).wait()) {
            tracing::debug!(%error, "the store was not told that this process ends");
        }
    }
}

/// Those whose lease ran out long ago.
fn gone(store: &Store) -> Result<Vec<String>, StoreError> {
    let now = store.now()?;
    let is_gone = |until: Option<Timestamp>| until.is_none_or(|until| now.since(until) > KEPT);
    let mut gone = Vec::new();
    for info in listed(store)? {
        if is_gone(store.lease(&info.stream)?.map(|lease| lease.until)) {
            gone.push(info.stream);
        }
    }
    Ok(gone)
}

fn listed(store: &Store) -> Result<Vec<StreamInfo>, StoreError> {
    all(store, &Filter::category(CATEGORY))
}

impl Flows {
    /// The processes that serve this store now, as far as they have said so.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn serving(&self) -> Result<Vec<Serves>, FlowError> {
        let store = self.store();
        let now = store.now()?;
        let mut serving = Vec::new();
        for info in listed(store)? {
            let lease = store.lease(&info.stream)?.filter(|lease| lease.is_held(now));
            if let Some(owner) = lease.and_then(|lease| lease.owner) {
                serving.push(Serves { name: name_in(&owner).to_owned(), role: info.mark.status });
            }
        }
        Ok(serving)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_serves_is_listed_until_it_ends_or_is_silent() {
        let clock = crate::store::ManualClock::at(Timestamp::from_micros(1_000_000));
        let flows = Flows::of(&Store::in_memory_at(clock.clone()));
        let hour = Duration::from_secs(3600);
        let one = Presence::announce(&flows, "a pid 1", "serve", hour).unwrap();
        let two = Presence::announce(&flows, "b pid 2", "run", hour).unwrap();
        let roles = |flows: &Flows| {
            let mut roles: Vec<_> = flows.serving().unwrap().into_iter().map(|s| (s.name, s.role)).collect();
            roles.sort();
            roles
        };
        let expected = [("a pid 1", "serve"), ("b pid 2", "run")];
        assert_eq!(roles(&flows), expected.map(|(name, role)| (name.to_owned(), role.to_owned())));
        drop(two);
        assert_eq!(roles(&flows).len(), 1);
        clock.advance(2 * hour);
        assert_eq!(roles(&flows), []);
        std::mem::forget(one);
        clock.advance(hour);
        let _three = Presence::announce(&flows, "c pid 3", "serve", hour).unwrap();
        assert_eq!(listed(flows.store()).unwrap().len(), 1, "those long gone are taken away");
    }
}
