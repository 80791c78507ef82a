//! Replicas that come late, or before there is an owner.

use rustix::process::Signal;
use serde_json::{Map, Value as Json, json};

use super::ledger::{LARGE, Ledger, SMALL, start_copy};
use super::net::{Net, ask};
use crate::support::Process;

/// So many updates `book_owner` makes, in fifty keys.
const UPDATES: u64 = 1_000;

/// A reference service that leads: its updates are all out when `hold` begins.
fn book_owner(net: &Net, arguments: &[&str]) -> Process {
    let addresses = json!({"states": {"out": {"book": net.book_out()}}});
    let leads = ["-m", "--n", "1000", "--hold", "1000"];
    net.place.lead("book_owner", addresses, &[&leads, arguments].concat())
}

fn book_replica(net: &Net, socket: &str, arguments: &[&str]) -> Process {
    let addresses = json!({
        "in": {"read": {"replyer": net.at(socket)}},
    });
    let addresses = json!({"connections": addresses, "states": {"in": {"book": net.book_in()}}});
    net.place.start("book_replica", addresses, arguments)
}

/// What `book_owner` has in the end.
fn whole_book() -> Json {
    let last = |key: u64| UPDATES - 50 + key;
    json!({"book": (0..50).map(|key| (format!("k{key}"), json!(last(key)))).collect::<Map<_, _>>()})
}

fn replicas_come_early_and_late(net: &Net, arguments: &[&str]) {
    let early = book_replica(net, "copy", arguments);
    assert_eq!(net.read("copy"), json!({"book": {}}));
    let owner = book_owner(net, arguments);
    net.read_until("copy", |read| *read == whole_book());
    let late = book_replica(net, "other_copy", arguments);
    net.read_until("other_copy", |read| *read == whole_book());
    for process in [early, late, owner] {
        assert_eq!(process.finish_by(Signal::TERM).code, Some(0));
    }
}

#[test]
fn replicas_come_early_and_late_over_ipc() {
    replicas_come_early_and_late(&Net::over_ipc(), &[]);
}

#[test]
fn replicas_come_early_and_late_over_tcp_under_a_topic() {
    replicas_come_early_and_late(&Net::over_tcp(), &["--topic", "eu"]);
}

#[test]
fn a_replica_under_another_topic_has_the_snapshot_and_no_update() {
    let net = Net::over_ipc();
    let owner = Ledger::start(&net, SMALL, &["--topic", "eu"]);
    let _same = start_copy(&net, "copy", &["--topic", "eu"]);
    let _longer = start_copy(&net, "other_copy", &["--topic", "eu2"]);
    owner.wait_for_copy(&net, "copy");
    owner.wait_for_copy(&net, "other_copy");
    owner.burst(&net, 10);
    owner.wait_for_copy(&net, "copy");
    // An owner has one state, whatever the topic: it is what updates come under.
    assert_eq!(net.read("other_copy")["number"], json!(-1));
}

#[test]
fn a_large_state_comes_in_parts_while_it_changes() {
    let net = Net::over_tcp();
    let owner = Ledger::start(&net, LARGE, &[]);
    owner.burst(&net, 5_000);
    let bursts = || (0..10).for_each(|_| owner.burst(&net, 100));
    let _copies = [start_copy(&net, "copy", &[]), start_copy(&net, "other_copy", &[])];
    bursts();
    owner.wait_for_copy(&net, "copy");
    owner.wait_for_copy(&net, "other_copy");
}

fn settings_replica(net: &Net, socket: &str, arguments: &[&str]) -> Process {
    let addresses = json!({
        "connections": {"in": {"read": {"replyer": net.at(socket)}}},
        "states": {"in": {"settings": {"subscriber": net.at("settings")}}},
    });
    net.place.start("settings_replica", addresses, arguments)
}

#[test]
fn a_full_state_reaches_a_replica_that_was_there_before() {
    for arguments in [&[][..], &["--topic", "eu"]] {
        let net = Net::over_tcp();
        let _replica = settings_replica(&net, "copy", arguments);
        let addresses = json!({"states": {"out": {"settings": {"publisher": net.at("settings")}}}});
        let owner = net.place.lead("settings_owner", addresses, &[&["-m"], arguments].concat());
        net.read_until("copy", |read| *read == json!({"settings": {"mode": "m9", "level": 9}}));
        assert_eq!(owner.finish().code, Some(0));
        assert_eq!(net.read("copy")["settings"]["level"], json!(9), "it stays when the owner is gone");
    }
}

#[test]
fn a_full_state_is_sent_to_whoever_comes_late_and_by_whoever_is_restarted() {
    for arguments in [&[][..], &["--topic", "eu"]] {
        let net = Net::over_ipc();
        let mut owner = Ledger::start(&net, SMALL, arguments);
        let set = |level: i64| ask(net.at("set"), &json!({"level": level}));
        let has = |level: i64| {
            move |read: &Json| {
                read["settings"]["level"] == json!(level) && read["settings_status"] == json!("current")
            }
        };
        set(1);
        set(2);
        let _first = start_copy(&net, "copy", arguments);
        net.read_until("copy", has(2));
        let second = start_copy(&net, "other_copy", arguments);
        net.read_until("other_copy", has(2));
        drop(second);
        owner.process.end_by(Signal::KILL);
        net.read_until("copy", |read| read["settings_status"] == json!("stale"));
        assert_eq!(net.read("copy")["settings"]["level"], json!(2));
        owner.restart(&net, arguments);
        let _second = start_copy(&net, "other_copy", arguments);
        assert_eq!(net.read("other_copy")["settings"], json!(null));
        set(3);
        net.read_until("copy", has(3));
        net.read_until("other_copy", has(3));
    }
}
