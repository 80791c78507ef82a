//! Programs as a service: a saga over three services, with real sockets.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::programs::{Programs, unanswered};
use super::{Refused, Result, Start, Started};
use crate::connection::SendError;
use crate::model::ConnectionModel;
use crate::model::Type;
use crate::program::{Answer, End, Engine, HookError, Hooks, Pool, Request, Settings, Spec};
use crate::service::Service;
use crate::store::Store;
use crate::value::Value;
use crate::wire::ErrorReply;

/// What the other services did.
type Ledger = Arc<Mutex<Vec<String>>>;

fn spec() -> Spec {
    let item = json!({"item": {"type": "str", "required": true}});
    Spec::from_json(&json!({
        "name": "Order desk",
        "programs": {"order": {
            "hooks": ["reserve", "charge", "ship"],
            "args": {"item": {"type": "str", "required": true}, "amount": {"type": "int", "required": true}},
            "outputs": {"receipt": {"type": "str", "required": true}, "place": {"type": "str", "required": false}},
        }},
        "hooks": {
            "reserve": {"reference": "stock.reserve", "args": item, "rectifiers": ["release"]},
            "release": {"reference": "stock.release", "args": item},
            "charge": {"reference": "bank.charge", "args": {"amount": {"type": "int", "required": true}}, "rectifiers": ["refund"]},
            "refund": {"reference": "bank.refund", "args": {"receipt": {"type": "str", "required": true}}},
            "ship": {"reference": "desk.ship", "args": item},
        },
    }))
    .unwrap()
}

fn stock(ledger: &Ledger) -> Service {
    let model = |name: &str| ConnectionModel::replyer(name).requires("item", Type::Str);
    let does = |what: &'static str, ledger: &Ledger| {
        let ledger = ledger.clone();
        move |args: Value| -> Result<Value> {
            let item = args.get("item").and_then(Value::as_str).unwrap_or_default();
            ledger.lock().unwrap().push(format!("{what} {item}"));
            Ok(if what == "reserve" { Value::from([("place", "A1")]) } else { Value::Map(Vec::new()) })
        }
    };
    Service::new("stock")
        .receives(model("reserve").optionally_returns("place", Type::Str), does("reserve", ledger))
        .receives(model("release"), does("release", ledger))
}

fn bank(ledger: &Ledger) -> Service {
    let (charges, refunds) = (ledger.clone(), ledger.clone());
    let charge = move |args: Value| -> Result<Value> {
        let amount = args.get("amount").and_then(Value::as_i64).unwrap_or_default();
        if amount > 100 {
            return Err(Refused::new("too_much", "the limit is 100").into());
        }
        charges.lock().unwrap().push(format!("charge {amount}"));
        Ok(Value::from([("receipt", "r-1")]))
    };
    let refund = move |_: Value| -> Result<Value> {
        refunds.lock().unwrap().push("refund".to_owned());
        Ok(Value::Map(Vec::new()))
    };
    let model =
        ConnectionModel::replyer("charge").requires("amount", Type::Int).returns("receipt", Type::Str);
    Service::new("bank")
        .receives(model, charge)
        .receives(ConnectionModel::replyer("refund").requires("receipt", Type::Str), refund)
}

fn ship(pool: &mut Pool) -> std::result::Result<(), HookError> {
    match pool.get("item").and_then(Value::as_str) {
        Some("anvil") => Err(HookError::new("too heavy")),
        _ => Ok(()),
    }
}

fn desk() -> (Service, Engine) {
    let programs = Programs::new(spec(), Hooks::new().hook("ship", ship))
        .connection("reserve", "reserve")
        .connection("release", "release")
        .connection("charge", "charge")
        .connection("refund", "refund");
    programs.service(Store::in_memory(), Settings::default()).unwrap()
}

struct System {
    started: Vec<Started>,
    engine: Engine,
    ledger: Ledger,
}

fn start() -> System {
    let ledger = Ledger::default();
    let stock = Start::new(stock(&ledger)).start().unwrap();
    let bank = Start::new(bank(&ledger)).start().unwrap();
    let (desk, engine) = desk();
    let desk = Start::new(desk)
        .connect("reserve", &stock, "reserve")
        .connect("release", &stock, "release")
        .connect("charge", &bank, "charge")
        .connect("refund", &bank, "refund")
        .start()
        .unwrap();
    let asks = Service::new("client").connection(
        ConnectionModel::requester("order")
            .requires("item", Type::Str)
            .requires("amount", Type::Int)
            .returns("receipt", Type::Any)
            .optionally_returns("place", Type::Any),
    );
    let client = Start::new(asks).connect("order", &desk, "order").start().unwrap();
    System { started: vec![client, desk, stock, bank], engine, ledger }
}

impl System {
    fn order(&self, item: &str, amount: i64) -> std::result::Result<Value, crate::connection::SendError> {
        let args = Value::from([("item", Value::from(item)), ("amount", Value::from(amount))]);
        let request = self.started[0].to_send().request::<Value>("order", args);
        request.within(Duration::from_secs(30)).wait()
    }

    fn did(&self) -> Vec<String> {
        std::mem::take(&mut *self.ledger.lock().unwrap())
    }
}

#[test]
fn a_program_over_three_services_is_done_or_undone() {
    let system = start();
    let done = system.order("rope", 7).unwrap();
    assert_eq!(done, Value::from([("place", "A1"), ("receipt", "r-1")]));
    assert_eq!(system.did(), ["reserve rope", "charge 7"]);

    let error = system.order("rope", 700).unwrap_err();
    assert_eq!(error.code(), Some("program_failed"), "{error}");
    assert_eq!(system.did(), ["reserve rope", "release rope"]);

    let error = system.order("anvil", 7).unwrap_err();
    assert_eq!(error.code(), Some("program_failed"), "{error}");
    assert!(error.to_string().contains("desk.ship failed"), "{error}");
    assert_eq!(system.did(), ["reserve anvil", "charge 7", "refund", "release anvil"]);

    assert!(system.engine.stop(Duration::from_secs(10)));
    let error = system.order("rope", 7).unwrap_err();
    assert_eq!(error.code(), Some("stopping"), "{error}");
    for service in system.started {
        service.stop();
        service.join().unwrap();
    }
}

#[test]
fn a_step_says_to_the_other_service_which_step_it_is() {
    let keys = Ledger::default();
    let noted = keys.clone();
    let take = move |args: Value| -> Result<Value> {
        noted.lock().unwrap().push(format!("{:?}", args.get("idempotency_key")));
        match noted.lock().unwrap().len() {
            1 => Err(Refused::new("away", "come again").into()),
            _ => Ok(Value::Map(Vec::new())),
        }
    };
    let model = ConnectionModel::replyer("take").optional("idempotency_key", Type::Str);
    let till = Start::new(Service::new("till").receives(model, take)).start().unwrap();
    let key = json!({"idempotency_key": {"type": "str", "required": false}});
    let retry = json!({"attempts": 2, "backoff": "1ms"});
    let spec = Spec::from_json(&json!({
        "name": "till",
        "programs": {"pay": {"hooks": ["take", "again"], "args": {}, "outputs": {}}},
        "hooks": {
            "take": {"reference": "till.take", "args": key, "retry": retry},
            "again": {"reference": "till.again", "args": key},
        },
    }))
    .unwrap();
    let programs = Programs::new(spec, Hooks::new()).connection("take", "take").connection("again", "take");
    let (desk, engine) = programs.service(Store::in_memory(), Settings::default()).unwrap();
    let desk = Start::new(desk).connect("take", &till, "take").start().unwrap();
    let Answer::Ran { run, end: End::Done, .. } = engine.run(Request::new("pay", Pool::new())) else {
        panic!("it is not done")
    };
    let said: Vec<String> = keys.lock().unwrap().clone();
    let expected = |step: usize| format!("{:?}", Some(&Value::from(format!("{run}/{step}").as_str())));
    assert_eq!(said[0], said[1], "the same for every attempt");
    assert_eq!((&said[1], &said[2]), (&expected(1), &expected(3)));
    assert!(engine.stop(Duration::from_secs(10)));
    for service in [desk, till] {
        service.stop();
        service.join().unwrap();
    }
}

#[test]
fn what_another_service_may_have_done_is_undone() {
    let undone = Ledger::default();
    let (release, held) = sync_channel::<()>(0);
    let held = Mutex::new(held);
    // Nobody sends: it ends when the other end is dropped.
    let charge = move |_: Value| -> Result<Value> {
        let _ = held.lock().unwrap().recv();
        Ok(Value::Map(Vec::new()))
    };
    let till = Service::new("till").receives(ConnectionModel::replyer("charge"), charge);
    let till = Start::new(till).start().unwrap();
    let spec = Spec::from_json(&json!({
        "name": "till",
        "programs": {"pay": {"hooks": ["charge"], "args": {}, "outputs": {}}},
        "hooks": {
            "charge": {"reference": "till.charge", "args": {}, "rectifiers": ["refund"], "timeout": "200ms"},
            "refund": {"reference": "till.refund", "args": {}},
        },
    }))
    .unwrap();
    let noted = undone.clone();
    let refund = move |_: &mut Pool| {
        noted.lock().unwrap().push("refund".to_owned());
        Ok(())
    };
    let programs = Programs::new(spec, Hooks::new().hook("refund", refund)).connection("charge", "charge");
    let (desk, engine) = programs.service(Store::in_memory(), Settings::default()).unwrap();
    let desk = Start::new(desk).connect("charge", &till, "charge").start().unwrap();
    let Answer::Ran { end: End::Rectified, pool, .. } = engine.run(Request::new("pay", Pool::new())) else {
        panic!("it is not undone")
    };
    assert_eq!(*undone.lock().unwrap(), ["refund"]);
    assert_eq!(pool.get("_in_doubt"), Some(&Value::from(vec!["till.charge"])));
    drop(release);
    assert!(engine.stop(Duration::from_secs(10)));
    for service in [desk, till] {
        service.stop();
        service.join().unwrap();
    }
}

#[test]
fn not_every_error_of_another_service_leaves_a_doubt() {
    let connection = || "charge".to_owned();
    let refused = |code: &str| SendError::Refused {
        connection: connection(),
        error: ErrorReply { code: code.into(), message: String::new(), details: Value::Nil },
    };
    let late =
        |no_peer| SendError::Timeout { connection: connection(), after: Duration::from_secs(1), no_peer };
    for (error, is_in_doubt) in [
        (late(false), true),
        (late(true), false),
        (SendError::NoPeer { connection: connection(), address: "here".to_owned() }, true),
        (SendError::Stopping, true),
        (refused("handler_failed"), false),
        (refused("invalid_return"), true),
    ] {
        assert_eq!(unanswered(&error).is_in_doubt(), is_in_doubt, "{error}");
    }
}

#[test]
fn hooks_and_connections_agree_with_the_spec() {
    let programs =
        Programs::new(spec(), Hooks::new()).connection("chrge", "charge").connection("refund", "both");
    let error = programs.connection("reserve", "both").service(Store::in_memory(), Settings::default());
    let error = error.map(drop).unwrap_err().to_string();
    assert!(error.contains("hooks.chrge") && error.contains("did you mean `charge`?"), "{error}");
    assert!(
        error.contains("hooks.reserve.args: expected the arguments of \"refund\"")
            || error.contains("hooks.refund.args"),
        "{error}"
    );
}
