//! `flow signal` and `flow fork`: what is done with one flow.

use std::process::ExitCode;

use serde_json::json;

use super::command::failed_with;
use super::start::refused;
use super::{script, store};
use crate::flow::Told;
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::{exit, report};
use crate::model::Problem;

/// Sends a message to a flow.
///
/// # Errors
/// What it is to say is no JSON, or there is no such store.
pub(super) fn signal(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let id = options.positional.as_deref().unwrap_or_default();
    let name = options.further.first().map(String::as_str).unwrap_or_default();
    let data =
        script::message(options.further.get(1).map(String::as_str)).map_err(|problem| vec![problem])?;
    if name.is_empty() {
        return Err(vec![Problem::new("command line", "NAME: what the message is called", "\"\"")]);
    }
    let flows = store::open(options)?;
    match flows.signal(id, name, data) {
        Ok(Told::Written) => {
            let text = match options.json {
                true => format!("{}\n", json!({"id": id, "signal": name})),
                false => format!("message {name} is sent to flow {id}\n"),
            };
            Ok(report::print(&text, exit::OK))
        }
        Ok(Told::Over) => {
            say!("error: flow {id} has ended: it takes no messages any more");
            Ok(ExitCode::from(exit::FAILED))
        }
        Err(error) => Ok(failed_with(&flows, &error)),
    }
}

/// Starts another flow where one stood.
///
/// # Errors
/// The step is not said, the id cannot be used, or there is no such store.
pub(super) fn fork(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let id = options.positional.as_deref().unwrap_or_default();
    let Some(step) = options.flows.step else {
        let problem = Problem::missing("--step", "after which step the new flow goes on by itself");
        return Err(vec![problem.with_hint(format!("`flow show {id}` numbers them; 0 is the beginning"))]);
    };
    let flows = store::open(options)?;
    match flows.fork(id, step, options.flows.id.clone()) {
        Ok(new) if options.json => {
            let json = json!({"id": new, "forked_from": {"id": id, "step": step}});
            Ok(report::print(&format!("{json}\n"), exit::OK))
        }
        Ok(new) => Ok(report::print(&format!("{new}\n"), exit::OK)),
        Err(error) => refused(&flows, &error),
    }
}
