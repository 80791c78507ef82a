//! One interpreter and its turns: it is started when it is needed, and again when it died.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::frame;
use super::place::{Ended, Open, Opened, Place, Usage};
use super::pool::TurnLimits;
use super::protocol::{Died, Job, Order, Report};

/// How often it is looked at what a turn takes.
const LOOK: Duration = Duration::from_millis(20);

/// The process of a slot, and the turn that it runs: shared with who watches over it.
#[derive(Default)]
pub(super) struct Watched(Mutex<State>);

#[derive(Default)]
struct State {
    place: Option<Box<dyn Place>>,
    turn: Option<Turn>,
    /// Why it was ended, if it was for a limit.
    over: Option<String>,
}

struct Turn {
    began: Instant,
    cpu: Duration,
    /// Whether it makes moves that were made before: their time was counted then.
    replays: bool,
}

impl Watched {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the process if its turn takes more than it may.
    fn look(&self, limits: &TurnLimits) {
        let mut state = self.state();
        let Some(turn) = &state.turn else { return };
        if turn.began.elapsed() < LOOK / 2 {
            return;
        }
        let usage = state.place.as_ref().and_then(|place| place.usage());
        let over = usage.and_then(|usage| limits.over(usage, turn.cpu, turn.began.elapsed(), turn.replays));
        if let (Some(over), Some(place)) = (over, &mut state.place) {
            place.end();
            state.over = Some(over);
            state.turn = None;
        }
    }

    /// From now on it is counted what a turn takes.
    fn begin(&self, replays: bool) {
        let cpu = self.usage().cpu;
        self.state().turn = Some(Turn { began: Instant::now(), cpu, replays });
    }

    fn usage(&self) -> Usage {
        self.state().place.as_ref().and_then(|place| place.usage()).unwrap_or_default()
    }
}

/// Looks after some slots until nobody has them any more.
pub(super) fn watch_over(slots: &[Arc<Watched>], limits: TurnLimits) -> std::io::Result<()> {
    let slots: Vec<_> = slots.iter().map(Arc::downgrade).collect();
    let look = move || {
        loop {
            thread::sleep(LOOK);
            let there: Vec<_> = slots.iter().filter_map(std::sync::Weak::upgrade).collect();
            if there.is_empty() {
                return;
            }
            there.iter().for_each(|slot| slot.look(&limits));
        }
    };
    thread::Builder::new().name("interpreters".to_owned()).spawn(look).map(drop)
}

/// One interpreter, for the thread that has it.
pub(super) struct Slot {
    open: Arc<Open>,
    watched: Arc<Watched>,
    pipes: Option<(Box<dyn std::io::Write + Send>, Box<dyn std::io::Read + Send>)>,
}

impl Slot {
    pub(super) fn new(open: Arc<Open>, watched: Arc<Watched>) -> Self {
        Self { open, watched, pipes: None }
    }

    /// Runs a turn.
    pub(super) fn run(&mut self, job: Job) -> Result<Report, Died> {
        if self.pipes.is_none() {
            self.start()?;
        }
        self.watched.begin(job.replays());
        let report = self.exchange(&Order::Run(Box::new(job)));
        self.watched.state().turn = None;
        match report {
            Ok(Some(report)) => Ok(report),
            Ok(None) => Err(self.died("it closed its pipe")),
            Err(error) => Err(self.died(&error.to_string())),
        }
    }

    /// What it keeps of a flow is of no use any more.
    pub(super) fn forget(&mut self, flow: String) {
        if let Some((to, _)) = &mut self.pipes
            && frame::write(&mut **to, &Order::Forget(flow)).is_err()
        {
            let _ = self.died("it closed its pipe");
        }
    }

    fn exchange(&mut self, order: &Order) -> std::io::Result<Option<Report>> {
        let Some((to, from)) = &mut self.pipes else { return Ok(None) };
        frame::write(&mut **to, order)?;
        loop {
            match frame::read(&mut **from)? {
                Some(Report::Replaying) => self.watched.begin(true),
                Some(Report::Replayed) => self.watched.begin(false),
                report => return Ok(report),
            }
        }
    }

    fn start(&mut self) -> Result<(), Died> {
        let Opened { place, to, from } = (self.open)().map_err(|error| Died::NoPlace(error.to_string()))?;
        self.pipes = Some((to, from));
        *self.watched.state() = State { place: Some(place), ..State::default() };
        Ok(())
    }

    /// The process is gone, for this reason.
    fn died(&mut self, reason: &str) -> Died {
        self.pipes = None;
        let mut state = self.watched.state();
        let ended = state.place.take().map(|mut place| place.end());
        match (state.over.take(), ended) {
            (Some(over), _) | (None, Some(Ended::Limit(over))) => Died::Limit(over),
            (None, Some(Ended::Crash(ended))) => Died::Crash(ended),
            (None, None) => Died::Crash(reason.to_owned()),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // At the end of its pipe it ends by itself; this is for one that does not.
        self.pipes = None;
        if let Some(mut place) = self.watched.state().place.take() {
            place.end();
        }
    }
}
