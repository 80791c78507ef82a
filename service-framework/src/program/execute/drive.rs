//! Driving a run: calls what comes next and journals what became of it, until the run has ended.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use super::call::call;
use super::hooks::{Bound, Call};
use super::journal::{Entry, JournalError, events_in, replay};
use crate::program::run::{End, Event, Next, Run};
use crate::program::{Changes, HookError, Pool, spec::Hook};
use crate::store::{Error as StoreError, NewEvent, Refused};

/// Who looks at the steps of runs while they happen. What it does holds the run up.
pub trait Watch: Send + Sync {
    /// A hook's function is about to be called with this pool. False if it is not to be: then the step has failed.
    fn before(&self, step: &Step<'_>, pool: &Pool) -> bool;
    /// It was; none if it did not fail.
    fn after(&self, step: &Step<'_>, pool: &Pool, error: Option<&str>);
    /// Something failed without a call, such as the check of a hook's arguments.
    fn noted(&self, text: &str);
    /// A run waits for another one, which the text names.
    fn waits(&self, _text: &str) {}
    /// A run is taken up whose process is gone.
    fn taken_up(&self, _run: &str, _program: &str) {}
}

/// One call of a hook's function.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The run's id.
    pub run: &'a str,
    /// The hook.
    pub hook: &'a Hook,
    /// 1 for the first time.
    pub attempt: u32,
    /// Whether it undoes something.
    pub is_reversing: bool,
}

/// A run on its way.
pub(super) struct Course {
    pub(super) entry: Entry,
    pub(super) run: Run,
    /// What happened and is not written yet.
    pub(super) pending: Vec<NewEvent>,
    pub(super) hooks: Arc<[Bound]>,
    /// When the program's time is over.
    pub(super) until: Option<Instant>,
    pub(super) watch: Option<Arc<dyn Watch>>,
    /// The call before which it has to wait for its locks.
    pub(super) waiting: Option<Coming>,
    /// Whether it was said that it waits.
    pub(super) told: Arc<AtomicBool>,
}

/// The call that comes next, apart from the run that says so.
pub(super) struct Coming {
    place: usize,
    attempt: u32,
    after: Duration,
    key: String,
    is_reversing: bool,
}

fn ended(changes: Changes, error: Option<HookError>) -> Event {
    let in_doubt = error.as_ref().is_some_and(HookError::is_in_doubt);
    Event::Ended { changes, error: error.map(|error| error.text().to_owned()), in_doubt }
}

fn ended_by(error: HookError) -> Event {
    ended(Changes::default(), Some(error))
}

impl Course {
    /// Goes on to the end. One that had to wait for its locks goes on where it was.
    pub(super) fn drive(&mut self) -> Result<End, JournalError> {
        self.note()?;
        if let Some(coming) = self.waiting.take() {
            self.begin(coming)?;
        }
        loop {
            let coming = match self.run.next() {
                Next::Ended(end) => match self.write(Some(end))? {
                    true => return Ok(end),
                    false => continue,
                },
                Next::Call { place, attempt, after, key, is_reversing, .. } => {
                    Coming { place, attempt, after, key, is_reversing }
                }
            };
            if self.is_late(&coming) {
                self.happen(Event::TimedOut)?;
            } else {
                self.step(coming)?;
            }
        }
    }

    fn is_late(&self, coming: &Coming) -> bool {
        !coming.is_reversing && self.until.is_some_and(|until| until <= Instant::now() + coming.after)
    }

    fn step(&mut self, coming: Coming) -> Result<(), JournalError> {
        if !coming.after.is_zero() {
            if !self.write(None)? {
                return Ok(());
            }
            thread::sleep(coming.after);
        }
        let hook = self.run.plan().spec().hooks()[coming.place].reference.clone();
        self.happen(Event::Began { hook, attempt: coming.attempt, is_reversing: coming.is_reversing })?;
        self.begin(coming)
    }

    /// Calls a hook once it is written that it begins.
    fn begin(&mut self, coming: Coming) -> Result<(), JournalError> {
        match self.write(None) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => {
                self.waiting = Some(coming);
                return Err(error);
            }
        }
        let error = self.call(&coming);
        let ended = ended(self.run.take_changes(), error);
        match self.entry.records(&ended) {
            Ok(records) => self.happened(ended, records),
            Err(reason) => {
                let error = format!("what it put into the pool cannot be kept: {reason}");
                // It did what it was to do, and is to be undone.
                self.happen(ended_by(HookError::in_doubt(error)))
            }
        }
    }

    fn call(&mut self, coming: &Coming) -> Option<HookError> {
        let plan = self.run.plan().clone();
        let hook = &plan.spec().hooks()[coming.place];
        let step =
            Step { run: &self.entry.run, hook, attempt: coming.attempt, is_reversing: coming.is_reversing };
        let told = Call {
            run: self.entry.run.clone(),
            idempotency_key: format!("{}/{}", self.entry.run, coming.key),
            attempt: coming.attempt,
            until: self.until_of(hook, coming.is_reversing),
        };
        if let Some(watch) = &self.watch
            && !watch.before(&step, self.run.pool())
        {
            return Some(HookError::new("it was stopped before this step"));
        }
        let pool = self.run.lend_pool();
        let error = call(&self.hooks[coming.place], pool, &told).err();
        if let Some(watch) = &self.watch {
            watch.after(&step, self.run.pool(), error.as_ref().map(HookError::text));
        }
        if let Some(reason) = &error {
            tracing::warn!(
                run = step.run, hook = %hook.reference, attempt = step.attempt, reversing = step.is_reversing,
                in_doubt = reason.is_in_doubt(), %reason,
                "a hook failed"
            );
        }
        error
    }

    /// A rectifier has its own timeout only: what is to be undone is undone, however late.
    fn until_of(&self, hook: &Hook, is_reversing: bool) -> Option<Instant> {
        let own = hook.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        match (own, self.until.filter(|_| !is_reversing)) {
            (Some(own), Some(whole)) => Some(own.min(whole)),
            (own, whole) => own.or(whole),
        }
    }

    /// Makes an event happen here; it is written with the next commit.
    fn happen(&mut self, event: Event) -> Result<(), JournalError> {
        let records = self.entry.records(&event)?;
        self.happened(event, records)
    }

    fn happened(&mut self, event: Event, records: Vec<NewEvent>) -> Result<(), JournalError> {
        self.pending.extend(records);
        let (run, version) = (self.entry.run.clone(), self.entry.version + self.pending.len() as u64);
        self.run.apply(event).map_err(|source| JournalError::Illegal { run, version, source })?;
        self.note()
    }

    /// What failed without a call is said too.
    fn note(&mut self) -> Result<(), JournalError> {
        for text in self.run.take_notes() {
            tracing::warn!(run = self.entry.run, program = self.entry.program, "{text}");
            if let Some(watch) = &self.watch {
                watch.noted(&text);
            }
            self.pending.extend(self.entry.records(&Event::Noted { text })?);
        }
        Ok(())
    }

    /// Writes what happened. False if somebody else has written meanwhile: the run stands where the journal says then.
    fn write(&mut self, end: Option<End>) -> Result<bool, JournalError> {
        match self.entry.commit(&self.pending, end) {
            Ok(()) => {
                self.pending.clear();
                Ok(true)
            }
            Err(JournalError::Store(StoreError::Refused(Refused::Conflict { .. }))) => {
                self.read_again()?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// What a hook has done stays true, whatever others have written; what was about to happen does not.
    fn read_again(&mut self) -> Result<(), JournalError> {
        let told = replay(&self.entry.journal.store, &self.entry.run, self.run.plan())?;
        self.run = told.run;
        self.entry.version = told.version;
        let pending = std::mem::take(&mut self.pending);
        // It is there already if a commit went through whose answer was lost.
        let ended = events_in(&pending).into_iter().find(|event| matches!(event, Event::Ended { .. }));
        match ended.filter(|_| self.run.is_in_flight()) {
            Some(ended) => self.happen(ended),
            None => Ok(()),
        }
    }
}
