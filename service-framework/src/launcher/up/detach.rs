//! `up --detach`: a system that goes on without a terminal, by a process of its own, which keeps the lines of its services
//! for `logs` and writes what it has to say itself to a file.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, setsid};
use serde_json::Value as Json;

use super::UpOptions;
use super::signals::Watch;
use crate::launcher::control::client::Client;
use crate::launcher::control::message::Question;
use crate::launcher::control::place::{self, Kind};
use crate::launcher::say::say;
use crate::launcher::{exit, report};

/// The variable that tells `up` that it is the process which goes on.
const DETACHED: &str = "SERVICE_FRAMEWORK_DETACHED";

/// How long the services have to be ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Whether this is the process that goes on.
pub(super) fn is_detached() -> bool {
    env::var_os(DETACHED).is_some()
}

/// Leaves the terminal and those who wait at it.
pub(super) fn leave_terminal() {
    // It fails for one who leads a group of its own already, which has left as well.
    let _ = setsid();
}

/// What services of a detached system do not need to know.
pub(super) fn hide(command: &mut Command) {
    command.env_remove(DETACHED);
}

/// Starts the process that goes on and waits until all its services are ready, or it has ended. Returns the exit code.
pub(super) fn start(name: &str, options: &UpOptions, watch: &Watch) -> io::Result<u8> {
    place::make_folder()?;
    let log = place::folder().join(format!("{name}.log"));
    let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&log)?;
    let mut child = spawn(options, file)?;
    let until = Instant::now() + READY_WITHIN;
    loop {
        if let Some(status) = child.try_wait()? {
            say!("{}", fs::read_to_string(&log).unwrap_or_default().trim_end());
            return Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::FAILED));
        }
        if watch.was_asked() {
            return end(&mut child);
        }
        let said = said(child.id());
        if text(&said, "state") == "ready" {
            return Ok(tell(name, &child, &log, text(&said, "dashboard")));
        }
        if Instant::now() >= until {
            say!("{name} runs as process {}, but is not ready: {}", child.id(), missing(&said));
            return Ok(exit::FAILED);
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn spawn(options: &UpOptions, log: File) -> io::Result<Child> {
    let words = options.words.iter().filter(|word| *word != "--detach");
    let mut command = Command::new(env::current_exe()?);
    command.args(words).env(DETACHED, "1").stdin(Stdio::null());
    command.stdout(log.try_clone()?).stderr(log).spawn()
}

fn end(child: &mut Child) -> io::Result<u8> {
    // It fails if it has just ended.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    child.wait()?;
    Ok(exit::OK)
}

fn said(pid: u32) -> Json {
    let client = Client::connect(&place::socket(Kind::System, pid), LOOK_EVERY * 50);
    client.ok().and_then(|mut client| client.ask(&Question::new("ps")).ok()).unwrap_or_default()
}

fn tell(name: &str, child: &Child, log: &Path, dashboard: &str) -> u8 {
    let page =
        if dashboard.is_empty() { String::new() } else { format!("Its dashboard is at {dashboard}\n") };
    let text = format!(
        "{name} is ready (process {}). See `ps {name}`, `logs {name} -f`; stop it by `down {name}`.\n\
         What `up` itself says is in {}.\n{page}",
        child.id(),
        log.display()
    );
    let _ = report::print(&text, exit::OK);
    exit::OK
}

fn missing(said: &Json) -> String {
    let services = said.get("services").and_then(Json::as_array).into_iter().flatten();
    let waits = services.filter(|service| text(service, "state") != "ready");
    let named = waits.map(|service| format!("{} is {}", text(service, "name"), text(service, "state")));
    named.collect::<Vec<_>>().join(", ")
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// The files of a system, for whoever asks.
pub(super) fn shown(files: &[PathBuf]) -> Vec<String> {
    let full = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    files.iter().map(|path| full(path).display().to_string()).collect()
}
