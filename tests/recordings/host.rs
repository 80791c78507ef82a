//! The proof: the host system, recorded, and replayed ten times as fast into a fresh replica.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value as Json;

use super::{Folder, LAUNCHER, end, inspect, json, launched, start};
use crate::support::{Process, free_address, root};

/// How long it is recorded: seconds, or as many as this variable says.
const SECONDS: &str = "SERVICE_FRAMEWORK_TEST_RECORD_SECONDS";

/// The host system with ports of its own, and control sockets of its own.
fn folder() -> Folder {
    let folder = Folder::new();
    let runtime = folder.path("").display().to_string();
    let host = root().join("examples/systems/host/system.json");
    let mut system = json(&fs::read_to_string(&host).unwrap());
    let configs = root().join("configs/host");
    for (_, entry) in system["services"].as_object_mut().unwrap() {
        let config = Path::new(entry["config"].as_str().unwrap()).file_name().unwrap().to_owned();
        entry["config"] = configs.join(config).display().to_string().into();
    }
    let addresses = system["addresses"].to_string();
    let ports = ["5601", "5602", "5603", "5604", "5605"];
    let addresses = ports
        .iter()
        .fold(addresses, |text, port| text.replace(&format!("127.0.0.1:{port}"), &free_address()));
    system["addresses"] = json(&addresses);
    let figures = &system["addresses"]["sensor.figures"];
    let replica = json!({"states": {"in": {
        "figures": {"subscriber": figures["publisher"], "requester": figures["replyer"]},
    }}});
    folder
        .with("replica.json", replica)
        .with("system.json", system)
        .with_variable("XDG_RUNTIME_DIR", runtime.trim_end_matches('/'))
}

fn seconds() -> u64 {
    std::env::var(SECONDS).ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(4)
}

/// What updates make of a state up to this number.
fn at_number(updates: &[Json], number: i64) -> Json {
    let mut state = serde_json::Map::new();
    for update in updates.iter().map(|update| &update["args"]) {
        if update["current_num"].as_i64().unwrap() > number {
            break;
        }
        if update["is_snapshot"] == true {
            state.clear();
        }
        for (key, value) in update["state"].as_object().unwrap() {
            match value {
                Json::Null => state.remove(key),
                value => state.insert(key.clone(), value.clone()),
            };
        }
    }
    Json::Object(state)
}

/// What a replica last showed.
fn last(watching: Process) -> Json {
    let finished = watching.finish_by(Signal::INT);
    assert_eq!(finished.code, Some(0), "{}", finished.text());
    finished.object()
}

#[test]
fn the_host_system_is_recorded_and_its_state_comes_to_a_fresh_replica() {
    let folder = folder();
    let time = Duration::from_secs(seconds());
    let mut up = Process::start(
        folder
            .command(LAUNCHER)
            .args(["up", "system.json", "--record", "run.sfr"])
            .args(["--log_format", "json"]),
    );
    up.wait_for("view is ready");
    thread::sleep(time);
    let finished = up.finish_by(Signal::INT);
    assert_eq!(finished.code, Some(0), "{}", finished.text());

    let states = launched(&folder, "inspect run.sfr --states --json").stdout;
    let states: Vec<Json> = states.lines().map(json).collect();
    let of = |service: &str, connection: &str| {
        let is_it = |state: &&Json| state["service"] == service && state["connection"] == connection;
        states.iter().find(is_it).unwrap_or_else(|| panic!("{service} {connection}")).clone()
    };
    let recorded = of("sensor", "states.out.figures");
    assert_eq!(recorded["missing"], 0);
    assert!(recorded["number"].as_u64().unwrap() + 2 >= time.as_secs(), "{}", recorded["number"]);
    // What each real replica had when it ended is what the owner had under that number; the owner ends last.
    let updates = inspect(&folder, "--service sensor --kind update");
    for replica in ["answers", "view"] {
        let had = of(replica, "states.in.figures");
        assert_eq!(had["state"], at_number(&updates, had["number"].as_i64().unwrap()), "{replica}");
    }

    let mut replaying = start(&folder, "replay run.sfr --service sensor --speed 10 --stay 60s");
    replaying.wait_for("answered at");
    let began = Instant::now();
    let mut replica = start(&folder, "state figures -a replica.json --watch --json --timeout 60s");
    replica.wait_for(&format!("\"number\":{}", recorded["number"]));
    let took = began.elapsed();
    let shown = json(&launched(&folder, "state figures -a replica.json --json --timeout 60s").stdout);
    assert_eq!(shown["value"], recorded["state"]);
    assert_eq!(shown["number"], recorded["number"]);
    assert!(last(replica)["number"] == recorded["number"]);
    end(replaying);
    eprintln!("{} s recorded, {} updates, replayed in {took:?}", time.as_secs(), recorded["number"]);
    assert!(updates.len() as u64 > recorded["number"].as_u64().unwrap());
}
