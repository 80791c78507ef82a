//! `flow list`: the flows of a store.

use std::collections::VecDeque;
use std::io::stdout;
use std::process::ExitCode;

use super::calls::seconds_text;
use super::command::failed;
use super::selection::Selection;
use super::show::head_json;
use super::steps::utc;
use super::store;
use crate::flow::history::{Started, Status};
use crate::flow::{FlowError, FlowInfo, Flows};
use crate::launcher::arguments::Options;
use crate::launcher::terminal::{Palette, printable};
use crate::launcher::{exit, report};
use crate::model::Problem;

/// Lists flows, the latest last.
///
/// # Errors
/// A time is none, or there is no such store.
pub(super) fn list(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let selection = Selection::read(options)?;
    let flows = store::open(options)?;
    let found = match &options.flows.after {
        Some(after) => next(&flows, &selection, after, options.programs.limit),
        None => latest(&flows, &selection, options.programs.limit),
    };
    let found = match found.and_then(|found| with_names(&flows, found)) {
        Ok(found) => found,
        Err(error) => return Ok(failed(&error)),
    };
    let text = match options.json {
        true => found.iter().map(|(info, started)| format!("{}\n", head_json(info, started))).collect(),
        false => table(&found, options.color.palette(&stdout())),
    };
    Ok(report::print(&text, exit::OK))
}

/// The first ones behind a flow.
fn next(flows: &Flows, selection: &Selection, after: &str, limit: usize) -> Result<Vec<FlowInfo>, FlowError> {
    let mut found = Vec::new();
    selection.each(flows, Some(after), |info| {
        if found.len() < limit {
            found.push(info);
        }
        found.len() < limit
    })?;
    Ok(found)
}

/// Those that were started last.
fn latest(flows: &Flows, selection: &Selection, limit: usize) -> Result<Vec<FlowInfo>, FlowError> {
    let mut found = VecDeque::new();
    // Ids that were not chosen are in the order of their times, so most of the time the oldest is the first.
    selection.each(flows, None, |info| {
        let place = found.partition_point(|other: &FlowInfo| other.began <= info.began);
        found.insert(place, info);
        if found.len() > limit {
            found.pop_front();
        }
        true
    })?;
    Ok(found.into())
}

type Found = Vec<(FlowInfo, Started)>;

/// How each was started, unless it was removed just now.
fn with_names(flows: &Flows, found: Vec<FlowInfo>) -> Result<Found, FlowError> {
    let mut named = Vec::with_capacity(found.len());
    for info in found {
        match flows.started(&info.id) {
            Ok(started) => named.push((info, started)),
            Err(FlowError::NoFlow(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(named)
}

fn table(found: &Found, palette: Palette) -> String {
    if found.is_empty() {
        return "no flows\n".to_owned();
    }
    let widest = |length: fn(&(FlowInfo, Started)) -> usize| found.iter().map(length).max().unwrap_or(0);
    let ids = widest(|(info, _)| info.id.chars().count());
    let names = widest(|(_, started)| one_line(&started.name).chars().count());
    let line = |(info, started): &(FlowInfo, Started)| {
        let took = seconds_text(info.changed.since(info.began).as_secs_f64());
        let status = painted(info.status, &format!("{:<9}", info.status.word()), palette);
        format!(
            "{:<ids$}  {}  {:<names$}  {status}  {took}\n",
            info.id,
            utc(info.began),
            one_line(&started.name)
        )
    };
    found.iter().map(line).collect()
}

/// A name as it stands in a table.
fn one_line(name: &str) -> String {
    printable(name).replace(['\n', '\t'], " ")
}

/// How a status looks.
pub(super) fn painted(status: Status, text: &str, palette: Palette) -> String {
    match status {
        Status::Done => palette.green(text),
        Status::Failed | Status::Parked => palette.red(text),
        Status::Paused | Status::Cancelled => palette.yellow(text),
        Status::Ready | Status::Queued | Status::Running | Status::Waiting => palette.cyan(text),
    }
}
