//! A lease that a process has for itself: what it works on is marked with its name, and every commit is fenced by it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::Error;
use super::handle::Store;
use super::rows::Lease;

/// A lease under a name that nobody else can have. Whoever has it renews it; whoever finds that its owner is gone takes it.
pub(crate) struct OwnLease {
    store: Store,
    /// What its name begins with.
    kind: &'static str,
    who: String,
    ttl: Duration,
    lease: Mutex<Lease>,
}

impl OwnLease {
    /// Takes one for so long, whose name begins with `kind`.
    ///
    /// # Errors
    /// The store cannot be written.
    pub(crate) fn take(store: &Store, kind: &'static str, who: &str, ttl: Duration) -> Result<Self, Error> {
        let lease = Mutex::new(fresh(store, kind, who, ttl)?);
        Ok(Self { store: store.clone(), kind, who: who.to_owned(), ttl, lease })
    }

    /// Its name and epoch, for [`Batch::fence`](super::Batch::fence).
    pub(crate) fn fence(&self) -> (String, u64) {
        let lease = self.lease();
        (lease.name.clone(), lease.epoch)
    }

    fn lease(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lengthens it. If somebody took it meanwhile `lost` is called, and then there is a new one in its place.
    pub(crate) fn renew(&self, lost: impl FnOnce()) {
        let lease = self.lease().clone();
        let renewed = match self.store.renew(&lease, self.ttl).wait() {
            Ok(renewed) => renewed,
            Err(Error::Refused(_)) => {
                lost();
                match fresh(&self.store, self.kind, &self.who, self.ttl) {
                    Ok(new) => new,
                    Err(error) => {
                        return tracing::error!(%error, "no new lease could be had; it is tried again");
                    }
                }
            }
            Err(error) => return tracing::warn!(%error, "the lease could not be renewed; it is tried again"),
        };
        *self.lease() = renewed;
    }

    /// Gives it back, so that nobody waits for it to run out.
    pub(crate) fn release(&self) {
        let lease = self.lease().clone();
        if let Err(error) = self.store.release(&lease).wait() {
            tracing::warn!(%error, "the lease could not be given back; it runs out by itself");
        }
    }

    /// Takes the lease of another owner if its time has run out, so that it cannot write any more should it come back. False if it
    /// has not.
    ///
    /// # Errors
    /// The store cannot be written.
    pub(crate) fn take_from(&self, gone: &str) -> Result<bool, Error> {
        match self.store.acquire(gone, self.fence().0, self.ttl).wait() {
            // It only has to have changed hands. Another thread may have taken and released it at the same time.
            Ok(lease) => match self.store.release(&lease).wait() {
                Ok(()) | Err(Error::Refused(_)) => Ok(true),
                Err(error) => Err(error),
            },
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn fresh(store: &Store, kind: &str, who: &str, ttl: Duration) -> Result<Lease, Error> {
    let id = new_id();
    store.acquire(format!("{kind}/{id}"), format!("{who} {id}"), ttl).wait()
}

/// An id that nobody else makes. They sort by the time at which they were made.
pub(crate) fn new_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Batch, ManualClock, Refused, Timestamp};

    const TTL: Duration = Duration::from_secs(10);

    fn take(store: &Store) -> OwnLease {
        OwnLease::take(store, "server", "a", TTL).unwrap()
    }

    #[test]
    fn a_lease_is_taken_from_who_is_gone_and_not_from_who_lives() {
        let clock = ManualClock::at(Timestamp::from_micros(0));
        let store = Store::in_memory_at(clock.clone());
        let (one, two) = (take(&store), take(&store));
        assert!(!two.take_from(&one.fence().0).unwrap());
        clock.advance(TTL * 2);
        let before = one.fence();
        assert!(two.take_from(&before.0).unwrap());
        let stale = store.commit(Batch::new().fence(&before.0, before.1).mark("s", "c", "x", None));
        assert!(matches!(stale, Err(Error::Refused(Refused::Fenced { .. }))), "{stale:?}");
        one.renew(|| ());
        assert_ne!(one.fence().0, before.0);
        let (name, epoch) = one.fence();
        store.commit(Batch::new().fence(name, epoch).mark("s", "c", "x", None)).unwrap();
    }

    #[test]
    fn what_is_given_back_can_be_taken_at_once() {
        let store = Store::in_memory();
        let (one, two) = (take(&store), take(&store));
        one.release();
        assert!(two.take_from(&one.fence().0).unwrap());
    }
}
