//! Systems of several services: what they are made of, how they stand failures, and how they are seen and steered.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use service_framework::prelude::*;
use service_framework::service::{SendError, Start, Started};

use crate::folder::{Folder, LAUNCHER, json};
use crate::support::{PATIENCE, Process, wait_until};

/// A folder with a system file, in which control sockets are, too.
fn place(system: &Json) -> Folder {
    let folder = Folder::new();
    let runtime = folder.path("").display().to_string();
    folder.with("system.json", system).with_variable("XDG_RUNTIME_DIR", runtime.trim_end_matches('/'))
}

fn up(folder: &Folder, further: &[&str]) -> Process {
    Process::start(folder.command(LAUNCHER).args(["up", "system.json"]).args(further))
}

/// What `ps` says of each service, by its name.
fn ps(folder: &Folder) -> serde_json::Map<String, Json> {
    let said = json(&folder.launch("ps --json").stdout);
    let rows = said.as_array().unwrap().iter();
    rows.map(|row| (row["name"].as_str().unwrap().to_owned(), row.clone())).collect()
}

fn are_ready(folder: &Folder, count: usize) {
    wait_until("all are ready", || {
        let all = ps(folder);
        all.len() == count && all.values().all(|row| row["state"] == "ready")
    });
}

fn number(row: &Json, key: &str) -> u64 {
    row[key].as_u64().unwrap_or_default()
}

#[derive(Message)]
struct Ask {
    payload: String,
}

#[derive(Message)]
struct Answer {
    echo: String,
}

#[derive(Links)]
struct Echoes {
    #[links(within = "60s", idempotent)]
    echo: Requester<Ask, Answer>,
}

/// Requests without a pause, until it is dropped; how many were answered, and how many were not.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    service: Option<Started>,
}

impl Load {
    fn start(addresses: &[String]) -> Self {
        let (stop, answered, failed) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (until, good, bad) = (stop.clone(), answered.clone(), failed.clone());
        let ask = move |echoes: Echoes| -> Result {
            while !until.load(Ordering::Relaxed) {
                let pending: Vec<_> =
                    (0..8).map(|_| echoes.echo.request(Ask { payload: "hi".into() }).start()).collect();
                for pending in pending {
                    match pending.wait() {
                        Ok(answer) if answer.echo == "hi" => good.fetch_add(1, Ordering::Relaxed),
                        other => {
                            eprintln!("not answered: {:?}", other.err().as_ref().map(SendError::to_string));
                            bad.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                }
            }
            Ok(())
        };
        let start = Start::new(Service::new("load").main(ask)).main_mode();
        let start = addresses.iter().fold(start, |start, address| start.address("echo", address.clone()));
        Self { stop, answered, failed, service: Some(start.start().unwrap()) }
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits until so many more are answered.
    #[track_caller]
    fn goes_on(&self, more: u64) {
        let wanted = self.answered() + more;
        wait_until("requests are answered", || self.answered() >= wanted);
    }

    fn end(mut self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        self.service.take().unwrap().join().unwrap();
        (self.answered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

impl Drop for Load {
    /// A test that has failed says why, and not what its load finds afterwards.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Where an instance listens.
fn address(folder: &Folder, name: &str, socket: &str) -> String {
    let said = json(&folder.launch(&format!("describe {name} --json")).stdout);
    said["listens"][socket].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
fn ten_mistakes_are_ten_problems() {
    let system = json!({
        "services": {
            "stock": { "service": "echo_replyer", "replicas": 0, "depends_on": ["shop"] },
            "shop": { "service": "echo_requester", "main_mode": true, "depends_on": ["stok"], "config": { "size": "large" } },
            "feed": { "service": "tick_publisher", "restart": { "policy": "sometimes" }, "grace": "soon" },
            "lost": { "service": "echo_replier" },
            "view": { "service": "book_replica", "args": [7] },
        },
        "addresses": {
            "stock.eco": "free",
            "shop.echo": "stock.eco",
            "feed.ticks": "127.0.0.1",
        },
    });
    let folder = place(&system);
    let ended = folder.launch("up system.json");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for mistake in [
        "services.stock.replicas",
        "services.shop.depends_on[0]",
        "services.shop.config: size",
        "services.feed.restart.policy",
        "services.feed.grace",
        "error: lost: --service_path",
        "services.view.args[0]",
        "addresses[\"stock.eco\"]",
        "addresses[\"shop.echo\"]",
        "addresses[\"feed.ticks\"]",
    ] {
        assert!(ended.stderr.contains(mistake), "{mistake} in\n{}", ended.stderr);
    }
    assert!(ended.stderr.contains("did you mean `stock`?"), "{}", ended.stderr);
    assert!(ended.stderr.contains("problems: nothing was started"), "{}", ended.stderr);
}

#[test]
fn both_ends_are_compared_and_circles_found() {
    let requester = json!({
        "name": "asker", "main": true, "command": ["true"],
        "connection_models": { "out": { "echo": {
            "connection_type": "requester",
            "required_arguments": { "payload": "int" }, "required_return_arguments": { "echo": "str" },
        } } },
    });
    let system = json!({
        "services": {
            "echo": { "service": "echo_replyer", "depends_on": ["asker"] },
            "asker": { "service": "./asker.json", "main_mode": true, "depends_on": ["echo"] },
        },
        "addresses": { "echo.echo": "free", "asker.echo": "echo.echo" },
    });
    let folder = place(&system).with("asker.json", requester);
    let ended = folder.launch("up system.json");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("echo with asker: connection_models.in.echo"), "{}", ended.stderr);
    assert!(ended.stderr.contains("echo → asker → echo"), "{}", ended.stderr);
    assert!(ended.stderr.contains("2 problems"), "{}", ended.stderr);
}

#[test]
fn files_are_laid_over_each_other_with_variables() {
    let base = json!({ "services": { "echo": { "service": "echo_replyer", "config": { "delay": 1.0 } } }, "addresses": { "echo.echo": "${HOST:-nowhere}:1" } });
    let dev = json!({ "include": ["base.json"], "addresses": { "echo.echo": "${MISSING}" } });
    let over = json!({ "addresses": { "echo.echo": "free" }, "services": { "echo": { "config": { "delay": 0.5 } } } });
    let folder =
        place(&dev).with("base.json", base).with("over.json", over).with_variable("HOST", "127.0.0.1");
    let ended = folder.launch("up system.json");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("system.json: addresses[\"echo.echo\"]"), "{}", ended.stderr);
    assert!(ended.stderr.contains("a value of the variable MISSING"), "{}", ended.stderr);
    let folder = folder.with_variable("MISSING", "free");
    let mut up = up(&folder, &["--override", "over.json"]);
    up.wait_for("listening connection=echo");
    assert_eq!(up.finish_by(Signal::INT).code, Some(0));
}

/// A replyer with three instances.
fn three() -> Json {
    json!({
        "name": "shop",
        "services": { "echo": { "service": "echo_replyer", "replicas": 3 } },
        "addresses": { "echo.echo": "free" },
    })
}

#[test]
fn a_rolling_restart_loses_no_idempotent_request() {
    let folder = place(&three());
    let up = up(&folder, &["-cl", "WARNING"]);
    are_ready(&folder, 3);
    let before = ps(&folder);
    let names = ["echo.1", "echo.2", "echo.3"];
    let load = Load::start(&names.map(|name| address(&folder, name, "in.echo.replyer")));
    load.goes_on(100);
    let ended = folder.launch("restart echo");
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "echo.1, echo.2, echo.3: ready again\n"),
        "{}",
        ended.stderr
    );
    load.goes_on(100);
    let after = ps(&folder);
    let (answered, failed) = load.end();
    assert_eq!(failed, 0, "of {answered} requests");
    for name in names {
        assert_ne!(before[name]["pid"], after[name]["pid"], "{name} was not started again");
        assert_eq!((number(&after[name], "restarts"), &after[name]["state"]), (1, &json!("ready")), "{name}");
    }
    assert_eq!(up.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn a_drained_instance_finishes_and_takes_nothing_new() {
    let folder = place(&three());
    let up = up(&folder, &["-cl", "WARNING"]);
    are_ready(&folder, 3);
    let load = Load::start(&["echo.1", "echo.2"].map(|name| address(&folder, name, "in.echo.replyer")));
    load.goes_on(50);
    let drained = folder.launch("drain echo.1 --timeout 60s");
    assert_eq!(
        (drained.code, drained.stdout.as_str()),
        (Some(0), "shop/echo.1: drained\n"),
        "{}",
        drained.stderr
    );
    load.goes_on(50);
    assert_eq!(load.end().1, 0);
    assert_eq!(ps(&folder)["echo.1"]["state"], "drained");
    let stopped = folder.launch("stop echo.2");
    assert_eq!((stopped.code, stopped.stdout.as_str()), (Some(0), "echo.2: stopped\n"), "{}", stopped.stderr);
    assert_eq!(ps(&folder)["echo.2"]["state"], "stopped");
    assert_eq!(folder.launch("restart shop/echo.2").code, Some(0));
    assert_eq!(ps(&folder)["echo.2"]["state"], "ready");
    assert_eq!(up.finish_by(Signal::TERM).code, Some(0));
}

/// Five services that come back: a replyer, one that passes on to it, an owner of a state, its replica, a publisher.
fn five() -> Json {
    let restart = json!({ "policy": "on-failure", "backoff": "10ms", "max_backoff": "50ms" });
    let service =
        |name: &str, main_mode: bool| json!({ "service": name, "restart": restart, "main_mode": main_mode });
    let mut services = json!({
        "echo": service("echo_replyer", false),
        "second": service("echo_replyer", false),
        "replica": service("book_replica", false),
        "other": service("book_replica", false),
        "third": service("echo_replyer", false),
    });
    services["replica"]["restart"]["policy"] = json!("always");
    json!({
        "name": "five",
        "services": services,
        "addresses": {
            "echo.echo": "free", "second.echo": "free", "third.echo": "free",
            "replica.read": "free", "other.read": "free",
            "replica.book": { "subscriber": "127.0.0.1:9", "requester": "127.0.0.1:9" },
            "other.book": { "subscriber": "127.0.0.1:9", "requester": "127.0.0.1:9" },
        },
    })
}

/// Kills services at random, so often; each is back, the others are as they were, and every request ends well.
#[test]
fn whoever_is_killed_is_back_and_nobody_else_is_disturbed() {
    let kills = std::env::var("SYSTEMS_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let seed: u64 = std::env::var("SYSTEMS_SEED").map_or(1, |seed| seed.parse().unwrap());
    let folder = place(&five());
    let up = up(&folder, &["-cl", "WARNING"]);
    // The replicas have no owner, and say so.
    let is_open = |row: &Json| ["ready", "waiting"].contains(&row["state"].as_str().unwrap_or_default());
    wait_until("all are open", || ps(&folder).len() == 5 && ps(&folder).values().all(is_open));
    let replyers = ["echo", "second", "third"];
    let load = Load::start(&replyers.map(|name| address(&folder, name, "in.echo.replyer")));
    let mut dice = seed;
    for kill in 0..kills {
        let before = ps(&folder);
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let names: Vec<&String> = before.keys().collect();
        let name = names[usize::try_from(dice >> 33).unwrap() % names.len()].clone();
        let pid = i32::try_from(number(&before[&name], "pid")).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        let began = Instant::now();
        wait_until("it is back", || {
            let now = ps(&folder);
            let row = &now[&name];
            // What the table says is so: a process that it names is there.
            is_open(row)
                && row["pid"] != before[&name]["pid"]
                && number(row, "restarts") == number(&before[&name], "restarts") + 1
        });
        assert!(began.elapsed() < PATIENCE, "seed {seed}, kill {kill}");
        let after = ps(&folder);
        for (other, row) in before.iter().filter(|(other, _)| **other != name) {
            assert_eq!(row["pid"], after[other]["pid"], "{other} was disturbed: seed {seed}, kill {kill}");
        }
        load.goes_on(20);
    }
    let (answered, failed) = load.end();
    assert_eq!(failed, 0, "of {answered} requests, seed {seed}");
    let ended = up.finish_by(Signal::TERM);
    assert_eq!(ended.code, Some(0), "{}", ended.text());
}

#[test]
fn services_are_seen_and_steered_from_outside() {
    let folder = place(&three());
    let up = up(&folder, &[]);
    are_ready(&folder, 3);
    let load = Load::start(&[address(&folder, "echo.3", "in.echo.replyer")]);
    load.goes_on(50);
    load.end();
    let stats = json(&folder.launch("stats echo.3 --json").stdout);
    let counts = &stats[0]["connections"]["in.echo"];
    assert!(number(counts, "received") >= 50 && number(counts, "failed") == 0, "{stats}");
    assert!(counts["p99"].as_f64().unwrap() >= counts["p50"].as_f64().unwrap(), "{stats}");
    let table = folder.launch("stats shop/echo.3").stdout;
    assert!(table.contains("connection  received") && table.contains("in.echo"), "{table}");
    let level = folder.launch("log-level echo.3 DEBUG");
    assert_eq!((level.code, level.stdout.as_str()), (Some(0), "shop/echo.3: DEBUG, until now INFO\n"));
    assert_eq!(folder.launch("log-level echo.3 LOUD").code, Some(2));
    let logs = folder.launch("logs echo.3").stdout;
    assert!(logs.contains("echo.3 | ") && !logs.contains("echo.1 | "), "{logs}");
    let document = json(&folder.launch("describe echo.3 --asyncapi").stdout);
    let host = document["servers"]["in.echo"]["host"].as_str().unwrap_or_default().to_owned();
    assert!(address(&folder, "echo.3", "in.echo.replyer").ends_with(&host) && !host.is_empty(), "{document}");
    let nobody = folder.launch("stats ecko.3");
    assert!(nobody.code == Some(2) && nobody.stderr.contains("did you mean `echo.3`?"), "{}", nobody.stderr);
    let table = folder.launch("ps").stdout;
    assert!(table.contains("shop/echo.1") && table.contains("ready"), "{table}");
    let pid = Pid::from_raw(i32::try_from(number(&ps(&folder)["echo.2"], "pid")).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    assert_eq!(ps(&folder)["echo.2"]["state"], "silent");
    kill_process(pid, Signal::CONT).unwrap();
    wait_until("it answers again", || ps(&folder)["echo.2"]["state"] == "ready");
    assert_eq!(up.finish_by(Signal::TERM).code, Some(0));
    assert_eq!(folder.launch("ps").stdout, "nothing runs\n");
}

#[test]
fn a_detached_system_goes_on_until_it_is_told_to_end() {
    let folder = place(&three());
    let detached = folder.launch("up system.json --detach");
    assert_eq!(detached.code, Some(0), "{}{}", detached.stdout, detached.stderr);
    assert!(detached.stdout.contains("shop is ready"), "{}", detached.stdout);
    assert_eq!(ps(&folder).len(), 3);
    let logs = folder.launch("logs shop --json").stdout;
    assert!(logs.lines().any(|line| json(line)["service"] == "echo.2"), "{logs}");
    let down = folder.launch("down");
    assert_eq!((down.code, down.stdout.as_str()), (Some(0), "shop: stopped\n"), "{}", down.stderr);
    assert_eq!(folder.launch("ps").stdout, "nothing runs\n");
    let left: Vec<String> = fs::read_dir(folder.path("service_framework"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["shop.log"], "sockets stay behind");
}

#[test]
fn a_detached_system_that_fails_says_why() {
    let mut system = three();
    system["services"]["echo"]["replicas"] = json!(1);
    system["addresses"]["echo.echo"] = json!("192.0.2.1:7");
    let folder = place(&system);
    let ended = folder.launch("up system.json --detach");
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("echo failed with exit code 1"), "{}", ended.stderr);
}

/// Three services, of which one has a config in a file, and one is built by a command.
fn developed() -> Json {
    json!({
        "name": "dev",
        "services": {
            "steady": { "service": "echo_replyer" },
            "set": { "service": "echo_replyer", "config": "set.json" },
            "made": {
                "service": "echo_replyer",
                "build": ["sh", "-c", "cat source.txt; test -s source.txt || { echo no source >&2; exit 1; }"],
                "watch": ["source.txt"],
            },
        },
        "addresses": { "steady.echo": "free", "set.echo": "free", "made.echo": "free" },
    })
}

#[test]
fn what_changes_is_built_and_started_again() {
    let folder = place(&developed()).with("set.json", json!({ "delay": 0.0 })).with("source.txt", "one");
    let mut up = up(&folder, &["--dev", "-cl", "WARNING"]);
    up.wait_for("what changes is started again; built when its sources change: made");
    are_ready(&folder, 3);
    let pids = |all: &serde_json::Map<String, Json>| {
        ["steady", "set", "made"].map(|name| all[name]["pid"].as_u64().unwrap_or_default())
    };
    let [steady, set, made] = pids(&ps(&folder));
    fs::write(folder.path("set.json"), "{\"delay\": 0.01}").unwrap();
    wait_until("set is started again", || {
        let all = ps(&folder);
        all["set"]["state"] == "ready" && pids(&all)[1] != set
    });
    fs::write(folder.path("source.txt"), "two and more").unwrap();
    up.wait_for("built made in");
    wait_until("made is started again", || {
        let all = ps(&folder);
        all["made"]["state"] == "ready" && pids(&all)[2] != made
    });
    let [_, set, made] = pids(&ps(&folder));
    fs::write(folder.path("source.txt"), "").unwrap();
    up.wait_for("made could not be built and goes on as before:");
    up.wait_for("no source");
    fs::write(folder.path("set.json"), "{\"delay\": \"long\"}").unwrap();
    up.wait_for("set is started again when something of it changes");
    assert_eq!(ps(&folder)["set"]["state"], "failed");
    fs::write(folder.path("set.json"), "{\"delay\": 0.0}").unwrap();
    wait_until("set is back", || ps(&folder)["set"]["state"] == "ready");
    let all = ps(&folder);
    assert_eq!([pids(&all)[0], pids(&all)[2]], [steady, made], "what has not changed goes on");
    assert_ne!(pids(&all)[1], set);
    assert_eq!(up.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn a_system_is_one_document_of_asyncapi() {
    let folder = place(&three());
    let described = folder.launch("describe system.json --asyncapi");
    assert_eq!(described.code, Some(0), "{}", described.stderr);
    let document = json(&described.stdout);
    assert_eq!(document["info"]["title"], "shop");
    let servers = document["channels"]["echo.in.echo"]["servers"].as_array().unwrap().len();
    assert_eq!(servers, 3, "one for each instance");
    let reply = &document["operations"]["echo.in.echo"]["reply"]["messages"][0]["$ref"];
    assert_eq!(reply, "#/channels/echo.in.echo/messages/reply");
    let absent = folder.launch("describe nothing.json --asyncapi");
    assert!(absent.code == Some(2) && absent.stderr.contains("nothing.json"), "{}", absent.stderr);
}

#[test]
fn a_service_waits_until_what_it_depends_on_is_ready() {
    let system = json!({
        "name": "waits",
        "services": {
            "late": { "service": "echo_requester", "main_mode": true, "depends_on": ["echo"], "config": { "size": 3 }, "args": ["--n", "5"] },
            "echo": { "service": "echo_replyer" },
        },
        "addresses": { "echo.echo": "free", "late.echo": "echo.echo" },
    });
    let folder = place(&system);
    let mut up = up(&folder, &[]);
    up.wait_for("late ended by itself");
    let ended = up.finish_by(Signal::TERM);
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    let at = |text: &str| ended.lines.iter().position(|line| line.contains(text));
    // Both are lines of `up` on one stream, in order.
    assert!(at("echo is ready") < at("late ended by itself"), "{}", ended.text());
}

#[test]
fn an_idle_service_is_not_woken_by_its_control_socket() {
    let folder = place(&three());
    let up = up(&folder, &["-cl", "WARNING"]);
    are_ready(&folder, 3);
    let pid = Pid::from_raw(i32::try_from(number(&ps(&folder)["echo.1"], "pid")).unwrap()).unwrap();
    crate::behaviour::idle::assert_sleeps(pid);
    assert_eq!(up.finish_by(Signal::TERM).code, Some(0));
}
