//! Logs: lines on stderr and in hourly files. Stdout is never written; it belongs to the service.
//!
//! Written synchronously, line by line: nothing is lost when a process ends at once.

mod clock;
mod fields;
mod hourly;
mod line;

use std::io;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use super::terminal::Palette;
use crate::model::Problem;
#[cfg(feature = "programs")]
pub(crate) use clock::Utc;
use hourly::HourlyFiles;
use line::Line;
pub(crate) use line::set_workflow_source;

/// The level of lines on stderr, once they are written.
static CONSOLE: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// Time, level, message, `key=value`: for people.
    #[default]
    Human,
    /// One JSON object a line: for machines.
    Json,
}

/// Where lines go, and which.
#[derive(Debug)]
pub(crate) struct Logs {
    /// Names the files, and the service in JSON lines.
    pub(crate) service: String,
    pub(crate) console_level: LevelFilter,
    pub(crate) format: Format,
    pub(crate) palette: Palette,
    pub(crate) files: Option<Files>,
}

/// Hourly files.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
    pub(crate) level: LevelFilter,
    /// How many are kept; 0 keeps all.
    pub(crate) count: usize,
}

impl Logs {
    /// Begins to log. If the process logs already (a test, an embedding program), it goes on as it does.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub(crate) fn start(self) -> Result<(), Problem> {
        let service: &'static str = self.service.leak();
        let files = self.files.map(|files| file_layer(&files, service)).transpose()?;
        let line = Line { service, format: self.format, palette: self.palette };
        let (filter, handle) = reload::Layer::new(self.console_level);
        let console =
            tracing_subscriber::fmt::layer().event_format(line).with_writer(io::stderr).with_filter(filter);
        // Fails only if there is a subscriber, which then stays.
        if tracing_subscriber::registry().with(console).with(files).try_init().is_ok() {
            let _ = CONSOLE.set(handle);
        }
        panic::set_hook(Box::new(log_panic));
        Ok(())
    }
}

/// Changes the least level of lines on stderr, and returns the one before.
///
/// # Errors
/// This process writes no lines of its own, or is about to end.
pub(crate) fn set_console_level(level: LevelFilter) -> Result<LevelFilter, String> {
    let handle = CONSOLE.get().ok_or("this process writes no log lines of its own")?;
    let before = handle.clone_current().ok_or("its log lines are over")?;
    handle.reload(level).map_err(|error| error.to_string())?;
    Ok(before)
}

/// A panic is a log line like any other, with its workflow id, and in JSON if lines are.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let reason = panic.payload_as_str().unwrap_or("no reason given");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "panic: {reason}");
}

fn file_layer<S>(files: &Files, service: &'static str) -> Result<impl Layer<S> + use<S>, Problem>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let line = Line { service, format: Format::Human, palette: Palette::PLAIN };
    let files_of = HourlyFiles::open(&files.folder, service, files.count);
    let writer = files_of.map_err(|reason| unwritable(&files.folder, &reason))?;
    Ok(tracing_subscriber::fmt::layer().event_format(line).with_writer(writer).with_filter(files.level))
}

/// What is wrong with a folder for log files; makes nothing.
pub(crate) fn folder_problem(folder: &Path) -> Option<Problem> {
    hourly::check(folder).err().map(|reason| unwritable(folder, &reason))
}

fn unwritable(folder: &Path, reason: &str) -> Problem {
    let found = format!("\"{}\": {reason}", folder.display());
    Problem::new("--log_folder", "a folder that this process can write", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path, count: usize) -> Files {
        Files { folder: folder.to_owned(), level: LevelFilter::DEBUG, count }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_carries_the_lines_at_its_level() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("made/when/missing");
        let layer = file_layer(&files(&inner, 240), "echo").unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::debug!(target: "desk", n = 3, "seen");
            tracing::trace!("not seen");
        });
        let names = names(&inner);
        assert!(names.len() == 1 && names[0].starts_with("echo.log.2"), "{names:?}");
        let text = std::fs::read_to_string(inner.join(&names[0])).unwrap();
        assert!(text.ends_with("Z DEBUG   desk: seen n=3\n"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_is_a_problem() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let problem =
            file_layer::<tracing_subscriber::Registry>(&files(file.path(), 1), "echo").err().unwrap();
        assert_eq!(problem.path, "--log_folder");
        assert!(problem.found.ends_with("it is no folder"), "{problem}");
    }
}
