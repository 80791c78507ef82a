//! Nodes on one host, from the command line.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;

use super::running::{Start, until};
use crate::support::launcher;

#[test]
fn nodes_join_share_data_leave_and_fail() {
    let folder = tempfile::tempdir().unwrap();
    let one = Start::new("one", folder.path()).now();
    let mut two = Start::new("two", folder.path()).join(&one).now();
    let three = Start::new("three", folder.path()).join(&two).now();
    for node in [&one, &two, &three] {
        node.wait_for(&["one", "three", "two"]);
    }
    assert_eq!(one.json(&["map", "set", "stock", "apples", "{\"count\": 12}"])["written"], true);
    until("all have it", || {
        three.json(&["map", "get", "stock", "apples"])["entries"][0]["value"] == json!({ "count": 12 })
    });
    // Whoever joins late has it too.
    let four = Start::new("four", folder.path()).join(&one).now();
    until("the late one has it", || {
        four.json(&["map", "get", "stock"])["entries"][0]["value"]["count"] == json!(12)
    });
    two.signal(Signal::TERM);
    assert_eq!(two.ended(), Some(0));
    one.wait_for(&["four", "one", "three"]);
    let all = one.json(&["members", "--all"]);
    let gone = all["members"].as_array().unwrap().iter().find(|member| member["name"] == "two").unwrap();
    assert_eq!(gone["presence"], "left");
    three.signal(Signal::KILL);
    one.wait_for(&["four", "one"]);
    // A dead member disturbs no event to the others.
    assert_eq!(one.json(&["emit", "later"])["sent_to"], 1);
    assert_eq!(four.json(&["leave"])["leaving"].as_str().map(str::len), Some(32));
    one.wait_for(&["one"]);
}

#[test]
fn a_node_keeps_who_it_is_and_what_it_shares() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let one = Start::new("one", folder.path()).now();
    let start = |name| {
        let mut start = Start::new(name, folder.path()).join(&one);
        start.more = vec!["--data", &data];
        start
    };
    let mut two = start("two").now();
    one.wait_for(&["one", "two"]);
    two.wait_for(&["one", "two"]);
    let id = two.json(&["inspect"])["node"].clone();
    assert_eq!(two.json(&["map", "set", "kept", "key", "7"])["written"], true);
    let second = start("second").now();
    until("one folder is that of one node", || second.log().contains("another process has it"));
    two.signal(Signal::KILL);
    two.ended();
    let again = start("two").now();
    again.wait_for(&["one", "two"]);
    let inspected = again.json(&["inspect"]);
    assert_eq!((&inspected["node"], inspected["epoch"].as_u64() >= Some(2)), (&id, true));
    assert_eq!(again.json(&["map", "get", "kept", "key"])["entries"][0]["value"], 7);
}

#[test]
fn events_are_followed_and_sent_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let one = Start::new("one", folder.path()).now();
    let two = Start::new("two", folder.path()).join(&one).now();
    one.wait_for(&["one", "two"]);
    let mut follower = launcher()
        .args(["cluster", "events", "news", "--json", "--node", &two.address])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    // Whether it is there already cannot be seen from outside, so it is said until it is heard.
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let line = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stopped.load(std::sync::atomic::Ordering::SeqCst) {
                assert_eq!(one.json(&["emit", "other", "1"])["sent_to"], 1);
                assert!(one.json(&["emit", "news", "[1, 2]", "--to", "two"])["sent_to"].is_string());
            }
        });
        let line = lines.next().unwrap().unwrap();
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        line
    });
    follower.kill().unwrap();
    follower.wait().unwrap();
    let heard: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&heard["event"], &heard["data"]), (&json!("news"), &json!([1, 2])));
    let nobody = one.asked(&["emit", "news", "--to", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no member is called `nobody`"));
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let output = |words: &[&str]| {
        let output = launcher().current_dir(folder.path()).args(words).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let nobody = ["cluster", "members", "--node", "127.0.0.1:1", "--timeout", "300ms"];
    let (code, text) = output(&nobody);
    assert_eq!(code, Some(1));
    assert!(text.contains("nobody at tcp://127.0.0.1:1 answered"), "{text}");
    let (code, text) = output(&["node", "--listen", "0.0.0.0:0"]);
    assert_eq!(code, Some(2));
    assert!(
        text.contains("which other hosts reach") && text.contains("--insecure lets anybody join"),
        "{text}"
    );
    let (code, text) = output(&["node", "--join", "127.0.0.1:99999"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("--join") && text.contains("`99999` is no port"), "{text}");
    for flag in ["--cluster", "--name"] {
        let (code, text) = output(&["node", flag, ""]);
        assert_eq!(code, Some(2));
        assert!(text.contains(flag) && text.contains("a name"), "{text}");
    }
    let (code, text) = output(&["cluster", "keys", "keys.json", "dorp"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("one of add, use, drop") && text.contains("did you mean `drop`?"), "{text}");
    let (code, text) = output(&["node", "--bootstrap", "--no_bootstrap"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("one of them at most"), "{text}");
    std::fs::write(folder.path().join("bad.json"), "{\"nodes\": 0, \"seconds\": 1}").unwrap();
    let (code, text) = output(&["cluster", "sim", "bad.json"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("nodes") && text.contains("a number from 1"), "{text}");
    let (code, text) = output(&["node", "--keys", "bad.json"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("bad.json"), "{text}");
}

#[test]
fn a_scenario_is_run_checked_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = json!({
        "name": "two halves", "nodes": 4, "seconds": 25, "steps": [
            {"at": 0, "load": {"emits": 3, "acked": 2, "requests": 3, "writes": 3, "bytes": 100}},
            {"at": 5, "partition": [[0, 1], [2, 3]]}, {"at": 15, "mend_all": true}
        ]
    });
    std::fs::write(folder.path().join("halves.json"), scenario.to_string()).unwrap();
    let run = || {
        let words = ["cluster", "sim", "halves.json", "--svg", "halves.svg", "--json"];
        launcher().current_dir(folder.path()).args(words).output().unwrap()
    };
    let (one, other) = (run(), run());
    assert_eq!(one.status.code(), Some(0), "{}", String::from_utf8_lossy(&one.stderr));
    assert_eq!(one.stdout, other.stdout);
    let report: serde_json::Value = serde_json::from_slice(&one.stdout).unwrap();
    assert!(report["broken"] == json!([]) && report["settled_after"].is_number(), "{report}");
    let picture = std::fs::read_to_string(folder.path().join("halves.svg")).unwrap();
    assert!(picture.contains("cut n0-n1 to n2-n3"), "{picture}");
}
