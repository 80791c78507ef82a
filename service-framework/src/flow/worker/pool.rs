//! Several interpreters, and who gets which turn.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::place::{Open, Opened, Usage};
use super::protocol::{Base, Died, Job, Report};
use super::slot::{Slot, Watched, watch_over};

/// What one turn may take, besides what it does again of turns before, before its process is ended and its flow fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnLimits {
    /// Time of a processor; 5 s unless told.
    pub cpu: Duration,
    /// Memory of the process; 512 MiB unless told.
    pub memory: u64,
    /// Time in all, for a process that does nothing; 5 min unless told.
    pub time: Duration,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self { cpu: Duration::from_secs(5), memory: 512 << 20, time: Duration::from_secs(300) }
    }
}

impl TurnLimits {
    /// What is over, if anything is.
    pub(super) fn over(
        &self,
        usage: Usage,
        cpu_before: Duration,
        time: Duration,
        replays: bool,
    ) -> Option<String> {
        let cpu = usage.cpu.saturating_sub(cpu_before);
        if cpu > self.cpu && !replays {
            return Some(format!(
                "one turn took more than {} s of processor time: does it loop without waiting?",
                self.cpu.as_secs_f64()
            ));
        }
        if usage.memory > self.memory {
            return Some(format!("it took more than {} MiB of memory", self.memory >> 20));
        }
        (time > self.time).then(|| format!("one turn took more than {} s", self.time.as_secs_f64()))
    }
}

/// A turn that is to be run, and where the answer goes.
struct Turn {
    job: Job,
    done: oneshot::Sender<Result<Report, Died>>,
}

/// For how long a slot may be busy before others run what it keeps: they have to replay it.
const LONG: Duration = Duration::from_millis(50);

/// Interpreters. Clones are the same; when the last is gone, they end.
#[derive(Clone)]
pub struct Pool(Arc<Ends>);

struct Ends(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    turns: VecDeque<Turn>,
    /// Which slot keeps a flow.
    kept_in: HashMap<String, usize>,
    /// Flows that a slot is to forget.
    forgotten: HashMap<usize, Vec<String>>,
    /// Since when each slot runs a turn.
    busy: Vec<Option<Instant>>,
    has_ended: bool,
}

impl Pool {
    /// So many interpreters, each started when it is needed.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn new(
        count: usize,
        limits: TurnLimits,
        open: impl Fn() -> std::io::Result<Opened> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let open: Arc<Open> = Arc::new(open);
        let state = State { busy: vec![None; count], ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let watched: Vec<Arc<Watched>> = (0..count).map(|_| Arc::default()).collect();
        watch_over(&watched, limits)?;
        let pool = Self(Arc::new(Ends(shared.clone())));
        for (number, watched) in watched.into_iter().enumerate() {
            let (shared, slot) = (shared.clone(), Slot::new(open.clone(), watched));
            let thread = thread::Builder::new().name(format!("interpreter {number}"));
            thread.spawn(move || shared.work(number, slot))?;
        }
        Ok(pool)
    }

    /// Runs a turn: where the flow is kept, unless that is busy for long, else anywhere.
    ///
    /// # Errors
    /// Its process ended.
    pub(crate) async fn run(&self, job: Job) -> Result<Report, Died> {
        self.queue(job).await.unwrap_or_else(|_| Err(ended()))
    }

    fn queue(&self, job: Job) -> oneshot::Receiver<Result<Report, Died>> {
        let (done, told) = oneshot::channel();
        let shared = &self.0.0;
        shared.state().turns.push_back(Turn { job, done });
        shared.changed.notify_all();
        told
    }

    /// As [`Pool::run`], for a thread that can wait.
    ///
    /// # Errors
    /// Its process ended.
    pub(crate) fn run_blocking(&self, job: Job) -> Result<Report, Died> {
        self.queue(job).blocking_recv().unwrap_or_else(|_| Err(ended()))
    }

    /// What is kept of a flow is of no use any more.
    pub(crate) fn forget(&self, flow: &str) {
        let shared = &self.0.0;
        let mut state = shared.state();
        if let Some(slot) = state.kept_in.remove(flow) {
            state.forgotten.entry(slot).or_default().push(flow.to_owned());
        }
    }
}

fn ended() -> Died {
    Died::NoPlace("the interpreters have ended".to_owned())
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.state().has_ended = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, number: usize, mut slot: Slot) {
        while let Some((turn, is_kept)) = self.next(number, &mut slot) {
            let Turn { job, done } = turn;
            let flow = job.flow.clone();
            let report = match job.base {
                Base::Kept(_) if !is_kept => Ok(Report::NotKept),
                _ => slot.run(job),
            };
            self.note(number, &flow, &report);
            // Whoever asked may be gone.
            let _ = done.send(report);
        }
    }

    /// The next turn for this slot, and whether it keeps its flow; none if the pool has ended.
    fn next(&self, number: usize, slot: &mut Slot) -> Option<(Turn, bool)> {
        let mut state = self.state();
        state.busy[number] = None;
        loop {
            let forgotten = state.forgotten.remove(&number).unwrap_or_default();
            forgotten.into_iter().for_each(|flow| slot.forget(flow));
            if state.has_ended {
                return None;
            }
            let place = state.turns.iter().position(|turn| state.is_for(number, &turn.job.flow));
            if let Some(turn) = place.and_then(|place| state.turns.remove(place)) {
                let is_kept = state.kept_in.get(&turn.job.flow) == Some(&number);
                state.busy[number] = Some(Instant::now());
                return Some((turn, is_kept));
            }
            state = match state.turns.is_empty() {
                true => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                // What is left is kept by slots that are busy: perhaps for long.
                false => {
                    let waited = self.changed.wait_timeout(state, LONG);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn note(&self, number: usize, flow: &str, report: &Result<Report, Died>) {
        let mut state = self.state();
        // Whoever is told of it may ask for the next turn before this slot does.
        state.busy[number] = None;
        match report {
            Ok(Report::Went { went, .. }) if went.turn.end.is_none() => {
                state.kept_in.insert(flow.to_owned(), number);
            }
            Ok(_) => drop(state.kept_in.remove(flow)),
            // Its process kept others too.
            Err(_) => state.kept_in.retain(|_, slot| *slot != number),
        }
    }
}

impl State {
    /// Whether a slot should run this flow: nobody keeps it, this slot does, or the one that does has been busy with another for long.
    fn is_for(&self, slot: usize, flow: &str) -> bool {
        self.kept_in.get(flow).is_none_or(|keeps| {
            *keeps == slot || self.busy[*keeps].is_some_and(|since| since.elapsed() >= LONG)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_runs_what_others_keep_only_if_they_are_busy_for_long() {
        let kept_in = [("f".to_owned(), 0)].into();
        let mut state = State { kept_in, busy: vec![None, None], ..State::default() };
        assert!(state.is_for(0, "f") && !state.is_for(1, "f") && state.is_for(1, "g"));
        state.busy[0] = Some(Instant::now() + LONG);
        assert!(!state.is_for(1, "f"));
        state.busy[0] = Instant::now().checked_sub(LONG);
        assert!(state.is_for(1, "f"));
    }
}
