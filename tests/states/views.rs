//! What handlers see of a state, and how they learn whether it is current.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use service_framework::model::{ConnectionModel, StateModel, Type};
use service_framework::service::{BlockingToSend, Result, Service, StateError, States};
use service_framework::state::Status;
use tokio::sync::Notify;

use super::here::{book, follow, own, shows};
use super::net::{Net, ask, wait_until};
use crate::behaviour::inside::Inside;
use crate::support::PATIENCE;

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
struct Within {
    milliseconds: u64,
}

#[derive(Serialize)]
struct Seen {
    seen: Vec<i64>,
}

/// A service with a replica of `book` and a replyer at `copy`.
fn replica_with(net: &Net, service: Service) -> Inside {
    let addresses = json!({
        "connections": {"in": {
            "look": {"replyer": net.at("copy")},
            "peek": {"replyer": net.at("other_copy")},
        }},
        "states": {"in": {"book": net.book_in()}},
    });
    let peek = ConnectionModel::replyer("peek").returns("seen", Type::list(Type::Int));
    let service = service.state(StateModel::delta_in("book", book())).receives(peek, peek_at);
    Inside::start(service, addresses)
}

fn n(states: &States) -> Result<i64> {
    Ok(states.delta("book")?.get("n")?.unwrap_or_default())
}

fn peek_at(_: Nothing, states: States) -> Result<Seen> {
    Ok(Seen { seen: vec![n(&states)?] })
}

#[test]
fn a_handler_sees_one_state_for_its_whole_run_and_a_newer_one_when_it_asks() {
    static HAS_BEGUN: AtomicBool = AtomicBool::new(false);
    static MORE: Notify = Notify::const_new();
    async fn look(_: Nothing, mut states: States) -> Result<Seen> {
        let first = n(&states)?;
        HAS_BEGUN.store(true, Ordering::Relaxed);
        MORE.notified().await;
        let second = n(&states)?;
        states.refresh();
        Ok(Seen { seen: vec![first, second, n(&states)?] })
    }
    let net = Net::over_ipc();
    let owner = own(&net);
    let model = ConnectionModel::replyer("look").returns("seen", Type::list(Type::Int));
    let _running = replica_with(&net, Service::new("replica").receives(model, look));
    owner.book.set("n", 1).unwrap();
    net.read_until("other_copy", |peeked| *peeked == json!({"seen": [1]}));
    thread::scope(|scope| {
        let asking = scope.spawn(|| ask(net.at("copy"), &json!({})));
        wait_until(|| Some(HAS_BEGUN.load(Ordering::Relaxed)), |has_begun| *has_begun);
        for n in 2..=100 {
            owner.book.set("n", n).unwrap();
        }
        net.read_until("other_copy", |peeked| *peeked == json!({"seen": [100]}));
        MORE.notify_one();
        assert_eq!(asking.join().unwrap()["seen"], json!([1, 1, 100]));
    });
}

#[test]
fn a_handler_may_wait_until_a_state_is_current() {
    async fn look(within: Within, mut states: States) -> Result<Seen> {
        let within = Duration::from_millis(within.milliseconds);
        match states.wait_until_current("book", within).await {
            Ok(()) => Ok(Seen { seen: vec![n(&states)?] }),
            Err(StateError::NotCurrent { status: Status::Waiting, .. }) => Ok(Seen { seen: vec![-1] }),
            Err(error) => Err(error.into()),
        }
    }
    let net = Net::over_ipc();
    let model = ConnectionModel::replyer("look")
        .requires("milliseconds", Type::Int)
        .returns("seen", Type::list(Type::Int));
    let _running = replica_with(&net, Service::new("replica").receives(model, look));
    let look = |milliseconds: u64| ask(net.at("copy"), &json!({"milliseconds": milliseconds}));
    assert_eq!(look(30), json!({"seen": [-1]}), "there is no owner");
    thread::scope(|scope| {
        let waits = scope.spawn(|| look(60_000));
        let owner = own(&net);
        assert_eq!(waits.join().unwrap()["seen"].as_array().map(Vec::len), Some(1));
        owner.book.set("n", 7).unwrap();
        owner.running.end();
    });
}

#[test]
fn the_status_tells_that_the_owner_is_gone_and_that_it_is_back() {
    let net = Net::over_tcp();
    let replica = follow(&net);
    assert_eq!((replica.see().status(), replica.see().number()), (Status::Waiting, None));
    let owner = own(&net);
    assert_eq!(replica.wait_for([]).number(), Some(-1), "an owner that has set nothing yet");
    owner.book.set("a", 1).unwrap();
    let epoch = replica.wait_for([("a", 1)]).epoch();
    owner.running.end();
    let stale = replica.wait_until(|view| view.status() != Status::Current);
    assert!(stale.status().stale_for().is_some() && shows(&stale, [("a", 1)]));
    let owner = own(&net);
    owner.book.set("b", 2).unwrap();
    assert!(replica.wait_for([("b", 2)]).epoch() > epoch);
}

#[test]
fn a_busy_main_does_not_hold_up_snapshots() {
    let net = Net::over_ipc();
    let (done, is_done) = channel::<()>();
    let service = Service::new("owner").state(StateModel::delta_out("book", book())).main(
        move |to_send: BlockingToSend| -> Result {
            to_send.delta("book")?.set("a", 1)?;
            // Whatever it computes: it calls nothing of the framework.
            is_done.recv_timeout(PATIENCE)?;
            Ok(())
        },
    );
    let owner = Inside::lead(service, json!({"states": {"out": {"book": net.book_out()}}}));
    for _ in 0..3 {
        follow(&net).wait_for([("a", 1)]);
    }
    done.send(()).unwrap();
    owner.end();
}
