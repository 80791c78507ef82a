//! Flows and services: scripts ask over the connections of a service of their own, and others reach flows through one.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value as Json, json};
use service_framework::Value;
use service_framework::model::{ConnectionModel, Type};
use service_framework::service::{Result, Service, Start};

use super::support::{command, does, serve, shown, status, until};
use crate::folder::{Folder, LAUNCHER, json};
use crate::support::{PATIENCE, Process, free_address, wait_for_listener, wait_until};

/// What asks `echo_replyer` of the reference services.
fn asks() -> Json {
    json!({"name": "asks", "connection_models": {"out": {"echo": {
        "connection_type": "requester",
        "required_arguments": {"payload": "str"},
        "optional_arguments": {"cmd": "str"},
        "required_return_arguments": {"echo": "str"},
    }}}})
}

/// An addresses file with one socket.
fn at(side: &str, name: &str, kind: &str, address: &str) -> Json {
    json!({"connections": {side: {name: {kind: address}}}})
}

/// The reference service that answers, as its own process.
fn echo(folder: &Folder) -> Process {
    let program = Path::new(LAUNCHER).parent().unwrap().join("echo_replyer");
    let mut command = Command::new(program);
    command.current_dir(folder.path("")).args(["-a", "echo.json", "--delay", "20"]);
    let process = Process::start(&mut command);
    let addresses = std::fs::read_to_string(folder.path("echo.json")).unwrap();
    wait_for_listener(json(&addresses)["connections"]["in"]["echo"]["replyer"].as_str().unwrap());
    process
}

/// A folder with a script, the model of what it asks over, and the addresses of both ends.
fn with_echo(script: &str) -> Folder {
    let address = free_address();
    Folder::new()
        .with("job.py", script)
        .with("asks.json", asks())
        .with("to_echo.json", at("out", "echo", "requester", &address))
        .with("echo.json", at("in", "echo", "replyer", &address))
}

const ASKING: &str = "-s ./asks.json -a to_echo.json";

#[test]
fn a_script_asks_over_the_connections_of_its_service() {
    let folder = with_echo(
        "
from flow.service import to_send

def came_to(connection, args, timeout=None):
    try:
        return to_send(connection, args, timeout=timeout)['echo']
    except TimeoutError:
        return 'time'
    except OSError:
        return 'peer'
    except RuntimeError:
        return 'refused'
    except ValueError:
        return 'wrong'

def main():
    asked = [{'payload': 'one'}, {'payload': 'x', 'cmd': 'raise'}, {'payload': 'x', 'cmd': 'badreturn'}, {}]
    return [came_to('echo', args) for args in asked] + [
        came_to('ecko', {'payload': 'x'}), came_to('echo', {'payload': 'x', 'cmd': 'slow'}, timeout=0.2)]
",
    );
    let _echo = echo(&folder);
    let ended = does(&folder, &format!("flow run job.py {ASKING}"));
    assert_eq!(json(&ended.stdout), json!(["one", "refused", "refused", "wrong", "wrong", "time"]));
    // What there is to it can be looked at as for any other service.
    does(&folder, "check -s ./asks.json -a to_echo.json");
    assert!(does(&folder, "describe -s ./asks.json").stdout.contains("echo"));
}

#[test]
fn a_service_that_is_down_or_restarted_is_asked_again_by_the_scripts_own_policy() {
    let folder = with_echo(
        "
from flow.events import signal
from flow.retry import retry
from flow.service import to_send

def ask(payload):
    return to_send('echo', {'payload': payload}, timeout=0.5)['echo']

def main():
    first = retry(ask, 'first', attempts=1000, backoff=0.05, max_backoff=0.1)
    await signal('go')
    return [first, retry(ask, 'second', attempts=1000, backoff=0.05, max_backoff=0.1)]
",
    );
    let _served = serve(&folder, ASKING);
    does(&folder, "flow start job.py --id d");
    let has_failed = || shown(&folder, "d").to_string().contains("Error");
    wait_until("it is noticed that nobody answers", has_failed);
    let mut down = echo(&folder);
    until(&folder, "d", "waiting");
    down.end_by(Signal::KILL);
    does(&folder, "flow signal d go null");
    let _up = echo(&folder);
    until(&folder, "d", "done");
    assert_eq!(json(&does(&folder, "flow run --id d").stdout), json!(["first", "second"]));
}

/// Books what it is asked for in a file, and answers once there is a file `go`.
const LEDGER: &str = r#"
import json, os, sys, time
for line in sys.stdin:
    told = json.loads(line)
    if told.get("handler") == "book":
        with open("ledger", "a") as ledger:
            ledger.write(told["args"]["idempotency_key"] + "\n")
        while not os.path.exists("go"):
            time.sleep(0.01)
        told["answer"] = {"booked": told["args"]["what"]}
    if "call" in told:
        print(json.dumps({"reply": told["call"], "return_args": told.get("answer")}), flush=True)
"#;

#[test]
fn a_host_that_is_killed_between_request_and_answer_asks_again_with_the_same_key() {
    let address = free_address();
    let book = json!({
        "connection_type": "replyer",
        "required_arguments": {"what": "str"},
        "optional_arguments": {"idempotency_key": "str"},
        "required_return_arguments": {"booked": "str"},
    });
    let mut asks = book.clone();
    asks["connection_type"] = "requester".into();
    let folder = Folder::new()
        .with("job.py", "from flow.service import to_send\n\ndef main():\n    return [to_send('book', what=what)['booked'] for what in ('a', 'b')]\n")
        .with("asks.json", json!({"name": "asks", "connection_models": {"out": {"book": asks}}}))
        .with("to_book.json", at("out", "book", "requester", &address))
        .with("book.json", at("in", "book", "replyer", &address))
        .with("ledger.py", LEDGER)
        .with("desk.json", json!({"name": "desk", "command": ["python3", "ledger.py"], "connection_models": {"in": {"book": book}}}));
    let _desk = Process::start(folder.command(LAUNCHER).args(["-s", "./desk.json", "-a", "book.json"]));
    wait_for_listener(&address);
    let asking = "-s ./asks.json -a to_book.json";
    let mut killed = serve(&folder, asking);
    does(&folder, "flow start job.py --id k");
    let keys = || std::fs::read_to_string(folder.path("ledger")).unwrap_or_default();
    wait_until("something is asked for", || keys().lines().count() >= 1);
    killed.end_by(Signal::KILL);
    assert_eq!(status(&folder, "k"), "running");
    std::fs::write(folder.path("go"), "").unwrap();
    let _served = serve(&folder, asking);
    until(&folder, "k", "done");
    assert_eq!(json(&does(&folder, "flow run --id k").stdout), json!(["a", "b"]));
    assert_eq!(keys().lines().collect::<Vec<_>>(), ["k/0", "k/0", "k/1"]);
}

/// The other end of the door to flows.
fn asks_for_flows() -> Json {
    let requester = |required: Json, optional: Json, returns: Json| {
        json!({"connection_type": "requester", "required_arguments": required, "optional_arguments": optional,
            "optional_return_arguments": returns})
    };
    json!({"name": "asks", "connection_models": {"out": {
        "flow_start": requester(
            json!({"source": "str"}),
            json!({"file": "str", "name": "str", "function": "str", "args": ["map", "str", "any"], "scripts": ["map", "str", "str"], "id": "str"}),
            json!({"id": "str", "is_new": "bool"}),
        ),
        "flow_signal": requester(json!({"id": "str", "name": "str"}), json!({"data": "any"}), json!({"is_over": "bool"})),
        "flow_query": requester(json!({"id": "str"}), json!({}),
            json!({"id": "str", "name": "str", "status": "str", "published": ["map", "str", "any"]})),
        "flow_cancel": requester(json!({"id": "str"}), json!({}), json!({"is_over": "bool"})),
        "flow_result": requester(json!({"id": "str"}), json!({"within": "float"}),
            json!({"status": "str", "result": "any", "error": "str"})),
    }}})
}

const DOOR: [&str; 5] = ["flow_start", "flow_signal", "flow_query", "flow_cancel", "flow_result"];

/// The addresses of that door, for one end.
fn door(side: &str, kind: &str, addresses: &[String]) -> Json {
    let mut entries = json!({});
    for (name, address) in DOOR.iter().zip(addresses) {
        entries[name] = json!({kind: address});
    }
    json!({"connections": {side: entries}})
}

const REMOTE: &str = "
from flow.service import to_send

SOURCE = '''
from flow import flows
from flow.events import publish, signal

def main(n):
    publish(\"n\", n)
    told = await signal(\"go\")
    return [n, told, await flows.start(\"other.py\")]
'''

def start(id):
    scripts = {'other.py': 'def main():\\n    return 7\\n'}
    return to_send('flow_start', {'source': SOURCE, 'args': {'n': 5}, 'id': id, 'scripts': scripts})

def main():
    is_new = [start('a')['is_new'], start('a')['is_new'], start('b')['is_new']]
    still = to_send('flow_result', {'id': 'a', 'within': 0.1})['status']
    published = to_send('flow_query', {'id': 'a'})['published']
    to_send('flow_signal', {'id': 'a', 'name': 'go', 'data': {'x': 1}})
    to_send('flow_cancel', {'id': 'b'})
    ends = [to_send('flow_result', {'id': id, 'within': 30.0}, timeout=40) for id in ('a', 'b')]
    try:
        to_send('flow_start', {'source': 'import os', 'file': 'bad.py'})
    except RuntimeError as problem:
        refused = 'bad.py:1:8' in str(problem)
    return {'is_new': is_new, 'still': still in ('running', 'waiting'), 'published': published['n'],
            'result': ends[0]['result'], 'status': [end['status'] for end in ends], 'refused': refused}
";

#[test]
fn others_start_tell_look_at_cancel_and_await_flows() {
    let addresses: Vec<String> = DOOR.iter().map(|_| free_address()).collect();
    let events = free_address();
    let mut served = door("in", "replyer", &addresses);
    served["connections"]["out"] = json!({"flow_events": {"publisher": events}});
    let folder = Folder::new()
        .with("remote.py", REMOTE)
        .with("served.json", served)
        .with("x.py", "def main():\n    return 1\n")
        .with("asks.json", asks_for_flows())
        .with("asking.json", door("out", "requester", &addresses));
    let heard = Arc::<Mutex<Vec<(String, String)>>>::default();
    let hears = heard.clone();
    let told = move |args: Value| -> Result<()> {
        let text = |name: &str| args.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        hears.lock().unwrap().push((text("id"), text("status")));
        Ok(())
    };
    let model =
        ConnectionModel::subscriber("flow_events").requires("id", Type::Str).requires("status", Type::Str);
    let listener = Start::new(Service::new("listener").receives(model, told))
        .address("flow_events", format!("tcp://{events}"))
        .start()
        .unwrap();
    let _served = serve(&folder, "-a served.json");
    let line = "flow run remote.py -s ./asks.json -a asking.json --store other.db --listen 127.0.0.1:0";
    let ended = json(&does(&folder, line).stdout);
    assert_eq!(
        ended,
        json!({"is_new": [true, false, true], "still": true, "published": 5, "result": [5, {"x": 1}, 7],
            "status": ["done", "cancelled"], "refused": true})
    );
    // Subscribers may come late to what is published; there is more to come.
    let began = Instant::now();
    let has_heard = |id: &str| heard.lock().unwrap().contains(&(id.to_owned(), "done".to_owned()));
    for number in 0.. {
        does(&folder, &format!("flow start x.py --id x{number}"));
        until(&folder, &format!("x{number}"), "done");
        if has_heard(&format!("x{number}")) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{:?}", heard.lock().unwrap());
    }
    drop(listener);
}

#[test]
fn what_is_wrong_with_services_and_programs_is_said_before_anything_starts() {
    let folder = with_echo("def main():\n    return 1\n");
    let wrong = [
        ("flow run job.py -s ./asks.json", "-a"),
        ("flow serve -s ./nowhere.json -a to_echo.json", "nowhere.json"),
        ("flow serve -s ./asks.json -a echo.json", "echo"),
        ("flow serve --only callbacks -s ./asks.json -a to_echo.json", "--only requests"),
        ("flow serve --hooks hooks.json", "--programs"),
        ("flow serve --programs nowhere.json", "nowhere.json"),
    ];
    for (line, says) in wrong {
        let ended = folder.launch(&format!("{line} --color never"));
        assert_eq!(ended.code, Some(2), "{line}: {ended:?}");
        assert!(ended.stderr.contains(says), "{line}: {}", ended.stderr);
    }
    // Without any of it a script that asks waits for who can send it.
    let script = "from flow.service import to_send\n\ndef main():\n    return to_send('echo', payload='x')\n";
    let folder = folder.with("asks.py", script);
    let line = "flow run asks.py --follow --listen 127.0.0.1:0 --color never";
    let mut waits = Process::start(&mut command(&folder, line));
    waits.wait_for("waits for");
}
