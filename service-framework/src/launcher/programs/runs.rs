//! `program list`, `show`, `retry`, `resolve` and `cancel`: the runs of a store.

use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::store::open;
use super::story::{Story, painted, short, utc};
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::{exit, report};
use crate::model::Problem;
use crate::program::{RunInfo, Runs, RunsError};

/// Lists runs, the latest last.
pub(super) fn list(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let runs = Runs::of(&open(options)?);
    let (status, limit) = (options.programs.status.as_deref(), options.programs.limit);
    let found = match options.programs.after.as_deref() {
        None => runs.latest(status, limit),
        after => runs.list(status, after, limit),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return Ok(failed(&error)),
    };
    let text = match options.json {
        true => found.iter().map(|info| format!("{}\n", to_json(info))).collect(),
        false => table(&found, options),
    };
    Ok(report::print(&text, exit::OK))
}

fn to_json(info: &RunInfo) -> Json {
    json!({
        "run": info.run,
        "program": info.program,
        "status": info.status,
        "began": utc(info.began),
        "changed": utc(info.changed),
        "server": info.server,
    })
}

fn table(found: &[RunInfo], options: &Options) -> String {
    if found.is_empty() {
        return "no runs\n".to_owned();
    }
    let palette = options.color.palette(&std::io::stdout());
    let widest = found.iter().map(|info| info.program.chars().count()).max().unwrap_or(0);
    let line = |info: &RunInfo| {
        let took = short(info.changed.since(info.began));
        let status = format!("{:<9}", info.status);
        format!(
            "{}  {}  {:<widest$}  {}  {took}\n",
            info.run,
            utc(info.began),
            info.program,
            painted(&status, palette)
        )
    };
    found.iter().map(line).collect()
}

/// Shows what happened to one run.
pub(super) fn show(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let runs = Runs::of(&open(options)?);
    let run = options.positional.as_deref().unwrap_or_default();
    let (info, history) = match runs.get(run).and_then(|info| Ok((info, runs.history(run)?))) {
        Ok(found) => found,
        Err(error) => return Ok(failed(&error)),
    };
    let story = Story::of(&info, history);
    let text = match options.json {
        true => format!("{:#}\n", story.to_json()),
        false => story.to_text(options.color.palette(&std::io::stdout())),
    };
    Ok(report::print(&text, exit::OK))
}

/// Has the rectifier tried again that a run is stuck at.
pub(super) fn retry(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    change(options, |runs, run| runs.retry(run), "is retried by the next server on this store that looks")
}

/// Says that somebody has put right what a run is stuck at.
pub(super) fn resolve(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let note = options.programs.note.as_deref().unwrap_or("by hand");
    change(options, |runs, run| runs.resolve(run, note), "is resolved")
}

/// Has a run undone.
pub(super) fn cancel(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let runs = Runs::of(&open(options)?);
    let run = options.positional.as_deref().unwrap_or_default();
    // One that cannot be looked up cannot be cancelled either, which is said below.
    let done = match runs.is_attended(run) {
        Ok(false) => {
            "is undone as soon as a server or `program run` with its spec takes it up: nobody goes on with it now"
        }
        _ => "is undone as soon as the hook has ended that it is in",
    };
    change(options, |runs, run| runs.cancel(run), done)
}

fn change(
    options: &Options,
    does: impl Fn(&Runs, &str) -> Result<(), RunsError>,
    done: &str,
) -> Result<ExitCode, Vec<Problem>> {
    let runs = Runs::of(&open(options)?);
    let run = options.positional.as_deref().unwrap_or_default();
    match does(&runs, run) {
        Ok(()) if options.json => Ok(report::print(&format!("{}\n", json!({"run": run})), exit::OK)),
        Ok(()) => Ok(report::print(&format!("run {run} {done}\n"), exit::OK)),
        Err(error) => Ok(failed(&error)),
    }
}

fn failed(error: &RunsError) -> ExitCode {
    say!("error: {}", report::chain(error));
    ExitCode::from(exit::FAILED)
}
