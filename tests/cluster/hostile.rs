//! A cluster port under strangers: members go on, nobody joins, memory stays bounded.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::running::{NodeProcess, Start, until};
use crate::support::launcher;

/// What a peer of ZMTP 3 says first.
const GREETING: &[u8] = b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00";

/// A connection on which nothing sensible follows.
fn knock(address: &str, number: usize) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    stream.set_write_timeout(Some(Duration::from_millis(200))).ok()?;
    // Whoever is there may hang up at any of these, which is what it should do.
    let _ = match number % 4 {
        0 => stream.write_all(&[number as u8; 4_096]),
        1 => stream.write_all(GREETING),
        // A frame of an exbibyte, behind a handshake without encryption.
        2 => {
            let mut greeting = GREETING.to_vec();
            greeting.extend_from_slice(b"NULL");
            greeting.resize(64, 0);
            stream.write_all(&greeting).and_then(|()| {
                let mut theirs = [0; 64];
                let _ = stream.read_exact(&mut theirs);
                stream.write_all(b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER")?;
                stream.write_all(b"\x02\x10\x00\x00\x00\x00\x00\x00\x00rest")
            })
        }
        _ => Ok(()),
    };
    Some(stream)
}

#[test]
fn strangers_at_the_port_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("cluster.keys");
    let made = launcher().args(["cluster", "keys"]).arg(&keys).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    for with_keys in [false, true] {
        let names = if with_keys { ["one", "two"] } else { ["a", "b"] };
        let start = |name| {
            let mut start = Start::new(name, folder.path());
            start.keys = with_keys.then(|| keys.clone());
            start
        };
        let one = start(names[0]).now();
        let two = start(names[1]).join(&one).now();
        one.wait_for(&names);
        two.wait_for(&names);
        let before = one.memory_kib();
        // Connections stay open, as many as half-open handshakes may.
        let _open: Vec<TcpStream> = (0..300).filter_map(|number| knock(&one.address, number)).collect();
        assert_eq!(one.json(&["map", "set", "m", "k", "1"])["written"], true, "{}", one.log());
        until("data goes round", || two.json(&["map", "get", "m", "k"])["entries"][0]["value"] == json!(1));
        one.wait_for(&names);
        two.wait_for(&names);
        let after = one.memory_kib();
        assert!(after < before + 100 * 1_024, "{before} KiB before, {after} KiB after");
    }
}

#[test]
fn a_thousand_forged_joins_add_no_member() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("cluster.keys");
    assert!(launcher().args(["cluster", "keys"]).arg(&keys).status().unwrap().success());
    let mut start = Start::new("one", folder.path());
    start.keys = Some(keys.clone());
    let one = start.now();
    one.wait_for(&["one"]);
    let others = service_framework::cluster::Keys::generate().unwrap();
    let wrong = [None, Some(&others)];
    for number in 0..1_000 {
        let question = format!("{{\"ask\": \"members\", \"number\": {number}}}");
        if number < 20 {
            // Without the keys there is no answer at all.
            let mut take = |_: &[u8]| -> bool { panic!("somebody answered") };
            let patience = Duration::from_millis(150);
            let asked = service_framework::cluster::transport::ask_node(
                &format!("tcp://{}", one.address),
                wrong[number % 2],
                question.as_bytes(),
                patience,
                &mut take,
            );
            assert_ne!(asked, Ok(true));
        }
        if let Some(mut stream) = knock(&one.address, 4 * number + 3) {
            let _ = stream.write_all(GREETING).and_then(|()| stream.write_all(question.as_bytes()));
        }
    }
    one.wait_for(&["one"]);
    let all = one.json(&["members", "--all"]);
    assert_eq!(all["members"].as_array().map(Vec::len), Some(1), "{all}");
}

/// Two nodes with the keys of a file, and the file.
fn keyed(folder: &std::path::Path) -> (PathBuf, NodeProcess, NodeProcess) {
    let keys = folder.join("cluster.keys");
    assert!(launcher().args(["cluster", "keys"]).arg(&keys).status().unwrap().success());
    let start = |name| {
        let mut start = Start::new(name, folder);
        start.keys = Some(keys.clone());
        start
    };
    let one = start("one").now();
    let two = start("two").join(&one).now();
    one.wait_for(&["one", "two"]);
    two.wait_for(&["one", "two"]);
    (keys, one, two)
}

fn token(keys: &std::path::Path, valid: &str, to: &std::path::Path) {
    let made = launcher().args(["cluster", "token", "--valid", valid, "--keys"]).arg(keys).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    std::fs::write(to, made.stdout).unwrap();
}

#[test]
fn a_newcomer_with_a_token_is_given_the_keys_and_one_without_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, one, two) = keyed(folder.path());
    let at = |name: &str| folder.path().join(name);
    token(&keys, "1h", &at("good"));
    token(&keys, "0s", &at("ended"));
    std::fs::write(at("none"), "sfjoin1-abc").unwrap();
    let newcomer = |name, token: &str| {
        let mut start = Start::new(name, folder.path()).join(&one);
        start.keys = Some(at(&format!("{name}.keys")));
        let token = at(token).display().to_string();
        start.more = vec!["--token", &token];
        start.now()
    };
    let three = newcomer("three", "good");
    for node in [&one, &two, &three] {
        node.wait_for(&["one", "three", "two"]);
    }
    assert_eq!(std::fs::read(at("three.keys")).unwrap(), std::fs::read(&keys).unwrap());
    for (name, token, words) in [("late", "ended", "the token ended"), ("cut", "none", "this is no token")] {
        let mut refused = newcomer(name, token);
        assert_eq!(refused.ended(), Some(2));
        assert!(refused.log().contains(words), "{}", refused.log());
        assert!(!at(&format!("{name}.keys")).exists());
    }
    one.wait_for(&["one", "three", "two"]);
    let counts = one.json(&["inspect"])["counts"].clone();
    assert_eq!((&counts["entered"], &counts["not_entered"]), (&json!(1), &json!(1)));
}

#[test]
fn the_secret_of_a_cluster_changes_while_its_nodes_run() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, one, two) = keyed(folder.path());
    let marks = |node: &NodeProcess| node.json(&["inspect"])["keys"]["secrets"].clone();
    let old = marks(&one)[0].clone();
    for (step, secrets) in [("add", 2), ("use", 2), ("drop", 1)] {
        let taken = launcher().args(["cluster", "keys"]).arg(&keys).arg(step).output().unwrap();
        assert_eq!(taken.status.code(), Some(0), "{taken:?}");
        for node in [&one, &two] {
            until("it has the keys of this step", || {
                let marks = marks(node);
                marks.as_array().is_some_and(|marks| marks.len() == secrets)
                    && (marks[0] == old) == (step == "add")
            });
        }
        // What is written at either arrives at the other.
        for (node, other) in [(&one, &two), (&two, &one)] {
            assert_eq!(node.json(&["map", "set", "steps", step, &format!("\"{step}\"")])["written"], true);
            until("it is there", || {
                other.json(&["map", "get", "steps", step])["entries"][0]["value"] == step
            });
        }
    }
    let (before, node) = (std::fs::read(&keys).unwrap(), one.json(&["inspect"])["node"].clone());
    let again = launcher().args(["cluster", "keys"]).arg(&keys).output().unwrap();
    assert_eq!((again.status.code(), std::fs::read(&keys).unwrap()), (Some(2), before));
    // The processes are those of the beginning, and never lost each other.
    assert_eq!(one.json(&["inspect"])["node"], node);
    for (node, other) in [(&one, "two"), (&two, "one")] {
        node.wait_for(&["one", "two"]);
        assert!(!node.log().contains("failed"), "{other}: {}", node.log());
    }
}
