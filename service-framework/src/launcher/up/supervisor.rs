//! The supervisor: starts the services of a system in order, and stops them in the reverse one.
//! Owns every decision about when a service ends; prints through the screen and reads no clock but its own.

use std::io;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use super::child::{Event, Running};
use super::ending::{Ended, How};
use super::screen::Screen;
use super::signals::Live;
use crate::launcher::report::{is_reader_gone, unwritable};

/// What a service gets beyond its grace, which it keeps itself: it should be the one to say that it ran out.
const BEYOND_GRACE: Duration = Duration::from_secs(1);

/// Clocks cannot tell any time that a file may name.
const LONGEST_PATIENCE: Duration = Duration::from_hours(24 * 365);

/// One service and how far it is.
struct Service {
    command: Command,
    grace: Duration,
    running: Option<Running>,
    /// When it is killed, once it is asked to end.
    killed_at: Option<Instant>,
    was_killed: bool,
    ended: Option<Ended>,
}

/// Runs a system from its start to its end.
pub(super) struct Supervisor<'a> {
    screen: &'a Arc<Screen>,
    live: &'a Live,
    services: Vec<Service>,
    /// When everything is to end by itself.
    until: Option<Instant>,
    /// Whether all are to end.
    is_stopping: bool,
    /// Whether the order of stopping is given up, because one did not end in time.
    is_hurried: bool,
    first_failure: Option<usize>,
    is_unwritten: bool,
}

/// How a system ended.
pub(super) struct Outcome {
    /// Of every service, in the order of the system file.
    pub(super) endings: Vec<Ended>,
    pub(super) first_failure: Option<usize>,
    /// Whether lines were lost because they could not be written.
    pub(super) is_unwritten: bool,
}

impl<'a> Supervisor<'a> {
    /// A supervisor of `commands`, each with its grace.
    pub(super) fn new(screen: &'a Arc<Screen>, live: &'a Live, commands: Vec<(Command, Duration)>) -> Self {
        let services = commands.into_iter().map(|(command, grace)| Service::new(command, grace)).collect();
        Supervisor {
            screen,
            live,
            services,
            until: None,
            is_stopping: false,
            is_hurried: false,
            first_failure: None,
            is_unwritten: false,
        }
    }

    /// Starts all services and returns when all have ended: by themselves, because one failed, because somebody
    /// asked by an event, or after `seconds`.
    pub(super) fn run(
        mut self,
        seconds: Option<Duration>,
        sender: &Sender<Event>,
        events: &Receiver<Event>,
    ) -> Outcome {
        self.until = seconds.and_then(|seconds| Instant::now().checked_add(seconds));
        for service in 0..self.services.len() {
            self.start(service, sender);
        }
        while self.is_any_running() {
            match self.next_event(events) {
                Some(Event::Ended { service, at }) => self.ended(service, at),
                Some(Event::Signal) => self.stop("stopping all; once more ends them at once"),
                Some(Event::Unread(error)) => self.unread(&error),
                None => self.time_is_up(),
            }
        }
        let endings = self.services.into_iter().map(|service| service.ended.unwrap_or_default()).collect();
        Outcome { endings, first_failure: self.first_failure, is_unwritten: self.is_unwritten }
    }

    /// What is written arrives nowhere: its reader has gone, or its place is full, which is a failure.
    fn unread(&mut self, error: &io::Error) {
        if is_reader_gone(error) {
            return self.stop("nobody reads these lines any more: stopping all");
        }
        self.is_unwritten = true;
        self.stop(&self.screen.alarming(&format!("{}: stopping all", unwritable(error))));
    }

    fn is_any_running(&self) -> bool {
        self.services.iter().any(|service| service.running.is_some())
    }

    /// Starts `service`, unless all are to end already.
    fn start(&mut self, service: usize, events: &Sender<Event>) {
        if self.is_stopping {
            return;
        }
        let command = &mut self.services[service].command;
        match self.live.start(|| Running::start(command, service, self.screen, events)) {
            Ok(running) => self.services[service].running = Some(running),
            Err(error) => self.over(service, Ended { ran_for: Duration::ZERO, how: How::CannotStart(error) }),
        }
    }

    /// The next event, or None when the next deadline has passed.
    fn next_event(&self, events: &Receiver<Event>) -> Option<Event> {
        let until = if self.is_stopping { None } else { self.until };
        let deadlines = self.services.iter().filter_map(Service::deadline).chain(until);
        match deadlines.min() {
            // The sender is kept by the caller of `run`: there is always one.
            None => events.recv().ok(),
            Some(deadline) => events.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok(),
        }
    }

    /// Reaps `service`, which ended at that time.
    fn ended(&mut self, service: usize, at: Instant) {
        let Some(running) = self.services[service].running.take() else { return };
        self.screen.keep_panel(service);
        let ran_for = at.saturating_duration_since(running.since);
        let status = self.live.reap(running);
        let how = self.services[service].judge(status);
        self.over(service, Ended { ran_for, how });
    }

    /// Notes how `service` ended and goes on with what follows from it.
    fn over(&mut self, service: usize, ended: Ended) {
        let name = self.screen.name(service);
        let failed = ended.how.is_failure();
        let text = format!("{name} {ended}");
        self.services[service].ended = Some(ended);
        if failed && self.first_failure.is_none() {
            self.first_failure = Some(service);
        }
        match failed {
            true => self.screen.notice(&self.screen.alarming(&text)),
            false => self.screen.notice(&text),
        }
        if failed {
            self.stop(&format!("stopping the others, because {name} failed"));
        } else if self.is_stopping {
            self.ask_next();
        }
    }

    /// Begins to stop all, or goes on with it; says `why` the first time.
    fn stop(&mut self, why: &str) {
        if !self.is_stopping {
            self.is_stopping = true;
            if self.is_any_running() {
                self.screen.notice(why);
            }
        }
        self.ask_next();
    }

    /// Asks the last one that runs to end, so that whoever asks others ends before them; in a hurry, all.
    fn ask_next(&mut self) {
        let running = self.services.iter_mut().rev().filter(|service| service.running.is_some());
        let how_many = if self.is_hurried { usize::MAX } else { 1 };
        running.take(how_many).for_each(Service::ask);
    }

    /// A deadline has passed: the system's own, or that of services which were asked to end.
    fn time_is_up(&mut self) {
        let now = Instant::now();
        for service in 0..self.services.len() {
            if self.services[service].deadline().is_some_and(|at| at <= now) {
                self.kill(service);
            }
        }
        if !self.is_stopping && self.until.is_some_and(|until| until <= now) {
            self.stop("the time is up: stopping all");
        }
    }

    fn kill(&mut self, service: usize) {
        let name = self.screen.name(service);
        let grace = self.services[service].grace.as_secs_f64();
        self.screen.notice(&self.screen.alarming(&format!("{name} did not end within {grace} s: killed")));
        self.services[service].kill();
        self.is_hurried = true;
        self.ask_next();
    }
}

impl Service {
    fn new(command: Command, grace: Duration) -> Self {
        Service { command, grace, running: None, killed_at: None, was_killed: false, ended: None }
    }

    /// When it is to be killed, if it is asked to end and has not.
    fn deadline(&self) -> Option<Instant> {
        self.killed_at.filter(|_| self.running.is_some() && !self.was_killed)
    }

    /// Asks it to end, once.
    fn ask(&mut self) {
        if let (Some(running), None) = (&self.running, self.killed_at) {
            running.terminate();
            let patience = self.grace.saturating_add(BEYOND_GRACE).min(LONGEST_PATIENCE);
            self.killed_at = Some(Instant::now() + patience);
        }
    }

    fn kill(&mut self) {
        self.was_killed = true;
        self.running.iter().for_each(Running::kill);
    }

    /// What its end means, given what was done to it.
    fn judge(&self, status: io::Result<ExitStatus>) -> How {
        match status {
            Ok(_) if self.was_killed => How::Overran(self.grace),
            Ok(status) => How::of(status, self.killed_at.is_some()),
            Err(error) => How::Lost(error),
        }
    }
}
