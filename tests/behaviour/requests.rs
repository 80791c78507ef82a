//! Every request ends: with its own answer, or at its deadline, or at once when the one who had it is gone.

use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use service_framework::service::SendError;

use super::inside::{Echo, ask, ask_to, echo, lead, request, request_within};
use super::peers::{Peer, echoed};
use super::place::Place;

const SHORT: Duration = Duration::from_millis(100);

/// Answers the next request that comes to `peer`; the peer, and what it was asked.
fn answer_next(peer: Peer, text: &'static str) -> JoinHandle<(Peer, Vec<u8>)> {
    thread::spawn(move || {
        let mut request = peer.receive();
        let asked = request.pop().unwrap();
        request.push(echoed(text));
        peer.send(&request);
        (peer, asked)
    })
}

#[test]
fn a_replyer_that_never_answers_costs_its_deadline() {
    let place = Place::new();
    let silent = Peer::bind(zmq::ROUTER, &place.at("silent"));
    let answer = lead(place.at("silent"), |to_send| request_within(to_send, ask("x"), SHORT));
    assert!(matches!(answer, Err(SendError::Timeout { no_peer: false, .. })), "{answer:?}");
    assert_eq!(silent.receive().len(), 4, "who, number, delimiter, body");
}

#[test]
fn a_deadline_holds_whatever_came_in_before() {
    let place = Place::new();
    let peer = Peer::bind(zmq::ROUTER, &place.at("once"));
    let (second, first) = lead(place.at("once"), move |to_send| {
        let first = to_send.request::<Echo>("echo", ask("1")).start();
        let mut asked = loop {
            to_send.sleep(Duration::from_millis(1)).unwrap();
            if let Some(asked) = peer.receive_now() {
                break asked;
            }
        };
        *asked.last_mut().unwrap() = echoed("first");
        peer.send(asked);
        // The answer comes in while nobody looks.
        thread::sleep(SHORT);
        (request_within(to_send, ask("2"), SHORT), first.wait())
    });
    assert!(matches!(second, Err(SendError::Timeout { .. })), "{second:?}");
    assert_eq!(first.unwrap(), echo("first"));
}

#[test]
fn a_late_answer_is_dropped_and_never_taken_for_the_next_one() {
    let place = Place::new();
    let peer = Peer::bind(zmq::ROUTER, &place.at("late"));
    let answers = thread::spawn(move || {
        let (first, second) = (peer.receive(), peer.receive());
        let answer = |request: &[Vec<u8>], text: &str| {
            peer.send([&request[..3], &[echoed(text)]].concat());
        };
        answer(&first, "first");
        answer(&second, "second");
        answer(&second, "second again");
        let third = peer.receive();
        answer(&third, "third");
    });
    let (first, second, third) = lead(place.at("late"), |to_send| {
        let first = request_within(to_send, ask("1"), SHORT);
        (first, request(to_send, ask("2")), request(to_send, ask("3")))
    });
    assert!(matches!(first, Err(SendError::Timeout { .. })), "{first:?}");
    assert_eq!((second.unwrap(), third.unwrap()), (echo("second"), echo("third")));
    answers.join().unwrap();
}

#[test]
fn a_frozen_replyer_answers_the_next_request_and_not_the_one_before() {
    let place = Place::new();
    let (process, address) = place.echo_replyer(&[]);
    let (before, frozen, after) = lead(address, move |to_send| {
        let before = request(to_send, ask("before"));
        process.signal(Signal::STOP);
        let frozen = request_within(to_send, ask("frozen"), SHORT);
        process.signal(Signal::CONT);
        (before, frozen, request(to_send, ask("after")))
    });
    assert_eq!(before.unwrap(), echo("before"));
    assert!(matches!(frozen, Err(SendError::Timeout { no_peer: false, .. })), "{frozen:?}");
    assert_eq!(after.unwrap(), echo("after"));
}

#[test]
fn a_lost_connection_fails_what_it_carried_at_once() {
    let place = Place::new();
    let (process, address) = place.echo_replyer(&["--delay", "1000"]);
    let lost = lead(address, move |to_send| {
        let waiting = to_send.request::<Echo>("echo", ask_to("x", "slow")).start();
        request(to_send, ask("it has the one before, too")).unwrap();
        process.signal(Signal::KILL);
        waiting.wait()
    });
    assert!(matches!(lost, Err(SendError::NoPeer { .. })), "{lost:?}");
}

#[test]
fn a_replyer_may_start_late_and_again() {
    let place = Place::new();
    let address = place.at("echo");
    let asked = lead(address.clone(), move |to_send| {
        let waiting = to_send.request::<Echo>("echo", ask("early")).start();
        let (process, _) = place.echo_replyer(&[]);
        let early = waiting.wait();
        process.finish_by(Signal::TERM);
        // Meanwhile nobody looks at the sockets, so that the loss and the new connection are seen as one.
        let (_again, _) = place.echo_replyer(&[]);
        thread::sleep(2 * SHORT);
        (early, request(to_send, ask("again")))
    });
    assert_eq!((asked.0.unwrap(), asked.1.unwrap()), (echo("early"), echo("again")));
}

#[test]
fn what_nobody_took_in_time_reaches_nobody() {
    let place = Place::new();
    let address = place.at("echo");
    let (expired, seen) = lead(address.clone(), move |to_send| {
        let expired = request_within(to_send, ask("expired"), SHORT);
        let peer = Peer::bind(zmq::ROUTER, &address);
        let waiting = to_send.request::<Echo>("echo", ask("fresh")).start();
        let answering = answer_next(peer, "fresh");
        assert_eq!(waiting.wait().unwrap(), echo("fresh"));
        (expired, answering.join().unwrap().1)
    });
    assert!(matches!(expired, Err(SendError::Timeout { no_peer: true, .. })), "{expired:?}");
    assert!(!String::from_utf8_lossy(&seen).contains("expired"));
}

#[test]
fn what_a_lost_peer_had_not_read_reaches_no_other() {
    const UNREAD: usize = 64;
    let place = Place::new();
    let address = place.at("echo");
    let narrow = Peer::bind_narrow(zmq::ROUTER, &address);
    let (lost, fresh, peer) = lead(address.clone(), move |to_send| {
        let big = "x".repeat(256 << 10);
        let begun = [(); UNREAD].map(|()| to_send.request::<Echo>("echo", ask(&big)).start());
        while narrow.receive_now().is_none() {
            to_send.sleep(Duration::from_millis(1)).unwrap();
        }
        drop(narrow);
        let lost = begun.into_iter().map(|pending| pending.wait());
        let lost = lost.filter(|answer| matches!(answer, Err(SendError::NoPeer { .. }))).count();
        let peer = Peer::bind(zmq::ROUTER, &address);
        let waiting = to_send.request::<Echo>("echo", ask("fresh")).start();
        let answering = answer_next(peer, "fresh");
        let fresh = waiting.wait();
        (lost, fresh, answering.join().unwrap().0)
    });
    assert_eq!((lost, fresh.unwrap()), (UNREAD, echo("fresh")));
    // The requester has ended, and with it whatever might still have left.
    assert!(peer.receive_now().is_none());
}

#[test]
fn only_what_is_declared_idempotent_is_asked_twice() {
    let place = Place::new();
    // Whoever of the two is asked first dies of it; the other one answers.
    let addresses = json!([place.at("a"), place.at("b")]);
    let peers = [Peer::bind(zmq::ROUTER, &place.at("a")), Peer::bind(zmq::ROUTER, &place.at("b"))];
    let answering = thread::spawn(move || {
        let mut peers = Vec::from(peers);
        let asked = loop {
            let found = peers.iter().position(|peer| peer.receive_now().is_some());
            match found {
                Some(index) => break index,
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        drop(peers.remove(asked));
        let mut request = peers[0].receive();
        *request.last_mut().unwrap() = echoed("once more");
        peers[0].send(&request);
        // The next one is not to be asked again.
        let _request = peers[0].receive();
    });
    let (twice, once) = lead(addresses, |to_send| {
        let twice = to_send.request::<Echo>("echo", ask("x")).idempotent().wait();
        (twice, request(to_send, ask("y")))
    });
    assert_eq!(twice.unwrap(), echo("once more"));
    assert!(matches!(once, Err(SendError::NoPeer { .. })), "{once:?}");
    answering.join().unwrap();
}

#[test]
fn a_replyer_that_comes_and_goes_costs_no_answer_and_mixes_up_none() {
    const IN_FLIGHT: usize = 32;
    let place = Place::new();
    let address = place.at("echo");
    let (answered, progress) = channel();
    let restarts = thread::spawn(move || {
        for _ in 0..4 {
            let (process, _) = place.echo_replyer(&[]);
            // Killed in the middle of its work.
            (0..200).for_each(|_| progress.recv().unwrap());
            process.finish_by(Signal::KILL);
        }
        let (last, _) = place.echo_replyer(&[]);
        progress.iter().for_each(drop);
        last.finish_by(Signal::TERM);
    });
    lead(address, move |to_send| {
        for round in 0..60 {
            let texts: Vec<String> = (0..IN_FLIGHT).map(|number| format!("{round}.{number}")).collect();
            let begun: Vec<_> = texts
                .iter()
                .map(|text| to_send.request::<Echo>("echo", ask(text)).idempotent().start())
                .collect();
            for (pending, text) in begun.into_iter().zip(texts) {
                assert_eq!(pending.wait().unwrap(), echo(text));
                answered.send(()).unwrap();
            }
        }
    });
    restarts.join().unwrap();
}

#[test]
fn a_wrong_answer_is_an_error_and_the_next_request_goes_on() {
    let place = Place::new();
    let peer = Peer::bind(zmq::ROUTER, &place.at("wrong"));
    let bodies = [b"\xc1".to_vec(), b"\x80".to_vec(), b"\x81\xabreturn_args\x81\xa4echo\x07".to_vec()];
    let answering = thread::spawn(move || {
        for body in bodies.into_iter().chain([echoed("right")]) {
            let mut request = peer.receive();
            *request.last_mut().unwrap() = body;
            peer.send(&request);
        }
    });
    let answers = lead(place.at("wrong"), |to_send| [(); 4].map(|()| request(to_send, ask("x"))));
    for answer in &answers[..3] {
        assert!(matches!(answer, Err(SendError::InvalidReply { .. })), "{answer:?}");
    }
    assert_eq!(answers[3].as_ref().unwrap(), &echo("right"));
    answering.join().unwrap();
}
