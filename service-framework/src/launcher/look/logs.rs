//! `logs`: the last lines of a system's services, and those that come.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;

use super::failed;
use super::found::{self, ask, text};
use crate::launcher::arguments::Options;
use crate::launcher::control::client::AskError;
use crate::launcher::control::message::Question;
use crate::launcher::control::place::Kind;
use crate::launcher::exit;
use crate::model::Problem;

const PATIENCE: Duration = Duration::from_secs(5);

/// The time between two looks for new lines.
const TICK: Duration = Duration::from_millis(200);

/// Prints the lines of one service, or of all of a system.
///
/// # Errors
/// It names nothing that runs under `up`.
pub(super) fn logs(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let (up, names) = whose(options.positional.as_deref())?;
    let mut next = None;
    loop {
        let mut question = Question::new("logs").with("services", names.clone());
        if let Some(next) = next {
            question = question.with("after", next);
        }
        match ask(Kind::System, up, &question, PATIENCE) {
            // The system has ended, and with it its lines.
            Err(AskError::Lost(_)) if next.is_some() => return Ok(ExitCode::from(exit::OK)),
            Err(error) => return Ok(failed("logs", &error)),
            Ok(answer) => {
                if print(&answer, options.json).is_err() {
                    return Ok(ExitCode::from(exit::OK));
                }
                next = answer.get("next").and_then(Json::as_u64);
            }
        }
        if !options.follow {
            return Ok(ExitCode::from(exit::OK));
        }
        thread::sleep(TICK);
    }
}

/// The process of `up`, and the names of services; none for all.
fn whose(wanted: Option<&str>) -> Result<(u32, Vec<String>), Vec<Problem>> {
    if let Ok((_, up)) = found::system(wanted) {
        return Ok((up, Vec::new()));
    }
    let found = found::named(wanted)?;
    let Some((_, up)) = found.first().and_then(|found| found.system.clone()) else {
        let expected = "a service of a system that `up` runs";
        return Err(vec![Problem::new(
            "NAME",
            expected,
            "one that runs by itself, whose lines go where it was told",
        )]);
    };
    Ok((up, found.into_iter().map(|found| found.name).collect()))
}

fn print(answer: &Json, is_json: bool) -> io::Result<()> {
    let lines = answer.get("lines").and_then(Json::as_array).into_iter().flatten();
    let shown = |line: &Json| match is_json {
        true => format!("{line}\n"),
        false => format!("{} | {}\n", text(line, "service"), text(line, "line")),
    };
    let text: String = lines.map(shown).collect();
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
