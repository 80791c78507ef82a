//! Services that find each other by their names: instances come, go, are killed and started again under load.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value as Json, json};
use service_framework::cluster::{Instance, Node};

use super::running::{NodeProcess, Start, until};
use crate::folder::LAUNCHER;
use crate::support::{Finished, Process, free_address, root};

/// A cluster with a node, and the files of those who join it.
pub(super) struct Shop {
    pub(super) folder: tempfile::TempDir,
    pub(super) node: NodeProcess,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = Start::new("seed", folder.path()).now();
        Self { folder, node }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes an addresses file: what it says of the cluster besides its name, and where `reader` asks.
    pub(super) fn addresses(&self, name: &str, cluster: Json, requester: Json) -> PathBuf {
        let mut json = words(&self.node.address, requester);
        json["cluster"].as_object_mut().unwrap().extend(cluster.as_object().unwrap().clone());
        write(&self.path(name), &json)
    }

    fn plain(&self) -> PathBuf {
        self.addresses("words.json", json!({ "share": "work" }), json!("cluster://counter/count"))
    }

    /// The instances of the counter that the node knows to be alive and ready.
    pub(super) fn counters(&self) -> Vec<Json> {
        let answer = self.node.json(&["services", "counter"]);
        let all = answer["instances"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|one| one["presence"] == "alive" && one["ready"] == true).collect()
    }

    pub(super) fn wait_for_counters(&self, count: usize) {
        until("so many counters are found", || self.counters().len() == count);
    }
}

/// Waits until so many counters have counted something, by what they share.
pub(super) fn wait_for_work(node: &NodeProcess, counters: usize) {
    until("so many counters have worked", || {
        let answer = node.json(&["map", "get", "counter/work"]);
        answer["entries"].as_array().is_some_and(|entries| entries.len() == counters)
    });
}

pub(super) fn words(join: &str, requester: Json) -> Json {
    json!({
        "cluster": { "name": "default", "join": [join] },
        "connections": {
            "in": { "count": { "replyer": "127.0.0.1:0" } },
            "out": { "count": { "requester": requester } },
        },
        "states": { "out": { "work": { "publisher": "127.0.0.1:0", "replyer": "127.0.0.1:0" } } },
    })
}

pub(super) fn write(path: &Path, json: &Json) -> PathBuf {
    std::fs::write(path, json.to_string()).unwrap();
    path.to_owned()
}

/// The example with counter and reader.
pub(super) fn program() -> PathBuf {
    Path::new(LAUNCHER).parent().unwrap().join("examples/words")
}

pub(super) fn counter(command: Command, addresses: &Path) -> Process {
    let mut command = command;
    Process::start(command.args(["-s", "counter", "-a"]).arg(addresses))
}

/// A reader of a real text, once or until there is such a file.
pub(super) fn reader(command: Command, addresses: &Path, more: &[&str]) -> Process {
    let mut command = command;
    command.args(["-s", "reader", "-m", "-a"]).arg(addresses).arg("--text");
    Process::start(command.arg(root().join("LICENSE-APACHE")).args(more))
}

fn plain() -> Command {
    Command::new(program())
}

/// Paragraphs by instance, as a reader that has ended said them.
pub(super) fn work(ended: &Finished) -> BTreeMap<String, u64> {
    let split = |line: &String| {
        let (count, by) = line.split_once(" paragraphs by ")?;
        Some((by.to_owned(), count.parse().ok()?))
    };
    ended.lines.iter().filter_map(split).collect()
}

/// Ends a reader by the file that it waits for. It has ended well only if no request has failed.
#[track_caller]
pub(super) fn end(reader: Process, file: &Path) -> BTreeMap<String, u64> {
    std::fs::write(file, "").unwrap();
    let ended = reader.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    work(&ended)
}

#[test]
fn three_instances_share_the_work_and_one_that_is_killed_costs_no_request() {
    let shop = Shop::new();
    let (addresses, stop) = (shop.plain(), shop.path("stop"));
    let mut counters: Vec<Process> = (0..3).map(|_| counter(plain(), &addresses)).collect();
    shop.wait_for_counters(3);
    let found = shop.counters();
    assert!(found.iter().all(|one| one["endpoints"].as_object().unwrap().len() == 3), "{found:?}");
    let mut reader = reader(plain(), &addresses, &["--until", stop.to_str().unwrap()]);
    reader.wait_for("the text was read once");
    // Whoever is connected first may have had the first text alone.
    wait_for_work(&shop.node, 3);
    let killed = counters.pop().unwrap();
    killed.signal(Signal::KILL);
    // Its node is given up within seconds, its connections at once.
    shop.wait_for_counters(2);
    let work = end(reader, &stop);
    assert_eq!(work.len(), 3, "{work:?}");
    let least = work[&killed.pid().as_raw_nonzero().to_string()];
    assert!(work.values().all(|count| *count >= least), "{work:?}");
    until("where it was last is remembered", || {
        let all = shop.node.json(&["services", "counter"]);
        let all = all["instances"].as_array().cloned().unwrap_or_default();
        all.iter().filter(|one| one["presence"] == "down").count() == 1
    });
}

#[test]
fn a_rolling_restart_under_load_costs_no_request() {
    let shop = Shop::new();
    let (addresses, stop) = (shop.plain(), shop.path("stop"));
    let mut counters: Vec<Process> = (0..3).map(|_| counter(plain(), &addresses)).collect();
    shop.wait_for_counters(3);
    let mut reader = reader(plain(), &addresses, &["--until", stop.to_str().unwrap()]);
    reader.wait_for("the text was read once");
    for place in 0..3 {
        let old = counters.remove(place).finish_by(Signal::TERM);
        assert_eq!(old.code, Some(0), "{}", old.text());
        counters.insert(place, counter(plain(), &addresses));
        shop.wait_for_counters(3);
    }
    let work = end(reader, &stop);
    assert!(work.len() > 3, "those that were started again have done something: {work:?}");
}

#[test]
fn whoever_comes_late_is_found_and_that_nobody_comes_is_said() {
    let shop = Shop::new();
    let addresses = shop.plain();
    let nobody = reader(plain(), &addresses, &["--patience", "300ms"]).finish();
    assert_eq!(nobody.code, Some(1));
    let said = "no instance of cluster://counter/count was there for \"count\" within 300ms";
    assert!(nobody.text().contains(said), "{}", nobody.text());
    let reader = reader(plain(), &addresses, &["--patience", "60s"]);
    until("the reader is there", || shop.node.members().contains(&"reader".to_owned()));
    let _late = counter(plain(), &addresses);
    let ended = reader.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    assert!(ended.text().contains("the: "), "{}", ended.text());
}

#[test]
fn services_go_on_without_nodes_and_start_again_with_what_they_knew() {
    let shop = Shop::new();
    let keeps = |name: &str| {
        let data = json!({ "data": name });
        shop.addresses(&format!("{name}.json"), data, json!("cluster://counter/count"))
    };
    // An instance that outlives the node which speaks for it.
    let place = free_address();
    let mut alone = words("127.0.0.1:1", json!("127.0.0.1:1"));
    alone.as_object_mut().unwrap().remove("cluster");
    alone["connections"]["in"]["count"]["replyer"] = json!(place);
    let _counter = counter(plain(), &write(&shop.path("alone.json"), &alone));
    let endpoints = BTreeMap::from([("count/replyer".to_owned(), format!("tcp://{place}"))]);
    let instance = Instance { service: "counter".into(), endpoints, weight: 1, ready: true };
    let speaker = Node::builder("default").name("speaker").listen("127.0.0.1:0").join([&shop.node.address]);
    let speaker = speaker.service(instance).start().unwrap();
    shop.wait_for_counters(1);
    let (kept, stop) = (keeps("kept"), shop.path("stop"));
    let mut reading = reader(plain(), &kept, &["--until", stop.to_str().unwrap()]);
    reading.wait_for("the text was read once");
    // What is found is kept soon after.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        assert!(shop.counters().len() == 1);
        std::thread::sleep(Duration::from_millis(500));
    }
    drop(speaker);
    shop.node.signal(Signal::KILL);
    reading.wait_for("failed");
    assert!(end(reading, &stop).values().sum::<u64>() > 0);
    let again = reader(plain(), &kept, &[]).finish();
    assert_eq!(again.code, Some(0), "{}", again.text());
    let fresh = reader(plain(), &keeps("fresh"), &["--patience", "300ms"]).finish();
    assert!(fresh.text().contains("no instance of"), "who knew nothing finds nothing: {}", fresh.text());
}

#[test]
fn addresses_that_are_written_and_those_that_are_found_go_together() {
    let shop = Shop::new();
    let place = free_address();
    let both = shop.addresses("both.json", json!({}), json!(["cluster://counter/count", place]));
    let mut alone = words("127.0.0.1:1", json!("127.0.0.1:1"));
    alone.as_object_mut().unwrap().remove("cluster");
    alone["connections"]["in"]["count"]["replyer"] = json!(place);
    let written = counter(plain(), &write(&shop.path("alone.json"), &alone));
    let by_written = reader(plain(), &both, &[]).finish();
    assert_eq!(by_written.code, Some(0), "{}", by_written.text());
    assert!(work(&by_written).contains_key(&written.pid().as_raw_nonzero().to_string()));
    written.finish_by(Signal::TERM);
    let _found = counter(plain(), &shop.plain());
    shop.wait_for_counters(1);
    let by_found = reader(plain(), &both, &[]).finish();
    assert_eq!((by_found.code, work(&by_found).len()), (Some(0), 1), "{}", by_found.text());
}

#[test]
fn a_shared_state_is_written_by_several_and_survives_each() {
    let shop = Shop::new();
    let shares = json!({ "share": ["work"] });
    let addresses = shop.addresses("shares.json", shares, json!("cluster://counter/count"));
    let mut counters: Vec<Process> = (0..2).map(|_| counter(plain(), &addresses)).collect();
    shop.wait_for_counters(2);
    let stop = shop.path("stop");
    let reading = reader(plain(), &addresses, &["--until", stop.to_str().unwrap()]);
    wait_for_work(&shop.node, 2);
    end(reading, &stop);
    let pids: Vec<String> =
        counters.iter().map(|counter| counter.pid().as_raw_nonzero().to_string()).collect();
    let in_map = || {
        let answer = shop.node.json(&["map", "get", "counter/work"]);
        let entries = answer["entries"].as_array().cloned().unwrap_or_default();
        let entry = |entry: Json| Some((entry["key"].as_str()?.to_owned(), entry["value"].as_u64()?));
        entries.into_iter().filter_map(entry).collect::<BTreeMap<_, _>>()
    };
    let before = in_map();
    assert!(pids.iter().all(|pid| before.contains_key(pid)), "{before:?}");
    counters.pop().unwrap().signal(Signal::KILL);
    shop.wait_for_counters(1);
    // Who starts now has what the others wrote.
    let _third = counter(plain(), &addresses);
    shop.wait_for_counters(2);
    let owners = shop.counters();
    for owner in &owners {
        let at = |socket: &str| owner["endpoints"][socket].as_str().unwrap().to_owned();
        let shown = || {
            let output = crate::support::launcher()
                .args(["state", "--subscriber", &at("states/work/publisher")])
                .args(["--requester", &at("states/work/replyer"), "--json"])
                .output()
                .unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        until("each has what both wrote", || {
            let shown = shown();
            pids.iter().all(|pid| shown.contains(&format!("\"{pid}\":")))
        });
    }
}

#[test]
fn what_is_wrong_with_a_cluster_in_addresses_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let said = |json: Json| {
        let addresses = write(&folder.path().join("a.json"), &json);
        let ended = reader(plain(), &addresses, &["--patience", "1s"]).finish();
        (ended.code, ended.text())
    };
    let mut without = words("127.0.0.1:1", json!("cluster://counter/count"));
    without.as_object_mut().unwrap().remove("cluster");
    let (code, text) = said(without);
    assert_eq!(code, Some(2));
    assert!(text.contains("a `cluster` at the top of the file"), "{text}");
    let (code, text) = said(words("127.0.0.1:1", json!("cluster://counter")));
    assert_eq!(code, Some(2));
    assert!(text.contains("is no SERVICE/CONNECTION"), "{text}");
    let mut misspelt = words("127.0.0.1:1", json!("cluster://counter/count"));
    misspelt["cluster"] =
        json!({ "name": "x", "jion": [], "keys": "none.json", "weight": 0, "listen": "nowhere" });
    let (code, text) = said(misspelt);
    assert_eq!(code, Some(2));
    for part in ["did you mean `join`?", "cluster.weight", "cluster.listen", "the address of a node"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let mut open = words("127.0.0.1:1", json!("cluster://counter/count"));
    open["cluster"]["listen"] = json!("0.0.0.0:0");
    let (code, text) = said(open);
    assert_eq!(code, Some(1));
    assert!(text.contains("without keys anybody there could join"), "{text}");
    let mut keyless = words("127.0.0.1:1", json!("cluster://counter/count"));
    keyless["cluster"]["keys"] = json!("none.keys");
    let (code, text) = said(keyless);
    assert_eq!(code, Some(2));
    assert!(text.contains("none.keys"), "{text}");
}
