//! A slow handler holds up nobody but those who asked it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::json;
use service_framework::service::{Result, Service, workers};
use service_framework::wire::codes;
use tokio::sync::Semaphore;

use super::inside::{Ask, Echo, Inside, echo, replyer};
use super::peers::{Peer, Reply, command, payload};
use super::place::{Place, in_connection};

const REQUESTERS: usize = 64;

/// One asks for a slow answer; all others are answered ten times each, and then it is.
fn fast_ones_do_not_wait(address: &str, let_go: impl FnOnce()) {
    let slow = Peer::connect(zmq::DEALER, address);
    slow.send([&b""[..], &command("slow", "slow")]);
    // Its next request is answered, so it has begun with the one before.
    assert_eq!(slow.ask(&payload("begun")).echo(), "begun");
    let fast: Vec<Peer> = (1..REQUESTERS).map(|_| Peer::connect(zmq::DEALER, address)).collect();
    for round in 0..10 {
        let body = payload(&round.to_string());
        fast.iter().for_each(|peer| peer.send([&b""[..], &body]));
        for peer in &fast {
            assert_eq!(Reply::read(&peer.receive()).echo(), round.to_string());
        }
    }
    assert_eq!(slow.receive_now(), None);
    let_go();
    assert_eq!(Reply::read(&slow.receive()).echo(), "slow");
}

#[test]
fn sixty_four_requesters_and_one_slow_async_handler() {
    let (place, gate) = (Place::new(), Arc::new(Semaphore::new(0)));
    let held = gate.clone();
    let on_echo = move |asked: Ask| {
        let gate = held.clone();
        async move {
            if asked.cmd.is_some() {
                gate.acquire().await?.forget();
            }
            Ok(echo(asked.payload))
        }
    };
    let service = Service::new("async").receives(replyer("echo"), on_echo);
    let running = Inside::start(service, in_connection("echo", "replyer", &place.at("echo")));
    fast_ones_do_not_wait(&place.at("echo"), move || gate.add_permits(1));
    running.end();
}

#[test]
fn sixty_four_requesters_and_one_slow_handler_on_workers() {
    let place = Place::new();
    let (open, gate) = channel();
    let gate: Mutex<Receiver<()>> = Mutex::new(gate);
    let on_echo = move |asked: Ask| {
        if asked.cmd.is_some() {
            gate.lock().unwrap_or_else(PoisonError::into_inner).recv()?;
        }
        Ok(echo(asked.payload))
    };
    let service = Service::new("workers").receives(replyer("echo"), workers(2, on_echo));
    let running = Inside::start(service, in_connection("echo", "replyer", &place.at("echo")));
    fast_ones_do_not_wait(&place.at("echo"), move || open.send(()).unwrap());
    running.end();
}

#[test]
fn more_calls_than_workers_can_hold_are_refused() {
    /// One is being worked on and a thousand wait.
    const HELD: usize = 1_001;
    const TOO_MANY: usize = 100;
    let place = Place::new();
    let (open, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let on_echo = move |asked: Ask| {
        // Held until the gate is gone.
        let _ = gate.lock().unwrap_or_else(PoisonError::into_inner).recv();
        Ok(echo(asked.payload))
    };
    let service = Service::new("full").receives(replyer("echo"), workers(1, on_echo));
    let running = Inside::start(service, in_connection("echo", "replyer", &place.at("echo")));
    let peer = Peer::connect(zmq::DEALER, &place.at("echo"));
    let body = payload("x");
    (0..HELD + TOO_MANY).for_each(|_| peer.send([&b""[..], &body]));
    let refused = Reply::read(&peer.receive());
    assert_eq!(refused.code(), codes::OVERLOADED);
    drop(open);
    let replies: Vec<Reply> = (1..HELD + TOO_MANY).map(|_| Reply::read(&peer.receive())).collect();
    let answered = replies.iter().filter(|reply| reply.error.is_none()).count();
    assert!(answered >= HELD - 1, "{answered} of those that had a place were answered");
    running.end();
}

#[test]
fn a_flooded_connection_leaves_the_others_their_turn() {
    const FLOOD: usize = 400;
    fn blocks(asked: Ask) -> Result<Echo> {
        thread::sleep(Duration::from_millis(5));
        Ok(echo(asked.payload))
    }
    fn quick(asked: Ask) -> Result<Echo> {
        Ok(echo(asked.payload))
    }
    let place = Place::new();
    let service = Service::new("two").receives(replyer("slow"), blocks).receives(replyer("quick"), quick);
    let addresses = json!({"in": {
        "slow": {"replyer": place.at("slow")},
        "quick": {"replyer": place.at("quick")},
    }});
    let running = Inside::start(service, addresses);
    let (flood, quick) =
        (Peer::connect(zmq::DEALER, &place.at("slow")), Peer::connect(zmq::DEALER, &place.at("quick")));
    let body = payload("x");
    (0..FLOOD).for_each(|_| flood.send([&b""[..], &body]));
    flood.receive();
    for _ in 0..20 {
        assert_eq!(quick.ask(&payload("quick")).echo(), "quick");
    }
    let answered = std::iter::from_fn(|| flood.receive_now()).count() + 1;
    assert!(answered < FLOOD, "the quick ones came in between");
    (answered..FLOOD).for_each(|_| drop(flood.receive()));
    running.end();
}
