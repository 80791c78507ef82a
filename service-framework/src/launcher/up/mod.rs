//! `service_framework up SYSTEM.json`: the services of a system as child processes, on one screen.
//!
//! Each service is the launcher itself in a process group of its own, so that Ctrl-C reaches only `up`, which
//! then stops them in order: the last of the file first, each within its grace. The first service that fails
//! ends all of them, and its exit code is that of `up`. Before the first is started, all are checked as `check`
//! does. Never touches a socket.

mod checks;
mod child;
mod command;
mod ending;
mod folder;
mod follow;
mod lines;
mod panels;
mod screen;
mod signals;
mod supervisor;
mod system;
#[cfg(test)]
mod tests;
pub(super) mod width;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::termios::{Winsize, tcgetwinsize};

pub(crate) use follow::{end_with_parent, is_part_of_system};

use child::Event;
use command::Starter;
use folder::PrivateFolder;
use screen::{Look, Screen};
use signals::{Live, Watch};
use supervisor::{Outcome, Supervisor};
use system::System;

use super::helpers::Helpers;
use super::services::Services;
use super::terminal::Color;
use super::{exit, report};
use crate::model::Problem;

/// How long a service may take to end when asked, unless its entry says.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// What the command line of `up` says.
#[derive(Debug)]
pub(crate) struct UpOptions {
    /// The system file.
    pub(crate) system: PathBuf,
    /// End by itself after this time.
    pub(crate) seconds: Option<Duration>,
    /// When to colour.
    pub(crate) color: Color,
    /// Every line one JSON object.
    pub(crate) json: bool,
    /// Launcher arguments that every service gets, before its own `args`.
    pub(crate) for_all: Vec<String>,
}

/// Runs a system until all of its services have ended, and returns the code of the first that failed. `services`
/// are those of this program, which is what is started for each.
pub(crate) fn up(options: &UpOptions, services: &Services) -> ExitCode {
    let helpers = Helpers::default();
    let ended = Watch::start(helpers.clone()).and_then(|watch| {
        let checked = checked(options, services, &helpers);
        match checked {
            // What was asked has been ended, and whatever that makes of it is no problem of the system.
            _ if watch.was_asked() => {
                screen(&[], options).notice("stopped before anything was started");
                Ok(exit::OK)
            }
            Err(problems) => {
                report::problems(&problems, options.color, "nothing was started");
                Ok(exit::WRONG_INPUT)
            }
            Ok(system) => run(&system, options, &watch),
        }
    });
    ExitCode::from(ended.unwrap_or_else(|error| {
        eprintln!("error: cannot start {}: {error}", options.system.display());
        exit::FAILED
    }))
}

/// The system, if it and each of its services can start as far as one can tell before.
fn checked(options: &UpOptions, services: &Services, helpers: &Helpers) -> Result<System, Vec<Problem>> {
    let system = System::load(&options.system).map_err(|problem| vec![problem])?;
    match checks::problems(&system, &options.system, services, &options.for_all, helpers) {
        problems if problems.is_empty() => Ok(system),
        problems => Err(problems),
    }
}

/// Runs `system` on this process's own streams.
fn run(system: &System, options: &UpOptions, watch: &Watch) -> io::Result<u8> {
    let launcher = std::env::current_exe()?;
    let session = Session::new(&launcher, screen(&system.names(), options))?;
    watch.attach(session.live.clone(), session.folder.path().to_owned(), session.sender.clone());
    session.run(system, options)
}

/// The screen of this process for these services.
fn screen(names: &[String], options: &UpOptions) -> Screen {
    Screen::new(names.to_vec(), look(options), Box::new(io::stdout()), Box::new(io::stderr()))
}

/// Colours and panels are for people at a terminal.
fn look(options: &UpOptions) -> Look {
    let at_terminal = io::stdout().is_terminal();
    Look {
        colour: options.color.palette(&io::stdout()).0,
        json: options.json,
        size: (at_terminal && !options.json).then_some(size),
    }
}

/// Rows and columns of the terminal that is stdout; of an old one if it does not say.
pub(super) fn size() -> (u16, u16) {
    match tcgetwinsize(io::stdout()) {
        Ok(Winsize { ws_row, ws_col, .. }) if ws_row > 0 && ws_col > 0 => (ws_row, ws_col),
        _ => (24, 80),
    }
}

/// One run of a system.
struct Session<'a> {
    /// The executable that is started for every service.
    launcher: &'a Path,
    screen: Arc<Screen>,
    folder: PrivateFolder,
    live: Arc<Live>,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

impl<'a> Session<'a> {
    fn new(launcher: &'a Path, screen: Screen) -> io::Result<Self> {
        let (sender, events) = channel();
        let folder = PrivateFolder::create()?;
        Ok(Session { launcher, screen: Arc::new(screen), folder, live: Arc::default(), sender, events })
    }

    /// Starts every service of `system`, waits until all have ended, and says how.
    fn run(&self, system: &System, options: &UpOptions) -> io::Result<u8> {
        let starter = Starter {
            launcher: self.launcher,
            folder: &self.folder,
            for_all: &options.for_all,
            colour: self.screen.has_colours(),
            columns: self.screen.columns(),
        };
        let commands = system
            .services
            .iter()
            .map(|entry| Ok((starter.command(entry)?, entry.grace.unwrap_or(DEFAULT_GRACE))));
        let commands = commands.collect::<io::Result<_>>()?;
        self.screen.notice(&format!("starting {}; Ctrl-C ends all", system.names().join(", ")));
        let supervisor = Supervisor::new(&self.screen, &self.live, commands);
        let outcome = supervisor.run(options.seconds, &self.sender, &self.events);
        Ok(self.report(system, &outcome, options.json))
    }

    /// Shows the last lines of the service that failed first, and how each ended; returns the exit code.
    fn report(&self, system: &System, outcome: &Outcome, json: bool) -> u8 {
        if let Some(failed) = outcome.first_failure {
            self.screen
                .notice(&format!("the last lines of {}, which failed first:", self.screen.name(failed)));
            self.screen.repeat_last_lines(failed);
        }
        let endings = || system.services.iter().map(|entry| entry.name.as_str()).zip(&outcome.endings);
        let text = if json { ending::json(endings()).to_string() } else { ending::table(endings()) };
        let lost = self.screen.print(&text).err().filter(|error| !report::is_reader_gone(error));
        if let Some(error) = lost.as_ref().filter(|_| !outcome.is_unwritten) {
            self.screen.notice(&self.screen.alarming(&report::unwritable(error)));
        }
        let is_failed = lost.is_some() || outcome.is_unwritten;
        let code = if is_failed { exit::FAILED } else { exit::OK };
        outcome.first_failure.map_or(code, |failed| outcome.endings[failed].how.exit_code())
    }
}
