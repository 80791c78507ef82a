//! States of the original Python package and of this one, over tcp, in both directions: see [`crate::interop`].
//!
//! What an original replica can know of an owner of ours: all updates, and a snapshot whenever a number is missing. It
//! learns that by the next update only. What a replica of ours can know of an original owner: the same, and that it is
//! gone; its snapshots have no number.

use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::interop::Meeting;
use crate::states::ledger::{Ledger, SMALL, Size, start_copy};
use crate::states::net::{Net, ask};
use crate::support::{Process, wait_for_listener};

/// With the second it takes less than a flood to fill what lies between two processes.
const FLOODED: Size = Size { keys: 40, pad: 300 };
const FLOOD: i64 = 70_000;

/// As an original takes addresses.
fn plain(addresses: &Json) -> Json {
    serde_json::from_str(&addresses.to_string().replace("tcp://", "")).unwrap()
}

fn their_replica(meeting: &Meeting, net: &Net, topic: &str) -> Process {
    let addresses = json!({
        "connections": {"in": {"read": {"replyer": net.at("copy")}}},
        "states": {"in": {"book": net.book_in()}},
    });
    let replica = meeting.theirs_with("book_replica", &plain(&addresses), &config(topic));
    wait_for_listener(net.at("copy").trim_start_matches("tcp://"));
    replica
}

fn config(topic: &str) -> Json {
    if topic.is_empty() { json!({}) } else { json!({"topic": topic}) }
}

/// Waits until an original replica has what our owner has.
fn wait_for_theirs(net: &Net) {
    let own = net.read("owner")["book"].clone();
    net.read_until("copy", |read| read["book"] == own);
}

/// Has our owner make updates until an original replica has heard one: what it was sent before it was connected, it
/// will never miss.
fn wait_until_theirs_hears(net: &Net, owner: &Ledger) {
    net.read_until("copy", |read| {
        owner.burst(net, 1);
        read["book"] != json!({})
    });
}

#[test]
fn their_replica_follows_our_owner_and_is_sent_a_snapshot_if_it_comes_late() {
    let Some(meeting) = Meeting::arrange() else { return };
    for topic in ["", "alpha"] {
        let net = Net::over_tcp();
        let mut replica = their_replica(&meeting, &net, topic);
        let mut owner = Ledger::start(&net, SMALL, &["--topic", topic]);
        wait_until_theirs_hears(&net, &owner);
        owner.burst(&net, 5_500);
        wait_for_theirs(&net);

        replica.end_by(Signal::KILL);
        let _replica = their_replica(&meeting, &net, topic);
        wait_until_theirs_hears(&net, &owner);
        wait_for_theirs(&net);

        owner.restart(&net, &["--topic", topic]);
        // An original counts on from where it was, so it hears an owner that began anew by a snapshot only: by the
        // first update if it is connected again by then, else by the next that replaces the state.
        net.read_until("copy", |read| {
            owner.burst(&net, 100);
            read["book"]["life"] == json!(1)
        });
        owner.burst(&net, 100);
        wait_for_theirs(&net);
    }
}

#[test]
fn their_replica_that_was_stopped_in_a_flood_of_ours_mends_by_a_snapshot() {
    let Some(meeting) = Meeting::arrange() else { return };
    let net = Net::over_tcp();
    let replica = their_replica(&meeting, &net, "");
    let mut owner = Ledger::start(&net, FLOODED, &[]);
    wait_until_theirs_hears(&net, &owner);
    replica.signal(Signal::STOP);
    owner.burst(&net, FLOOD);
    owner.process.wait_for("misses messages");
    replica.signal(Signal::CONT);
    // Each update after the flood is a chance to notice that some are missing.
    let late = net.read("owner")["number"].as_i64().unwrap();
    net.read_until("copy", |read| {
        owner.burst(&net, 1);
        read["book"]["last"].as_i64() > Some(late)
    });
    wait_for_theirs(&net);
}

fn their_owner(meeting: &Meeting, net: &Net, config: &Json) -> Process {
    let addresses = json!({
        "connections": {"in": {"burst": {"replyer": net.at("burst")}}},
        "states": {"out": {"book": net.book_out()}},
    });
    let owner = meeting.theirs_with("book_owner", &plain(&addresses), config);
    wait_for_listener(net.at("burst").trim_start_matches("tcp://"));
    owner
}

/// Has the original owner do something, and waits until our replica has what it has then, knows it, and was told.
#[track_caller]
fn burst_and_wait(net: &Net, args: &Json) {
    let book = ask(net.at("burst"), args)["book"].clone();
    wait_for_ours(net, &book);
}

#[track_caller]
fn wait_for_ours(net: &Net, book: &Json) {
    net.read_until("copy", |read| {
        read["book"] == *book && read["status"] == json!("current") && read["told"] == json!(true)
    });
}

#[test]
fn our_replica_follows_their_owner_from_the_start_late_and_after_restarts() {
    let Some(meeting) = Meeting::arrange() else { return };
    for (topic, first) in [("", 0), ("alpha", 1)] {
        let net = Net::over_tcp();
        let arguments = ["--topic", topic];
        let mut given = config(topic);
        given["first"] = json!(first);
        let mut copy = start_copy(&net, "copy", &arguments);
        assert_eq!(net.read("copy")["status"], json!("waiting"));
        let mut owner = their_owner(&meeting, &net, &given);
        wait_for_ours(&net, &json!({}));
        burst_and_wait(&net, &json!({"steps": 1}));
        burst_and_wait(&net, &json!({"steps": 3_000}));
        burst_and_wait(&net, &json!({"steps": 10, "replace": true}));

        copy.end_by(Signal::KILL);
        let missed = ask(net.at("burst"), &json!({"steps": 50}))["book"].clone();
        let _copy = start_copy(&net, "copy", &arguments);
        wait_for_ours(&net, &missed);
        burst_and_wait(&net, &json!({"steps": 100}));

        owner.end_by(Signal::KILL);
        net.read_until("copy", |read| read["status"] == json!("stale"));
        let mut owner = their_owner(&meeting, &net, &given);
        wait_for_ours(&net, &json!({}));
        burst_and_wait(&net, &json!({"steps": 100}));

        owner.end_by(Signal::KILL);
        let _owner = their_owner(&meeting, &net, &given);
        burst_and_wait(&net, &json!({"steps": 30}));
    }
}

#[test]
fn our_replica_asks_their_owner_when_numbers_are_missing() {
    let Some(meeting) = Meeting::arrange() else { return };
    let net = Net::over_tcp();
    let _owner = their_owner(&meeting, &net, &json!({"size": 2_000}));
    let copy = start_copy(&net, "copy", &[]);
    burst_and_wait(&net, &json!({"steps": 10}));
    burst_and_wait(&net, &json!({"steps": 1, "skip": 3}));
    burst_and_wait(&net, &json!({"steps": 100, "skip": 1}));
    // An original publisher keeps a thousand messages for whoever does not read, and drops the others in silence.
    copy.signal(Signal::STOP);
    let book = ask(net.at("burst"), &json!({"steps": 20_000}))["book"].clone();
    copy.signal(Signal::CONT);
    wait_for_ours(&net, &book);
    burst_and_wait(&net, &json!({"steps": 5}));
}

fn settings_replica(net: &Net) -> Json {
    json!({
        "connections": {"in": {"read": {"replyer": net.at("copy")}}},
        "states": {"in": {"settings": {"subscriber": net.at("settings")}}},
    })
}

fn settings_owner(net: &Net) -> Json {
    json!({"states": {"out": {"settings": {"publisher": net.at("settings")}}}})
}

#[test]
fn a_full_state_goes_both_ways() {
    let Some(meeting) = Meeting::arrange() else { return };
    for topic in ["", "alpha"] {
        let whole = json!({"settings": {"mode": "m9", "level": 9}});
        let net = Net::over_tcp();
        let _replica =
            meeting.theirs_with("settings_replica", &plain(&settings_replica(&net)), &config(topic));
        wait_for_listener(net.at("copy").trim_start_matches("tcp://"));
        let owner = net.place.lead("settings_owner", settings_owner(&net), &["-m", "--topic", topic]);
        net.read_until("copy", |read| *read == whole);
        assert_eq!(owner.finish().code, Some(0));

        let net = Net::over_tcp();
        let _replica = net.place.start("settings_replica", settings_replica(&net), &["--topic", topic]);
        let _owner = meeting.theirs_with("settings_owner", &plain(&settings_owner(&net)), &config(topic));
        net.read_until("copy", |read| *read == whole);
    }
}
