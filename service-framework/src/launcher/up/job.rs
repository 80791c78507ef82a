//! What somebody has asked for that takes its time: starting services again one after the other, or stopping some.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crate::launcher::control::message::{Answer, Refusal};

/// How long a service may take to be ready again, beside its grace.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// What is asked of the supervisor.
#[derive(Debug)]
pub(super) enum Order {
    /// Start these again, one after the other, each once the one before is ready.
    Restart(Vec<usize>),
    /// Stop these, all at once, and leave them stopped.
    Stop(Vec<usize>),
    /// Stop everything.
    Down,
}

/// A job that is being done; there is one at a time.
pub(super) struct Job {
    pub(super) is_restart: bool,
    /// Those that are still to be begun with.
    pub(super) left: VecDeque<usize>,
    /// Those that are not done.
    pub(super) now: Vec<usize>,
    until: Instant,
    reply: Sender<Answer>,
}

impl Job {
    pub(super) fn restart(services: Vec<usize>, reply: Sender<Answer>) -> Self {
        Self { is_restart: true, left: services.into(), now: Vec::new(), until: Instant::now(), reply }
    }

    pub(super) fn stop(services: Vec<usize>, reply: Sender<Answer>) -> Self {
        let until = Instant::now();
        Self { is_restart: false, left: VecDeque::new(), now: services, until, reply }
    }

    /// Gives it time for the next one, which ends within `grace`.
    pub(super) fn extend(&mut self, grace: Duration) {
        self.until = Instant::now() + grace.saturating_add(READY_WITHIN).min(Duration::from_hours(24));
    }

    /// When it is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.is_restart.then_some(self.until)
    }

    pub(super) fn end(self, answer: Answer) {
        // Whoever has asked may have gone.
        let _ = self.reply.send(answer);
    }

    pub(super) fn fail(self, code: &str, reason: String) {
        self.end(Err(Refusal::new(code, reason)));
    }
}
