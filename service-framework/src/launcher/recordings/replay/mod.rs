//! `replay`: what services were asked is asked again, or what they published and had as states is there again.

mod ask;
mod found;
mod stage;
mod tell;

use std::process::ExitCode;

use super::chosen;
use crate::launcher::arguments::Options;
use crate::launcher::logs::{Format, Logs};
use crate::launcher::say::say;
use crate::launcher::{exit, report};
use crate::model::Problem;
use crate::recording::{Filter, Message, Recording, RecordingError};
use stage::Stage;

/// Replays a recording.
///
/// # Errors
/// The command line is wrong, or nothing of what it means can be replayed.
pub(super) fn replay(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let (recording, filter) = chosen::open(options)?;
    logs(options).start().map_err(|problem| vec![problem])?;
    let mut stage = match Stage::new() {
        Ok(stage) => stage,
        Err(error) => {
            say!("error: {error}");
            return Ok(ExitCode::from(exit::FAILED));
        }
    };
    let ended = match &options.recordings.to {
        Some(to) => ask::replay(&recording, filter, to, options, &mut stage),
        None => tell::replay(&recording, filter, options, &mut stage),
    };
    match ended {
        Ok(_) if stage.was_cut_off => {
            say!("stopped before all of it was done again");
            Ok(ExitCode::from(exit::FAILED))
        }
        Ok(is_same) => Ok(ExitCode::from(if is_same { exit::OK } else { exit::FAILED })),
        Err(ReplayError::Wrong(problems)) => Err(problems),
        Err(error) => {
            say!("error: {}", report::chain(&error));
            Ok(ExitCode::from(exit::FAILED))
        }
    }
}

fn logs(options: &Options) -> Logs {
    Logs {
        service: "replay".to_owned(),
        console_level: tracing::level_filters::LevelFilter::WARN,
        format: Format::Human,
        palette: options.color.palette(&std::io::stderr()),
        files: None,
    }
}

/// Why a replay does not go on.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    /// What is meant cannot be replayed.
    #[error("{} problems", .0.len())]
    Wrong(Vec<Problem>),
    #[error(transparent)]
    Recording(#[from] RecordingError),
    #[error(transparent)]
    Socket(#[from] crate::connection::SocketError),
    #[error(transparent)]
    Send(#[from] crate::connection::SendError),
    #[error("standard output cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl From<Problem> for ReplayError {
    fn from(problem: Problem) -> Self {
        Self::Wrong(vec![problem])
    }
}

/// The messages that are meant, each when it is due, until a stop is asked for.
fn at_their_times(
    recording: &Recording,
    filter: &Filter,
    options: &Options,
    stage: &mut Stage,
    mut act: impl FnMut(&mut Stage, Message) -> Result<(), ReplayError>,
) -> Result<(), ReplayError> {
    let mut first = None;
    for message in recording.messages(filter) {
        let message = message?;
        let (begin, time) = *first.get_or_insert_with(|| (std::time::Instant::now(), message.time));
        let after = std::time::Duration::from_micros(message.time.saturating_sub(time));
        if let Some(due) = begin.checked_add(options.recordings.speed.scaled(after)) {
            stage.until(due)?;
        }
        if stage.is_stopped() {
            stage.was_cut_off = true;
            return Ok(());
        }
        act(stage, message)?;
    }
    Ok(())
}

/// That the recording has no frames, which nothing can be done again without.
fn no_bodies() -> Problem {
    Problem::new("FILE", "a recording with what stands in its messages", "one without")
        .with_hint("it was recorded with `--without_bodies`")
}
