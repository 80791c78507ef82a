//! `flow logs`: what a flow printed.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::command::failed_with;
use super::steps::utc;
use super::store;
use crate::flow::FlowError;
use crate::flow::history::Event;
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::terminal::printable;
use crate::launcher::{exit, report};
use crate::model::Problem;
use crate::store::{Timestamp, Topic};

/// How long it is waited at most before it is looked again.
const LOOK: Duration = Duration::from_secs(1);

/// Prints what it printed, and with `-f` what it prints until it ends.
///
/// # Errors
/// There is no such store.
pub(super) fn logs(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let flows = store::open(options)?;
    let id = options.positional.as_deref().unwrap_or_default();
    let mut watch = flows.store().watch([Topic::category("flow")]);
    let mut version = 0;
    loop {
        let news = flows.get(id).and_then(|info| Ok((info, flows.since(id, version)?)));
        let (info, news) = match news {
            Ok(news) => news,
            // It was there and is gone.
            Err(FlowError::NoFlow(_)) if version > 0 => return Ok(ExitCode::from(exit::OK)),
            Err(error) => return Ok(failed_with(&flows, &error)),
        };
        let mut text: String = news.iter().map(|(at, _, event)| printed(*at, event, options.json)).collect();
        if io::stdout().is_terminal() {
            text = printable(&text);
        }
        if let Err(error) = io::stdout().lock().write_all(text.as_bytes()).and_then(|()| io::stdout().flush())
        {
            return Ok(unwritten(&error));
        }
        version = news.last().map_or(version, |(_, version, _)| *version);
        if !options.flows.follow || info.status.has_ended() && info.version <= version {
            return Ok(ExitCode::from(exit::OK));
        }
        watch.wait(LOOK);
    }
}

fn printed(at: Timestamp, event: &Event, as_json: bool) -> String {
    match event {
        Event::Turn(turn) if turn.printed.is_empty() => String::new(),
        Event::Turn(turn) if as_json => format!("{}\n", json!({"at": utc(at), "printed": turn.printed})),
        Event::Turn(turn) => turn.printed.clone(),
        _ => String::new(),
    }
}

/// What is said where lines could not be written.
pub(super) fn unwritten(error: &io::Error) -> ExitCode {
    if report::is_reader_gone(error) {
        return ExitCode::from(exit::OK);
    }
    say!("error: {}", report::unwritable(error));
    ExitCode::from(exit::FAILED)
}
