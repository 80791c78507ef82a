//! Ten thousand frames that nobody should send, to every socket of a state: nothing ends, and an honest peer is
//! understood as before.

use std::thread;

use rustix::process::Signal;
use service_framework::Value;

use super::here::{follow, own, shows};
use super::ledger::{Ledger, SMALL, start_copy};
use super::net::Net;
use crate::behaviour::hostile::Dice;
use crate::behaviour::peers::{Peer, Reply, message, table};

const FRAMES: usize = 10_000;

/// Something before the arguments of a frame that an original does not write.
fn with_extra(mut frame: Vec<u8>, name: &str, value: &Value) -> Vec<u8> {
    frame[0] += 1;
    frame.extend(Value::from(name).to_msgpack());
    frame.extend(value.to_msgpack());
    frame
}

fn pair(name: &str, number: u64, value: Value) -> Value {
    table([(name, Value::List(vec![uint(number), value]))])
}

fn uint(number: u64) -> Value {
    Value::from_msgpack(&[&[0xcf][..], &number.to_be_bytes()].concat()).unwrap()
}

/// Questions of honest replicas.
fn questions() -> Vec<Vec<u8>> {
    let plain = message(&table([]), "w");
    let empty = with_extra(plain.clone(), "snapshot", &table([]));
    let have = with_extra(plain.clone(), "snapshot", &pair("have", 5, Value::Int(3)));
    let next = with_extra(plain.clone(), "snapshot", &pair("next", 0, "a".into()));
    vec![plain, empty, have, next]
}

#[test]
fn an_owner_survives_any_question() {
    let net = Net::over_ipc();
    let owner = own(&net);
    owner.book.update().set("a", 1).set("b", 2).publish().unwrap();
    let hostile = Peer::connect(zmq::DEALER, net.at("replyer"));
    let (honest, mut dice) = (questions(), Dice::new(11));
    for number in 0..FRAMES {
        match number % 2 {
            0 => hostile.send([Vec::new(), dice.frame(&honest)]),
            _ => hostile.send(dice.message(&honest)),
        }
        while hostile.receive_now().is_some() {}
    }
    let replica = follow(&net);
    replica.wait_for([("a", 1), ("b", 2)]);
    owner.book.set("c", 3).unwrap();
    replica.wait_for([("a", 1), ("b", 2), ("c", 3)]);
    owner.running.end();
}

/// An update, of the original kind or with an epoch.
fn update(number: i64, is_snapshot: bool, epoch: Option<u64>) -> Vec<u8> {
    let args = table([
        ("current_num", Value::Int(number)),
        ("is_snapshot", Value::Bool(is_snapshot)),
        ("state", table([("a", Value::Int(number)), ("z", Value::Int(1))])),
    ]);
    let frame = message(&args, "w");
    epoch.map_or(frame.clone(), |epoch| with_extra(frame, "epoch", &uint(epoch)))
}

/// An answer, of the original kind or with an epoch and what it is.
fn answer(number: i64, epoch: Option<u64>, kind: &Value) -> Vec<u8> {
    let state = table([("a", Value::Int(number))]);
    let returned = table([("state", state), ("current_num", Value::Int(number))]);
    let mut frame = Vec::new();
    service_framework::wire::write_reply(&mut frame, &returned.to_msgpack(), None);
    let Some(epoch) = epoch else { return frame };
    with_extra(with_extra(frame, "epoch", &uint(epoch)), "snapshot", kind)
}

fn answers() -> Vec<Vec<u8>> {
    let last = table([("last", uint(1))]);
    let since = table([("since", Value::Int(0))]);
    vec![
        answer(0, None, &Value::Nil),
        answer(3, Some(5), &table([])),
        answer(4, Some(u64::MAX), &pair("next", 1, "a".into())),
        answer(i64::MAX, Some(6), &last),
        answer(i64::MIN, Some(5), &since),
    ]
}

fn updates() -> Vec<Vec<u8>> {
    let numbers = [0, 1, -1, i64::MAX, i64::MIN];
    let epochs = [None, Some(5), Some(6), Some(u64::MAX)];
    let all = epochs.into_iter().flat_map(|epoch| numbers.map(|number| (number, epoch)));
    all.flat_map(|(number, epoch)| [true, false].map(|whole| update(number, whole, epoch))).collect()
}

#[test]
fn a_replica_survives_any_owner_and_follows_an_honest_one_after_it() {
    for seed in [12, 13] {
        let net = Net::over_ipc();
        let evil = Peer::bind(zmq::XPUB, net.at("publisher"));
        let answering = Peer::bind(zmq::ROUTER, net.at("replyer"));
        let replica = follow(&net);
        evil.receive();
        let mut dice = Dice::new(seed);
        let (updates, answers) = (updates(), answers());
        for number in 0..FRAMES {
            match number % 9 {
                0 => evil.send(dice.message(&updates)),
                1..4 => evil.send([&updates[dice.below(updates.len())]]),
                _ => evil.send([dice.frame(&updates)]),
            }
            while let Some(question) = answering.receive_now() {
                let head = question[..question.len().min(3)].to_vec();
                for _ in 0..1 + dice.below(5) {
                    let answer = answers[dice.below(answers.len())].clone();
                    let answer = if dice.below(2) == 0 { answer } else { dice.frame(&answers) };
                    answering.send([&head[..], &[answer]].concat());
                }
                thread::yield_now();
            }
        }
        drop((evil, answering));
        let owner = own(&net);
        owner.book.update().set("a", 1).set("b", 2).publish().unwrap();
        replica.wait_for([("a", 1), ("b", 2)]);
        owner.book.set("c", 3).unwrap();
        replica.wait_for([("a", 1), ("b", 2), ("c", 3)]);
        assert!(shows(&owner.book.view(), [("a", 1), ("b", 2), ("c", 3)]));
        replica.running.end();
        owner.running.end();
    }
}

/// More than the replica's socket takes in before somebody reads, and more than lies on the way to it.
const FLOOD: usize = 80_000;

/// libzmq gives a process up whose socket sends a heartbeat over a connection that was lost while it was full.
#[test]
fn a_replica_lives_on_if_its_owner_dies_while_both_are_choked() {
    let net = Net::over_ipc();
    let evil = Peer::bind(zmq::XPUB, net.at("publisher"));
    let copy = start_copy(&net, "copy", &[]);
    evil.receive();
    let dozing = Peer::connect(zmq::DEALER, &net.place.at("copy.doze"));
    // Longer than heartbeats are apart.
    let args = table([("seconds", Value::Float(7.0))]);
    dozing.send([&b""[..], &message(&args, "w")]);
    let update = update(1, false, Some(5));
    (0..FLOOD).for_each(|_| evil.send([&update]));
    drop(evil);
    let dozed = Reply::read(&dozing.receive());
    assert!(dozed.error.is_none(), "{dozed:?}");
    let owner = Ledger::start(&net, SMALL, &[]);
    owner.burst(&net, 5);
    owner.wait_for_copy(&net, "copy");
    assert_eq!(copy.finish_by(Signal::TERM).code, Some(0));
}
