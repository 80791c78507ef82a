//! `inspect`: a recording as rows, as a tree of one workflow, in sums, or as the states that it ends with.

mod rows;
mod states;
mod summary;
mod tree;

use std::io::{self, Write as _, stdout};
use std::process::ExitCode;

use super::chosen::{self, unreadable};
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::terminal::Palette;
use crate::launcher::{exit, report};
use crate::model::Problem;
use crate::recording::{Filter, Recording, RecordingError};

/// Shows a recording.
///
/// # Errors
/// It is no recording, or something is meant that it does not have.
pub(super) fn inspect(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let (recording, filter) = chosen::open(options)?;
    let shown = Shown {
        first: chosen::first(&recording)?,
        recording: &recording,
        filter,
        is_json: options.json,
        palette: options.color.palette(&stdout()),
        grep: options.recordings.grep.as_deref(),
    };
    let asked = &options.recordings;
    let ended = match () {
        () if asked.states => states::show(&shown),
        () if asked.summary => summary::show(&shown),
        () if asked.workflow.is_some() && !options.json => tree::show(&shown),
        () => rows::show(&shown),
    };
    match ended {
        Ok(()) => Ok(ExitCode::from(exit::OK)),
        Err(ShowError::Unreadable(error)) => Err(vec![unreadable(&error)]),
        Err(ShowError::Unwritable(error)) if report::is_reader_gone(&error) => Ok(ExitCode::from(exit::OK)),
        Err(ShowError::Unwritable(error)) => {
            say!("error: {}", report::unwritable(&error));
            Ok(ExitCode::from(exit::FAILED))
        }
    }
}

/// What is shown, and how.
struct Shown<'a> {
    recording: &'a Recording,
    filter: Filter,
    /// When the first message was seen.
    first: u64,
    is_json: bool,
    palette: Palette,
    grep: Option<&'a str>,
}

#[derive(Debug, thiserror::Error)]
enum ShowError {
    #[error("{0}")]
    Unreadable(#[from] RecordingError),
    #[error("{0}")]
    Unwritable(#[from] io::Error),
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
