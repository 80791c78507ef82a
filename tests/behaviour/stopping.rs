//! The end of a service: what was begun is finished and told, newcomers are turned away, and a second signal is the
//! last.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use service_framework::service::{BlockingToSend, SendError};
use service_framework::wire::codes;

use super::inside::{Echo, ask_to, lead};
use super::peers::{Peer, Reply, command, payload};
use super::place::Place;

/// How requests of one requester ended.
type Outcomes = BTreeMap<&'static str, usize>;

/// Requests that are under way from one requester at any time.
const IN_FLIGHT: usize = 32;

/// What a request may take; only those pay it for which nobody is there any more.
const AT_MOST: Duration = Duration::from_secs(8);

/// Keeps requests under way to a handler that fails and logs each of them, until one ends in another way.
fn ask_until_it_stops(to_send: &BlockingToSend) -> Outcomes {
    let mut outcomes = Outcomes::new();
    while outcomes.keys().all(|outcome| *outcome == codes::HANDLER_FAILED) {
        let begun = [(); IN_FLIGHT]
            .map(|()| to_send.request::<Echo>("echo", ask_to("x", "raise")).within(AT_MOST).start());
        for pending in begun {
            *outcomes.entry(outcome(&pending.wait())).or_default() += 1;
        }
    }
    outcomes
}

fn outcome(answer: &Result<Echo, SendError>) -> &'static str {
    match answer {
        Err(SendError::Refused { error, .. }) if error.code == codes::HANDLER_FAILED => codes::HANDLER_FAILED,
        Err(SendError::Refused { error, .. }) if error.code == codes::STOPPING => codes::STOPPING,
        // The second is for those that were begun when the peer was gone already.
        Err(SendError::NoPeer { .. } | SendError::Timeout { no_peer: true, .. }) => "no peer",
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_answer_is_lost_that_a_handler_had_finished() {
    let place = Place::new();
    let (mut process, address) = place.echo_replyer(&[]);
    let requesters: Vec<_> = (0..4)
        .map(|_| {
            let address = address.clone();
            thread::spawn(move || lead(address, ask_until_it_stops))
        })
        .collect();
    // The log has a line for each handler that ended.
    (0..500).for_each(|_| drop(process.wait_for("the handler failed")));
    let ended = process.finish_by(Signal::TERM);
    assert_eq!(ended.code, Some(0), "{}", ended.lines.last().unwrap());
    let mut outcomes = Outcomes::new();
    for requester in requesters {
        for (outcome, count) in requester.join().unwrap() {
            *outcomes.entry(outcome).or_default() += count;
        }
    }
    let handled = ended.lines.iter().filter(|line| line.contains("the handler failed")).count();
    assert_eq!(outcomes[codes::HANDLER_FAILED], handled, "{outcomes:?}");
}

/// A replyer with a slow handler under way, and the one who waits for it.
fn with_slow_handler(place: &Place, delay: &str) -> (crate::support::Process, Peer) {
    let (process, address) = place.echo_replyer(&["--delay", delay]);
    let peer = Peer::connect(zmq::DEALER, &address);
    peer.send([&b""[..], &command("slow", "slow")]);
    assert_eq!(peer.ask(&payload("begun")).echo(), "begun");
    (process, peer)
}

#[test]
fn what_is_under_way_is_finished_and_newcomers_are_told() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new();
        let (process, peer) = with_slow_handler(&place, "1");
        process.signal(signal);
        // Asked again and again, it sees the signal at some point, long before the slow one ends.
        let told = loop {
            let reply = peer.ask(&payload("too late?"));
            if reply.error.is_some() {
                break reply;
            }
        };
        assert_eq!(told.code(), codes::STOPPING);
        assert_eq!(Reply::read(&peer.receive()).echo(), "slow");
        assert_eq!(process.finish().code, Some(0));
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let place = Place::new();
        let (process, peer) = with_slow_handler(&place, "1000");
        process.signal(signal);
        // The first one has been seen: a second one before that would be the same one to the kernel.
        while peer.ask(&payload("x")).error.is_none() {}
        assert_eq!(process.finish_by(signal).code, Some(code));
    }
}

#[test]
fn a_handler_that_outstays_the_grace_period_is_a_failure() {
    let place = Place::new();
    let (mut process, address) = place.echo_replyer(&["--delay", "1000", "--grace", "0.2"]);
    let peer = Peer::connect(zmq::DEALER, &address);
    peer.send([&b""[..], &command("slow", "slow")]);
    assert_eq!(peer.ask(&payload("begun")).echo(), "begun");
    process.signal(Signal::TERM);
    process.wait_for("grace period");
    assert_eq!(process.finish().code, Some(1));
}
