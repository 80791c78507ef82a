//! Owners and replicas that are killed, stopped and continued.

use rustix::process::Signal;
use serde_json::json;

use super::ledger::{LARGE, Ledger, SMALL, start_copy};
use super::net::Net;

/// More than a publisher keeps for a subscriber that does not read, with what lies in buffers on the way.
const FLOOD: i64 = 70_000;

#[test]
fn an_owner_that_is_killed_begins_anew_and_its_replica_with_it() {
    for (net, topic) in [(Net::over_ipc(), ""), (Net::over_tcp(), "eu")] {
        let arguments = ["--topic", topic];
        let mut owner = Ledger::start(&net, SMALL, &arguments);
        let _copy = start_copy(&net, "copy", &arguments);
        owner.burst(&net, 500);
        owner.wait_for_copy(&net, "copy");
        owner.process.end_by(Signal::KILL);
        net.read_until("copy", |read| read["status"] == json!("stale"));
        assert_eq!(net.read("copy")["number"], json!(499), "what was right is still shown");
        owner.restart(&net, &arguments);
        owner.wait_for_copy(&net, "copy");
        owner.burst(&net, 20);
        owner.wait_for_copy(&net, "copy");
    }
}

#[test]
fn a_replica_that_is_killed_comes_back() {
    let net = Net::over_tcp();
    let owner = Ledger::start(&net, LARGE, &[]);
    for steps in [2_000, 100, 0] {
        let copy = start_copy(&net, "copy", &[]);
        owner.burst(&net, steps);
        owner.wait_for_copy(&net, "copy");
        drop(copy);
        owner.burst(&net, 100);
    }
}

#[test]
fn a_replica_that_is_stopped_while_its_owner_floods_has_all_of_it_in_the_end() {
    let net = Net::over_ipc();
    let mut owner = Ledger::start(&net, SMALL, &[]);
    let copy = start_copy(&net, "copy", &[]);
    owner.burst(&net, 10);
    owner.wait_for_copy(&net, "copy");
    copy.signal(Signal::STOP);
    owner.burst(&net, FLOOD);
    owner.process.wait_for("misses messages");
    copy.signal(Signal::CONT);
    owner.wait_for_copy(&net, "copy");
}

#[test]
fn an_owner_that_is_stopped_and_continued_is_the_same() {
    let net = Net::over_ipc();
    let owner = Ledger::start(&net, SMALL, &[]);
    let _copy = start_copy(&net, "copy", &[]);
    owner.burst(&net, 200);
    owner.wait_for_copy(&net, "copy");
    owner.process.signal(Signal::STOP);
    let _late = start_copy(&net, "other_copy", &[]);
    let early = net.read("copy");
    assert_eq!((&early["number"], &early["status"]), (&json!(199), &json!("current")));
    assert_eq!(net.read("other_copy")["status"], json!("waiting"));
    owner.process.signal(Signal::CONT);
    owner.burst(&net, 200);
    owner.wait_for_copy(&net, "copy");
    owner.wait_for_copy(&net, "other_copy");
}
