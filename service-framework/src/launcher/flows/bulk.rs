//! `flow cancel`, `pause`, `resume` and `retry`: of one flow, or of all that are meant.

use std::process::ExitCode;

use serde_json::json;

use super::command::failed_with;
use super::selection::Selection;
use super::store;
use crate::flow::history::Status;
use crate::flow::{FlowError, Flows, Told};
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::{exit, report};
use crate::model::Problem;

/// What is done to a flow.
struct Change {
    does: fn(&Flows, &str) -> Result<Told, FlowError>,
    /// With which flows it can be done at all.
    fits: fn(Status) -> bool,
    /// Such as `cancelled`.
    done: &'static str,
}

/// Has flows ended.
pub(super) fn cancel(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let fits = |status: Status| !status.has_ended();
    change(options, &Change { does: |flows, id| flows.cancel(id), fits, done: "is to be cancelled" })
}

/// Has flows stand still.
pub(super) fn pause(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let fits = |status| matches!(status, Status::Ready | Status::Queued | Status::Running | Status::Waiting);
    change(options, &Change { does: |flows, id| flows.pause(id), fits, done: "is paused" })
}

/// Has flows go on.
pub(super) fn resume(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let fits = |status| matches!(status, Status::Paused | Status::Parked);
    change(options, &Change { does: |flows, id| flows.resume(id), fits, done: "goes on" })
}

/// Has flows go on that failed.
pub(super) fn retry(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let fits = |status| status == Status::Failed;
    change(options, &Change { does: |flows, id| flows.retry(id), fits, done: "is retried" })
}

/// Which flows are meant.
pub(super) enum Meant {
    /// The one of this id.
    One(String),
    /// All of these.
    Many(Selection),
}

impl Meant {
    /// # Errors
    /// It is not said which flows are meant, or it is said twice.
    pub(super) fn read(options: &Options) -> Result<Self, Vec<Problem>> {
        let selection = Selection::read(options)?;
        match (&options.positional, selection.is_all() && !options.flows.all) {
            (Some(id), true) => Ok(Self::One(id.clone())),
            (None, false) => Ok(Self::Many(selection)),
            (Some(id), false) => {
                let found = format!("the id {id:?} and flags that say which");
                Err(vec![Problem::new("command line", "either an id, or flags that say which flows", found)])
            }
            (None, true) => {
                let expected = "which flows: an ID, or --status, --name, --id, --since, --until or --all";
                Err(vec![Problem::missing("command line", expected)])
            }
        }
    }
}

/// # Errors
/// It is not said which flows are meant, or there is no such store.
fn change(options: &Options, change: &Change) -> Result<ExitCode, Vec<Problem>> {
    let meant = Meant::read(options)?;
    let flows = store::open(options)?;
    Ok(match meant {
        Meant::One(id) => one(&flows, &id, change, options),
        Meant::Many(selection) => many(&flows, &selection, change, options),
    })
}

fn one(flows: &Flows, id: &str, change: &Change, options: &Options) -> ExitCode {
    match (change.does)(flows, id) {
        Ok(_) => report::print(&line(id, change, options), exit::OK),
        Err(error) => failed_with(flows, &error),
    }
}

fn line(id: &str, change: &Change, options: &Options) -> String {
    match options.json {
        true => format!("{}\n", json!({"id": id})),
        false => format!("flow {id} {}\n", change.done),
    }
}

fn many(flows: &Flows, selection: &Selection, change: &Change, options: &Options) -> ExitCode {
    let mut ids = Vec::new();
    let found = selection.each(flows, None, |info| {
        if (change.fits)(info.status) {
            ids.push(info.id);
        }
        true
    });
    if let Err(error) = found {
        return failed_with(flows, &error);
    }
    let (mut text, mut refused) = (String::new(), 0);
    for id in &ids {
        match (change.does)(flows, id) {
            Ok(_) => text.push_str(&line(id, change, options)),
            // It has ended or changed meanwhile.
            Err(error @ (FlowError::NotNow { .. } | FlowError::NoFlow(_) | FlowError::Busy(_))) => {
                say!("error: {error}");
                refused += 1;
            }
            Err(error) => {
                report::print(&text, exit::FAILED);
                return failed_with(flows, &error);
            }
        }
    }
    if !options.json {
        let done = ids.len() - refused;
        text.push_str(&format!("{done} {}\n", if done == 1 { "flow" } else { "flows" }));
    }
    report::print(&text, if refused > 0 && refused == ids.len() { exit::FAILED } else { exit::OK })
}
