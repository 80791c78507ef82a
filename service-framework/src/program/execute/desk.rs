//! The desk: runs that wait for their locks and a thread, the threads that take them, and runs that wait for others elsewhere.

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::locks::Locks;
use super::wait::{self, Awaited};
use crate::program::pool::Pool;
use crate::program::run::{End, RequestError};
use crate::program::spec::LockError;
use crate::store::Store;

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
    /// A run has one of its locks that is stuck, and may have left half undone what the lock stands for. Nothing ran.
    #[error(
        "nothing ran: run {run} is stuck and keeps the lock {lock:?} until it is retried (`program retry {run}`) or put right by hand \
         (`program resolve {run}`)"
    )]
    Held {
        /// The name of the lock.
        lock: String,
        /// The run that has it.
        run: String,
    },
    /// The server ended before the run did.
    #[error(
        "the server is stopping, and run {run} has not ended: the next server on its store takes it up; `program show {run}` says how it \
         stands"
    )]
    Left {
        /// The run's id.
        run: String,
    },
    /// Nothing more can be said of the run here: the store failed, or another server has taken it over.
    #[error("{0}")]
    Journal(String),
}

/// A run that waits for its turn.
pub(super) struct Job {
    pub(super) locks: Vec<String>,
    pub(super) work: Work,
    /// Told that it never gets its turn.
    pub(super) refuse: Refuse,
}

pub(super) type Work = Box<dyn FnOnce() -> Turn + Send>;
/// Says what a job waits for, if it takes longer than a moment.
pub(super) type Tell = Box<dyn FnOnce() + Send>;
pub(super) type Refuse = Box<dyn FnOnce(Refusal) + Send>;

/// What a job has come to when its thread is free again.
pub(super) enum Turn {
    /// It is over.
    Over,
    /// It goes on once something has happened in the store. Its locks stay taken if it waits for one more.
    Waits { what: Awaited, tell: Tell, work: Work, refuse: Refuse },
}

/// After what time it is said that somebody waits.
const MOMENT: Duration = Duration::from_secs(1);
/// How long a thread that has nothing to do stays.
const IDLE: Duration = Duration::from_secs(5);

pub(super) struct Desk {
    state: Mutex<State>,
    bell: Condvar,
    most_threads: usize,
    most_waiting: usize,
    store: Store,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Those whose locks are taken.
    ready: VecDeque<Job>,
    /// Those that wait for something in the store, with the locks that they keep meanwhile.
    parked: Vec<Parked>,
    has_waiter: bool,
    locks: Locks,
    threads: usize,
    idle: usize,
    is_stopping: bool,
}

struct Parked {
    what: Awaited,
    job: Job,
    since: Instant,
    tell: Option<Tell>,
}

impl State {
    fn next(&mut self) -> Option<Job> {
        if let Some(job) = self.ready.pop_front() {
            return Some(job);
        }
        let waiting = self.waiting.iter().map(|job| job.locks.as_slice());
        let job = self.locks.first(waiting).and_then(|place| self.waiting.remove(place))?;
        self.locks.take(&job.locks);
        Some(job)
    }

    /// Whether a job's locks are free; another that waits may come first.
    fn may_run(&self, job: &Job) -> bool {
        self.locks.are_free(&job.locks)
    }

    /// Whether there is a job for one more thread.
    fn has_next(&self) -> bool {
        !self.ready.is_empty() || self.waiting.iter().any(|job| self.may_run(job))
    }

    fn len(&self) -> usize {
        self.waiting.len() + self.ready.len() + self.parked.len()
    }

    fn take_all(&mut self) -> Vec<Job> {
        let parked = std::mem::take(&mut self.parked).into_iter().map(|parked| parked.job);
        self.waiting.drain(..).chain(self.ready.drain(..)).chain(parked).collect()
    }
}

impl Desk {
    pub(super) fn new(most_threads: usize, most_waiting: usize, store: Store) -> Self {
        let (state, bell) = (Mutex::default(), Condvar::new());
        Self { state, bell, most_threads: most_threads.max(1), most_waiting, store }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a job, or tells it at once that it cannot be.
    pub(super) fn put(self: &Arc<Self>, job: Job) {
        let mut state = self.lock();
        let refusal = match state.is_stopping {
            true => Refusal::Stopping,
            false if state.len() >= self.most_waiting => Refusal::Busy(state.len()),
            false => {
                // Whoever gives its locks back comes for it otherwise.
                let may_run = state.may_run(&job);
                state.waiting.push_back(job);
                if may_run {
                    self.call_thread(state);
                }
                return;
            }
        };
        drop(state);
        (job.refuse)(refusal);
    }

    /// Takes a job that others may wait for: it is the next, however many wait.
    pub(super) fn put_first(self: &Arc<Self>, job: Job) {
        let mut state = self.lock();
        if state.is_stopping {
            drop(state);
            return (job.refuse)(Refusal::Stopping);
        }
        state.waiting.push_front(job);
        self.call_thread(state);
    }

    /// Somebody comes for a job that was put there.
    fn call_thread(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.idle > 0 {
            self.bell.notify_one();
        }
        let is_needed = state.idle < state.waiting.len() + state.ready.len();
        if !is_needed || state.threads >= self.most_threads {
            return;
        }
        state.threads += 1;
        drop(state);
        let desk = self.clone();
        if let Err(error) = thread::Builder::new().name("program".to_owned()).spawn(move || desk.work()) {
            tracing::error!(%error, "no thread could be started for a run");
            self.lost_thread();
        }
    }

    /// A thread's work: jobs, until none have come for a while.
    fn work(self: &Arc<Self>) {
        while let Some(job) = self.next() {
            let Job { locks, work, .. } = job;
            let turn = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                tracing::error!("a run was cut off by a panic outside of its hooks");
                Turn::Over
            });
            match turn {
                Turn::Over => self.give_back(&locks),
                Turn::Waits { what, tell, work, refuse } => {
                    self.park(what, tell, Job { locks, work, refuse })
                }
            }
        }
    }

    /// The next job; none if the thread is to end.
    fn next(self: &Arc<Self>) -> Option<Job> {
        let until = Instant::now() + IDLE;
        let mut state = self.lock();
        loop {
            if let Some(job) = state.next() {
                // Locks that were given back may be those of several.
                if state.has_next() {
                    self.call_thread(state);
                }
                return Some(job);
            }
            let left = until.saturating_duration_since(Instant::now());
            // Those that wait for a lock come back to it.
            if state.waiting.is_empty() && (left.is_zero() || state.is_stopping) {
                state.threads -= 1;
                self.bell.notify_all();
                return None;
            }
            state.idle += 1;
            let left = if state.waiting.is_empty() { left } else { IDLE };
            state = self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.idle -= 1;
        }
    }

    /// The thread that does looks for the next job then, so nobody is woken.
    fn give_back(&self, locks: &[String]) {
        if !locks.is_empty() {
            self.lock().locks.give_back(locks);
        }
    }

    /// Lets a job wait without a thread.
    fn park(self: &Arc<Self>, what: Awaited, tell: Tell, mut job: Job) {
        if !what.keeps_locks() {
            self.give_back(&std::mem::take(&mut job.locks));
        }
        let mut state = self.lock();
        if state.is_stopping {
            state.locks.give_back(&job.locks);
            drop(state);
            return (job.refuse)(Refusal::Stopping);
        }
        state.parked.push(Parked { what, job, since: Instant::now(), tell: Some(tell) });
        let needs_waiter = !std::mem::replace(&mut state.has_waiter, true);
        drop(state);
        let desk = self.clone();
        let attend = move || wait::attend(&desk, &desk.store);
        if needs_waiter
            && let Err(error) = thread::Builder::new().name("program waiter".to_owned()).spawn(attend)
        {
            tracing::error!(%error, "no thread could be started for runs that wait");
            self.lost_waiter();
        }
    }

    fn lost_waiter(&self) {
        let mut state = self.lock();
        state.has_waiter = false;
        let parked = std::mem::take(&mut state.parked);
        parked.iter().for_each(|parked| state.locks.give_back(&parked.job.locks));
        drop(state);
        refuse_all(parked.into_iter().map(|parked| parked.job));
    }

    /// What jobs wait for; if it is nothing, whoever asks is not needed any more.
    pub(super) fn awaited(&self) -> HashSet<Awaited> {
        let mut state = self.lock();
        let awaited: HashSet<Awaited> = state.parked.iter().map(|parked| parked.what.clone()).collect();
        state.has_waiter = !awaited.is_empty();
        awaited
    }

    /// Says what those wait for that have waited for a moment.
    pub(super) fn tell(&self) {
        let late: Vec<Tell> = {
            let mut state = self.lock();
            let late = state.parked.iter_mut().filter(|parked| parked.since.elapsed() >= MOMENT);
            late.filter_map(|parked| parked.tell.take()).collect()
        };
        late.into_iter().for_each(|tell| tell());
    }

    /// Those that wait for one of these go on.
    pub(super) fn wake(self: &Arc<Self>, came: &HashSet<Awaited>) {
        let mut state = self.lock();
        let (woken, parked): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.parked).into_iter().partition(|parked| came.contains(&parked.what));
        state.parked = parked;
        drop(state);
        for parked in woken {
            let mut state = self.lock();
            state.ready.push_back(parked.job);
            self.call_thread(state);
        }
    }

    /// A thread that could not be started.
    fn lost_thread(&self) {
        let mut state = self.lock();
        state.threads -= 1;
        self.bell.notify_all();
        // Nobody may be left who would come to them.
        if state.threads == 0 {
            let jobs: Vec<Job> = state.waiting.drain(..).collect();
            drop(state);
            refuse_all(jobs);
        }
    }

    /// Takes no more jobs, tells those that wait, and gives those that run their time. Whether all have ended.
    pub(super) fn stop(&self, grace: Duration) -> bool {
        let end = Instant::now() + grace;
        let mut state = self.lock();
        state.is_stopping = true;
        let jobs = state.take_all();
        drop(state);
        self.bell.notify_all();
        jobs.into_iter().for_each(|job| (job.refuse)(Refusal::Stopping));
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

fn refuse_all(jobs: impl IntoIterator<Item = Job>) {
    for job in jobs {
        (job.refuse)(Refusal::Journal("no thread could be started for the run".to_owned()));
    }
}
