//! The desk: runs that wait for their locks and a thread, and the threads that take them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::locks::Locks;
use crate::program::pool::Pool;
use crate::program::run::{End, RequestError};
use crate::program::spec::LockError;

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It ran, well or not.
    Ran {
        /// The run's id.
        run: String,
        /// How it ended.
        end: End,
        /// What the client gets: the outputs, and of a failed run the framework's own keys too.
        pool: Pool,
    },
    /// It did not run, or its end is not known.
    Refused(Refusal),
}

/// Why there is no answer of a program.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The request is not one that can run.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// As many requests wait as may.
    #[error("{0} requests wait already; try again later")]
    Busy(usize),
    /// The name of a lock cannot be made of the pool.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The server stops. Nothing ran for this request; one that waits for the run of another gets that answer from the next
    /// server.
    #[error("the server is stopping")]
    Stopping,
    /// Nothing more can be said of the run here: the store failed, or another server has taken it over.
    #[error("{0}")]
    Journal(String),
}

/// A run that waits for its turn.
pub(super) struct Job {
    pub(super) locks: Vec<String>,
    pub(super) work: Box<dyn FnOnce() + Send>,
    /// Told that it never gets its turn.
    pub(super) refuse: Box<dyn FnOnce(Refusal) + Send>,
}

/// How long a thread that has nothing to do stays.
const IDLE: Duration = Duration::from_secs(5);

pub(super) struct Desk {
    state: Mutex<State>,
    bell: Condvar,
    most_threads: usize,
    most_waiting: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    locks: Locks,
    threads: usize,
    idle: usize,
    is_stopping: bool,
}

impl Desk {
    pub(super) fn new(most_threads: usize, most_waiting: usize) -> Self {
        Self {
            state: Mutex::default(),
            bell: Condvar::new(),
            most_threads: most_threads.max(1),
            most_waiting,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a job, or tells it at once that it cannot be. Whether another thread is needed for it.
    pub(super) fn put(&self, job: Job) -> bool {
        let mut state = self.lock();
        let refusal = match state.is_stopping {
            true => Refusal::Stopping,
            false if state.waiting.len() >= self.most_waiting => Refusal::Busy(state.waiting.len()),
            false => {
                state.waiting.push_back(job);
                return self.needs_thread(&mut state);
            }
        };
        drop(state);
        (job.refuse)(refusal);
        false
    }

    /// Takes a job that others may wait for: it is the next, and on a thread of its own. False if nothing is taken any more.
    pub(super) fn put_first(&self, job: Job) -> bool {
        let mut state = self.lock();
        if state.is_stopping {
            drop(state);
            (job.refuse)(Refusal::Stopping);
            return false;
        }
        state.waiting.push_front(job);
        state.threads += 1;
        true
    }

    /// Room for so many jobs more.
    pub(super) fn room(&self) -> usize {
        self.most_waiting.saturating_sub(self.lock().waiting.len())
    }

    fn needs_thread(&self, state: &mut State) -> bool {
        if state.idle > 0 {
            self.bell.notify_one();
        }
        let is_needed = state.idle < state.waiting.len() && state.threads < self.most_threads;
        state.threads += usize::from(is_needed);
        is_needed
    }

    /// A thread's work: jobs, until none have come for a while.
    pub(super) fn work(&self) {
        let mut until = Instant::now() + IDLE;
        let mut state = self.lock();
        loop {
            let waiting = state.waiting.iter().map(|job| job.locks.as_slice());
            if let Some(job) = state.locks.first(waiting).and_then(|place| state.waiting.remove(place)) {
                state.locks.take(&job.locks);
                drop(state);
                if catch_unwind(AssertUnwindSafe(job.work)).is_err() {
                    tracing::error!("a run was cut off by a panic outside of its hooks");
                }
                state = self.lock();
                state.locks.give_back(&job.locks);
                if !job.locks.is_empty() && !state.waiting.is_empty() {
                    self.bell.notify_all();
                }
                until = Instant::now() + IDLE;
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            // Those that wait for a lock come back to it.
            if state.waiting.is_empty() && (left.is_zero() || state.is_stopping) {
                state.threads -= 1;
                self.bell.notify_all();
                return;
            }
            state.idle += 1;
            let left = left.max(Duration::from_millis(1));
            let left = if state.waiting.is_empty() { left } else { IDLE };
            state = self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.idle -= 1;
        }
    }

    /// A thread that could not be started.
    pub(super) fn lost_thread(&self) {
        let mut state = self.lock();
        state.threads -= 1;
        self.bell.notify_all();
        // Nobody may be left who would come to them.
        if state.threads == 0 {
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.into_iter().for_each(|job| {
                (job.refuse)(Refusal::Journal("no thread could be started for the run".to_owned()));
            });
        }
    }

    /// Takes no more jobs, tells those that wait, and gives those that run their time. Whether all have ended.
    pub(super) fn stop(&self, grace: Duration) -> bool {
        let end = Instant::now() + grace;
        let mut state = self.lock();
        state.is_stopping = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.bell.notify_all();
        waiting.into_iter().for_each(|job| (job.refuse)(Refusal::Stopping));
        let mut state = self.lock();
        while state.threads > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}
