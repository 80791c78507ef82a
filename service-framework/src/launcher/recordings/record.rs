//! `record`: services that run, and those that come, are looked at until Ctrl-C.

use std::collections::{BTreeSet, HashSet};
use std::io::{ErrorKind, IsTerminal, Write as _, stderr};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::chosen::cell;
use super::recorder::Recorder;
use crate::connection::tap::Wanted;
use crate::launcher::arguments::Options;
use crate::launcher::control::client::{AskError, Client};
use crate::launcher::control::message::Question;
use crate::launcher::control::place::{self, Kind};
use crate::launcher::control::tapped::Tapped;
use crate::launcher::say::say;
use crate::launcher::{exit, report, signals};
use crate::model::Problem;
use crate::recording::RecordingError;

/// How often it is looked for services that have come.
const LOOK: Duration = Duration::from_millis(250);
/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Records until it is asked to end.
///
/// # Errors
/// The command line is wrong, or the file cannot be made.
pub(super) fn record(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let asked = &options.recordings;
    let Some(path) = asked.output.as_ref().filter(|path| !path.as_os_str().is_empty()) else {
        return Err(vec![Problem::missing("command line", "-o FILE: the new file")]);
    };
    let recorder = Recorder::start(path, |_| {}).map_err(|error| vec![cannot_record(&error)])?;
    let (tell, heard) = channel();
    let stop = tell.clone();
    if let Err(error) = signals::on_stop(
        move |_| {
            let _ = stop.send(Told::Stop);
        },
        || {},
    ) {
        say!("error: cannot watch for signals: {error}");
        return Ok(ExitCode::from(exit::FAILED));
    }
    let names: Vec<String> = options.positional.iter().chain(&options.further).cloned().collect();
    let wanted = Wanted { bodies: !asked.without_bodies, connections: asked.connections.clone() };
    let mut looking = Looking::new(recorder, names, wanted, tell);
    looking.until(asked.time.and_then(|time| Instant::now().checked_add(time)), &heard);
    let has_all = looking.absent.is_empty();
    looking.tell_absent("nothing came that is called");
    let code = conclude(looking.recorder, options.json, &path.display().to_string());
    Ok(if has_all { code } else { ExitCode::from(exit::FAILED) })
}

/// That a file cannot be made.
pub(super) fn cannot_record(error: &RecordingError) -> Problem {
    let problem = Problem::new("recording", "a new file that can be written", error.to_string());
    problem.with_hint("an earlier recording is never written over: name another file, or remove it")
}

/// Ends a recording and says what it has.
pub(super) fn conclude(recorder: Recorder, is_json: bool, path: &str) -> ExitCode {
    match recorder.finish() {
        Ok(counted) if is_json => {
            let mut json = counted.to_json();
            json["file"] = path.into();
            report::print(&format!("{json}\n"), exit::OK)
        }
        Ok(counted) => report::print(&format!("{path}: {}\n", counted.shown()), exit::OK),
        Err(error) => {
            say!("error: {error}; what was written before is there");
            ExitCode::from(exit::FAILED)
        }
    }
}

/// What happens while services are looked for.
enum Told {
    Stop,
    /// A process has answered, or not in time.
    Answered(u32, Result<Met, AskError>),
}

/// A service that has answered.
enum Met {
    NotWanted,
    /// One that is looked at now, and the names that mean it.
    Wanted(Vec<String>, Box<Tapped>),
}

struct Looking {
    recorder: Recorder,
    names: Arc<[String]>,
    wanted: Arc<Wanted>,
    /// Processes that are asked, looked at, or not wanted.
    known: Arc<Mutex<HashSet<u32>>>,
    tell: Sender<Told>,
    /// How many have not answered yet.
    asked: usize,
    /// Those of whom it was told that they do not answer.
    silent: HashSet<u32>,
    /// Names that nothing had so far.
    absent: BTreeSet<String>,
    /// Whether these were told.
    is_told: bool,
    progress: Progress,
}

impl Looking {
    fn new(recorder: Recorder, names: Vec<String>, wanted: Wanted, tell: Sender<Told>) -> Self {
        Self {
            recorder,
            absent: names.iter().cloned().collect(),
            names: names.into(),
            wanted: Arc::new(wanted),
            known: Arc::default(),
            tell,
            asked: 0,
            silent: HashSet::new(),
            is_told: false,
            progress: Progress::default(),
        }
    }

    fn until(&mut self, end: Option<Instant>, heard: &Receiver<Told>) {
        let mut next_look = Instant::now();
        loop {
            let now = Instant::now();
            let is_over = end.is_some_and(|end| end <= now);
            if is_over || self.recorder.counted.has_failed() {
                return self.progress.end();
            }
            if next_look <= now {
                self.look();
                next_look = now + LOOK;
            }
            self.progress.show(&self.recorder);
            let wake = end.map_or(next_look, |end| end.min(next_look));
            match heard.recv_timeout(wake.saturating_duration_since(Instant::now())) {
                Ok(Told::Answered(pid, answer)) => self.answered(pid, answer),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Told::Stop) | Err(RecvTimeoutError::Disconnected) => return self.progress.end(),
            }
        }
    }

    /// Asks the services that have come, each beside the others: one that is stopped answers nothing for long.
    fn look(&mut self) {
        let present = place::present();
        let services: Vec<u32> =
            present.into_iter().filter(|(kind, _)| *kind == Kind::Service).map(|(_, pid)| pid).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|pid| services.contains(pid));
        self.silent.retain(|pid| services.contains(pid));
        let fresh: Vec<u32> = services.into_iter().filter(|pid| known.insert(*pid)).collect();
        drop(known);
        for pid in fresh {
            let (names, wanted, tell) = (self.names.clone(), self.wanted.clone(), self.tell.clone());
            let asking = move || {
                let _ = tell.send(Told::Answered(pid, meet(pid, &names, &wanted)));
            };
            self.asked += 1;
            if let Err(error) = thread::Builder::new().name("asking".into()).spawn(asking) {
                self.answered(pid, Err(error.into()));
            }
        }
        self.tell_if_absent();
    }

    fn answered(&mut self, pid: u32, answer: Result<Met, AskError>) {
        self.asked -= 1;
        match answer.and_then(|met| self.add(pid, met)) {
            Ok(()) => {}
            // It has just ended, or one that was killed has left its socket; it is tried again as long as that is there.
            Err(AskError::Lost(error)) => {
                forget(&self.known, pid);
                let is_silent = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                if is_silent && self.silent.insert(pid) {
                    self.progress.end();
                    say!("process {pid} does not answer; it is recorded from when it does");
                }
            }
            Err(error) => {
                self.progress.end();
                say!("process {pid} is not recorded: {error}");
            }
        }
        self.tell_if_absent();
    }

    fn add(&mut self, pid: u32, met: Met) -> Result<(), AskError> {
        let Met::Wanted(names, tapped) = met else { return Ok(()) };
        names.iter().for_each(|name| drop(self.absent.take(name)));
        let known = self.known.clone();
        // Its connection may have been cut off, and then it is looked at anew.
        Ok(self.recorder.add(*tapped, move || forget(&known, pid))?)
    }

    /// Once all who run have answered, what is named and not among them is told.
    fn tell_if_absent(&mut self) {
        if self.asked == 0 && !std::mem::replace(&mut self.is_told, true) {
            self.tell_absent("recorded once it comes:");
        }
    }

    fn tell_absent(&self, what: &str) {
        for name in &self.absent {
            self.progress.end();
            say!("{what} {}", cell(name));
        }
    }
}

fn forget(known: &Mutex<HashSet<u32>>, pid: u32) {
    known.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
}

/// Asks a process who it is, and looks at it if it is wanted.
fn meet(pid: u32, names: &[String], wanted: &Wanted) -> Result<Met, AskError> {
    let path = place::socket(Kind::Service, pid);
    let mut meant = Vec::new();
    if !names.is_empty() {
        let ping = Client::connect(&path, PATIENCE)?.ask(&Question::new("ping"))?;
        meant = names.iter().filter(|name| means(name, &ping)).cloned().collect();
        if meant.is_empty() {
            return Ok(Met::NotWanted);
        }
    }
    Ok(Met::Wanted(meant, Box::new(Tapped::connect(&path, wanted, true, PATIENCE)?)))
}

/// Whether a name means a service: its own, that of its system, both, of its model, or the number of its process.
fn means(wanted: &str, ping: &Json) -> bool {
    let text = |key| ping.get(key).and_then(Json::as_str).unwrap_or_default();
    let (name, system) = (text("name"), text("system"));
    let pid = ping.get("pid").and_then(Json::as_u64).unwrap_or_default().to_string();
    let is_of_system = !system.is_empty() && (wanted == system || wanted == format!("{system}/{name}"));
    wanted == name || is_of_system || wanted == text("service") || wanted == pid
}

/// How far it is, on a terminal, in one line.
#[derive(Default)]
struct Progress {
    is_shown: bool,
}

impl Progress {
    fn show(&mut self, recorder: &Recorder) {
        if stderr().is_terminal() {
            self.is_shown = true;
            let _ =
                write!(stderr().lock(), "\r\x1b[Krecording: {}; Ctrl-C ends it", recorder.counted.shown());
        }
    }

    fn end(&self) {
        if self.is_shown {
            let _ = write!(stderr().lock(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn services_are_named_by_all_that_names_them() {
        let ping = json!({ "name": "stock.2", "system": "shop", "service": "stock", "pid": 17 });
        for name in ["stock.2", "shop", "shop/stock.2", "stock", "17"] {
            assert!(means(name, &ping), "{name}");
        }
        for name in ["stock.1", "shop/", "shop/desk", "", "1"] {
            assert!(!means(name, &ping), "{name}");
        }
    }
}
