//! One service under the supervisor: how far it is, and what follows from its end.

use std::io;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use super::child::Running;
use super::ending::{Ended, How};
use super::ready::LookOut;
use super::system::Restart;

/// What a service gets beyond its grace, which it keeps itself: it should be the one to say that it ran out.
const BEYOND_GRACE: Duration = Duration::from_secs(1);

/// Clocks cannot tell any time that a file may name.
const LONGEST_PATIENCE: Duration = Duration::from_hours(24 * 365);

/// What a service is started with.
pub(super) struct Setup {
    pub(super) command: Command,
    pub(super) grace: Duration,
    pub(super) restart: Restart,
    /// The places of those that are to be ready before.
    pub(super) waits_for: Vec<usize>,
}

/// One service and how far it is.
pub(super) struct Service {
    pub(super) setup: Setup,
    pub(super) phase: Phase,
    /// How often it was started.
    pub(super) runs: u64,
    /// How often it was started again in a row without a long run.
    pub(super) again: u64,
    /// How it ended last.
    pub(super) ended: Option<Ended>,
}

/// How far a service is.
pub(super) enum Phase {
    /// It is to be started, once those that it waits for are ready.
    Blocked {
        since: Instant,
        is_told: bool,
    },
    /// It is to be started again at this time.
    Pausing(Instant),
    Running(Run),
    /// It has ended, and is not to be started.
    Over,
}

/// One run of its process.
pub(super) struct Run {
    pub(super) process: Running,
    pub(super) is_ready: bool,
    /// When it is killed, once it is asked to end.
    pub(super) killed_at: Option<Instant>,
    pub(super) was_killed: bool,
    /// Whether it is to be started again when it has ended.
    pub(super) comes_back: bool,
    _look_out: Option<LookOut>,
}

impl Run {
    pub(super) fn new(process: Running, look_out: Option<LookOut>) -> Self {
        Self {
            process,
            is_ready: false,
            killed_at: None,
            was_killed: false,
            comes_back: false,
            _look_out: look_out,
        }
    }

    /// When it is to be killed, if it was asked to end and has not.
    fn deadline(&self) -> Option<Instant> {
        self.killed_at.filter(|_| !self.was_killed)
    }
}

impl Service {
    pub(super) fn new(setup: Setup, now: Instant) -> Self {
        Self { setup, phase: Phase::Blocked { since: now, is_told: false }, runs: 0, again: 0, ended: None }
    }

    pub(super) fn run(&self) -> Option<&Run> {
        match &self.phase {
            Phase::Running(run) => Some(run),
            _ => None,
        }
    }

    pub(super) fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.phase {
            Phase::Running(run) => Some(run),
            _ => None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.run().is_some()
    }

    /// Whether whoever waits for it may start: it is ready, or has done by itself what it was for.
    pub(super) fn lets_others_start(&self) -> bool {
        match &self.phase {
            Phase::Running(run) => run.is_ready && run.killed_at.is_none(),
            Phase::Over => self.ended.as_ref().is_some_and(|ended| matches!(ended.how, How::Done)),
            Phase::Blocked { .. } | Phase::Pausing(_) => false,
        }
    }

    /// When it is to be killed.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.run().and_then(Run::deadline)
    }

    /// Asks it to end, once.
    pub(super) fn ask(&mut self) {
        let patience = self.setup.grace.saturating_add(BEYOND_GRACE).min(LONGEST_PATIENCE);
        if let Some(run) = self.run_mut()
            && run.killed_at.is_none()
        {
            run.process.terminate();
            run.killed_at = Some(Instant::now() + patience);
        }
    }

    pub(super) fn kill(&mut self) {
        if let Some(run) = self.run_mut() {
            run.was_killed = true;
            run.process.kill();
        }
    }

    /// Is to be started as soon as it can be.
    pub(super) fn block(&mut self, now: Instant) {
        self.phase = Phase::Blocked { since: now, is_told: false };
    }

    /// How often it was started after the first time.
    pub(super) fn restarts(&self) -> u64 {
        self.runs.saturating_sub(1)
    }
}

/// What the end of a run means, given what was done to it.
pub(super) fn judge(
    status: io::Result<ExitStatus>,
    was_killed: bool,
    was_asked: bool,
    grace: Duration,
) -> How {
    match status {
        Ok(_) if was_killed => How::Overran(grace),
        Ok(status) => How::of(status, was_asked),
        Err(error) => How::Lost(error),
    }
}
