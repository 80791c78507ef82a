//! The supervisor: starts the services of a system, each when those that it depends on are ready, starts again those that
//! fail and are to come back, and stops all in the reverse order.
//! Owns every decision about when a service starts and ends; prints through the screen and reads no clock but its own.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::board::{Board, Seen};
use super::child::{Event, Running};
use super::ending::{Ended, How, Readable};
use super::job::{Job, Order};
use super::ready::LookOut;
use super::screen::Screen;
use super::service::{Phase, Run, Service, Setup, judge};
use super::signals::Live;
use super::system::Next;
use crate::launcher::control::message::{Answer, Refusal};
use crate::launcher::report::{is_reader_gone, unwritable};

/// After so long it is said what a service waits for.
const TOLD_AFTER: Duration = Duration::from_secs(10);

/// Runs a system from its start to its end.
pub(super) struct Supervisor<'a> {
    screen: &'a Arc<Screen>,
    live: &'a Live,
    board: &'a Board,
    /// What never changes of what the board shows.
    labels: Vec<Seen>,
    services: Vec<Service>,
    /// The places of the services, each behind those that it waits for.
    order: Vec<usize>,
    job: Option<Job>,
    /// When everything is to end by itself.
    until: Option<Instant>,
    /// Whether all are to end.
    is_stopping: bool,
    /// Whether the order of stopping is given up, because one did not end in time.
    is_hurried: bool,
    /// Whether what has failed waits until it is changed, and everything goes on until somebody ends it.
    is_developed: bool,
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
    /// A supervisor of services that are started as `setups` say, in this `order`.
    pub(super) fn new(
        screen: &'a Arc<Screen>,
        live: &'a Live,
        board: &'a Board,
        setups: Vec<Setup>,
        order: Vec<usize>,
    ) -> Self {
        let now = Instant::now();
        Supervisor {
            screen,
            live,
            board,
            labels: board.all(),
            services: setups.into_iter().map(|setup| Service::new(setup, now)).collect(),
            order,
            job: None,
            until: None,
            is_stopping: false,
            is_hurried: false,
            is_developed: false,
            first_failure: None,
            is_unwritten: false,
        }
    }

    /// Has what fails wait until it is changed.
    pub(super) fn developed(self, is_developed: bool) -> Self {
        Self { is_developed, ..self }
    }

    /// Runs all services and returns when all have ended: by themselves, because one failed for good, because somebody
    /// asked by an event, or after `seconds`.
    pub(super) fn run(
        mut self,
        seconds: Option<Duration>,
        sender: &Sender<Event>,
        events: &Receiver<Event>,
    ) -> Outcome {
        self.until = seconds.and_then(|seconds| Instant::now().checked_add(seconds));
        self.go_on(sender);
        while self.is_anything_to_come() {
            match self.next_event(events) {
                Some(Event::Ended { service, at }) => self.ended(service, at),
                Some(Event::Ready { service, run }) => self.ready(service, run),
                Some(Event::Asked { order, reply }) => self.asked(order, reply),
                Some(Event::Signal) => self.stop("stopping all; once more ends them at once"),
                Some(Event::Unread(error)) => self.unread(&error),
                None => self.time_is_up(),
            }
            self.go_on(sender);
        }
        self.end_job(Err(Refusal::new("stopping", "the system has ended")));
        let ending = |service: Service| {
            let restarts = service.restarts();
            Ended { restarts, ..service.ended.unwrap_or_default() }
        };
        let endings = self.services.into_iter().map(ending).collect();
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
        self.services.iter().any(Service::is_running)
    }

    /// Whether one runs, or is to be started again at some time.
    fn is_anything_to_come(&self) -> bool {
        let pauses = |service: &Service| matches!(service.phase, Phase::Pausing(_));
        let may_start = self.is_developed || self.services.iter().any(pauses);
        self.is_any_running() || (!self.is_stopping && may_start)
    }

    /// Starts all that can be started now, and shows how all is.
    fn go_on(&mut self, events: &Sender<Event>) {
        let now = Instant::now();
        for index in 0..self.order.len() {
            let service = self.order[index];
            if matches!(self.services[service].phase, Phase::Pausing(until) if until <= now) {
                self.services[service].block(now);
            }
            if !self.is_stopping && self.may_start(service) {
                self.start(service, events);
            }
        }
        self.show();
    }

    fn may_start(&self, service: usize) -> bool {
        let is_blocked = matches!(self.services[service].phase, Phase::Blocked { .. });
        is_blocked && self.waits_for(service).next().is_none()
    }

    /// The places of those that `service` still waits for.
    fn waits_for(&self, service: usize) -> impl Iterator<Item = usize> {
        let needed = self.services[service].setup.waits_for.iter().copied();
        needed.filter(|needed| !self.services[*needed].lets_others_start())
    }

    fn start(&mut self, service: usize, events: &Sender<Event>) {
        let (screen, this) = (self.screen, &mut self.services[service]);
        this.runs += 1;
        let command = &mut this.setup.command;
        match self.live.start(|| Running::start(command, service, screen, events)) {
            Ok(process) => {
                let pid = process.pid.as_raw_nonzero().get().unsigned_abs();
                // Without it nobody hears that it is ready, and it runs as well.
                let look_out = LookOut::start(pid, service, this.runs, events).ok();
                this.phase = Phase::Running(Run::new(process, look_out));
            }
            Err(error) => {
                this.phase = Phase::Over;
                self.over(service, Ended { how: How::CannotStart(error), ..Ended::default() }, false, false);
            }
        }
    }

    /// The next event, or None when the next deadline has passed.
    fn next_event(&self, events: &Receiver<Event>) -> Option<Event> {
        let until = if self.is_stopping { None } else { self.until };
        let of_services = self.services.iter().filter_map(|service| match &service.phase {
            Phase::Pausing(until) if !self.is_stopping => Some(*until),
            Phase::Blocked { since, is_told: false } if !self.is_stopping => Some(*since + TOLD_AFTER),
            _ => service.deadline(),
        });
        let of_job = self.job.as_ref().and_then(Job::deadline);
        match of_services.chain(until).chain(of_job).min() {
            // The sender is kept by the caller of `run`: there is always one.
            None => events.recv().ok(),
            Some(deadline) => events.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok(),
        }
    }

    fn ready(&mut self, service: usize, number: u64) {
        let this = &mut self.services[service];
        // It may be that of a run that has ended.
        if this.runs != number {
            return;
        }
        let Some(run) = this.run_mut() else { return };
        run.is_ready = true;
        let took = run.process.since.elapsed();
        if self.labels.len() > 1 || number > 1 {
            let name = self.screen.name(service);
            self.screen.notice(&format!("{name} is ready after {}", Readable(took)));
        }
        self.job_is_ready(service);
    }

    /// Reaps `service`, which ended at that time.
    fn ended(&mut self, service: usize, at: Instant) {
        let phase = std::mem::replace(&mut self.services[service].phase, Phase::Over);
        let Phase::Running(Run { process, killed_at, was_killed, comes_back, .. }) = phase else {
            self.services[service].phase = phase;
            return;
        };
        self.screen.keep_panel(service);
        let ran_for = at.saturating_duration_since(process.since);
        let status = self.live.reap(process);
        let how = judge(status, was_killed, killed_at.is_some(), self.services[service].setup.grace);
        self.over(service, Ended { ran_for, how, restarts: 0 }, killed_at.is_some(), comes_back);
    }

    /// Notes how `service` ended and goes on with what follows from it.
    fn over(&mut self, service: usize, ended: Ended, was_asked: bool, comes_back: bool) {
        let failed = ended.how.is_failure();
        let text = format!("{} {ended}", self.screen.name(service));
        let ran_for = ended.ran_for;
        self.services[service].ended = Some(ended);
        match failed {
            true => self.screen.notice(&self.screen.alarming(&text)),
            false => self.screen.notice(&text),
        }
        if self.is_stopping {
            self.note_failure(service, failed);
            return self.ask_next();
        }
        if comes_back {
            return self.services[service].block(Instant::now());
        }
        self.job_is_over(service, &text);
        if !was_asked {
            self.judge_end(service, failed, ran_for);
        }
    }

    fn note_failure(&mut self, service: usize, failed: bool) {
        if failed && self.first_failure.is_none() {
            self.first_failure = Some(service);
        }
    }

    /// Nobody asked `service` to end: it is started again, or that was all of it, or that of the system too.
    fn judge_end(&mut self, service: usize, failed: bool, ran_for: Duration) {
        let name = self.screen.name(service).to_owned();
        let this = &mut self.services[service];
        match this.setup.restart.next(&mut this.again, failed, ran_for) {
            Next::After(pause) => {
                this.phase = Phase::Pausing(Instant::now() + pause);
                self.screen.notice(&format!("starting {name} again in {}", Readable(pause)));
            }
            _ if failed && self.is_developed => {
                self.screen.notice(&format!("{name} is started again when something of it changes"));
            }
            next if failed => {
                if next == Next::GiveUp {
                    let text = format!("{name} was started again {} times in a row: given up", this.again);
                    self.screen.notice(&self.screen.alarming(&text));
                }
                self.note_failure(service, failed);
                self.stop(&format!("stopping the others, because {name} failed"));
            }
            _ => {}
        }
    }

    /// Begins to stop all, or goes on with it; says `why` the first time.
    fn stop(&mut self, why: &str) {
        if !self.is_stopping {
            self.is_stopping = true;
            self.end_job(Err(Refusal::new("stopping", "the system stops")));
            if self.is_any_running() {
                self.screen.notice(why);
            }
        }
        self.ask_next();
    }

    /// Asks the last one that runs to end, so that whoever asks others ends before them; in a hurry, all.
    fn ask_next(&mut self) {
        let how_many = if self.is_hurried { usize::MAX } else { 1 };
        let running = self.order.iter().rev().copied().filter(|place| self.services[*place].is_running());
        let next: Vec<usize> = running.take(how_many).collect();
        next.into_iter().for_each(|service| self.services[service].ask());
    }

    /// A deadline has passed: the system's own, that of services which were asked to end, or that of a job.
    fn time_is_up(&mut self) {
        let now = Instant::now();
        for service in 0..self.services.len() {
            if self.services[service].deadline().is_some_and(|at| at <= now) {
                self.kill(service);
            }
            self.tell_what_blocks(service, now);
        }
        if !self.is_stopping && self.until.is_some_and(|until| until <= now) {
            self.stop("the time is up: stopping all");
        }
        if let Some(job) = self.job.take_if(|job| job.deadline().is_some_and(|until| until <= now)) {
            let names: Vec<&str> = job.now.iter().map(|service| self.screen.name(*service)).collect();
            let reason = format!("{} did not become ready in time", names.join(", "));
            job.fail("not_ready", reason);
        }
    }

    fn tell_what_blocks(&mut self, service: usize, now: Instant) {
        let Phase::Blocked { since, is_told: false } = self.services[service].phase else { return };
        if since + TOLD_AFTER > now {
            return;
        }
        self.services[service].phase = Phase::Blocked { since, is_told: true };
        let names: Vec<&str> = self.waits_for(service).map(|needed| self.screen.name(needed)).collect();
        let text = format!("{} waits for {}, not ready yet", self.screen.name(service), names.join(", "));
        self.screen.notice(&text);
    }

    fn kill(&mut self, service: usize) {
        let name = self.screen.name(service);
        let grace = self.services[service].setup.grace.as_secs_f64();
        self.screen.notice(&self.screen.alarming(&format!("{name} did not end within {grace} s: killed")));
        self.services[service].kill();
        if self.is_stopping {
            self.is_hurried = true;
            self.ask_next();
        }
    }

    /// Begins with what somebody has asked for.
    fn asked(&mut self, order: Order, reply: Sender<Answer>) {
        match order {
            Order::Down => {
                self.stop("asked to stop all");
                let _ = reply.send(Ok(Json::Null));
            }
            _ if self.is_stopping => {
                let _ = reply.send(Err(Refusal::new("stopping", "the system stops")));
            }
            _ if self.job.is_some() => {
                let _ = reply
                    .send(Err(Refusal::new("busy", "other services are being started again or stopped")));
            }
            Order::Restart(services) => {
                self.job = Some(Job::restart(services, reply));
                self.next_of_job();
            }
            Order::Stop(services) => {
                for service in &services {
                    self.rest(*service);
                }
                self.job = Some(Job::stop(services, reply));
                self.job_has_stopped();
            }
        }
    }

    /// Has `service` end, or not be started.
    fn rest(&mut self, service: usize) {
        self.screen.notice(&format!("asked to stop {}", self.screen.name(service)));
        match self.services[service].is_running() {
            true => self.services[service].ask(),
            false => self.services[service].phase = Phase::Over,
        }
    }

    /// Starts the next service of a restart again, or ends the job.
    fn next_of_job(&mut self) {
        let Some(job) = &mut self.job else { return };
        let Some(service) = job.left.pop_front() else {
            return self.end_job(Ok(Json::Null));
        };
        job.now = vec![service];
        job.extend(self.services[service].setup.grace);
        self.screen.notice(&format!("asked to start {} again", self.screen.name(service)));
        let this = &mut self.services[service];
        this.again = 0;
        this.ask();
        match this.run_mut() {
            Some(run) => run.comes_back = true,
            None => this.block(Instant::now()),
        }
    }

    fn job_is_ready(&mut self, service: usize) {
        if self.job.as_ref().is_some_and(|job| job.is_restart && job.now == [service]) {
            self.next_of_job();
        }
    }

    /// One has ended that is not to come back by the job.
    fn job_is_over(&mut self, service: usize, text: &str) {
        let Some(job) = self.job.take_if(|job| job.is_restart && job.now == [service]) else {
            return self.job_has_stopped();
        };
        job.fail("not_ready", format!("{text}, before it was ready"));
    }

    /// Ends a job that was to stop services if none of them runs any more.
    fn job_has_stopped(&mut self) {
        let services = &self.services;
        let has_ended =
            |job: &mut Job| !job.is_restart && !job.now.iter().any(|service| services[*service].is_running());
        if let Some(job) = self.job.take_if(has_ended) {
            job.end(Ok(Json::Null));
        }
    }

    fn end_job(&mut self, answer: Answer) {
        if let Some(job) = self.job.take() {
            job.end(answer);
        }
    }

    /// Shows how all is to whoever asks.
    fn show(&self) {
        self.board.set((0..self.services.len()).map(|service| self.seen(service)).collect());
    }

    fn seen(&self, service: usize) -> Seen {
        let this = &self.services[service];
        let run = this.run();
        let names = |places: &mut dyn Iterator<Item = usize>| -> Vec<String> {
            places.map(|place| self.screen.name(place).to_owned()).collect()
        };
        Seen {
            state: state(this),
            waits_for: match this.phase {
                Phase::Blocked { .. } => names(&mut self.waits_for(service)),
                _ => Vec::new(),
            },
            pid: run.map(|run| run.process.pid.as_raw_nonzero().get().unsigned_abs()),
            since: run.map(|run| run.process.since),
            restarts: this.restarts(),
            end: this.ended.as_ref().filter(|_| run.is_none()).map(|ended| ended.how.to_string()),
            ..self.labels[service].clone()
        }
    }
}

/// How a service is, in a word.
fn state(service: &Service) -> &'static str {
    let how = service.ended.as_ref().map(|ended| &ended.how);
    match (&service.phase, how) {
        (Phase::Blocked { .. }, _) => "blocked",
        (Phase::Pausing(_), _) => "backing off",
        (Phase::Running(run), _) if run.killed_at.is_some() => "stopping",
        (Phase::Running(run), _) if run.is_ready => "ready",
        (Phase::Running(_), _) => "starting",
        (Phase::Over, Some(how)) if how.is_failure() => "failed",
        (Phase::Over, Some(How::Done)) => "ended",
        (Phase::Over, _) => "stopped",
    }
}
