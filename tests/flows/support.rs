//! A folder with a script and a store, and processes on it.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use crate::folder::{Folder, LAUNCHER, json};
use crate::schema::Schema;
use crate::support::{PATIENCE, Process};

/// A process that was killed is soon known to be gone.
const SERVED: &str = "--lease 500ms --grace 5s --color never";

/// A folder with a script.
pub(super) fn with(script: &str) -> Folder {
    Folder::new().with("job.py", script)
}

/// A command of the launcher in this folder.
pub(super) fn command(folder: &Folder, line: &str) -> Command {
    let mut command = folder.command(LAUNCHER);
    command.args(line.split_whitespace());
    command
}

/// A process that serves the folder's store; callbacks come in at a port that nobody else has.
pub(super) fn serve(folder: &Folder, flags: &str) -> Process {
    part(folder, &format!("--listen 127.0.0.1:0 {flags}"))
}

/// A process that serves it, or a part of it, where its flags say.
pub(super) fn part(folder: &Folder, flags: &str) -> Process {
    let mut process = Process::start(&mut command(folder, &format!("flow serve {SERVED} {flags}")));
    process.wait_for("serving flows");
    process
}

/// A process that runs a flow, and shows what it does.
pub(super) fn follow(folder: &Folder, line: &str) -> Process {
    let line = format!("flow run {line} --follow --listen 127.0.0.1:0 --lease 500ms --color never");
    Process::start(&mut command(folder, &line))
}

/// What was said by something that succeeded.
pub(super) struct Said {
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Does something that succeeds.
#[track_caller]
pub(super) fn does(folder: &Folder, line: &str) -> Said {
    let ended = folder.launch(line);
    assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
    Said { stdout: ended.stdout, stderr: ended.stderr }
}

/// How a flow stands.
pub(super) fn status(folder: &Folder, id: &str) -> String {
    let listed = does(folder, &format!("flow list --json --id {id}")).stdout;
    let own = listed.lines().map(json).find(|flow| flow["id"] == id);
    own.and_then(|flow| flow["status"].as_str().map(str::to_owned)).unwrap_or_default()
}

/// Waits until a flow stands so.
#[track_caller]
pub(super) fn until(folder: &Folder, id: &str, wanted: &str) {
    let began = Instant::now();
    loop {
        let status = status(folder, id);
        if status == wanted {
            return;
        }
        let said = || folder.launch(&format!("flow show {id}")).stdout;
        assert!(began.elapsed() < PATIENCE, "flow {id} is {status} and not {wanted}:\n{}", said());
        thread::sleep(Duration::from_millis(20));
    }
}

/// What `flow show` says of a flow.
pub(super) fn shown(folder: &Folder, id: &str) -> Json {
    json(&does(folder, &format!("flow show {id} --json")).stdout)
}

/// The interpreters of a process, once it has one.
#[track_caller]
pub(super) fn interpreters(of: &Process) -> Vec<Pid> {
    let began = Instant::now();
    loop {
        let found = children(of.pid());
        if !found.is_empty() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "it has no interpreter");
        thread::sleep(Duration::from_millis(10));
    }
}

fn children(parent: Pid) -> Vec<Pid> {
    let parent = parent.as_raw_nonzero().to_string();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect::<Vec<_>>());
        fields.is_some_and(|fields| fields.get(1) == Some(&parent.as_str()) && fields.first() != Some(&"Z"))
    };
    pids.filter(is_child).filter_map(Pid::from_raw).collect()
}

/// Ends processes without a word.
pub(super) fn kill(pids: &[Pid]) {
    for pid in pids {
        // It fails if it has ended, which is what is wanted.
        let _ = kill_process(*pid, Signal::KILL);
    }
}

/// A store that tests share nothing with: a file in each folder, or a schema of PostgreSQL.
pub(super) struct Place(Option<Schema>);

/// One of each kind; without a server of PostgreSQL, only a file.
pub(super) fn places() -> Vec<Place> {
    [Some(Place(None)), Schema::new().map(|schema| Place(Some(schema)))].into_iter().flatten().collect()
}

impl Place {
    /// A folder whose processes have this store.
    pub(super) fn folder(&self) -> Folder {
        match &self.0 {
            Some(schema) => Folder::new().with_variable("SERVICE_FRAMEWORK_STORE", &schema.location),
            None => Folder::new(),
        }
    }
}
