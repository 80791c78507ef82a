//! Outcomes: what is said and kept of a run that has ended, that cannot go on here, or that waits for another.

use std::sync::atomic::Ordering;

use super::desk::{Answer, Refusal, Turn};
use super::drive::Course;
use super::engine::{Done, Engine, waits};
use super::holder;
use super::journal::{Entry, JournalError, status};
use super::keep;
use super::wait::Awaited;
use crate::program::pool::LAST_FAILED;
use crate::program::run::{End, answer};
use crate::store::Error as StoreError;
use crate::value::Value;

impl Engine {
    pub(super) fn ended(&self, course: &Course, end: End) -> Answer {
        let (run, program) = (course.entry.run.clone(), &course.entry.program);
        let failed = course.run.pool().get(LAST_FAILED).and_then(Value::as_str);
        match end {
            End::Stuck => tracing::error!(
                run,
                program,
                hook = failed,
                "a run is stuck, because a rectifier failed: `program show {run}` says why, `program retry {run}` goes on with it, and \
                 `program resolve {run}` says that it was put right by hand"
            ),
            end => tracing::info!(run, program, end = status(end), "a program has ended"),
        }
        self.lock().unfinished.remove(&run);
        self.forget_some(course, end);
        let pool = answer(course.run.plan().program(), course.run.pool());
        Answer::Ran { run, end, pool }
    }

    /// A run cannot go on here for now. What becomes of it is said.
    pub(super) fn cut_off(&self, course: &Course, error: &JournalError) -> Answer {
        let Entry { run, program, version, .. } = &course.entry;
        tracing::error!(run, program, %error, "a run cannot go on here");
        let may_be_there =
            *version > 0 || !matches!(error, JournalError::Store(StoreError::NotWritten { .. }));
        let text = match error {
            _ if !may_be_there => format!("nothing ran: {error}"),
            JournalError::TakenOver { .. } => format!("run {run} has not ended here: {error}"),
            _ => {
                self.lock().unfinished.insert(run.clone());
                let becomes = course.run.plan().program().on_crash.becomes();
                format!(
                    "run {run} has not ended: {error}; as soon as the store can be written this server takes it up again, or the next one \
                     on it, and it {becomes}; `program show {run}` says how it stands"
                )
            }
        };
        Answer::Refused(Refusal::Journal(text))
    }

    /// Waits for a lock that another run has, unless that one is stuck.
    pub(super) fn wait_for(&self, lock: &str, holder: String, course: Course, done: Done) -> Turn {
        if holder::is_stuck(self.store(), &holder) {
            done(Answer::Refused(Refusal::Held { lock: lock.to_owned(), run: holder }));
            return Turn::Over;
        }
        let (engine, lock, other, told) =
            (self.clone(), lock.to_owned(), holder.clone(), course.told.clone());
        let who = format!("run {} of {}", course.entry.run, course.entry.program);
        let tell = move || {
            if !told.swap(true, Ordering::Relaxed) {
                engine.tell(&format!("{who} waits for the lock {lock:?}"), &other);
            }
        };
        let engine = self.clone();
        waits(Awaited::Lock { holder }, Box::new(tell), done, move |done| engine.go(course, done))
    }

    /// Says that something waits for another run, and who has that.
    pub(super) fn tell(&self, what: &str, other: &str) {
        let holder = holder::Holder::of(self.store(), other, &self.0.journal.fence().0);
        let text = format!("{what}, {holder}");
        match holder.is_gone() {
            true => tracing::warn!("{text}"),
            false => tracing::info!("{text}"),
        }
        if let Some(watch) = &self.0.settings.watch {
            watch.waits(&text);
        }
    }

    /// Removes the oldest of the runs that have ended here, if only so many are kept.
    fn forget_some(&self, course: &Course, end: End) {
        let keep = &self.0.settings.keep;
        let Some(most) = keep.most.filter(|_| end != End::Stuck && keep.forgets(course.entry.key.as_deref()))
        else {
            return;
        };
        let forgotten = keep::forget(&course.entry.run, &course.entry.program, course.entry.key.as_deref());
        let mut state = self.lock();
        state.ended.push_back(forgotten);
        if let Some(oldest) = (state.ended.len() > most).then(|| state.ended.pop_front()).flatten() {
            // If it is not removed it is only kept.
            drop(self.0.journal.store.submit(oldest));
        }
    }
}
