//! `flow run`: to the end, left, killed, and run again.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use service_framework::flow::Flows;
use service_framework::store::{Batch, Store};

use super::support::{does, follow, interpreters, kill, serve, status, until, with};
use crate::folder::{Folder, LAUNCHER, json};

const WAITS: &str = "
from flow.events import signal
import uuid

def main():
    first = str(uuid.uuid4())
    print('begun')
    said = await signal('go')
    print('gone on')
    return {'first': first, 'said': said}
";

#[test]
fn the_result_is_json_and_what_is_printed_is_not() {
    let folder = with(
        "def main(name='you', times=1):\n    print('hello', name)\n    return {'name': name, 'times': times}\n",
    );
    let ended = does(&folder, "flow run job.py --arg name=ada --arg times=3 --color never");
    assert_eq!(json(&ended.stdout), serde_json::json!({"name": "ada", "times": 3}));
    assert_eq!(ended.stderr, "hello ada\n");
    let ended = does(&folder, "flow run job.py --store memory --json");
    assert_eq!(json(&ended.stdout)["result"]["name"], "you");
    assert_eq!(json(&ended.stdout)["status"], "done");
}

#[test]
fn a_failure_shows_its_traceback_and_how_to_go_on() {
    let folder = with("def check(order):\n    return order['price']\n\ndef main():\n    return check({})\n");
    let ended = folder.launch("flow run job.py --id f --color never");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    for text in ["job.py\", line 5", "job.py\", line 2, in check", "KeyError", "flow retry f"] {
        assert!(ended.stderr.contains(text), "{text:?} is not in {}", ended.stderr);
    }
}

#[test]
fn callbacks_come_in_where_they_were_said_to_or_not_at_all() {
    let folder = with("from flow.http import callback\n\ndef main():\n    return callback.new().url\n");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ended = folder.launch(&format!("flow run job.py --listen {address}"));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains(&address.to_string()), "{}", ended.stderr);
}

#[test]
fn nothing_of_a_store_is_left_beside_its_file() {
    let folder = with("def main():\n    return 1\n");
    let beside = || folder.path("service_framework.db-wal").exists();
    does(&folder, "flow run job.py");
    assert!(!beside(), "after a run");
    let served = serve(&folder, "");
    let beside_it = does(&folder, "flow run job.py --id other --secret key=x --cpu_limit 3s --color never");
    assert!(
        beside_it.stderr.contains("said here and not used: --secret, --cpu_limit"),
        "{}",
        beside_it.stderr
    );
    does(&folder, "flow start job.py --id b");
    until(&folder, "b", "done");
    served.signal(Signal::TERM);
    assert_eq!(served.finish().code, Some(0));
    assert!(!beside(), "after serving");
}

#[test]
fn a_script_that_is_not_what_was_started_is_not_run() {
    let folder = with(&WAITS.replace("main", "pays_a"));
    does(&folder, "flow start job.py pays_a --id f");
    let location = folder.path("service_framework.db").display().to_string();
    let store = Store::open(&location.parse().unwrap()).unwrap();
    let flows = Flows::of(&store);
    let key = format!("flow-source/{}", flows.started("f").unwrap().source);
    let text = String::from_utf8(store.claimed(&key).unwrap().unwrap()).unwrap();
    store
        .commit(Batch::new().release(&key).claim(&key, text.replace("pays_a", "pays_b").into_bytes()))
        .unwrap();
    drop((flows, store));
    let verified = folder.launch("store verify");
    assert_eq!(verified.code, Some(1));
    assert!(
        verified.stdout.contains("flow f") && verified.stdout.contains("not what was started"),
        "{}",
        verified.stdout
    );
    assert_eq!(folder.launch("flow replay --all").code, Some(1));
    let again = folder.launch("flow start job.py pays_a --id g");
    assert!(again.stderr.contains("is damaged: the text of the script"), "{}", again.stderr);
}

#[test]
fn the_same_id_runs_once() {
    let folder = with("import uuid\n\ndef main():\n    return str(uuid.uuid4())\n");
    let first = does(&folder, "flow run job.py --id once");
    let second = does(&folder, "flow run job.py --id once");
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(does(&folder, "flow run --id once").stdout, first.stdout);
    let other = folder.with("job.py", "def main():\n    return 1\n").launch("flow run job.py --id once");
    assert_eq!(other.code, Some(2));
    assert!(other.stderr.contains("another script"), "{}", other.stderr);
}

#[test]
fn a_script_is_a_command() {
    let folder = Folder::new()
        .with("job", "#!/usr/bin/env -S service_framework flow run\ndef main(n):\n    return n + 1\n");
    std::fs::set_permissions(folder.path("job"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let bin = Path::new(LAUNCHER).parent().unwrap().display().to_string();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
    let output =
        folder.command(folder.path("job")).args(["--arg", "n=41"]).env("PATH", path).output().unwrap();
    let ended = folder.ended(output);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "42\n"), "{}", ended.stderr);
}

#[test]
fn what_is_left_by_ctrl_c_goes_on_where_it_was() {
    let folder = with(WAITS);
    let mut run = follow(&folder, "job.py --id w");
    run.wait_for("waits for message go");
    let left = run.finish_by(Signal::INT);
    assert_eq!(left.code, Some(130));
    assert!(left.text().contains("flow run --id w"), "{}", left.text());
    assert_eq!(status(&folder, "w"), "waiting");
    does(&folder, "flow signal w go [1,2]");
    let ended = does(&folder, "flow run --id w");
    assert_eq!(json(&ended.stdout)["said"], serde_json::json!([1, 2]));
    assert_eq!(ended.stderr.matches("begun").count(), 1, "{}", ended.stderr);
}

#[test]
fn what_a_killed_process_had_is_taken_up() {
    let folder = with(WAITS);
    let mut run = follow(&folder, "job.py --id w");
    run.wait_for("waits for message go");
    run.end_by(Signal::KILL);
    does(&folder, "flow signal w go null");
    let mut again = follow(&folder, "--id w");
    again.wait_for("gone on");
    let ended = again.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.text());
}

#[test]
fn an_interpreter_that_is_killed_costs_nothing() {
    let folder = with(WAITS);
    let mut run = follow(&folder, "job.py --id w");
    run.wait_for("waits for message go");
    kill(&interpreters(&run));
    does(&folder, "flow signal w go 7");
    run.wait_for("gone on");
    let ended = run.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.text());
}

#[test]
fn a_flow_whose_interpreter_dies_again_and_again_is_parked() {
    let folder = with("def main():\n    while True:\n        pass\n");
    let line = "job.py --id p --cpu_limit 1h";
    let mut run = follow(&folder, line);
    for _ in 0..2 {
        kill(&interpreters(&run));
        run.wait_for("its interpreter died");
    }
    kill(&interpreters(&run));
    let ended = run.finish();
    assert_eq!(ended.code, Some(1), "{}", ended.text());
    assert!(ended.text().contains("flow resume p"), "{}", ended.text());
    assert_eq!(status(&folder, "p"), "parked");
}

#[test]
fn a_line_tells_where_it_waits_and_until_when() {
    let folder = with("from flow.time import sleep\n\ndef main():\n    print('before')\n    sleep(3600)\n");
    let mut run = follow(&folder, "job.py --id s");
    run.wait_for("before");
    run.wait_for("job.py:5  sleep(3600)");
    let waits = run.wait_for("waits for the time, until");
    assert!(waits.contains("(in 1 h)") || waits.contains("(in 59 min"), "{waits}");
    drop(run.finish_by(Signal::TERM));
    until(&folder, "s", "waiting");
}
