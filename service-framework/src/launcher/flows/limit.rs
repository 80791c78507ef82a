//! `flow limit`: how many flows of a name go on at the same moment.

use std::process::ExitCode;

use serde_json::json;

use super::command::{absent, failed};
use super::store;
use crate::flow::{FlowError, Flows};
use crate::launcher::arguments::Options;
use crate::launcher::{exit, report};
use crate::model::Problem;

/// Sets or changes a limit, or does what stands in the place of its name.
///
/// # Errors
/// All that is wrong with the command line.
pub(super) fn limit(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    match (options.positional.as_deref().unwrap_or_default(), options.further.first()) {
        ("list", None) => list(options),
        ("remove", Some(name)) => remove(name, options),
        ("remove", None) => Err(vec![Problem::missing("command line", "NAME: which limit is removed")]),
        (name, Some(most)) => set(name, most, options),
        (_, None) => {
            Err(vec![Problem::missing("command line", "N: how many flows of this name go on at most")])
        }
    }
}

fn set(name: &str, most: &str, options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let Ok(most) = most.parse::<u32>() else {
        return Err(vec![Problem::new("N", "how many flows, such as 3", format!("{most:?}"))]);
    };
    let flows = Flows::of(&store::open_or_make(options)?.0);
    match flows.limit(name, most) {
        Ok(()) => Ok(report::print(&line(name, most, options), exit::OK)),
        Err(error @ FlowError::BadName { .. }) => {
            Err(vec![Problem::new("NAME", "what flows are called: 1 to 200 bytes", error.to_string())])
        }
        Err(error @ FlowError::BadLimit { .. }) => {
            Err(vec![Problem::new("N", "how many flows: 0 to 1000", error.to_string())])
        }
        Err(error) => Ok(failed(&error)),
    }
}

fn line(name: &str, most: u32, options: &Options) -> String {
    match options.json {
        true => format!("{}\n", json!({"name": name, "limit": most})),
        false => format!("{name}: {most} at most\n"),
    }
}

fn list(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let limits = match store::open(options)?.limits() {
        Ok(limits) => limits,
        Err(error) => return Ok(failed(&error)),
    };
    let text = match limits.is_empty() && !options.json {
        true => "no limits\n".to_owned(),
        false => limits.iter().map(|(name, most)| line(name, *most, options)).collect(),
    };
    Ok(report::print(&text, exit::OK))
}

fn remove(name: &str, options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let flows = store::open(options)?;
    match flows.unlimit(name) {
        Ok(true) if options.json => {
            Ok(report::print(&format!("{}\n", json!({"name": name, "removed": true})), exit::OK))
        }
        Ok(true) => Ok(report::print(&format!("{name}: any number\n"), exit::OK)),
        Ok(false) => {
            let limits = flows.limits().unwrap_or_default();
            let names: Vec<String> = limits.into_iter().map(|(name, _)| name).collect();
            Ok(absent("limit of", name, &names))
        }
        Err(error) => Ok(failed(&error)),
    }
}
