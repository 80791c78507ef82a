//! `flow gc`: takes away what ended long ago.

use std::collections::HashSet;
use std::process::ExitCode;

use serde_json::json;

use super::command::failed;
use super::selection::Selection;
use super::store;
use crate::flow::{FlowError, Flows};
use crate::launcher::arguments::Options;
use crate::launcher::{exit, report};
use crate::model::Problem;

/// Removes flows that ended long ago, and scripts that nobody has any more.
///
/// # Errors
/// There is no such store.
pub(super) fn gc(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let selection = Selection::read(options)?;
    let flows = store::open(options)?;
    match collect(&flows, &selection, options) {
        Ok((removed, scripts)) if options.json => {
            let json = json!({"flows": removed, "scripts": scripts});
            Ok(report::print(&format!("{json}\n"), exit::OK))
        }
        Ok((removed, scripts)) => {
            let text = format!("{} and {} removed\n", counted(removed, "flow"), counted(scripts, "script"));
            Ok(report::print(&text, exit::OK))
        }
        Err(error) => Ok(failed(&error)),
    }
}

fn collect(flows: &Flows, selection: &Selection, options: &Options) -> Result<(usize, usize), FlowError> {
    let now = flows.store().now()?;
    let mut ids = Vec::new();
    selection.each(flows, None, |info| {
        if info.status.has_ended() && now.since(info.changed) >= options.flows.older_than {
            ids.push(info.id);
        }
        true
    })?;
    let (mut removed, mut sources) = (0, HashSet::new());
    for id in ids {
        match flows.remove(&id) {
            Ok(Some(gone)) => {
                removed += 1;
                sources.extend(gone.sources);
            }
            Ok(None) | Err(FlowError::NoFlow(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((removed, flows.remove_unused(sources)?))
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
