//! `flow start`: a flow for whoever serves the store.

use std::process::ExitCode;

use serde_json::json;

use super::command::failed_with;
use super::plan::SERVE;
use super::{script, store};
use crate::flow::engine::Monty;
use crate::flow::{FlowError, Flows};
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::{exit, report};
use crate::model::Problem;

/// Starts a flow, and prints its id.
///
/// # Errors
/// All that is wrong with the script and the command line. Nothing was started.
pub(super) fn start(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let file = options.positional.as_deref().unwrap_or_default();
    let start = script::start(file, options.further.first().map(String::as_str), options)?;
    let store = store::open_or_make_shared(options)?;
    let flows = Flows::of(&store);
    let (id, is_new) = match flows.start(&Monty, start) {
        Ok(started) => started,
        Err(error) => return refused(&flows, &error),
    };
    let is_served = flows.serving().is_ok_and(|serving| serving.iter().any(|serves| serves.role == SERVE));
    if !is_served && !options.json {
        let store = store::flag(options);
        say!("nobody serves this store now; it runs once somebody does: service_framework flow serve{store}");
    }
    let text = match options.json {
        true => format!("{}\n", json!({"id": id, "started": is_new})),
        false => format!("{id}\n"),
    };
    Ok(report::print(&text, exit::OK))
}

/// What is wrong with the command line is said like anything else that is.
///
/// # Errors
/// The id cannot be used.
pub(super) fn refused(flows: &Flows, error: &FlowError) -> Result<ExitCode, Vec<Problem>> {
    match error {
        FlowError::BadId { id } => {
            let expected = "an id: 1 to 200 letters, digits, and any of - _ . : @";
            Err(vec![Problem::new("--id", expected, format!("{id:?}"))])
        }
        FlowError::Taken { id } => {
            let found = format!("{id:?}, which is one of another script or with other arguments");
            Err(vec![Problem::new("--id", "an id that is free, or that of this very flow", found)])
        }
        error => Ok(failed_with(flows, error)),
    }
}
