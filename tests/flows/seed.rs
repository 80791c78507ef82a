//! The program that flows were made for, as it was written: against a service that calls back, or twice, or not at all, or when
//! nobody is there any more; in one process and split over three; in a file and in PostgreSQL.

use std::fs;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::support::{does, part, places, shown, until};
use super::world::World;
use crate::folder::{Folder, json as parsed};
use crate::support::{Process, free_address, root, wait_for_listener};

/// What its users may write below it.
const USES: &str = "
from flow.time import timeout

def forged(host):
    return lambda url: create_job_request(host, ['drain'], [url])

def patient(host):
    return reliable_remote_job(forged(host), job_from_response, get_job, callback_timeout=timeout(0.2),
                               job_completed=job_completed, poll_sleep=lambda: 0.05, poll_timeout=timeout(600))

def impatient(host):
    return reliable_remote_job(forged(host), job_from_response, get_job, callback_timeout=timeout(0.2),
                               job_completed=job_completed, poll_sleep=lambda: 0.05, poll_timeout=timeout(0.2))

def no_polling(host):
    return reliable_remote_job(forged(host), job_from_response, get_job, callback_timeout=timeout(0.2))
";

/// How the parts of a host are spread over processes.
#[derive(Clone, Copy)]
enum Layout {
    One,
    Three,
}

/// The processes that serve a folder's store.
struct Parts(Vec<Process>);

impl Layout {
    fn start(self, folder: &Folder, listen: &str, world: &World) -> Parts {
        let (listen, resolve) =
            (format!("--listen {listen}"), format!("--resolve wilson.local={}", world.address));
        let flags = match self {
            Self::One => vec![format!("{listen} {resolve}")],
            Self::Three => vec![
                format!("--only interpreter {listen}"),
                format!("--only requests {resolve}"),
                format!("--only callbacks {listen}"),
            ],
        };
        Parts(flags.iter().map(|flags| part(folder, flags)).collect())
    }
}

impl Parts {
    fn kill(self) {
        for mut part in self.0 {
            part.end_by(Signal::KILL);
        }
    }
}

fn every_path(layout: Layout) {
    for place in places() {
        let source = fs::read_to_string(root().join("examples/flows/seed/reboot.py")).unwrap();
        let folder = place.folder().with("reboot.py", &source).with("uses.py", source + USES);
        it_calls_back_twice(layout, &folder);
        it_does_not_call_back(layout, &folder);
        it_is_never_done(layout, &folder);
        it_calls_back_when_nobody_is_there(layout, &folder);
    }
}

fn it_calls_back_twice(layout: Layout, folder: &Folder) {
    let (world, listen) = (World::start(&["--job-time", "0.1", "--callbacks", "twice"]), free_address());
    let _parts = layout.start(folder, &listen, &world);
    does(folder, "flow start reboot.py reboot --id twice --arg host=h1");
    is_done(folder, "twice");
    assert_eq!(world.effects(), ["job of h1"]);
}

fn it_does_not_call_back(layout: Layout, folder: &Folder) {
    let (world, listen) = (World::start(&["--job-time", "0.5", "--callbacks", "never"]), free_address());
    let _parts = layout.start(folder, &listen, &world);
    does(folder, "flow start uses.py patient --id patient --arg host=h2");
    is_done(folder, "patient");
    assert_eq!(world.effects(), ["job of h2"]);
}

fn it_is_never_done(layout: Layout, folder: &Folder) {
    let (world, listen) = (World::start(&["--job-time", "1e6", "--callbacks", "never"]), free_address());
    let _parts = layout.start(folder, &listen, &world);
    for function in ["impatient", "no_polling"] {
        does(folder, &format!("flow start uses.py {function} --id {function} --arg host={function}"));
        until(folder, function, "failed");
        let error = &shown(folder, function)["error"];
        assert_eq!(error["kind"], "TimeoutError", "{error}");
    }
    assert_eq!(world.effects(), ["job of impatient", "job of no_polling"]);
}

fn it_calls_back_when_nobody_is_there(layout: Layout, folder: &Folder) {
    let (world, listen) = (World::start(&["--job-time", "0.3"]), free_address());
    let parts = layout.start(folder, &listen, &world);
    does(folder, "flow start reboot.py reboot --id left --arg host=h3");
    world.wait_for(1);
    parts.kill();
    // It calls now, and again when somebody is there.
    thread::sleep(Duration::from_millis(400));
    let _parts = layout.start(folder, &listen, &world);
    wait_for_listener(&listen);
    is_done(folder, "left");
    assert_eq!(world.effects(), ["job of h3"]);
}

#[track_caller]
fn is_done(folder: &Folder, id: &str) {
    until(folder, id, "done");
    let result = parsed(&does(folder, &format!("flow run --id {id}")).stdout);
    assert_eq!(result, json!({"job_id": "job-1", "status": "SUCCESS"}));
}

#[test]
fn it_runs_in_one_process() {
    every_path(Layout::One);
}

#[test]
fn it_runs_split_over_three() {
    every_path(Layout::Three);
}
