//! `flow run`: a flow to its end, here or where its store is served.

use std::io::stderr;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::json;

use super::command::failed;
use super::follow::{Followed, Follower};
use super::plan::{Plan, RUN, SERVE, Serving, StartError};
use super::start::refused;
use super::steps::{end_json, failure_text};
use super::{script, store};
use crate::flow::engine::{Failure, Monty};
use crate::flow::history::{End, Status};
use crate::flow::{FlowError, Flows, Start};
use crate::launcher::arguments::Options;
use crate::launcher::resolve::Places;
use crate::launcher::say::say;
use crate::launcher::terminal::printable;
use crate::launcher::{Services, exit, limits, programs, report, run as service, signals};
use crate::model::Problem;
use crate::store::Location;
use crate::value::Value;

/// How often it is looked whether somebody serves the store.
const LOOK: Duration = Duration::from_secs(1);
/// How long a flow may take to come to a wait when this process ends.
const GRACE: Duration = Duration::from_secs(5);

/// Runs a flow, or follows it.
///
/// # Errors
/// All that is wrong with the script and the command line. Nothing was started.
pub(super) fn run(options: &Options, own: Services, places: &Places) -> Result<ExitCode, Vec<Problem>> {
    let plan = Plan::read(options, own, places);
    let (start, plan) = report::both(wanted(options), plan)?;
    let (flows, location) = open(options, start.is_some())?;
    service::start_logs("flow", options)?;
    let plan = plan.prepare(&flows, options)?;
    limits::raise_open_files();
    let (asked, asking) = channel();
    let first = move |signal| {
        // Nobody else listens.
        let _ = asked.send(signal);
    };
    if let Err(error) = signals::on_stop(first, programs::kill_hooks) {
        say!("error: cannot watch for signals: {error}");
        return Ok(ExitCode::from(exit::FAILED));
    }
    let mut here = Here { flows, plan, serving: None, looked: None, served_by: None };
    if let Err(error) = here.serve_if_nobody_does() {
        return Ok(not_started(&error));
    }
    here.say_what_does_not_count(options);
    let id = match here.start(start, options) {
        Ok(id) => id,
        Err(error) => {
            here.stop();
            return refused(&here.flows, &error);
        }
    };
    let code = here.follow(&id, &asking, options, &location);
    here.stop();
    let Here { flows, plan, .. } = here;
    drop(plan);
    let store = flows.store().clone();
    drop(flows);
    store::close(store);
    Ok(code)
}

/// The flow that is to be started; none if it is there.
fn wanted(options: &Options) -> Result<Option<Start>, Vec<Problem>> {
    match (&options.positional, &options.flows.id) {
        (Some(file), _) => {
            script::start(file, options.further.first().map(String::as_str), options).map(Some)
        }
        (None, Some(_)) => Ok(None),
        (None, None) => Err(vec![Problem::missing(
            "command line",
            "FILE: the script, or the --id of a flow that is there",
        )]),
    }
}

fn open(options: &Options, makes: bool) -> Result<(Flows, Location), Vec<Problem>> {
    if makes {
        let (store, location) = store::open_or_make(options)?;
        return Ok((Flows::of(&store), location));
    }
    let location = crate::launcher::store::location(options.store.as_deref());
    Ok((store::open(options)?, location.map_err(|problem| vec![problem])?))
}

/// This process, and what it does for the store.
struct Here {
    flows: Flows,
    plan: Plan,
    serving: Option<Serving>,
    /// When it was looked whether somebody serves it.
    looked: Option<Instant>,
    served_by: Option<String>,
}

impl Here {
    /// Serves the store from now on, unless somebody else does.
    fn serve_if_nobody_does(&mut self) -> Result<(), StartError> {
        if self.serving.is_some() || self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(());
        }
        let serving = self.flows.serving()?;
        let other = serving.into_iter().find(|serves| serves.role == SERVE).map(|serves| serves.name);
        match &other {
            Some(name) if self.looked.is_none() => {
                tracing::info!("{name} serves this store and runs the flow")
            }
            Some(_) => {}
            None => {
                if let Some(name) = &self.served_by {
                    say!("{name} does not serve this store any more: this process does");
                }
                self.serving = Some(self.plan.start(&self.flows, RUN)?);
            }
        }
        self.looked = Some(Instant::now());
        self.served_by = other;
        Ok(())
    }

    /// Whoever serves the store has settings of its own.
    fn say_what_does_not_count(&self, options: &Options) {
        if let (Some(name), [_, ..]) = (&self.served_by, options.flows.of_serving.as_slice()) {
            let said: Vec<String> =
                options.flows.of_serving.iter().map(|option| format!("--{option}")).collect();
            say!(
                "warning: {name} serves this store and runs the flow with its own settings; said here and not used: {}",
                said.join(", ")
            );
        }
    }

    fn start(&self, start: Option<Start>, options: &Options) -> Result<String, FlowError> {
        let Some(start) = start else {
            let id = options.flows.id.clone().unwrap_or_default();
            return self.flows.get(&id).map(|info| info.id);
        };
        let host = self.serving.as_ref().and_then(|serving| serving.host.as_ref());
        let (id, is_new) = match host {
            Some(host) => host.start_flow(start)?,
            None => self.flows.start(&Monty, start)?,
        };
        let palette = options.color.palette(&stderr());
        let how = if is_new { "flow" } else { "flow, started before," };
        if (options.flows.follow || !is_new) && !is_for_programs(options) {
            say!("{}", palette.dim(&format!("{how} {id}")));
        }
        Ok(id)
    }

    fn follow(
        &mut self,
        id: &str,
        asking: &Receiver<i32>,
        options: &Options,
        location: &Location,
    ) -> ExitCode {
        let flows = self.flows.clone();
        let mut follower = match Follower::new(&flows, id, options) {
            Ok(follower) => follower,
            Err(error) => return failed(&error),
        };
        let (mut signal, mut broken) = (None, None);
        let followed = follower.follow(|info| {
            signal = asking.try_recv().ok();
            if info.status != Status::Paused {
                broken = self.serve_if_nobody_does().err();
            }
            Ok(signal.is_some() || broken.is_some())
        });
        match (followed, signal, broken) {
            (Err(error), ..) => failed(&error),
            (Ok(Followed::Ended(end)), ..) => ended(id, &end, options, location),
            (Ok(Followed::Parked), ..) => parked(id, options, location),
            (Ok(Followed::Left), _, Some(error)) => not_started(&error),
            (Ok(Followed::Left), signal, None) => {
                self.left(id, signal.unwrap_or_default(), options, location)
            }
        }
    }

    fn left(&self, id: &str, signal: i32, options: &Options, location: &Location) -> ExitCode {
        let store = store::flag(options);
        match (&self.served_by, location) {
            (_, Location::Memory) => say!("flow {id} is gone: its store was in memory"),
            (Some(name), _) => say!(
                "flow {id} goes on: {name} runs it. To follow it again:\n  service_framework flow run --id {id}{store}"
            ),
            (None, _) => say!(
                "flow {id} stands where it is. It goes on with one of\n  service_framework flow run --id {id}{store}\n  service_framework flow serve{store}"
            ),
        }
        ExitCode::from(u8::try_from(exit::after_signal(signal)).unwrap_or(exit::FAILED))
    }

    fn stop(&mut self) {
        if let Some(serving) = self.serving.take()
            && !serving.stop(GRACE)
        {
            tracing::warn!("a flow did not come to a wait; it is taken up after the time of --lease");
        }
    }
}

fn ended(id: &str, end: &End, options: &Options, location: &Location) -> ExitCode {
    let code = if matches!(end, End::Done(_)) { exit::OK } else { exit::FAILED };
    let palette = options.color.palette(&stderr());
    match end {
        // The last of the objects on stderr says it all.
        _ if is_for_programs(options) => {}
        End::Done(_) => {}
        End::Failed(failure) => {
            if !failure.traceback.is_empty() {
                say!("{}", printable(failure.traceback.trim_end()));
            }
            let how = palette.red("failed:");
            say!("flow {id} {how} {}", failure_text(failure));
            if !matches!(location, Location::Memory) && failure.compensated.is_empty() {
                advise(id, failure, options);
            }
        }
        End::Cancelled(_) => say!("flow {id} {}", palette.yellow("was cancelled")),
    }
    let text = match (options.json, end) {
        (true, end) => {
            let mut json = json!({"id": id});
            if let serde_json::Value::Object(end) = end_json(end) {
                end.into_iter().for_each(|(name, value)| json[name] = value);
            }
            format!("{json}\n")
        }
        (false, End::Done(value)) => result_text(value),
        (false, _) => String::new(),
    };
    report::print(&text, code)
}

/// Whether stderr has JSON objects and nothing else.
fn is_for_programs(options: &Options) -> bool {
    options.json && options.flows.follow
}

/// How a flow that failed goes on. Flows that it started keep their ends.
fn advise(id: &str, failure: &Failure, options: &Options) {
    let store = store::flag(options);
    match failed_child(&failure.message) {
        Some(child) => say!(
            "to go on, first what failed below it:\n  service_framework flow retry {child}{store}\n  service_framework flow retry {id}{store}"
        ),
        None => say!("to go on from what it failed at: service_framework flow retry {id}{store}"),
    }
}

/// The flow whose failure was this one's.
fn failed_child(message: &str) -> Option<&str> {
    let (child, _) = message.strip_prefix("the flow ")?.split_once(" failed: ")?;
    Some(child)
}

/// A result as JSON.
fn result_text(value: &Value) -> String {
    format!("{:#}\n", value.to_json())
}

fn parked(id: &str, options: &Options, location: &Location) -> ExitCode {
    say!("flow {id} is parked: it cannot go on by itself");
    if !matches!(location, Location::Memory) {
        let store = store::flag(options);
        say!(
            "to see why, and to have it go on:\n  service_framework flow show {id}{store}\n  service_framework flow resume {id}{store}"
        );
    }
    ExitCode::from(exit::FAILED)
}

fn not_started(error: &StartError) -> ExitCode {
    say!("error: {}", report::chain(error));
    ExitCode::from(exit::FAILED)
}
