//! The engine: a spec, its hooks and its journal, and everything that runs of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use super::desk::{Answer, Desk, Job, Refusal, Refuse, Turn};
use super::drive::{Course, Watch};
use super::hooks::Bound;
use super::journal::{Entry, Journal, JournalError, LEASE, check_key, lock_in, locks_of};
use super::keep::Keep;
use super::recover;
use super::registry::Hooks;
use super::wait::Awaited;
use crate::model::Problem;
use crate::program::pool::{Pool, TIME_START};
use crate::program::run::{Event, Plan, Request, Run, find, prepare};
use crate::program::spec::Spec;
use crate::store::{Batch, Error as StoreError, NewEvent, OwnLease, Store, new_id};
use crate::value::Value;

/// How an engine runs programs.
#[derive(Clone)]
pub struct Settings {
    /// How many programs run at once at most; 64 unless told. Those that share a lock run one after the other anyway.
    pub most_at_once: usize,
    /// How many requests may wait; 512 unless told. One more is refused.
    pub most_waiting: usize,
    /// How this process is called in the store, such as `host:pid`.
    pub name: String,
    /// How long its runs are its own while it does not renew its lease; 10 s unless told.
    pub lease: Duration,
    /// Which runs are kept that have ended; all unless told.
    pub keep: Keep,
    /// Who looks at every step.
    pub watch: Option<Arc<dyn Watch>>,
    /// Called when the lease is lost, because it was not renewed in time: whatever the hooks are at now, another server undoes it or
    /// does it again.
    pub when_lost: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            most_at_once: 64,
            most_waiting: 512,
            name: "engine".to_owned(),
            lease: LEASE,
            keep: Keep::default(),
            watch: None,
            when_lost: None,
        }
    }
}

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Spec and hooks do not fit: everything that is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Problems(Vec<Problem>),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread that renews the lease cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// Programs that can be run. Clones are the same engine.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) spec: Arc<Spec>,
    pub(super) plans: Vec<Arc<Plan>>,
    hooks: Arc<[Bound]>,
    pub(super) journal: Arc<Journal>,
    pub(super) desk: Arc<Desk>,
    pub(super) settings: Settings,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// Runs that are here, on their way or waiting for a thread.
    pub(super) here: HashSet<String>,
    /// Who asked for a run that is here.
    pub(super) asking: HashMap<String, Done>,
    /// Who waits for the end of a run that another request has begun.
    pub(super) joined: HashMap<String, Vec<Done>>,
    /// Runs that could not be taken up: at which version, and when it is tried again.
    pub(super) left: HashMap<String, (u64, Instant)>,
    /// Runs that could not go on here, and may not have ended yet.
    pub(super) unfinished: HashSet<String>,
    /// Runs that are seen for the first time to be of another spec.
    pub(super) unfit: HashSet<String>,
    /// Whether runs of others are taken up.
    pub(super) recovers: bool,
    /// How many of those wait for a thread.
    pub(super) taken_up: usize,
    /// Servers whose leases were taken.
    pub(super) gone: HashSet<String>,
    /// Whether all runs have had their time, so that the lease is of no use any more.
    pub(super) is_stopped: bool,
    /// What removes the runs that have ended here, the oldest first, where not all are kept.
    pub(super) ended: VecDeque<Batch>,
}

pub(super) type Done = Box<dyn FnOnce(Answer) + Send>;

impl Engine {
    /// An engine on a store. Runs that others left there are taken up from the first [`Engine::recover`] on.
    ///
    /// # Errors
    /// Hooks are missing or too many, or the store cannot be used.
    pub fn start(spec: Spec, hooks: &Hooks, store: Store, settings: Settings) -> Result<Self, EngineError> {
        let bound = hooks.bind(&spec).map_err(EngineError::Problems)?;
        let spec = Arc::new(spec);
        let plans = (0..spec.programs().len()).map(|place| Arc::new(Plan::new(&spec, place))).collect();
        let lease = OwnLease::take(&store, "server", &settings.name, settings.lease)?;
        let desk = Desk::new(settings.most_at_once, settings.most_waiting, store.clone());
        let engine = Self(Arc::new(Inner {
            spec,
            plans,
            hooks: bound.into(),
            journal: Arc::new(Journal { store, lease, is_stopping: false.into(), is_over: false.into() }),
            desk: Arc::new(desk),
            settings,
            state: Mutex::default(),
        }));
        recover::keep_lease(&engine)
            .and_then(|()| recover::look_after(&engine))
            .map_err(EngineError::Thread)?;
        Ok(engine)
    }

    /// The spec.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.0.spec
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.journal.store
    }

    /// Runs a request, and waits for its end.
    #[must_use]
    pub fn run(&self, request: Request) -> Answer {
        let (send, receive) = sync_channel(1);
        self.submit(request, move |answer| {
            let _ = send.send(answer);
        });
        let lost = || Answer::Refused(Refusal::Journal("the run ended without an answer".to_owned()));
        receive.recv().unwrap_or_else(|_| lost())
    }

    /// Runs a request, and waits for its end without a thread.
    pub async fn ask(&self, request: Request) -> Answer {
        let (tell, told) = oneshot::channel();
        self.submit(request, move |answer| {
            // Whoever asked may be gone.
            let _ = tell.send(answer);
        });
        told.await.unwrap_or(Answer::Refused(Refusal::Stopping))
    }

    /// Runs a request; `done` gets the answer, at once if it is refused.
    pub fn submit(&self, request: Request, done: impl FnOnce(Answer) + Send + 'static) {
        let done = Box::new(done);
        match self.prepare(request) {
            Ok(begun) => self.queue(begun, done),
            Err(refusal) => done(Answer::Refused(refusal)),
        }
    }

    fn prepare(&self, request: Request) -> Result<Begun, Refusal> {
        let place = find(&self.0.spec, &request.program)?;
        let plan = self.0.plans[place].clone();
        let key = request.idempotency_key().map(str::to_owned);
        if let Some(key) = &key {
            check_key(&request.program, key)?;
        }
        let pool = prepare(plan.program(), request, now())?;
        let locks = locks_of(&plan, &pool)?;
        Ok(Begun { id: new_id(), plan, pool, locks, key })
    }

    fn queue(&self, begun: Begun, done: Done) {
        let (done, refuse) = either(done);
        let (engine, locks) = (self.clone(), begun.locks.clone());
        let work = Box::new(move || match take(&done) {
            Some(done) => engine.begin(begun, done),
            None => Turn::Over,
        });
        self.0.desk.put(Job { locks, work, refuse });
    }

    fn begin(&self, begun: Begun, done: Done) -> Turn {
        let id = begun.id.clone();
        let name = begun.plan.program().name.clone();
        tracing::info!(run = id, program = name, "running a program");
        let until = until(&begun.plan, &begun.pool);
        let started = Event::Started {
            program: name.clone(),
            fingerprint: begun.plan.fingerprint().to_owned(),
            key: begun.key.clone(),
            locks: begun.locks.clone(),
            pool: begun.pool.clone(),
        };
        let entry = Entry {
            journal: self.0.journal.clone(),
            run: id,
            version: 0,
            program: name,
            locks: begun.locks,
            key: begun.key,
            fence: self.0.journal.fence(),
        };
        let run = Run::new(begun.plan, begun.pool);
        match entry.records(&started) {
            Ok(records) => self.go(self.course(entry, run, records, until), done),
            Err(error) => {
                done(Answer::Refused(Refusal::Journal(error.to_string())));
                Turn::Over
            }
        }
    }

    pub(super) fn course(
        &self,
        entry: Entry,
        run: Run,
        pending: Vec<NewEvent>,
        until: Option<Instant>,
    ) -> Course {
        let (hooks, watch) = (self.0.hooks.clone(), self.0.settings.watch.clone());
        Course { entry, run, pending, hooks, until, watch, waiting: None, told: Arc::default() }
    }

    /// Drives a run to its end and says what became of it.
    pub(super) fn go(&self, mut course: Course, done: Done) -> Turn {
        let run = course.entry.run.clone();
        let mut here = Here::new(self, &run, done);
        let answer = match course.drive() {
            Ok(end) => self.ended(&course, end),
            Err(JournalError::AsBefore { run: other }) => {
                return match here.go_away() {
                    Some(done) => self.join(other, course.run.plan().clone(), done),
                    None => Turn::Over,
                };
            }
            Err(JournalError::Locked { key, holder }) => {
                return match here.go_away() {
                    Some(done) => self.wait_for(lock_in(&key), holder, course, done),
                    None => Turn::Over,
                };
            }
            Err(error) => self.cut_off(&course, &error),
        };
        here.answer = answer;
        Turn::Over
    }

    /// A run is not here any more, and whoever waits for it gets an answer.
    pub(super) fn leave(&self, run: &str, answer: &Answer) {
        let (asking, joined) = {
            let mut state = self.lock();
            state.here.remove(run);
            (state.asking.remove(run), state.joined.remove(run).unwrap_or_default())
        };
        asking.into_iter().chain(joined).for_each(|waiting| waiting(answer.clone()));
    }

    /// Waits for the end of the run that had this request's idempotency key before.
    fn join(&self, other: String, plan: Arc<Plan>, done: Done) -> Turn {
        {
            let mut state = self.lock();
            let most = self.0.settings.most_waiting;
            let joined: usize = state.joined.values().map(Vec::len).sum();
            match (state.here.contains(&other), joined < most) {
                (false, _) => {}
                (true, true) => {
                    state.joined.entry(other).or_default().push(done);
                    return Turn::Over;
                }
                (true, false) => {
                    drop(state);
                    done(Answer::Refused(Refusal::Busy(joined)));
                    return Turn::Over;
                }
            }
        }
        match recover::answer_of(self, &other, &plan) {
            Some(answer) => {
                done(answer);
                Turn::Over
            }
            None => {
                let (engine, telling, run) = (self.clone(), self.clone(), other.clone());
                let tell =
                    move || telling.tell("a request waits for the run that has its idempotency key", &run);
                waits(Awaited::End(other.clone()), Box::new(tell), done, move |done| {
                    engine.join(other, plan, done)
                })
            }
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is here; whatever happens, it leaves once.
struct Here<'a> {
    engine: &'a Engine,
    run: &'a str,
    /// For whoever waits for it.
    answer: Answer,
}

impl<'a> Here<'a> {
    fn new(engine: &'a Engine, run: &'a str, done: Done) -> Self {
        let mut state = engine.lock();
        state.here.insert(run.to_owned());
        state.asking.insert(run.to_owned(), done);
        drop(state);
        let lost = format!("run {run} was cut off here; the next server that looks takes it up");
        Self { engine, run, answer: Answer::Refused(Refusal::Journal(lost)) }
    }

    /// It leaves without an answer. Who asked, unless that was told already.
    fn go_away(&mut self) -> Option<Done> {
        self.engine.lock().asking.remove(self.run)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.engine.leave(self.run, &self.answer);
    }
}

/// A request that may run.
struct Begun {
    id: String,
    plan: Arc<Plan>,
    pool: Pool,
    locks: Vec<String>,
    key: Option<String>,
}

/// Whichever of the two is called gets it.
fn either(done: Done) -> (Arc<Mutex<Option<Done>>>, Refuse) {
    let done = Arc::new(Mutex::new(Some(done)));
    let refused = done.clone();
    let refuse = move |refusal| {
        if let Some(done) = take(&refused) {
            done(Answer::Refused(refusal));
        }
    };
    (done, Box::new(refuse))
}

pub(super) fn waits(
    what: Awaited,
    tell: Box<dyn FnOnce() + Send>,
    done: Done,
    go_on: impl FnOnce(Done) -> Turn + Send + 'static,
) -> Turn {
    let (done, refuse) = either(done);
    let work = move || take(&done).map_or(Turn::Over, go_on);
    Turn::Waits { what, tell, work: Box::new(work), refuse }
}

fn take(done: &Mutex<Option<Done>>) -> Option<Done> {
    done.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// When the time of a run is over whose pool says when it began.
pub(super) fn until(plan: &Plan, pool: &Pool) -> Option<Instant> {
    let timeout = plan.program().timeout?;
    let began = pool.get(TIME_START).and_then(Value::as_i64)?;
    let passed = Duration::from_millis(u64::try_from(now().saturating_sub(began)).unwrap_or(0));
    Instant::now().checked_add(timeout.saturating_sub(passed))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
