//! What handlers of changes are told, and what an owner refuses to change.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value as Json, json};
use service_framework::model::{StateModel, Type};
use service_framework::service::{BlockingToSend, Result, SendError, Service, States};
use service_framework::{Value, state::Status};

use super::here::{Replica, book, follow, follow_by, own, own_as, shows};
use super::net::{Net, wait_until};
use crate::behaviour::inside::Inside;
use crate::support::PATIENCE;

fn with_why(model: StateModel) -> StateModel {
    model.optional("why", Type::Str)
}

/// A replica with a handler of changes, and what that is told; with it, whether the state had it then.
fn follow_and_tell(net: &Net) -> (Replica, Receiver<(Json, bool)>) {
    let (sender, told) = channel();
    let model = with_why(StateModel::delta_in("book", book()));
    let service =
        Service::new("replica").follows(model, move |change: Value, states: States| -> Result<()> {
            let view = states.delta("book")?;
            let had = view.number() >= change.get("current_num").and_then(Value::as_i64);
            sender.send((change.to_json(), had))?;
            Ok(())
        });
    (follow_by(service, net.book_in()), told)
}

#[test]
fn handlers_are_told_every_change_in_order_and_of_a_snapshot_what_it_changed() {
    let net = Net::over_ipc();
    let owner = own_as(with_why(StateModel::delta_out("book", book())), net.book_out());
    let (replica, told) = follow_and_tell(&net);
    replica.wait_until(|view| view.status() == Status::Current);
    let next = || {
        let (told, had) = told.recv_timeout(PATIENCE).unwrap();
        assert!(had, "a handler sees what it is told, or later: {told}");
        told
    };
    let change = |number: i64, is_snapshot: bool, state: Json| json!({"current_num": number, "is_snapshot": is_snapshot, "state": state});
    owner.book.update().set("a", 1).set("b", 2).publish().unwrap();
    assert_eq!(next(), change(0, true, json!({"a": 1, "b": 2})), "an owner's first update is all there is");
    owner.book.set("c", 3).unwrap();
    assert_eq!(next(), change(1, false, json!({"c": 3})));
    owner.book.remove("absent").unwrap();
    owner.book.remove("a").unwrap();
    assert_eq!(next(), change(2, false, json!({"a": null})), "what was not there was not deleted");
    owner.book.replace(json!({"b": 2, "d": 4})).unwrap();
    assert_eq!(next(), change(3, true, json!({"c": null, "d": 4})));
    owner.book.update().set("b", 5).with("why", "it rains").publish().unwrap();
    let mut with_why = change(4, false, json!({"b": 5}));
    with_why["why"] = json!("it rains");
    assert_eq!(next(), with_why);
    assert!(shows(&replica.see(), [("b", 5), ("d", 4)]), "what travels with a change is not of the state");
    for number in 5..500 {
        owner.book.set("e", number).unwrap();
        assert_eq!(next(), change(number, false, json!({"e": number})));
    }
}

#[test]
fn a_handler_of_a_replica_that_comes_late_is_told_the_whole_and_after_a_restart_the_difference() {
    let net = Net::over_ipc();
    let owner = own(&net);
    owner.book.update().set("a", 1).set("b", 2).publish().unwrap();
    owner.book.set("b", 3).unwrap();
    let (replica, told) = follow_and_tell(&net);
    let first = told.recv_timeout(PATIENCE).unwrap().0;
    assert_eq!((&first["is_snapshot"], &first["state"]), (&json!(true), &json!({"a": 1, "b": 3})));
    owner.running.end();
    let owner = own(&net);
    owner.book.update().set("a", 1).set("c", 1).publish().unwrap();
    replica.wait_for([("a", 1), ("c", 1)]);
    let mut held = json!({"a": 1, "b": 3});
    while held != json!({"a": 1, "c": 1}) {
        let told = told.recv_timeout(PATIENCE).unwrap().0;
        for (key, value) in told["state"].as_object().unwrap() {
            held[key] = value.clone();
        }
        held.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    }
}

#[test]
fn a_refused_change_names_the_key_and_changes_nothing() {
    let net = Net::over_ipc();
    let owner = own_as(with_why(StateModel::delta_out("book", book())), net.book_out());
    let replica = follow(&net);
    owner.book.set("a", 1).unwrap();
    let named = |refused: Result<(), SendError>, name: &str| {
        let Err(SendError::InvalidArguments { connection, mismatches }) = refused else {
            panic!("{refused:?}")
        };
        let text = format!("{mismatches:?}");
        assert!(connection == "book" && text.contains(name), "{text}");
    };
    named(owner.book.set("long_key", "text"), "long_key");
    named(owner.book.set("long_key", 1.5), "long_key");
    named(owner.book.set(7, 7), "7");
    named(owner.book.update().set("a", 2).set("long_key", true).publish(), "long_key");
    named(owner.book.replace(json!({"a": 3, "long_key": []})), "long_key");
    named(owner.book.replace(json!({"a": 3, "long_key": null})), "long_key");
    named(owner.book.update().set("a", 2).with("why", 7).publish(), "why");
    named(owner.book.update().set("a", 2).with("who", "me").publish(), "who");
    named(owner.book.set_for("long_key", "text", Duration::from_secs(1)), "long_key");
    assert!(shows(&owner.book.view(), [("a", 1)]) && owner.book.view().number() == Some(0));
    owner.book.set("b", 2).unwrap();
    assert_eq!(replica.wait_for([("a", 1), ("b", 2)]).number(), Some(1));
}

#[test]
fn an_update_that_the_replica_does_not_take_shows_in_its_status() {
    let net = Net::over_ipc();
    let owner = own_as(StateModel::delta_out("book", Type::map(Type::Str, Type::Any)), net.book_out());
    let replica = follow(&net);
    owner.book.set("a", 1).unwrap();
    replica.wait_for([("a", 1)]);
    owner.book.set("b", "text").unwrap();
    let view = replica.wait_until(|view| view.status() != Status::Current);
    assert!(shows(&view, [("a", 1)]), "what was right is still shown");
    owner.book.remove("b").unwrap();
    replica.wait_for([("a", 1)]);
}

#[test]
fn a_full_state_that_the_replica_does_not_take_shows_in_its_status() {
    let net = Net::over_ipc();
    let (sender, receiver) = channel();
    let service = Service::new("owner")
        .state(StateModel::full_out("settings").requires("level", Type::Any))
        .main(move |to_send: BlockingToSend| -> Result {
            sender.send(to_send.full("settings")?)?;
            to_send.sleep(10 * PATIENCE)?;
            Ok(())
        });
    let addresses =
        |side: &str, socket: &str| json!({"states": {side: {"settings": {socket: net.at("settings")}}}});
    let owner = Inside::lead(service, addresses("out", "publisher"));
    let settings = receiver.recv_timeout(PATIENCE).unwrap();
    let (sender, receiver) = channel();
    let service = Service::new("replica")
        .state(StateModel::full_in("settings").requires("level", Type::Int))
        .init_function(move |states: States| -> Result { Ok(sender.send(states)?) });
    let replica = Inside::start(service, addresses("in", "subscriber"));
    let states = RefCell::new(receiver.recv_timeout(PATIENCE).unwrap());
    let wait_for = |level: i64, is_current: bool| {
        let see = || {
            states.borrow_mut().refresh();
            states.borrow().full("settings").ok().cloned()
        };
        wait_until(see, |view| {
            view.to_value().get("level") == Some(&Value::Int(level))
                && view.status().is_current() == is_current
        });
    };
    settings.set(json!({"level": 1})).unwrap();
    wait_for(1, true);
    settings.set(json!({"level": "high"})).unwrap();
    wait_for(1, false);
    settings.set(json!({"level": 2})).unwrap();
    wait_for(2, true);
    replica.end();
    owner.end();
}
