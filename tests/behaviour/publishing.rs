//! What a subscriber misses is counted at both ends, and what it cannot read stops nothing.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::json;
use service_framework::model::{ConnectionModel, Type};
use service_framework::service::{BlockingToSend, Service};
use service_framework::value::Limits;
use service_framework::wire::Envelope;

use super::idle::switches;
use super::inside::Inside;
use super::peers::{Peer, THE_END, the_end, tick};
use super::place::{Place, in_connection, out_connection};
use crate::support::{Finished, PATIENCE, Process};

/// More than anybody waits for: these publishers are ended by a signal.
const ENDLESS: &str = "1000000000";

/// The number behind `name=` in a log line.
fn number(line: &str, name: &str) -> i64 {
    let (_, rest) = line.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {line}"));
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// What a service says at its end, if something was lost.
fn losses(ended: &Finished) -> &str {
    let line = ended.lines.iter().find(|line| line.contains("lost or refused in all"));
    line.unwrap_or_else(|| panic!("no losses in:\n{}", ended.text()))
}

#[test]
fn a_frozen_subscriber_is_counted_out_and_knows_what_it_missed() {
    let place = Place::new();
    let address = place.at("ticks");
    let mut subscriber = place.start("tick_subscriber", in_connection("ticks", "subscriber", &address), &[]);
    let ticks = out_connection("ticks", "publisher", &address);
    let mut publisher = place.lead("tick_publisher", ticks, &["-m", "--n", ENDLESS]);
    wait_until_busy(subscriber.pid());
    subscriber.signal(Signal::STOP);
    let burst = publisher.wait_for("misses messages");
    assert_eq!(number(&burst, "dropped"), 1, "said when it begins: {burst}");
    subscriber.signal(Signal::CONT);
    subscriber.wait_for("messages were missed");
    let publisher = publisher.finish_by(Signal::INT);
    let seen = subscriber.finish_by(Signal::INT);
    let bursts = publisher.lines.iter().filter(|line| line.contains("misses messages")).count();
    assert!(bursts < 20, "a line for each burst, not for each message: {bursts}");
    assert!(number(losses(&publisher), "dropped") > 0);
    let missed = number(losses(&seen), "missed");
    let report = seen.object();
    let count = |name: &str| report[name].as_i64().unwrap();
    assert!(count("gaps") > 0 && missed >= count("gaps"), "{missed} missed: {report}");
    // Only those are not counted that were published before it was there.
    assert!(count("got") + missed <= count("last") + 1, "{missed} missed: {report}");
}

/// Waits until a service that has slept so far is kept busy by what comes in.
fn wait_until_busy(pid: Pid) {
    let count = || switches(pid).into_values().sum::<u64>();
    let (until, before) = (Instant::now() + PATIENCE, count());
    while count() < before + 20 {
        assert!(Instant::now() < until, "nothing comes in");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A subscriber to what the returned socket publishes, connected.
fn subscriber(place: &Place, arguments: &[&str]) -> (Process, Peer) {
    let publisher = Peer::bind(zmq::XPUB, &place.at("ticks"));
    let addresses = in_connection("ticks", "subscriber", &place.at("ticks"));
    let subscriber = place.start("tick_subscriber", addresses, arguments);
    publisher.receive();
    (subscriber, publisher)
}

#[test]
fn what_is_no_tick_is_dropped_and_logged_by_its_head() {
    let place = Place::new();
    let (mut subscriber, publisher) = subscriber(&place, &[]);
    let frames: [&[u8]; 4] = [b"\xc1\xde\xad\xbe\xef", b"", b"\x81\xa4args\x80", b"\xa2eu"];
    for frame in frames {
        publisher.send([frame]);
    }
    publisher.send([&tick(1, None)[..], b"a second frame"]);
    publisher.send([tick(7, None)]);
    assert!(subscriber.wait_for("message not understood").contains("c1deadbeef"));
    publisher.send([tick(8, None)]);
    publisher.send([the_end()]);
    subscriber.wait_for(THE_END);
    assert_eq!(subscriber.finish_by(Signal::INT).object(), json!({"got": 2, "gaps": 0, "last": 8}));
}

#[test]
fn a_topic_selects_and_without_one_everything_comes() {
    let topics = [None, Some("eu"), Some("eu2"), Some("e"), Some("us"), Some("")];
    for (arguments, got) in [(&["--topic", "eu"][..], 1), (&[], topics.len())] {
        let place = Place::new();
        let (mut subscriber, publisher) = subscriber(&place, arguments);
        for (topic, seq) in topics.into_iter().zip(0..) {
            publisher.send([tick(seq, topic)]);
        }
        publisher.send([[&tick(0, Some("eu"))[..], b"\xc1"].concat()]);
        subscriber.wait_for("message not understood");
        let report = subscriber.finish_by(Signal::INT).object();
        assert_eq!(report["got"], json!(got), "{arguments:?}: {report}");
    }
}

#[test]
fn publishers_of_one_service_count_for_themselves() {
    let place = Place::new();
    let model = |name: &str| ConnectionModel::publisher(name).requires("seq", Type::Int);
    let service =
        Service::new("two").connection(model("a")).connection(model("b")).main(|to_send: BlockingToSend| {
            // Until the test has what it wants.
            for seq in 0.. {
                to_send.publish("a", json!({"seq": seq}))?;
                to_send.publish("b", json!({"seq": seq}))?;
                to_send.sleep(Duration::from_millis(5))?;
            }
            Ok(())
        });
    let addresses = json!({"out": {"a": {"publisher": place.at("a")}, "b": {"publisher": place.at("b")}}});
    let running = Inside::lead(service, addresses);
    let epochs = ["a", "b"].map(|name| {
        let subscriber = Peer::connect(zmq::XSUB, &place.at(name));
        subscriber.send([b"\x01"]);
        let frame = subscriber.receive().remove(0);
        Envelope::split(&frame, &Limits::default()).unwrap().epoch.unwrap()
    });
    assert_ne!(epochs[0], epochs[1], "or a subscriber to both would see gaps where there are none");
    running.end();
}

#[test]
fn a_publisher_may_connect_and_a_subscriber_bind() {
    let place = Place::new();
    let address = place.at("ticks");
    let addresses = in_connection("ticks", "subscriber", &address);
    let subscriber = place.start("tick_subscriber", addresses, &["--topic", "eu", "--binder", "true"]);
    let ticks = out_connection("ticks", "publisher", &address);
    let arguments = ["-m", "--n", "100", "--rate", "2000", "--topic", "eu", "--x", "true"];
    let sent = place.lead("tick_publisher", ticks, &arguments).finish();
    assert_eq!((sent.code, &sent.object()["sent"]), (Some(0), &json!(100)), "{}", sent.text());
    assert_eq!(subscriber.finish_by(Signal::INT).object(), json!({"got": 100, "gaps": 0, "last": 99}));
}
