//! `flow state`: where a flow stands, or stood after any step.

use std::io::stdout;
use std::process::ExitCode;
use std::time::Duration;

use super::command::failed_with;
use super::list::painted;
use super::process;
use super::show::head_json;
use super::store;
use super::waits::Standing;
use crate::flow::history::Started;
use crate::flow::worker::{Pool, TurnLimits};
use crate::flow::{FlowError, FlowInfo, Flows};
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::terminal::{Palette, printable};
use crate::launcher::{exit, report};
use crate::model::Problem;
use crate::store::Timestamp;

/// How much processor time it may take to look.
const LONGEST: Duration = Duration::from_secs(300);

/// Shows where its script stands.
///
/// # Errors
/// There is no such store.
pub(super) fn state(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let flows = store::open(options)?;
    let id = options.positional.as_deref().unwrap_or_default();
    let found = looker().and_then(|pool| read(&flows, &pool, id, options.flows.step));
    let (info, started, standing) = match found {
        Ok(found) => found,
        Err(error) => return Ok(failed_with(&flows, &error)),
    };
    if let Some(step) = options.flows.step.filter(|step| *step > standing.stood.of) {
        let of = standing.stood.of;
        say!("error: flow {id} has made {of} steps, so there is no step {step}");
        return Ok(ExitCode::from(exit::FAILED));
    }
    let text = match options.json {
        true => {
            let mut json = head_json(&info, &started);
            if let serde_json::Value::Object(more) = standing.to_json() {
                more.into_iter().for_each(|(name, value)| json[name] = value);
            }
            format!("{json:#}\n")
        }
        false => {
            let now = flows.store().now().unwrap_or(info.changed);
            text(&info, &started, &standing, now, options.color.palette(&stdout()))
        }
    };
    Ok(report::print(&text, exit::OK))
}

/// An interpreter that only looks. It does all that a script has done, so it may take longer than a turn.
pub(super) fn looker() -> Result<Pool, FlowError> {
    let limits = TurnLimits { cpu: LONGEST, ..TurnLimits::default() };
    Pool::new(1, limits, process::opener(limits.memory)).map_err(|error| FlowError::System {
        what: "no interpreter can be started",
        reason: error.to_string(),
    })
}

type Found = (FlowInfo, Started, Standing);

fn read(flows: &Flows, pool: &Pool, id: &str, step: Option<u64>) -> Result<Found, FlowError> {
    let info = flows.get(id)?;
    let stood = flows.stood(pool, id, step)?;
    let standing = Standing::of(stood, &flows.since(id, 0)?);
    Ok((info, flows.started(id)?, standing))
}

fn text(info: &FlowInfo, started: &Started, standing: &Standing, now: Timestamp, palette: Palette) -> String {
    let stood = &standing.stood;
    let status = painted(info.status, info.status.word(), palette);
    let mut text = format!("{} {} {status}\n", palette.bold(&started.name), info.id);
    text.push_str(&format!("after step {} of {}\n", stood.moves, stood.of));
    let places: Vec<String> =
        stood.frames.iter().map(|frame| format!("{}:{}", started.file, frame.line)).collect();
    let width = places.iter().map(|place| place.chars().count()).max().unwrap_or(0);
    let functions = stood.frames.iter().map(|frame| frame.function.chars().count()).max().unwrap_or(0);
    for (frame, place) in stood.frames.iter().zip(&places) {
        let function = &frame.function;
        text.push_str(&format!("  {place:<width$}  {function:<functions$}  {}\n", frame.text));
    }
    for line in standing.lines(now, palette) {
        text.push_str(&format!("{line}\n"));
    }
    if !stood.printed.is_empty() {
        text.push_str("printed\n");
        printable(&stood.printed)
            .lines()
            .for_each(|line| text.push_str(&format!("  {} {line}\n", palette.dim("|"))));
    }
    text
}
