//! Stopping: what runs gets its time, and what is left is given up in order.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::desk::{Answer, Refusal};
use super::engine::{Done, Engine};
use super::holder;

impl Engine {
    /// Takes no more requests, and gives what runs its time. False if some of it has not ended by then, as [`Engine::unfinished`]
    /// says: what is left is in doubt, and whoever takes the store up next finds it so.
    #[must_use]
    pub fn stop(&self, grace: Duration) -> bool {
        self.0.journal.is_stopping.store(true, Ordering::Relaxed);
        let has_ended = self.0.desk.stop(grace);
        // Nobody renews it while it is given back.
        self.lock().is_stopped = true;
        if has_ended {
            self.0.journal.lease.release();
        }
        has_ended && self.unfinished().is_empty()
    }

    /// Runs that this engine began or took up, and that have not ended.
    #[must_use]
    pub fn unfinished(&self) -> Vec<String> {
        let (mut here, left) = {
            let state = self.lock();
            (state.here.iter().cloned().collect::<Vec<_>>(), state.unfinished.clone())
        };
        let is_left = |run: &String| !here.contains(run) && holder::is_running(self.store(), run);
        let left: Vec<String> = left.into_iter().filter(is_left).collect();
        here.extend(left);
        here.sort();
        here
    }

    /// Gives up what [`Engine::stop`] has left: whoever waits is told so, nothing more is written, and the lease is given back, so
    /// that whoever takes the store up next need not wait for it to run out. Hooks that still run must end with this process, at
    /// once.
    pub fn abandon(&self) {
        self.0.journal.is_over.store(true, Ordering::SeqCst);
        let waiting: Vec<(String, Done)> = {
            let mut state = self.lock();
            state.is_stopped = true;
            let joined: Vec<(String, Vec<Done>)> = state.joined.drain().collect();
            let joined =
                joined.into_iter().flat_map(|(run, all)| all.into_iter().map(move |it| (run.clone(), it)));
            state.asking.drain().chain(joined).collect()
        };
        self.0.journal.lease.release();
        for (run, done) in waiting {
            done(Answer::Refused(Refusal::Left { run }));
        }
    }
}
