//! How many requests are at work at once, in all and for each host. First come, first served.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets requests through, so many at once.
pub(super) struct Gates {
    all: Arc<Semaphore>,
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A request that was let through. It is at work until this is dropped.
pub(super) struct Passage {
    _of_host: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Gates {
    /// With these bounds, each at least one.
    pub(super) fn new(all: usize, per_host: usize) -> Self {
        let bounded = |many: usize| many.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(bounded(all))),
            per_host: bounded(per_host),
            hosts: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for a host's turn first, so that those who wait for a slow host hold up nobody else's.
    pub(super) async fn pass(&self, host: &str) -> Option<Passage> {
        let of_host = self.of_host(host).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Passage { _of_host: of_host, _of_all: of_all })
    }

    /// The gate of a host. Those that nobody uses are forgotten.
    fn of_host(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = hosts.get(host) {
            return Arc::clone(gate);
        }
        if hosts.len() >= 256 {
            // Permits and those who wait for one hold their gate.
            hosts.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        let gate = Arc::new(Semaphore::new(self.per_host));
        hosts.insert(host.to_owned(), Arc::clone(&gate));
        gate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_is_full_holds_up_nobody_else() {
        let gates = Gates::new(3, 2);
        let first = gates.pass("a").await.unwrap();
        let _second = gates.pass("a").await.unwrap();
        let mut third = Box::pin(gates.pass("a"));
        assert!(tokio::time::timeout(std::time::Duration::ZERO, &mut third).await.is_err());
        let _other = gates.pass("b").await.unwrap();
        drop(first);
        assert!(third.await.is_some());
    }

    #[tokio::test]
    async fn turns_come_in_order() {
        let gates = Arc::new(Gates::new(1, 1));
        let held = gates.pass("a").await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for turn in 0..10 {
            let (gates, order) = (Arc::clone(&gates), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let _passage = gates.pass("a").await;
                order.lock().unwrap().push(turn);
            }));
            tokio::task::yield_now().await;
        }
        drop(held);
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..10).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn hosts_are_forgotten() {
        let gates = Gates::new(1, 1);
        for host in 0..1000 {
            drop(gates.pass(&host.to_string()).await);
        }
        assert!(gates.hosts.lock().unwrap().len() <= 256);
    }
}
