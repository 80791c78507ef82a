//! Recordings of real services: made, shown, and done again.

mod host;
mod recording;
mod replaying;

use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::folder::{Ended, Folder, LAUNCHER, json};
use crate::support::{Process, wait_until};

/// A folder in which control sockets are, too, with addresses of a replyer and of who asks it.
fn folder() -> Folder {
    let folder = Folder::new();
    let runtime = folder.path("").display().to_string();
    let echo = json!({"in": {"echo": {"replyer": at(&folder, "echo")}}});
    let mid = json!({
        "in": {"mid": {"replyer": at(&folder, "mid")}},
        "out": {"echo": {"requester": at(&folder, "echo")}},
    });
    let owner = json!({"states": {"out": {
        "book": {"publisher": at(&folder, "book"), "replyer": at(&folder, "book_answers")},
    }}});
    let ticks = json!({"out": {"ticks": {"publisher": at(&folder, "ticks")}}});
    folder
        .with("echo.json", echo)
        .with("mid.json", mid)
        .with("owner.json", owner)
        .with("ticks.json", ticks)
        .with_variable("XDG_RUNTIME_DIR", runtime.trim_end_matches('/'))
}

fn at(folder: &Folder, name: &str) -> String {
    format!("ipc://{}", folder.path(name).display())
}

fn start(folder: &Folder, line: &str) -> Process {
    Process::start(folder.command(LAUNCHER).args(line.split_whitespace()))
}

/// Starts a service and waits until it is ready.
fn serve(folder: &Folder, line: &str) -> Process {
    let mut service = start(folder, line);
    service.wait_for("ready");
    service
}

/// Asks, and gives the answer.
fn call(folder: &Folder, address: &str, connection: &str, payload: &str) -> Json {
    let args = json!({ "payload": payload }).to_string();
    let asked = folder.launch(&format!("call {} {connection} {args} --timeout 60s", at(folder, address)));
    assert_eq!((asked.code, asked.stderr.as_str()), (Some(0), ""));
    json(&asked.stdout)
}

fn launched(folder: &Folder, line: &str) -> Ended {
    let ended = folder.launch(line);
    assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
    ended
}

/// The messages of a recording, as `inspect --json` prints them.
fn inspect(folder: &Folder, further: &str) -> Vec<Json> {
    let ended = launched(folder, &format!("inspect run.sfr --json {further}"));
    ended.stdout.lines().map(json).collect()
}

/// Services, connections, directions and kinds of messages.
fn passed(messages: &[Json]) -> Vec<String> {
    let one = |message: &Json| {
        let text = |key| message[key].as_str().unwrap_or_default().to_owned();
        [text("service"), text("connection"), text("direction"), text("kind")].join(" ")
    };
    messages.iter().map(one).collect()
}

/// Waits until so many messages are in the file that is being written.
fn wait_for_messages(folder: &Folder, count: usize) {
    wait_until("the messages are recorded", || {
        let ended = folder.launch("inspect run.sfr --json");
        ended.code == Some(0) && ended.stdout.lines().count() >= count
    });
}

fn end(service: Process) {
    let finished = service.finish_by(Signal::TERM);
    assert_eq!(finished.code, Some(0), "{}", finished.text());
}
