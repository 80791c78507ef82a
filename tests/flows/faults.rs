//! Hosts that are paused, disks without room, and services that are not there for long: nothing is lost, nothing is done twice, and
//! what is said tells what to do.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Resource, Rlimit, Signal, prlimit};
use serde_json::{Value as Json, json};

use super::support::{command, does, places, serve, shown, status, until, with};
use super::world::World;
use crate::folder::{Folder, json as parsed};
use crate::support::{Process, free_address, wait_until};

const PUTS: &str = "
from flow.http import request
from flow.time import sleep
import uuid

def main(count=12):
    for number in range(count):
        request.new('PUT', f'http://wilson.local/thing/{number}', json={'id': str(uuid.uuid4())}).execute().raise_for_status()
        sleep(0.05)
    return count
";

const OTHER: &str = "def main():\n    return 0\n";

/// What the service outside does for such a flow.
fn things(count: usize) -> Vec<String> {
    let mut things: Vec<String> = (0..count).map(|number| format!("put {number}")).collect();
    things.sort();
    things
}

/// Pauses a host, but not while it holds a file's lock, which would keep all others out of it until it goes on.
fn pause(host: &Process, folder: &Folder) {
    for attempt in 0.. {
        host.signal(Signal::STOP);
        let writes = folder.launch(&format!("flow start other.py --id written-{attempt}"));
        if writes.code == Some(0) {
            return;
        }
        assert!(attempt < 10, "{}", writes.stderr);
        host.signal(Signal::CONT);
    }
}

#[test]
fn a_host_that_is_paused_past_its_lease_changes_nothing_when_it_goes_on() {
    for place in places() {
        let (world, folder) =
            (World::start(&[]), place.folder().with("job.py", PUTS).with("other.py", OTHER));
        let flags = format!("--resolve wilson.local={}", world.address);
        let paused = serve(&folder, &flags);
        does(&folder, "flow start job.py --id f");
        world.wait_for(2);
        pause(&paused, &folder);
        let mut other = serve(&folder, &flags);
        until(&folder, "f", "done");
        let history = shown(&folder, "f")["steps"].clone();
        paused.signal(Signal::CONT);
        assert_eq!(world.effects(), things(12));
        // It is of use again, and has taken nothing back.
        other.end_by(Signal::KILL);
        does(&folder, "flow start job.py --id g --arg count=2");
        until(&folder, "g", "done");
        assert_eq!(shown(&folder, "f")["steps"], history);
    }
}

#[test]
fn a_service_that_is_not_there_for_long_is_asked_until_it_is() {
    let address = free_address();
    let script = PUTS.replace(".execute()", "  .execute()").replace(
        "str(uuid.uuid4())}",
        "str(uuid.uuid4())}, retry={'attempts': 1000, 'backoff': 0.05, 'max_backoff': 0.1}",
    );
    let folder = with(&script);
    let mut served = serve(&folder, &format!("--resolve wilson.local={address}"));
    does(&folder, "flow start job.py --id f --arg count=2");
    let tried = |folder: &Folder| {
        let steps = shown(folder, "f")["steps"].clone();
        steps.as_array().unwrap().iter().filter(|step| step["trouble"].is_string()).count()
    };
    wait_until("it is tried eight times", || tried(&folder) >= 8);
    served.end_by(Signal::KILL);
    let _served = serve(&folder, &format!("--resolve wilson.local={address}"));
    let world = World::start_at(address.rsplit(':').next().unwrap(), &[]);
    until(&folder, "f", "done");
    assert_eq!(world.effects(), things(2));
}

#[test]
fn a_flow_that_failed_for_a_service_goes_on_when_it_is_back() {
    let address = free_address();
    let folder = with(&PUTS.replace("str(uuid.uuid4())}", "str(uuid.uuid4())}, retry=1"));
    let _served = serve(&folder, &format!("--resolve wilson.local={address}"));
    does(&folder, "flow start job.py --id f --arg count=3");
    until(&folder, "f", "failed");
    let error = shown(&folder, "f")["error"].clone();
    assert_eq!(error["kind"], "OSError", "{error}");
    assert!(error["message"].as_str().unwrap().contains("wilson.local"), "{error}");
    let world = World::start_at(address.rsplit(':').next().unwrap(), &[]);
    does(&folder, "flow retry f");
    until(&folder, "f", "done");
    assert_eq!(world.effects(), things(3));
}

const PRINTS: &str = "
from flow.time import sleep

def main():
    kept = []
    for number in range(40):
        kept.append(str(number) * 20000)
        print(kept[-1])
        sleep(0.01)
    return len(kept)
";

#[test]
fn a_disk_without_room_holds_a_flow_up_and_no_more() {
    let folder = with(PRINTS).with("other.py", OTHER);
    does(&folder, "flow run other.py");
    // As if the disk were full, files grow no further than this.
    let full = 200_000;
    let mut shell = Command::new("sh");
    // Whoever writes more gets an error, not a signal.
    shell.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    let serve = command(&folder, "flow serve --listen 127.0.0.1:0 --lease 500ms --color never");
    shell.arg(serve.get_program()).args(serve.get_args()).current_dir(folder.path(""));
    let mut served = Process::start(shell.process_group(0));
    served.wait_for("serving flows");
    let pid = served.pid();
    let limit = |current| prlimit(Some(pid), Resource::Fsize, Rlimit { current, maximum: None });
    limit(Some(full)).unwrap();
    does(&folder, "flow start job.py --id f");
    served.wait_for("it is tried again");
    assert!(["ready", "running", "waiting"].contains(&status(&folder, "f").as_str()));
    limit(None).unwrap();
    until(&folder, "f", "done");
    assert_eq!(parsed(&does(&folder, "flow run --id f").stdout), json!(40));
    let expected = (0..40).fold(String::new(), |mut all, number| {
        writeln!(all, "{}", number.to_string().repeat(20000)).unwrap();
        all
    });
    assert!(does(&folder, "flow logs f").stdout == expected, "it printed something else");
    let verified = does(&folder, "store verify --json").stdout;
    assert_ne!(parsed(&verified), Json::Null);
}
