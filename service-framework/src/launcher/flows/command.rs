//! Which command behind `flow` does what.

use std::process::ExitCode;

use super::{bulk, check, gc, limit, list, logs, one, replay, run, schedule, serve, show, start, state};
use crate::flow::{FlowError, Flows};
use crate::launcher::arguments::{FlowCommand, Options};
use crate::launcher::resolve::Places;
use crate::launcher::say::say;
use crate::launcher::{Services, exit, report};
use crate::model::{Problem, near_miss};

/// Among how many flows one is looked for that may be meant.
const LISTED: usize = 1000;

/// Does what the command line says.
///
/// # Errors
/// All that is wrong with the command line and the files that it names. Nothing was started.
pub(in crate::launcher) fn act(
    command: FlowCommand,
    options: &Options,
    own: Services,
    places: &Places,
) -> Result<ExitCode, Vec<Problem>> {
    match command {
        FlowCommand::Run => run::run(options, own, places),
        FlowCommand::Serve => serve::serve(options, own, places),
        FlowCommand::Start => start::start(options),
        FlowCommand::List => list::list(options),
        FlowCommand::Show => show::show(options),
        FlowCommand::State => state::state(options),
        FlowCommand::Logs => logs::logs(options),
        FlowCommand::Signal => one::signal(options),
        FlowCommand::Fork => one::fork(options),
        FlowCommand::Cancel => bulk::cancel(options),
        FlowCommand::Pause => bulk::pause(options),
        FlowCommand::Resume => bulk::resume(options),
        FlowCommand::Retry => bulk::retry(options),
        FlowCommand::Replay => replay::replay(options),
        FlowCommand::Schedule => schedule::schedule(options),
        FlowCommand::Limit => limit::limit(options),
        FlowCommand::Check => check::check(options),
        FlowCommand::Gc => gc::gc(options),
    }
}

/// Says what went wrong.
pub(super) fn failed(error: &FlowError) -> ExitCode {
    say!("error: {}", report::chain(error));
    ExitCode::from(exit::FAILED)
}

/// The same, and of a flow that is not there which one may be meant.
pub(super) fn failed_with(flows: &Flows, error: &FlowError) -> ExitCode {
    let near = match error {
        FlowError::NoFlow(id) => near(flows, id),
        _ => None,
    };
    match near {
        Some(near) => say!("error: {}; did you mean {near:?}?", report::chain(error)),
        None => say!("error: {}", report::chain(error)),
    }
    ExitCode::from(exit::FAILED)
}

/// Says that nothing is called so, and what may be meant: `what` is such as `schedule`.
pub(super) fn absent(what: &str, name: &str, there: &[String]) -> ExitCode {
    let near = near_miss(name, there.iter().map(String::as_str));
    let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    say!("error: there is no {what} {name:?} in this store{hint}");
    ExitCode::from(exit::FAILED)
}

/// The id that is like this one: one that begins so, or that is spelt almost so.
fn near(flows: &Flows, id: &str) -> Option<String> {
    let ids: Vec<String> = flows.list(None, None, LISTED).ok()?.into_iter().map(|info| info.id).collect();
    let begins = ids.iter().find(|other| !id.is_empty() && other.starts_with(id));
    begins.cloned().or_else(|| near_miss(id, ids.iter().map(String::as_str)).map(str::to_owned))
}
