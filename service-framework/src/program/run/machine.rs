//! The machine of a run: which step comes next, from the events that happened. Nothing here calls a hook, reads a clock
//! or writes: the same machine runs live and over a journal.

use std::sync::Arc;
use std::time::Duration;

use super::event::Event;
use super::plan::{Op, Plan};
use crate::program::pool::{
    CANCELLED, Changes, DEPENDENCY_FAIL, IN_DOUBT, LAST_FAILED, PROGRAM_FAIL, Pool, RECTIFIER_FAIL,
};
use crate::program::spec::{Hook, OnCrash};
use crate::value::Value;

/// One run of a program.
#[derive(Clone, Debug)]
pub struct Run {
    pub(super) plan: Arc<Plan>,
    pub(super) pool: Pool,
    pub(super) state: State,
    /// The attempt that comes next or is on its way.
    pub(super) attempt: u32,
    pub(super) is_in_flight: bool,
    pub(super) is_cancelled: bool,
    /// Whether it waits for somebody who can go on with it, wherever it stands.
    pub(super) is_parked: bool,
    /// Whether an attempt of the step that it is at may have happened although it did not end well.
    pub(super) is_doubtful: bool,
    /// Hooks that are done and not undone, the last one last.
    pub(super) done: Vec<usize>,
    /// What failed by itself since somebody asked.
    pub(super) notes: Vec<String>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// At this place of the plan.
    Forward(usize),
    /// At this place of what undoes the last of the hooks that are done.
    Reversing(usize),
    Ended(End),
    /// As `Reversing`, but its rectifier failed.
    Stuck(usize),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// All of it was done.
    Done,
    /// It failed, and everything that was done is undone.
    Rectified,
    /// A rectifier failed; the run waits for somebody who retries or resolves it.
    Stuck,
    /// A rectifier failed, and somebody has put things right.
    Resolved,
}

/// What a run does next.
#[derive(Debug, PartialEq)]
pub enum Next<'a> {
    /// Calls the function of a hook.
    Call {
        /// The hook, by its place in the spec.
        place: usize,
        /// The hook.
        hook: &'a Hook,
        /// 1 for the first time.
        attempt: u32,
        /// How long it waits before.
        after: Duration,
        /// The same for every attempt of this step, and for no other step of the run.
        key: String,
        /// Whether it undoes something.
        is_reversing: bool,
    },
    /// Nothing more.
    Ended(End),
}

/// An event that cannot happen where a run stands.
#[derive(Debug, thiserror::Error)]
#[error("{event} cannot happen to a run that {state}")]
pub struct Illegal {
    event: String,
    state: String,
}

impl Run {
    /// A run that begins with this pool, which has all that [`prepare`](super::prepare) adds.
    #[must_use]
    pub fn new(plan: Arc<Plan>, pool: Pool) -> Self {
        let mut run = Self {
            plan,
            pool,
            state: State::Forward(0),
            attempt: 1,
            is_in_flight: false,
            is_cancelled: false,
            is_parked: false,
            is_doubtful: false,
            done: Vec::new(),
            notes: Vec::new(),
        };
        run.settle();
        run
    }

    /// The pool as it is.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The pool for a hook that is called; what it changes is taken by [`Run::take_changes`].
    pub(crate) fn lend_pool(&mut self) -> &mut Pool {
        self.pool.watch();
        &mut self.pool
    }

    pub(crate) fn take_changes(&mut self) -> Changes {
        self.pool.take_changes()
    }

    /// What failed without a function that was called, since this was asked last.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The plan that it follows.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Whether a hook began and has not ended.
    #[must_use]
    pub fn is_in_flight(&self) -> bool {
        self.is_in_flight
    }

    /// Whether it waits for somebody who can go on with it.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.is_parked
    }

    /// Whether it undoes what was done.
    #[must_use]
    pub fn is_reversing(&self) -> bool {
        matches!(self.state, State::Reversing(_) | State::Stuck(_))
    }

    /// What it does next.
    #[must_use]
    pub fn next(&self) -> Next<'_> {
        if self.is_parked {
            return Next::Ended(End::Stuck);
        }
        match (self.state, self.op()) {
            (State::Forward(_) | State::Reversing(_), Some(Op::Call { hook, .. })) => {
                let found = self.plan.hook(hook);
                let after = match self.attempt {
                    0 | 1 => Duration::ZERO,
                    attempt => found.retry.wait_after(attempt - 1),
                };
                let (key, is_reversing) = (self.key(), self.is_reversing());
                Next::Call { place: hook, hook: found, attempt: self.attempt, after, key, is_reversing }
            }
            (State::Ended(end), _) => Next::Ended(end),
            _ => Next::Ended(End::Stuck),
        }
    }

    fn key(&self) -> String {
        match self.state {
            State::Forward(at) => at.to_string(),
            State::Reversing(at) | State::Stuck(at) => format!("undo/{}/{at}", self.done.len()),
            State::Ended(_) => String::new(),
        }
    }

    /// Whether it has neither failed nor ended.
    #[must_use]
    pub fn is_going_forward(&self) -> bool {
        matches!(self.state, State::Forward(_))
    }

    /// Makes an event happen.
    ///
    /// # Errors
    /// It cannot happen where the run stands, which is then as it was.
    pub fn apply(&mut self, event: Event) -> Result<(), Illegal> {
        match (self.state, event) {
            (_, Event::Noted { .. }) => return Ok(()),
            (State::Forward(_) | State::Reversing(_), event) if self.is_parked => {
                self.leave_parking(event)?
            }
            (State::Forward(_) | State::Reversing(_), Event::Parked { .. }) => self.is_parked = true,
            (State::Forward(_) | State::Reversing(_), Event::Began { hook, attempt, is_reversing })
                if !self.is_in_flight
                    && is_reversing == self.is_reversing()
                    && self.expects(&hook, attempt) =>
            {
                self.is_in_flight = true;
            }
            (State::Forward(_) | State::Reversing(_), Event::Ended { changes, error, in_doubt })
                if self.is_in_flight =>
            {
                self.is_doubtful |= error.is_some() && in_doubt;
                self.end_call(changes, error.is_some());
            }
            (State::Forward(_) | State::Reversing(_), Event::Recovered) => self.recover(),
            (State::Forward(_), Event::TimedOut) if !self.is_in_flight => self.fail_next(),
            (State::Forward(_), Event::Cancelled) => self.cancel(),
            (_, Event::Cancelled) => {}
            (State::Stuck(at), Event::Retried) => self.go_on_reversing(at),
            (State::Stuck(_), Event::Resolved { .. }) => self.state = State::Ended(End::Resolved),
            (_, event) => return Err(self.illegal(&event)),
        }
        self.settle();
        Ok(())
    }

    /// What happens to a run that nobody could go on with.
    fn leave_parking(&mut self, event: Event) -> Result<(), Illegal> {
        match event {
            // Its process is gone still.
            Event::Recovered | Event::Retried => {
                self.is_parked = false;
                self.recover();
            }
            Event::Resolved { .. } => {
                self.is_parked = false;
                self.is_in_flight = false;
                self.state = State::Ended(End::Resolved);
            }
            Event::Parked { .. } | Event::Cancelled => {}
            event => return Err(self.illegal(&event)),
        }
        Ok(())
    }

    fn expects(&self, reference: &str, attempt: u32) -> bool {
        matches!(self.next(), Next::Call { hook, attempt: next, .. } if hook.reference == reference && next == attempt)
    }

    fn illegal(&self, event: &Event) -> Illegal {
        let event = match event {
            Event::Began { hook, attempt, .. } => format!("attempt {attempt} of {hook}"),
            other => other.kind().to_owned(),
        };
        let state = match self.next() {
            Next::Call { hook, attempt, .. } if self.is_in_flight => {
                format!("waits for the end of attempt {attempt} of {}", hook.reference)
            }
            Next::Call { hook, attempt, .. } => format!("comes to attempt {attempt} of {}", hook.reference),
            Next::Ended(end) => format!("has ended ({end:?})"),
        };
        Illegal { event, state }
    }
}

/// What events do.
impl Run {
    fn end_call(&mut self, changes: Changes, has_failed: bool) {
        self.is_in_flight = false;
        let Some(Op::Call { hook, is_dependency }) = self.op() else { return };
        let gives_up = self.is_cancelled && !self.is_reversing();
        if has_failed && !gives_up && self.attempt < self.plan.hook(hook).retry.attempts {
            // The next attempt begins with the pool that this one began with.
            self.attempt += 1;
            return;
        }
        self.pool.apply(changes);
        self.attempt = 1;
        if has_failed {
            self.leave_doubtful(hook);
            let reference = self.plan.hook(hook).reference.clone();
            return self.fail(&reference, is_dependency);
        }
        match self.state {
            State::Forward(at) => self.end_step(hook, at),
            State::Reversing(at) => self.end_rectifier(at),
            _ => {}
        }
    }

    fn end_step(&mut self, hook: usize, at: usize) {
        // A hook that says in the pool that it failed is not undone, as one that returns an error is not.
        if self.pool.is_true(PROGRAM_FAIL) {
            self.leave_doubtful(hook);
            return self.begin_reversal();
        }
        self.is_doubtful = false;
        self.done.push(hook);
        self.state = State::Forward(at + 1);
        if self.is_cancelled {
            self.give_up();
        }
    }

    fn end_rectifier(&mut self, at: usize) {
        self.pool.set(PROGRAM_FAIL, true);
        self.is_doubtful = false;
        self.state = match self.pool.is_true(RECTIFIER_FAIL) {
            true => State::Stuck(at),
            false => State::Reversing(at + 1),
        };
    }

    /// The hook that it is in comes to its end first.
    fn cancel(&mut self) {
        self.pool.set(CANCELLED, true);
        match self.is_in_flight {
            true => self.is_cancelled = true,
            false => self.give_up(),
        }
    }

    /// What was done is undone because somebody wants it so, or because its process is gone.
    fn give_up(&mut self) {
        if let Some(Op::Call { hook, .. }) = self.op() {
            self.leave_doubtful(hook);
        }
        self.set_flags(false, false);
        self.begin_reversal();
    }

    pub(super) fn fail(&mut self, reference: &str, is_dependency: bool) {
        self.set_flags(is_dependency, self.is_reversing());
        self.pool.set(LAST_FAILED, reference);
        match self.state {
            State::Forward(_) => self.begin_reversal(),
            State::Reversing(at) => self.state = State::Stuck(at),
            State::Ended(_) | State::Stuck(_) => {}
        }
    }

    fn fail_next(&mut self) {
        if let Some(Op::Call { hook, is_dependency }) = self.op() {
            self.leave_doubtful(hook);
            let reference = self.plan.hook(hook).reference.clone();
            self.fail(&reference, is_dependency);
        }
    }

    /// A step of which an attempt may have happened is undone first, as if it were done.
    fn leave_doubtful(&mut self, hook: usize) {
        if !std::mem::take(&mut self.is_doubtful) {
            return;
        }
        let reference = self.plan.hook(hook).reference.clone();
        let is_noted = match self.pool.get(IN_DOUBT) {
            Some(Value::List(list)) => list.last().and_then(Value::as_str) == Some(&reference),
            _ => false,
        };
        if !is_noted {
            self.doubt(&reference);
        }
        if self.is_going_forward() {
            self.done.push(hook);
        }
    }

    fn set_flags(&mut self, of_dependency: bool, of_rectifier: bool) {
        self.pool.set(PROGRAM_FAIL, true);
        self.pool.set(RECTIFIER_FAIL, of_rectifier);
        self.pool.set(DEPENDENCY_FAIL, of_dependency);
    }

    fn begin_reversal(&mut self) {
        self.state = State::Reversing(0);
        self.attempt = 1;
    }

    fn go_on_reversing(&mut self, at: usize) {
        self.pool.set(RECTIFIER_FAIL, false);
        self.attempt = 1;
        self.state = State::Reversing(at);
    }

    fn recover(&mut self) {
        let resumes = self.plan.program().on_crash == OnCrash::Resume;
        let is_forward = self.is_going_forward();
        let doubtful = self.op().filter(|_| self.is_in_flight);
        self.is_in_flight = false;
        let Some(Op::Call { hook, is_dependency }) = doubtful else {
            if is_forward && !resumes {
                self.give_up();
            }
            return;
        };
        let (reference, is_idempotent) =
            (self.plan.hook(hook).reference.clone(), self.plan.hook(hook).idempotent);
        self.doubt(&reference);
        self.is_doubtful = true;
        let runs_again = is_idempotent && (resumes || !is_forward);
        if !runs_again {
            self.leave_doubtful(hook);
            self.fail(&reference, is_dependency);
        }
    }

    fn doubt(&mut self, reference: &str) {
        let mut list = match self.pool.get(IN_DOUBT) {
            Some(Value::List(list)) => list.clone(),
            _ => Vec::new(),
        };
        list.push(Value::from(reference));
        self.pool.set(IN_DOUBT, list);
    }
}
