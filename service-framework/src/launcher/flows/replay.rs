//! `flow replay`: whether flows do again what their journals say.

use std::io::{self, Write, stdout};
use std::process::ExitCode;

use serde_json::json;

use super::bulk::Meant;
use super::command::failed_with;
use super::logs::unwritten;
use super::state::looker;
use super::store;
use crate::flow::history::Status;
use crate::flow::script::Stand;
use crate::flow::worker::Pool;
use crate::flow::{FlowError, FlowInfo, Flows};
use crate::launcher::arguments::Options;
use crate::launcher::exit;
use crate::launcher::terminal::Palette;
use crate::model::Problem;
use crate::store::Error as StoreError;

/// Replays what the command line names.
///
/// # Errors
/// It is not said which flows are meant, or there is no such store.
pub(super) fn replay(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let meant = Meant::read(options)?;
    let flows = store::open(options)?;
    Ok(replay_all(&flows, &meant, options).unwrap_or_else(|error| failed_with(&flows, &error)))
}

fn replay_all(flows: &Flows, meant: &Meant, options: &Options) -> Result<ExitCode, FlowError> {
    let pool = looker()?;
    let mut report = Report {
        json: options.json,
        palette: options.color.palette(&stdout()),
        same: 0,
        others: 0,
        unwritten: None,
    };
    match meant {
        Meant::One(id) => {
            let info = flows.get(id)?;
            report.add(&info, again(flows, &pool, &info)?);
        }
        Meant::Many(selection) => {
            let mut failed = None;
            selection.each(flows, None, |info| match again(flows, &pool, &info) {
                Ok(again) => {
                    report.add(&info, again);
                    true
                }
                // It was removed meanwhile.
                Err(FlowError::NoFlow(_)) => true,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
            report.end();
        }
    }
    if let Some(error) = &report.unwritten {
        return Ok(unwritten(error));
    }
    Ok(ExitCode::from(if report.others == 0 { exit::OK } else { exit::FAILED }))
}

/// What came of a replay: the number of steps that are the same, or where and how it differs.
type Again = Result<u64, String>;

/// # Errors
/// The store cannot be read.
fn again(flows: &Flows, pool: &Pool, info: &FlowInfo) -> Result<Again, FlowError> {
    match flows.stood(pool, &info.id, None) {
        Ok(stood) if info.status == Status::Done && stood.stand != Stand::Ended => {
            Ok(Err(format!("it has ended, and would go on behind its {} steps", stood.of)))
        }
        Ok(stood) => Ok(Ok(stood.of)),
        Err(FlowError::Incomplete { reason, .. }) => Ok(Err(reason)),
        Err(error @ (FlowError::Event { .. } | FlowError::Store(StoreError::Damaged { .. }))) => {
            Ok(Err(error.to_string()))
        }
        Err(error) => Err(error),
    }
}

struct Report {
    json: bool,
    palette: Palette,
    same: usize,
    others: usize,
    /// Why not all lines could be written.
    unwritten: Option<io::Error>,
}

impl Report {
    /// Says it at once: a large store takes a while.
    fn add(&mut self, info: &FlowInfo, again: Again) {
        let id = &info.id;
        let line = match &again {
            Ok(steps) if self.json => json!({"id": id, "same": true, "steps": steps}).to_string(),
            Ok(1) => format!("flow {id}: 1 step, the same"),
            Ok(steps) => format!("flow {id}: {steps} steps, all the same"),
            Err(reason) if self.json => json!({"id": id, "same": false, "reason": reason}).to_string(),
            Err(reason) => format!("flow {id}: {}", self.palette.red(reason)),
        };
        match again {
            Ok(_) => self.same += 1,
            Err(_) => self.others += 1,
        }
        self.say(&line);
    }

    fn end(&mut self) {
        if !self.json {
            self.say(&format!("{} the same, {} not", self.same, self.others));
        }
    }

    fn say(&mut self, line: &str) {
        if let Err(error) = writeln!(io::stdout(), "{line}").and_then(|()| io::stdout().flush()) {
            self.unwritten.get_or_insert(error);
        }
    }
}
