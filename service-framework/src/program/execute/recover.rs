//! Recovery: runs whose process is gone are taken up by whoever has the store now.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::desk::{Answer, Job, Refusal, Turn};
use super::drive::Course;
use super::engine::{Engine, until};
use super::journal::{
    CATEGORY, Entry, JournalError, PARKED, RUNNING, Told, id_in, is_of_server, lock_key, read_start, replay,
    status, stream,
};
use super::keep::Keeping;
use crate::program::run::{End, Event, Next, Plan, answer};
use crate::store::{Batch, Error as StoreError, Expected, Filter, NewEvent, Refused, StreamInfo};

/// How many runs are looked up at once.
const PAGE: usize = 256;
/// When it is tried again what a person has to look at first.
const MUCH_LATER: Duration = Duration::from_secs(3600);
/// How soon it is looked again where there may be more to take up.
const SOON: Duration = Duration::from_millis(5);

/// Renews the lease for as long as the engine is there, whatever else it is at.
pub(super) fn keep_lease(engine: &Engine) -> io::Result<()> {
    let every = engine.0.settings.lease / 3;
    again_and_again(engine, "program lease", every, move |engine| {
        // Runs that come to their ends while the engine stops are still under it.
        engine.0.journal.lease.renew(|| {
            tracing::error!(
                "this server had not renewed its lease in time, and its runs were taken over; it goes on with new ones"
            );
            if let Some(when_lost) = &engine.0.settings.when_lost {
                when_lost();
            }
        });
        every
    })
}

/// Takes up runs of others, and removes runs that are kept no longer, for as long as the engine is there.
pub(super) fn look_after(engine: &Engine) -> io::Result<()> {
    let every = engine.0.settings.lease / 3;
    let mut keeping = Keeping::default();
    again_and_again(engine, "program recovery", every, move |engine| {
        let recovers = engine.lock().recovers;
        if !recovers || engine.0.journal.is_stopping.load(Ordering::Relaxed) {
            return every;
        }
        let has_more = keeping.go_on(engine);
        match engine.look_for_runs() {
            Ok(look) if look.has_more || has_more => SOON,
            Ok(_) => every,
            Err(error) => {
                tracing::warn!(%error, "runs that others left cannot be looked up; it is tried again");
                every
            }
        }
    })
}

/// Does something on a thread of its own until the engine is gone or has stopped. It says when it is to be done again.
fn again_and_again(
    engine: &Engine,
    name: &str,
    first: Duration,
    mut does: impl FnMut(&Engine) -> Duration + Send + 'static,
) -> io::Result<()> {
    let inner = Arc::downgrade(&engine.0);
    let work = move || {
        let mut due = Instant::now() + first;
        loop {
            thread::park_timeout(due.saturating_duration_since(Instant::now()));
            let Some(engine) = inner.upgrade().map(Engine) else { return };
            if engine.lock().is_stopped {
                return;
            }
            if Instant::now() >= due {
                due = Instant::now() + does(&engine);
            }
        }
    };
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

impl Engine {
    /// Takes up all runs of this spec's programs that nobody works on: those whose server's lease has run out, and those
    /// that somebody wants retried. From then on it does so by itself, several times in each length of a lease. How many there
    /// were.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn recover(&self) -> Result<usize, StoreError> {
        self.look_for_runs().map(|look| look.taken)
    }

    /// Takes up runs of others for as long as there is room.
    pub(super) fn look_for_runs(&self) -> Result<Look, StoreError> {
        self.lock().recovers = true;
        let mut owners = Owners::default();
        let running = self.take_up_all(&Filter::category(CATEGORY).status(RUNNING), &mut owners)?;
        // Those of another spec that nobody could go on with.
        let parked = Filter::category(CATEGORY).status(status(End::Stuck)).owner(PARKED);
        let parked = self.take_up_all(&parked, &mut owners)?;
        Ok(Look { taken: running.taken + parked.taken, has_more: running.has_more || parked.has_more })
    }

    fn take_up_all(&self, filter: &Filter, owners: &mut Owners) -> Result<Look, StoreError> {
        let (mut after, mut taken) = (None::<String>, 0);
        loop {
            let page = self.store().streams(filter, after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(Look { taken, has_more: taken > 0 }) };
            after = Some(last.stream.clone());
            for info in page {
                if !self.has_room() {
                    return Ok(Look { taken, has_more: true });
                }
                taken += usize::from(self.take_up(&info, owners)?);
            }
        }
    }

    /// Whether one more may be taken up. However many requests wait, there is room for some: they may wait for just those runs.
    fn has_room(&self) -> bool {
        self.lock().taken_up < (self.0.settings.most_waiting / 2).max(1)
    }

    /// Queues a run if nobody works on it.
    fn take_up(&self, info: &StreamInfo, owners: &mut Owners) -> Result<bool, StoreError> {
        let owner = info.mark.owner.as_deref().filter(|owner| *owner != PARKED);
        let is_own = owner == Some(self.0.journal.fence().0.as_str());
        // Most runs are on a server that lives.
        if !is_own && owners.lives(self, owner)? {
            return Ok(false);
        }
        let Some(id) = id_in(&info.stream).map(str::to_owned) else { return Ok(false) };
        {
            let state = self.lock();
            let is_left = state
                .left
                .get(&id)
                .is_some_and(|(version, until)| *version == info.version && Instant::now() < *until);
            if is_left || state.here.contains(&id) {
                return Ok(false);
            }
        }
        let plan = match self.plan_of(&id)? {
            Ok(plan) => plan,
            Err(misfit) => {
                if self.may_park(&id, info) && (is_own || owners.is_gone(self, owner)?) {
                    self.park(&id, info, &misfit);
                }
                return Ok(false);
            }
        };
        if !is_own && !owners.is_gone(self, owner)? {
            return Ok(false);
        }
        {
            let mut state = self.lock();
            if !state.here.insert(id.clone()) {
                return Ok(false);
            }
            state.taken_up += 1;
        }
        let (engine, refusing, refused, info) = (self.clone(), self.clone(), id.clone(), info.clone());
        let work = move || {
            engine.lock().taken_up -= 1;
            engine.go_on(&id, &plan, &info)
        };
        let refuse = move |refusal: Refusal| {
            refusing.lock().taken_up -= 1;
            refusing.leave(&refused, &Answer::Refused(refusal));
        };
        self.0.desk.put_first(Job { locks: Vec::new(), work: Box::new(work), refuse: Box::new(refuse) });
        Ok(true)
    }

    /// The plan of a run, if its program is one of this spec and as it was when the run began.
    fn plan_of(&self, id: &str) -> Result<Result<Arc<Plan>, Misfit>, StoreError> {
        let head = match read_start(self.store(), id) {
            Ok(head) => head,
            Err(JournalError::Store(error)) => return Err(error),
            Err(error) => return Ok(Err(Misfit { reason: error.to_string(), locks: Vec::new() })),
        };
        let name = &head.program;
        let plan = self.0.spec.program_place(name).map(|place| &self.0.plans[place]);
        let reason = match plan {
            Some(plan) if plan.fingerprint() == head.fingerprint => return Ok(Ok(plan.clone())),
            Some(plan) => format!(
                "it began with another spec: the program {name:?} is not as it was then (its fingerprint was {}, and is {} here)",
                head.fingerprint,
                plan.fingerprint()
            ),
            None => format!("it began with another spec: there is no program {name:?} in this one"),
        };
        Ok(Err(Misfit { reason, locks: head.locks }))
    }

    /// Whether a run that does not fit this spec was left long enough to those whom it may fit. One that is parked stays so.
    fn may_park(&self, id: &str, info: &StreamInfo) -> bool {
        let is_parked = info.mark.owner.as_deref() == Some(PARKED);
        let mut state = self.lock();
        let again = if is_parked { MUCH_LATER } else { self.0.settings.lease };
        state.left.insert(id.to_owned(), (info.version, Instant::now() + again));
        !state.unfit.insert(id.to_owned()) && !is_parked
    }

    /// Parks a run that nobody here can go on with, for whoever can, or for a person.
    fn park(&self, id: &str, info: &StreamInfo, misfit: &Misfit) {
        let what_to_do = format!(
            "a server or `program run` with the spec that it began with goes on with it by itself; otherwise put right by hand what \
             `program show {id}` says, and then `program resolve {id}`"
        );
        let reason = format!("{}; {what_to_do}", misfit.reason);
        match self.write_parked(id, info, misfit, &reason) {
            Ok(()) => tracing::error!(run = id, "a run is stuck: {reason}"),
            Err(StoreError::Refused(Refused::Conflict { .. })) => {}
            Err(error) => tracing::warn!(run = id, %error, "a run could not be parked; it is tried again"),
        }
    }

    fn write_parked(
        &self,
        id: &str,
        info: &StreamInfo,
        misfit: &Misfit,
        reason: &str,
    ) -> Result<(), StoreError> {
        let event = Event::Parked { reason: reason.to_owned() };
        let unwritable = |error| StoreError::NotWritten { store: String::new(), reason: format!("{error}") };
        let record = NewEvent::new(event.kind(), event.to_bytes().map_err(unwritable)?);
        let (lease, epoch) = self.0.journal.fence();
        let mut batch = Batch::new()
            .fence(lease, epoch)
            .append(stream(id), Expected::Version(info.version), [record])
            .mark(stream(id), CATEGORY, status(End::Stuck), Some(PARKED));
        for lock in misfit.locks.iter().filter(|lock| is_of_server(lock)).map(|lock| lock_key(lock)) {
            if self.store().claimed(&lock)?.as_deref() == Some(id.as_bytes()) {
                batch = batch.release(lock);
            }
        }
        self.store().commit(batch).map(drop)
    }

    /// Goes on with a run that was left.
    fn go_on(&self, id: &str, plan: &Arc<Plan>, info: &StreamInfo) -> Turn {
        let (error, again) = match self.begin_again(id, plan, info) {
            Ok(Some(course)) => return self.go(course, Box::new(|_| {})),
            // Somebody else took it up, or has its locks.
            Ok(None) => ("another run has its locks".to_owned(), self.0.settings.lease / 3),
            Err(JournalError::Store(error)) => {
                tracing::warn!(run = id, program = plan.program().name, %error, "a run cannot be taken up; it is tried again");
                self.lock().unfinished.insert(id.to_owned());
                (error.to_string(), self.0.settings.lease / 3)
            }
            Err(error) => {
                let locks = read_start(self.store(), id).map(|head| head.locks).unwrap_or_default();
                self.park(id, info, &Misfit { reason: error.to_string(), locks });
                (error.to_string(), MUCH_LATER)
            }
        };
        self.lock().left.insert(id.to_owned(), (info.version, Instant::now() + again));
        self.leave(id, &Answer::Refused(Refusal::Journal(error)));
        Turn::Over
    }

    fn begin_again(
        &self,
        id: &str,
        plan: &Arc<Plan>,
        info: &StreamInfo,
    ) -> Result<Option<Course>, JournalError> {
        let journal = self.0.journal.clone();
        let Told { mut run, version, locks, key } = replay(&journal.store, id, plan)?;
        let fence = journal.fence();
        let was_begun = info.mark.owner.is_some();
        if version != info.version || journal.store.stream(&stream(id))?.as_ref() != Some(info) {
            return Ok(None);
        }
        let event = match run.is_parked() || (was_begun && !matches!(run.next(), Next::Ended(_))) {
            true => Event::Recovered,
            // Whoever comes second finds another version.
            false => Event::Noted { text: "taken up by a server".to_owned() },
        };
        if event == Event::Recovered {
            tracing::warn!(run = id, program = plan.program().name, "taking up a run whose server is gone");
            if let Some(watch) = &self.0.settings.watch {
                watch.taken_up(id, &plan.program().name);
            }
        }
        let program = plan.program().name.clone();
        let mut entry = Entry { journal, run: id.to_owned(), version, program, locks, key, fence };
        let written = entry.records(&event)?;
        let illegal = |source| JournalError::Illegal { run: id.to_owned(), version: version + 1, source };
        run.apply(event).map_err(illegal)?;
        let batch = Batch::new()
            .fence(&entry.fence.0, entry.fence.1)
            .append(stream(id), Expected::Version(version), written)
            .mark(stream(id), CATEGORY, RUNNING, Some(&entry.fence.0));
        match entry.journal.store.submit(entry.claims(batch)).wait() {
            Ok(committed) => entry.version = committed.version(&stream(id)).unwrap_or(version),
            Err(StoreError::Refused(Refused::Conflict { .. } | Refused::Claimed { .. })) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let until = until(plan, run.pool());
        Ok(Some(self.course(entry, run, Vec::new(), until)))
    }
}

/// What a look for runs of others came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) taken: usize,
    /// Whether there may be more to take up as soon as there is room.
    pub(super) has_more: bool,
}

/// Why a run cannot go on with this spec.
struct Misfit {
    reason: String,
    /// What it has locked.
    locks: Vec<String>,
}

/// What was looked up of the owners of runs.
#[derive(Default)]
struct Owners {
    living: HashMap<String, bool>,
    /// Those whose leases could not be taken.
    kept: HashSet<String>,
}

impl Owners {
    /// Whether an owner's lease has not run out; nothing is changed by this.
    fn lives(&mut self, engine: &Engine, owner: Option<&str>) -> Result<bool, StoreError> {
        let Some(owner) = owner else { return Ok(false) };
        if let Some(lives) = self.living.get(owner) {
            return Ok(*lives);
        }
        let (lease, now) = (engine.store().lease(owner)?, engine.store().now()?);
        let lives = lease.is_some_and(|lease| lease.is_held(now));
        self.living.insert(owner.to_owned(), lives);
        Ok(lives)
    }

    /// Whether an owner is gone for good, because its lease was taken.
    fn is_gone(&mut self, engine: &Engine, owner: Option<&str>) -> Result<bool, StoreError> {
        let Some(owner) = owner else { return Ok(true) };
        if engine.lock().gone.contains(owner) {
            return Ok(true);
        }
        if self.kept.contains(owner) {
            return Ok(false);
        }
        let is_gone = engine.0.journal.lease.take_from(owner)?;
        match is_gone {
            // A lease that was taken never comes back under its name.
            true => engine.lock().gone.insert(owner.to_owned()),
            false => self.kept.insert(owner.to_owned()),
        };
        Ok(is_gone)
    }
}

/// The answer of a run that began elsewhere or before; none if it has not ended.
pub(super) fn answer_of(engine: &Engine, id: &str, plan: &Arc<Plan>) -> Option<Answer> {
    let refused = |error: JournalError| Some(Answer::Refused(Refusal::Journal(error.to_string())));
    match engine.store().stream(&stream(id)) {
        Ok(Some(info)) if info.mark.status == RUNNING => return None,
        Ok(_) => {}
        Err(error) => return refused(error.into()),
    }
    match replay(engine.store(), id, plan) {
        Ok(told) => match told.run.next() {
            Next::Ended(end) => {
                let pool = answer(plan.program(), told.run.pool());
                Some(Answer::Ran { run: id.to_owned(), end, pool })
            }
            // Somebody retried it meanwhile.
            Next::Call { .. } => None,
        },
        Err(error) => refused(error),
    }
}
