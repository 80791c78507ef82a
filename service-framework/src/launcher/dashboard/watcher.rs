//! A thread that looks at all services once a second while somebody wants to know, and sleeps otherwise.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

use super::settings::Shows;
use super::snapshot::{Looker, Snapshot};
use super::taps::Taps;

/// The time between two looks.
const TICK: Duration = Duration::from_secs(1);

/// How long it goes on when nobody has asked again.
const LINGER: Duration = Duration::from_secs(5);

/// What is older is not shown, if something newer comes soon.
const FRESH: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(10);

/// Whoever looks, until dropped.
pub(super) struct Watcher {
    desk: Arc<Desk>,
    latest: watch::Receiver<Arc<Snapshot>>,
}

#[derive(Default)]
struct Desk {
    wanted: Mutex<Wanted>,
    rung: Condvar,
}

#[derive(Default)]
struct Wanted {
    last: Option<Instant>,
    is_over: bool,
}

impl Watcher {
    /// Begins to look, and has these taps follow what is seen.
    ///
    /// # Errors
    /// The thread cannot be made.
    pub(super) fn start(shows: Shows, taps: Arc<Taps>) -> io::Result<Self> {
        let desk = Arc::<Desk>::default();
        let (sender, latest) = watch::channel(Arc::default());
        let looks = desk.clone();
        let look = move || {
            let mut looker = Looker::new(shows);
            while looks.is_wanted(|| taps.rest()) {
                let next = Instant::now() + TICK;
                let snapshot = looker.look();
                taps.follow(&snapshot);
                sender.send_replace(Arc::new(snapshot));
                looks.pause(next);
            }
        };
        thread::Builder::new().name("looks".to_owned()).spawn(look)?;
        Ok(Self { desk, latest })
    }

    /// How all is, a few seconds old at most if that can be.
    pub(super) async fn latest(&self) -> Arc<Snapshot> {
        self.desk.want();
        let mut latest = self.latest.clone();
        let is_fresh = |snapshot: &Arc<Snapshot>| snapshot.at.is_some_and(|at| at.elapsed() < FRESH);
        // If none comes, the one that is there is the best.
        let _ = timeout(SOON, latest.wait_for(is_fresh)).await;
        latest.borrow().clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.desk.lock().is_over = true;
        self.desk.rung.notify_all();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn want(&self) {
        self.lock().last = Some(Instant::now());
        self.rung.notify_all();
    }

    /// Waits until somebody wants to know, after a `rest`; false when it is over.
    fn is_wanted(&self, rest: impl FnOnce()) -> bool {
        let is_idle =
            |wanted: &mut Wanted| !wanted.is_over && wanted.last.is_none_or(|last| last.elapsed() > LINGER);
        if is_idle(&mut self.lock()) {
            rest();
        }
        let wanted = self.rung.wait_while(self.lock(), is_idle);
        !wanted.unwrap_or_else(PoisonError::into_inner).is_over
    }

    fn pause(&self, until: Instant) {
        let time = until.saturating_duration_since(Instant::now());
        let waited = self.rung.wait_timeout_while(self.lock(), time, |wanted| !wanted.is_over);
        drop(waited);
    }
}
