//! The original Python package against the reference services, over tcp, in both directions.
//!
//! The Python services are in `interop/`. Which Python is used: `SERVICE_FRAMEWORK_INTEROP_PYTHON`, else `python3`
//! if it has the original package. With neither these tests print that they were skipped; with the variable set, a
//! Python without the package is a failure.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::Signal;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Process, free_address, launcher, root, wait_for_listener};

const VARIABLE: &str = "SERVICE_FRAMEWORK_INTEROP_PYTHON";
const PROBE: &str =
    "import zmq, msgpack, importlib.metadata as m; assert m.version('service_framework') == '0.0.3'";

/// One test at a time: each original service keeps a processor busy even when it has nothing to do.
static TURN: Mutex<()> = Mutex::new(());

/// Where the files of one test are, and what starts its services.
pub(crate) struct Meeting {
    python: PathBuf,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Meeting {
    /// None if there is no original package to meet; says so.
    pub(crate) fn arrange() -> Option<Self> {
        let Some(python) = python() else {
            // Not `eprintln!`, which nobody sees of a test that passes.
            let _ = writeln!(io::stderr(), "skipped: no Python with the original package; set {VARIABLE}");
            return None;
        };
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Meeting { python, folder: tempfile::tempdir().unwrap(), _turn: turn })
    }

    /// Starts a service of the original framework.
    fn theirs(&self, service: &str, addresses: &Json, config: &Json) -> Process {
        self.theirs_with(service, &json!({ "connections": addresses }), config)
    }

    /// Starts one that has states, too.
    pub(crate) fn theirs_with(&self, service: &str, addresses: &Json, config: &Json) -> Process {
        let mut command = Command::new(&self.python);
        command.current_dir(root().join("tests/interop")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.args(["-m", "service_framework", "-s", &format!("./{service}.py"), "-cl", "ERROR"]);
        self.start(command, service, addresses, config)
    }

    /// Starts one of our reference services.
    fn ours(&self, service: &str, addresses: &Json, config: &Json) -> Process {
        let mut command = launcher();
        command.args(["-s", service]);
        self.start(command, service, &json!({ "connections": addresses }), config)
    }

    fn start(&self, mut command: Command, service: &str, addresses: &Json, config: &Json) -> Process {
        let number = std::fs::read_dir(self.folder.path()).unwrap().count();
        let write = |what: &str, json: &Json| {
            let file = self.folder.path().join(format!("{service}.{number}.{what}.json"));
            std::fs::write(&file, json.to_string()).unwrap();
            file
        };
        command.arg("-a").arg(write("addresses", addresses));
        command.arg("-c").arg(write("config", config));
        let is_leading = addresses["connections"].get("in").is_none();
        command.args(is_leading.then_some("-m"));
        Process::start(&mut command)
    }
}

/// The Python to use, found once.
/// A Python that gets through `probe`; the same rules as for the original package.
pub(crate) fn python_with(probe: &str) -> Option<PathBuf> {
    let given = std::env::var_os(VARIABLE).map(PathBuf::from);
    let python = given.clone().unwrap_or_else(|| PathBuf::from("python3"));
    let output = Command::new(&python).args(["-c", probe]).output();
    if output.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(given.is_none(), "{VARIABLE}: {} does not get through: {probe}", python.display());
    let _ = writeln!(io::stderr(), "skipped: no Python that gets through {probe:?}; set {VARIABLE}");
    None
}

fn python() -> Option<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || match std::env::var_os(VARIABLE) {
        Some(python) => {
            let python = PathBuf::from(python);
            assert!(has_original(&python), "{VARIABLE}: {} lacks the original package", python.display());
            Some(python)
        }
        None => Some(PathBuf::from("python3")).filter(has_original),
    };
    FOUND.get_or_init(find).clone()
}

fn has_original(python: &PathBuf) -> bool {
    Command::new(python).args(["-c", PROBE]).output().is_ok_and(|output| output.status.success())
}

fn replyer(name: &str, address: &str) -> Json {
    json!({ "in": { name: { "replyer": address } } })
}

fn requester(address: &str) -> Json {
    json!({ "out": { "echo": { "requester": address } } })
}

fn middle(own: &str, echo: &str) -> Json {
    json!({ "in": { "mid": { "replyer": own } }, "out": { "echo": { "requester": echo } } })
}

#[test]
fn their_requester_asks_our_replyer() {
    let Some(meeting) = Meeting::arrange() else { return };
    let address = free_address();
    let replyer = meeting.ours("echo_replyer", &replyer("echo", &address), &json!({}));
    let asked =
        meeting.theirs("echo_requester", &requester(&address), &json!({ "size": 100, "n": 300 })).finish();
    assert_eq!(asked.object(), json!({ "n": 300, "whole": 300 }), "{}", asked.text());
    assert_eq!(replyer.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn our_requester_asks_their_replyer() {
    let Some(meeting) = Meeting::arrange() else { return };
    let address = free_address();
    let _replyer = meeting.theirs("echo_replyer", &replyer("echo", &address), &json!({}));
    wait_for_listener(&address);
    let asked =
        meeting.ours("echo_requester", &requester(&address), &json!({ "size": 100, "n": 300 })).finish();
    assert_eq!((asked.code, &asked.object()["n"]), (Some(0), &json!(300)), "{}", asked.text());
}

/// Where the original replyer dies, ours answers, the original requester raises, and the service goes on.
#[test]
fn what_kills_their_replyer_raises_in_their_requester() {
    let Some(meeting) = Meeting::arrange() else { return };
    let address = free_address();
    let replyer = meeting.ours("echo_replyer", &replyer("echo", &address), &json!({}));
    for command in ["raise", "badreturn", "none", "panic"] {
        let config = json!({ "size": 1, "n": 1, "cmd": command });
        let asked = meeting.theirs("echo_requester", &requester(&address), &config).finish();
        let ended = asked.object();
        assert_eq!(ended["cmd"], json!(command), "{}", asked.text());
        assert_eq!(ended["raised"], json!("ValueError"), "{command}: {}", asked.text());
    }
    let asked =
        meeting.theirs("echo_requester", &requester(&address), &json!({ "size": 1, "n": 1 })).finish();
    assert_eq!(asked.object()["whole"], json!(1), "{}", asked.text());
    assert_eq!(replyer.finish_by(Signal::TERM).code, Some(0));
}

/// An original requester would wait for ever.
#[test]
fn our_requester_is_told_that_their_replyer_died() {
    let Some(meeting) = Meeting::arrange() else { return };
    let (own, echo) = (free_address(), free_address());
    let replyer = meeting.theirs("echo_replyer", &replyer("echo", &echo), &json!({ "raise_on": "hi" }));
    let middle = meeting.ours("middle", &middle(&own, &echo), &json!({}));
    wait_for_listener(&echo);
    let config = json!({ "address": own, "payload": "hi", "workflow_id": "wf-1" });
    let asked = meeting.theirs("mid_requester", &json!({}), &config).finish();
    assert_eq!(asked.object()["return_args"], json!(null), "{}", asked.text());
    assert_eq!(asked.object()["error"]["code"], json!("handler_failed"), "{}", asked.text());
    assert_eq!(replyer.finish().code, Some(1));
    assert_eq!(middle.finish_by(Signal::TERM).code, Some(0));
}

/// Theirs asks ours, ours asks theirs twice: the ids nest as the original's do.
#[test]
fn workflow_ids_nest_through_both() {
    let Some(meeting) = Meeting::arrange() else { return };
    let (outer, inner, echo) = (free_address(), free_address(), free_address());
    let mut replyer = meeting.theirs("echo_replyer", &replyer("echo", &echo), &json!({ "trace": true }));
    let _inner = meeting.ours("middle", &middle(&inner, &echo), &json!({}));
    let outer_is_mid =
        json!({ "in": { "mid": { "replyer": outer } }, "out": { "echo": { "requester": inner } } });
    let _outer = meeting.theirs("middle", &outer_is_mid, &json!({}));
    let config = json!({ "address": outer, "payload": "hi", "workflow_id": "wf-1" });
    let asked = meeting.theirs("mid_requester", &json!({}), &config).finish();
    let reply = json!({ "return_args": { "echo": "hihi!hi!hi!!" }, "workflow_id": "wf-1" });
    assert_eq!(asked.object(), reply, "{}", asked.text());
    let ids: Vec<String> = (0..4).map(|_| replyer.wait_for("workflow_id")).collect();
    let id = |line: &String| serde_json::from_str::<Json>(line).unwrap()["workflow_id"].clone();
    let ids: Vec<Json> = ids.iter().map(id).collect();
    assert_eq!(ids, ["wf-1", "wf-1_1", "wf-1_1", "wf-1_1_1"]);
}

#[test]
fn many_of_their_requesters_ask_our_replyer_at_once() {
    let Some(meeting) = Meeting::arrange() else { return };
    let address = free_address();
    let _replyer = meeting.ours("echo_replyer", &replyer("echo", &address), &json!({}));
    let config = json!({ "address": address, "requesters": 64, "n": 20 });
    let asked = meeting.theirs("many_requesters", &json!({}), &config).finish();
    assert_eq!(asked.object(), json!({ "whole": 64 * 20 }), "{}", asked.text());
}

/// 64 of their requesters wait for our `middle`, whose one DEALER has as many requests on their REP.
#[test]
fn our_requester_has_many_requests_on_their_replyer() {
    let Some(meeting) = Meeting::arrange() else { return };
    let (own, echo) = (free_address(), free_address());
    let _replyer = meeting.theirs("echo_replyer", &replyer("echo", &echo), &json!({}));
    let _middle = meeting.ours("middle", &middle(&own, &echo), &json!({}));
    wait_for_listener(&echo);
    let config = json!({ "address": own, "requesters": 64, "n": 3, "middle": true });
    let asked = meeting.theirs("many_requesters", &json!({}), &config).finish();
    assert_eq!(asked.object(), json!({ "whole": 64 * 3 }), "{}", asked.text());
}

/// What a publisher sends before a subscriber is connected is lost on both sides; after that nothing is.
fn ticks_arrive(
    publish: impl Fn(&Meeting, &str, Json) -> Process,
    subscribe: impl Fn(&Meeting, &str, Json) -> Process,
) {
    let Some(meeting) = Meeting::arrange() else { return };
    for topic in [None, Some("alpha")] {
        let address = free_address();
        let with_topic = |mut config: Json| {
            topic.iter().for_each(|topic| config["topic"] = json!(topic));
            config
        };
        let subscriber = subscribe(&meeting, &address, with_topic(json!({})));
        let config = with_topic(json!({ "n": 400, "rate": 400.0 }));
        let sent = publish(&meeting, &address, config).finish();
        assert_eq!(sent.object()["sent"], json!(400), "{topic:?}: {}", sent.text());
        let seen = subscriber.finish_by(Signal::INT);
        let counted = seen.object();
        assert_eq!(
            (&counted["gaps"], &counted["last"]),
            (&json!(0), &json!(399)),
            "{topic:?}: {}",
            seen.text()
        );
        assert!(counted["got"].as_u64() > Some(0), "{topic:?}: {counted}");
    }
}

fn publisher_at(address: &str) -> Json {
    json!({ "out": { "ticks": { "publisher": address } } })
}

fn subscriber_at(address: &str) -> Json {
    json!({ "in": { "ticks": { "subscriber": address } } })
}

#[test]
fn their_publisher_tells_our_subscriber() {
    ticks_arrive(
        |meeting, address, config| meeting.theirs("tick_publisher", &publisher_at(address), &config),
        |meeting, address, config| meeting.ours("tick_subscriber", &subscriber_at(address), &config),
    );
}

#[test]
fn our_publisher_tells_their_subscriber() {
    ticks_arrive(
        |meeting, address, config| meeting.ours("tick_publisher", &publisher_at(address), &config),
        |meeting, address, config| meeting.theirs("tick_subscriber", &subscriber_at(address), &config),
    );
}

fn rich_requester(address: &str) -> Json {
    json!({ "out": { "rich": { "requester": address } } })
}

#[test]
fn rich_values_from_theirs_to_ours() {
    let Some(meeting) = Meeting::arrange() else { return };
    let address = free_address();
    let _replyer = meeting.ours("rich_replyer", &replyer("rich", &address), &json!({}));
    for bad_keys in [false, true] {
        let config = json!({ "badkeys": bad_keys });
        let asked = meeting.theirs("rich_requester", &rich_requester(&address), &config).finish();
        let answer = asked.object();
        assert_eq!(answer["price"], json!("25.00"), "{}", asked.text());
        assert_eq!(answer["id"], json!("12345678-1234-5678-1234-567812345678"));
        assert_eq!((&answer["tags"], &answer["blob"]), (&json!(["a"]), &json!("00ff")));
        let types = json!({ "price": "Decimal", "id": "UUID", "tags": "set", "blob": "bytes" });
        assert_eq!(answer["types"], types);
    }
}

#[test]
fn rich_values_from_ours_to_theirs() {
    let Some(meeting) = Meeting::arrange() else { return };
    let address = free_address();
    let replyer = meeting.theirs("rich_replyer", &replyer("rich", &address), &json!({}));
    wait_for_listener(&address);
    let asked = meeting.ours("rich_requester", &rich_requester(&address), &json!({})).finish();
    assert_eq!(asked.code, Some(0), "{}", asked.text());
    assert!(asked.text().contains("25.00"), "{}", asked.text());
    let mut replyer = replyer;
    let arrived: Json = serde_json::from_str(&replyer.wait_for("price")).unwrap();
    let expected = json!({
        "price": "12.50", "id": "12345678-1234-5678-1234-567812345678", "tags": ["a", "b"], "blob": "00ff", "book": 0,
    });
    assert_eq!(arrived, expected);
}
