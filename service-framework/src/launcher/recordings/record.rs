//! `record`: services that run, and those that come, are looked at until Ctrl-C.

use std::collections::HashSet;
use std::io::{IsTerminal, Write as _, stderr};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

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
    let Some(path) = &asked.output else {
        return Err(vec![Problem::missing("command line", "-o FILE: the new file")]);
    };
    let recorder = Recorder::start(path).map_err(|error| vec![cannot_record(&error)])?;
    let (tell, stopped) = channel();
    if let Err(error) = signals::on_stop(
        move |_| {
            let _ = tell.send(());
        },
        || {},
    ) {
        say!("error: cannot watch for signals: {error}");
        return Ok(ExitCode::from(exit::FAILED));
    }
    let names = options.positional.iter().chain(&options.further).cloned().collect();
    let wanted = Wanted { bodies: !asked.without_bodies, connections: asked.connections.clone() };
    let mut looking = Looking { recorder, names, wanted, known: Arc::default() };
    looking.until(asked.time.and_then(|time| Instant::now().checked_add(time)), &stopped);
    Ok(conclude(looking.recorder, options.json, &path.display().to_string()))
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

struct Looking {
    recorder: Recorder,
    names: Vec<String>,
    wanted: Wanted,
    /// Processes that are looked at, or not wanted.
    known: Arc<Mutex<HashSet<u32>>>,
}

impl Looking {
    fn until(&mut self, end: Option<Instant>, stopped: &Receiver<()>) {
        let mut progress = Progress::default();
        loop {
            self.look();
            progress.show(&self.recorder);
            let left = end.map_or(LOOK, |end| end.saturating_duration_since(Instant::now()).min(LOOK));
            let is_stopped = !matches!(stopped.recv_timeout(left), Err(RecvTimeoutError::Timeout));
            let is_over = end.is_some_and(|end| end <= Instant::now());
            if is_stopped || is_over || self.recorder.counted.has_failed() {
                return progress.end();
            }
        }
    }

    /// Attaches to services that have come.
    fn look(&mut self) {
        let present = place::present();
        let services: Vec<u32> =
            present.into_iter().filter(|(kind, _)| *kind == Kind::Service).map(|(_, pid)| pid).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|pid| services.contains(pid));
        let fresh: Vec<u32> = services.into_iter().filter(|pid| known.insert(*pid)).collect();
        drop(known);
        for pid in fresh {
            match self.attach(pid) {
                Ok(()) => {}
                // It has just ended, or one that was killed has left its socket; it is tried again as long as that is there.
                Err(AskError::Lost(_)) => self.forget(pid),
                Err(error) => say!("process {pid} is not recorded: {error}"),
            }
        }
    }

    fn forget(&self, pid: u32) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
    }

    fn attach(&self, pid: u32) -> Result<(), AskError> {
        let path = place::socket(Kind::Service, pid);
        if !self.names.is_empty() {
            let ping = Client::connect(&path, PATIENCE)?.ask(&Question::new("ping"))?;
            if !is_wanted(&self.names, &ping) {
                return Ok(());
            }
        }
        let tapped = Tapped::connect(&path, &self.wanted, true, PATIENCE)?;
        let known = self.known.clone();
        // Its connection may have been cut off, and then it is looked at anew.
        let forget = move || {
            known.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
        };
        Ok(self.recorder.add(tapped, forget)?)
    }
}

/// Whether a service is among those that are named: by its name, its system, both, its model or its process.
fn is_wanted(names: &[String], ping: &Json) -> bool {
    let text = |key| ping.get(key).and_then(Json::as_str).unwrap_or_default();
    let (name, system) = (text("name"), text("system"));
    let pid = ping.get("pid").and_then(Json::as_u64).unwrap_or_default().to_string();
    let is_it = |wanted: &String| {
        let is_of_system = !system.is_empty() && (wanted == system || *wanted == format!("{system}/{name}"));
        wanted == name || is_of_system || wanted == text("service") || *wanted == pid
    };
    names.iter().any(is_it)
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
        let is_wanted = |name: &str| is_wanted(&["other".to_owned(), name.to_owned()], &ping);
        for name in ["stock.2", "shop", "shop/stock.2", "stock", "17"] {
            assert!(is_wanted(name), "{name}");
        }
        for name in ["stock.1", "shop/", "shop/desk", "", "1"] {
            assert!(!is_wanted(name), "{name}");
        }
    }
}
