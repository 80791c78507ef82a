//! Whatever a request or its handler does wrong is told to the one who asked, and to nobody's harm.

use rustix::process::Signal;
use service_framework::Value;
use service_framework::wire::{Extras, WorkflowId, codes, write_request};

use super::peers::{Peer, command, message, payload, table};
use super::place::Place;

#[test]
fn a_failing_handler_is_an_error_reply() {
    let place = Place::new();
    let (process, address) = place.echo_replyer(&[]);
    let peer = Peer::connect(zmq::DEALER, &address);
    let cases = [
        ("raise", codes::HANDLER_FAILED),
        ("panic", codes::HANDLER_FAILED),
        ("badreturn", codes::INVALID_RETURN),
        ("none", codes::INVALID_RETURN),
    ];
    for (told, code) in cases {
        let reply = peer.ask(&command("x", told));
        let error = reply.error.unwrap_or_else(|| panic!("{told}"));
        assert_eq!((error.code.as_str(), reply.return_args), (code, Value::Nil), "{told}");
        assert!(!error.message.contains("told to"), "what went wrong inside stays there: {error:?}");
        assert_eq!(peer.ask(&payload("still here")).echo(), "still here", "after {told}");
    }
    let ended = process.finish_by(Signal::TERM);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.text().contains("told to fail") && ended.text().contains("told to panic"),
        "it is in the log"
    );
}

#[test]
fn invalid_arguments_are_named_one_by_one() {
    let place = Place::new();
    let (_process, address) = place.echo_replyer(&[]);
    let peer = Peer::connect(zmq::DEALER, &address);
    let text = || Value::from("x");
    let cases = [
        (table([]), "args.payload"),
        (table([("payload", 7.into())]), "args.payload"),
        (table([("payload", text()), ("cmd", Value::Bool(true))]), "args.cmd"),
        (table([("payload", text()), ("paylod", text())]), "args.paylod"),
        (Value::List(vec![]), "args"),
    ];
    for (args, path) in cases {
        let reply = peer.ask(&message(&args, "w-1"));
        assert_eq!((reply.code(), &reply.workflow_id), (codes::INVALID_ARGUMENTS, &"w-1".into()), "{args:?}");
        let Value::List(details) = &reply.error.unwrap().details else { panic!("no list for {args:?}") };
        assert_eq!(details[0].get("path").and_then(Value::as_str), Some(path), "{args:?}");
        assert!(details[0].get("expected").is_some() && details[0].get("found").is_some(), "{details:?}");
    }
    assert_eq!(peer.ask(&payload("still here")).echo(), "still here");
}

#[test]
fn what_is_no_message_is_answered_and_shown_in_the_log() {
    let place = Place::new();
    let (mut process, address) = place.echo_replyer(&[]);
    let peer = Peer::connect(zmq::DEALER, &address);
    let mut trailing = payload("x");
    trailing.push(0xc0);
    let cases: [(&str, &[u8]); 6] = [
        ("empty", b""),
        ("no MessagePack", b"\xc1\x00\xff"),
        ("no map", b"\x93\x01\x02\x03"),
        ("no arguments", b"\x81\xa1a\x01"),
        ("trailing bytes", &trailing),
        ("too deep", &[0x91; 1_000]),
    ];
    for (what, body) in cases {
        assert_eq!(peer.ask(body).code(), codes::BAD_MESSAGE, "{what}");
        let line = process.wait_for("message not understood");
        let head: String = body.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        assert!(line.contains(&head), "{what}: {line}");
    }
    assert_eq!(peer.ask(&payload("still here")).echo(), "still here");
}

#[test]
fn a_request_whose_time_is_over_is_not_begun() {
    let place = Place::new();
    let (process, address) = place.echo_replyer(&[]);
    let peer = Peer::connect(zmq::DEALER, &address);
    let args = table([("payload", "x".into()), ("cmd", "panic".into())]).to_msgpack();
    let mut late = Vec::new();
    let extras = Extras { deadline_ms: Some(0), ..Extras::default() };
    write_request(&mut late, &args, &WorkflowId::from("w"), &extras);
    assert_eq!(peer.ask(&late).code(), codes::DEADLINE_EXCEEDED);
    assert!(!process.finish_by(Signal::TERM).text().contains("told to panic"));
}

#[test]
fn the_way_back_is_echoed_frame_by_frame() {
    let place = Place::new();
    let (_process, address) = place.echo_replyer(&[]);
    let peer = Peer::connect(zmq::DEALER, &address);
    for before in [&[][..], &["request", "7"], &["x"; 9]] {
        let route: Vec<&[u8]> = before.iter().map(|frame| frame.as_bytes()).chain([&b""[..]]).collect();
        peer.send([&route[..], &[&payload("x")]].concat());
        let reply = peer.receive();
        assert_eq!(reply[..reply.len() - 1], route);
    }
    peer.send([payload("bare")]);
    assert_eq!(peer.receive().len(), 1, "a dealer that leaves the delimiter out gets none");
}
