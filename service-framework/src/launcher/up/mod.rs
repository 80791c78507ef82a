//! `service_framework up SYSTEM.json`: the services of a system as child processes, on one screen.
//!
//! Each service is the launcher itself in a process group of its own, so that Ctrl-C reaches only `up`, which
//! then stops them in order, each within its grace. A service is started when those that it depends on are ready, and
//! again when it fails if its entry says so; the first that fails for good ends all of them, and its exit code is that of
//! `up`. Before the first is started, all are checked as `check` does, and with each other. While it runs it can be
//! asked and steered through its control socket.

mod board;
mod checks;
mod child;
mod command;
mod detach;
mod dev;
mod document;
mod ending;
mod folder;
mod follow;
mod graph;
mod host;
mod job;
mod journal;
mod keys;
mod lines;
mod panels;
mod ready;
mod screen;
mod service;
mod signals;
mod supervisor;
mod system;
mod tame;
#[cfg(test)]
mod tests;
mod watch;
pub(super) mod width;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::termios::{Winsize, tcgetwinsize};

pub(super) use document::asyncapi;
pub(crate) use ending::Readable;
pub(crate) use follow::{end_with_parent, is_part_of_system};
pub(super) use graph::graph;

use board::{Board, Seen};
use checks::Plan;
use child::Event;
use command::Starter;
use dev::Development;
use folder::PrivateFolder;
use host::SystemHost;
use screen::{Look, Screen};
use service::Setup;
use signals::{Live, Watch};
use supervisor::{Outcome, Supervisor};
use system::System;
use watch::Watching;

use super::control::Control;
use super::control::place::Kind;
use super::dashboard;
use super::helpers::Helpers;
use super::recordings::{self, Beginning};
use super::services::Services;
use super::terminal::Color;
use super::{exit, report};
use crate::launcher::say::say;

/// How long a service may take to end when asked, unless its entry says.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// What the command line of `up` says.
#[derive(Debug)]
pub(crate) struct UpOptions {
    /// The system file, and those that are laid over it.
    pub(crate) files: Vec<PathBuf>,
    /// End by itself after this time.
    pub(crate) seconds: Option<Duration>,
    /// Show a table of all services below their lines.
    pub(crate) is_watched: bool,
    /// Build and start again what changes.
    pub(crate) is_developed: bool,
    /// Go on without a terminal.
    pub(crate) is_detached: bool,
    /// The page on which the system is shown, if it is.
    pub(crate) dashboard: Option<dashboard::Settings>,
    /// Record every message to this file.
    pub(crate) record: Option<PathBuf>,
    /// When to colour.
    pub(crate) color: Color,
    /// Every line one JSON object.
    pub(crate) json: bool,
    /// Launcher arguments that every service gets, before its own `args`.
    pub(crate) for_all: Vec<String>,
    /// The command line itself.
    pub(crate) words: Vec<String>,
}

/// Runs a system until all of its services have ended, and returns the code of the first that failed. `services`
/// are those of this program, which is what is started for each.
pub(crate) fn up(options: &UpOptions, services: &Services) -> ExitCode {
    if detach::is_detached() {
        detach::leave_terminal();
    }
    let helpers = Helpers::default();
    let ended = Watch::start(helpers.clone()).and_then(|watch| {
        let plan = Plan::make(System::load(&options.files), services, &options.for_all, &helpers);
        // What was asked has been ended, and whatever that makes of it is no problem of the system.
        if watch.was_asked() {
            screen(&[], options).notice("stopped before anything was started");
            return Ok(exit::OK);
        }
        if !plan.problems.is_empty() {
            report::problems(&plan.problems, options.color, "nothing was started");
            return Ok(exit::WRONG_INPUT);
        }
        match options.is_detached && !detach::is_detached() {
            true => detach::start(&plan.system.name, options, &watch),
            false => {
                recorded(&Arc::new(plan), options, &Around { services, helpers: &helpers, watch: &watch })
            }
        }
    });
    ExitCode::from(ended.unwrap_or_else(|error| {
        let file = options.files.first().map(|file| file.display().to_string()).unwrap_or_default();
        say!("error: cannot start {file}: {error}");
        exit::FAILED
    }))
}

/// What a system is run with.
struct Around<'a> {
    /// Those of this program.
    services: &'a Services,
    helpers: &'a Helpers,
    watch: &'a Watch,
}

/// Runs a system, recorded if that is wanted.
fn recorded(plan: &Arc<Plan>, options: &UpOptions, around: &Around<'_>) -> io::Result<u8> {
    let recording = match recordings::begin(options.record.as_deref()) {
        Ok(recording) => recording,
        Err(problems) => {
            report::problems(&problems, options.color, "nothing was started");
            return Ok(exit::WRONG_INPUT);
        }
    };
    let code = run(plan, options, around, recording.as_ref())?;
    Ok(recording.map_or(code, |recording| recording.end(code)))
}

/// Runs a system on this process's own streams.
fn run(
    plan: &Arc<Plan>,
    options: &UpOptions,
    around: &Around<'_>,
    recording: Option<&Beginning>,
) -> io::Result<u8> {
    let launcher = std::env::current_exe()?;
    let session = Session::new(&launcher, plan, screen(&plan.names(), options))?;
    around.watch.attach(session.live.clone(), session.folder.path().to_owned(), session.sender.clone());
    let page = options.dashboard.as_ref().map(dashboard::Dashboard::start).transpose()?;
    let host = Arc::new(session.host(plan, options, page.as_ref()));
    // Kept until the end of the system, and gone with it.
    let _control = Control::open(Kind::System, host).map_err(|error| {
        session.screen.notice(&format!("no control socket: {error}"));
    });
    if let Some(page) = &page {
        session.screen.notice(&format!("dashboard at {}", page.url()));
    }
    let _watching = match options.is_watched {
        true => session.watch(options)?,
        false => None,
    };
    let recorder = session.folder.path().join("recorder");
    if let Some(recording) = recording {
        recording.listen(&recorder)?;
    }
    if options.is_developed {
        let Session { screen, sender, .. } = &session;
        Development::of(plan, &options.files, around.services, screen, sender, around.helpers).start()?;
    }
    let ended = session.run(plan, options, recording.map(|_| recorder.as_path()));
    // A build may be going on.
    around.helpers.end();
    ended
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
        is_quiet: detach::is_detached(),
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
    board: Board,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

impl<'a> Session<'a> {
    fn new(launcher: &'a Path, plan: &Plan, screen: Screen) -> io::Result<Self> {
        let (sender, events) = channel();
        let folder = PrivateFolder::create()?;
        let (live, board) = (Arc::default(), board_of(plan));
        Ok(Session { launcher, screen: Arc::new(screen), folder, live, board, sender, events })
    }

    /// Who answers for this run.
    fn host(&self, plan: &Arc<Plan>, options: &UpOptions, page: Option<&dashboard::Dashboard>) -> SystemHost {
        SystemHost {
            name: plan.system.name.clone(),
            files: detach::shown(&options.files),
            began: Instant::now(),
            board: self.board.clone(),
            screen: self.screen.clone(),
            plan: plan.clone(),
            graph: OnceLock::new(),
            dashboard: page.map(|page| page.url().to_owned()),
            events: self.sender.clone(),
        }
    }

    /// Shows the table, where that can be.
    fn watch(&self, options: &UpOptions) -> io::Result<Option<Watching>> {
        if self.screen.columns().is_none() {
            self.screen.notice("no table: standard output is no terminal");
            return Ok(None);
        }
        let palette = options.color.palette(&io::stdout());
        Watching::start(&self.screen, &self.board, &self.sender, palette).map(Some)
    }

    /// Starts every service of the plan, waits until all have ended, and says how.
    fn run(&self, plan: &Plan, options: &UpOptions, recorder: Option<&Path>) -> io::Result<u8> {
        let starter = Starter {
            launcher: self.launcher,
            system: &plan.system.name,
            folder: &self.folder,
            for_all: &options.for_all,
            colour: self.screen.has_colours(),
            columns: self.screen.columns(),
            recorder,
        };
        let setups = plan.instances.iter().map(|instance| setup(plan, instance, &starter));
        let setups = setups.collect::<io::Result<_>>()?;
        self.screen.notice(&format!("starting {}; Ctrl-C ends all", plan.names().join(", ")));
        let supervisor = Supervisor::new(&self.screen, &self.live, &self.board, setups, plan.order());
        let supervisor = supervisor.developed(options.is_developed);
        let outcome = supervisor.run(options.seconds, &self.sender, &self.events);
        Ok(self.report(plan, &outcome, options.json))
    }

    /// Shows the last lines of the service that failed first, and how each ended; returns the exit code.
    fn report(&self, plan: &Plan, outcome: &Outcome, json: bool) -> u8 {
        self.screen.end_own_panel();
        if let Some(failed) = outcome.first_failure {
            self.screen
                .notice(&format!("the last lines of {}, which failed first:", self.screen.name(failed)));
            self.screen.repeat_last_lines(failed);
        }
        let names = plan.instances.iter().map(|instance| instance.name.as_str());
        let endings = || names.clone().zip(&outcome.endings);
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

/// A board with all instances, of which none is started.
fn board_of(plan: &Plan) -> Board {
    let seen = |instance: &checks::Instance| {
        let entry = &plan.system.services[instance.entry];
        let (name, service) = (instance.name.clone(), entry.service.clone());
        Seen { name, entry: entry.name.clone(), service, state: "blocked", ..Seen::default() }
    };
    let board = Board::default();
    board.set(plan.instances.iter().map(seen).collect());
    board
}

/// What an instance is started with, and what it waits for.
fn setup(plan: &Plan, instance: &checks::Instance, starter: &Starter<'_>) -> io::Result<Setup> {
    let entry = &plan.system.services[instance.entry];
    Ok(Setup {
        command: starter.command(entry, instance)?,
        grace: entry.grace.unwrap_or(DEFAULT_GRACE),
        restart: entry.restart.clone(),
        waits_for: plan.waits_for(instance),
    })
}
