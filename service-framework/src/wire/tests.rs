//! Tests of frames as a whole: the vectors, and what stands in frames of ours and of strangers.

use super::{Envelope, ErrorReply, Extras, WireError, WorkflowId, codes, split_topic, topic_prefix};
use super::{write_error, write_reply, write_request};
use crate::value::vectors::{self, Vector};
use crate::value::{Limits, Value, msgpack::check_whole};

/// The vectors that are messages: what is recorded of single values is left out.
fn messages() -> Vec<Vector> {
    vectors::all().into_iter().filter(|vector| !vector.name.starts_with("value_")).collect()
}

fn split(message: &[u8]) -> Envelope<'_> {
    Envelope::split(message, &Limits::default()).unwrap()
}

/// What we write of the parts of a message.
fn rewritten(envelope: &Envelope<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match (envelope.args, envelope.workflow_id) {
        (Some(args), Some(raw)) => {
            let id = WorkflowId::from_raw(raw).unwrap();
            write_request(&mut out, args, &id, &Extras::default());
        }
        (None, raw) => write_reply(&mut out, envelope.return_args.unwrap(), raw),
        // We always send an id, so what the original sends without one cannot be written.
        (Some(args), None) => out.extend([b"\x81\xa4args", args].concat()),
    }
    out
}

#[test]
fn every_message_is_written_as_it_was_split() {
    for vector in messages() {
        let (topic, message) = split_topic(&vector.payload);
        let topic = topic.map(topic_prefix).unwrap_or_default();
        let written = [topic, rewritten(&split(message))].concat();
        assert_eq!(written, vector.payload, "{}", vector.name);
    }
}

#[test]
fn the_parts_of_every_message_are_whole_values() {
    for vector in messages() {
        let envelope = split(split_topic(&vector.payload).1);
        for part in [envelope.args, envelope.return_args, envelope.workflow_id].into_iter().flatten() {
            check_whole(part, &Limits::default()).unwrap();
        }
        assert_ne!(envelope.args.is_some(), envelope.return_args.is_some(), "{}", vector.name);
        assert_eq!(envelope.error, None);
    }
}

#[test]
fn topics_are_on_those_that_were_published_with_one() {
    for vector in messages() {
        let expected = vector.name.ends_with("_topic") && !vector.name.ends_with("_no_topic");
        assert_eq!(split_topic(&vector.payload).0, expected.then_some("eu"), "{}", vector.name);
    }
}

#[test]
fn the_recorded_frames_end_with_the_payload() {
    let recorded =
        messages().into_iter().filter_map(|vector| Some((vector.zmtp?, vector.payload, vector.name)));
    for (zmtp, payload, name) in recorded {
        assert_eq!(body(&zmtp), payload, "{name}");
    }
}

/// The body of the last frame of a recorded message: a byte of flags, a length, the body; in front of it there may
/// be the empty delimiter.
fn body(zmtp: &[u8]) -> &[u8] {
    match zmtp {
        [0x01, 0x00, rest @ ..] => body(rest),
        [0x00, len, body @ ..] if body.len() == usize::from(*len) => body,
        other => panic!("no short last frame: {other:02x?}"),
    }
}

#[test]
fn the_original_subscribes_with_our_prefix() {
    for (name, topic) in [("subscription_topic", "eu"), ("subscription_no_topic", "")] {
        let prefix = if topic.is_empty() { Vec::new() } else { topic_prefix(topic) };
        let body = [b"\x09SUBSCRIBE".as_slice(), &prefix].concat();
        let command = [b"\x04".as_slice(), &[body.len() as u8], &body].concat();
        assert_eq!(vectors::recorded(name), command, "{name}");
    }
}

#[test]
fn keys_in_any_order_unknown_ones_and_strange_ones_are_borne() {
    let message = b"\x85\xabworkflow_id\xa4wf-1\x91\x01\x02\x07\x08\xa4more\x90\xa4args\x80";
    let envelope = split(message);
    assert_eq!((envelope.args, envelope.workflow_id), (Some(&b"\x80"[..]), Some(&b"\xa4wf-1"[..])));
}

#[test]
fn of_a_key_that_stands_twice_the_last_counts() {
    let envelope_of = |message: &'static [u8]| split(message);
    assert_eq!(envelope_of(b"\x82\xa4args\x01\xa4args\x02").args, Some(&b"\x02"[..]));
    assert_eq!(envelope_of(b"\x82\xa3seq\x01\xa3seq\xc0").seq, None);
}

#[test]
fn extras_of_another_type_are_ignored() {
    let mut message = Value::from([
        ("deadline", Value::from(1.5)),
        ("seq", Value::from(-1)),
        ("epoch", Value::from("1")),
        ("traceparent", Value::from("x".repeat(257))),
    ]);
    let bytes = message.to_msgpack();
    assert_eq!(split(&bytes), Envelope::default());

    message = Value::from([("traceparent", Value::from("x".repeat(256))), ("epoch", Value::from(u64::MAX))]);
    let bytes = message.to_msgpack();
    assert_eq!(split(&bytes).traceparent.map(str::len), Some(256));
    assert_eq!(split(&bytes).epoch, Some(u64::MAX));
}

#[test]
fn what_is_no_message_is_refused_with_a_reason() {
    let said = |frame: &[u8]| Envelope::split(frame, &Limits::default()).unwrap_err().to_string();
    assert_eq!(said(b"\x91\x01"), "expected a message, which is a map, found a list");
    assert_eq!(said(b"\xa2hi"), "expected a message, which is a map, found text");
    assert_eq!(
        said(b"\x80\x01"),
        "the message is not well-formed MessagePack: 1 bytes follow the value, which ends at byte 1"
    );
    assert!(said(b"").starts_with("the message is not well-formed MessagePack: "));
    assert!(said(b"\x81\xa1x\xc1").ends_with("byte 3 is 0xc1, with which no value begins"));
}

#[test]
fn what_lies_deep_is_counted_with_the_message_around_it() {
    let nested = |depth: usize| [b"\x81\xa4args".to_vec(), vec![0x91; depth - 1], vec![0x90]].concat();
    assert!(Envelope::split(&nested(127), &Limits::default()).is_ok());
    let error = Envelope::split(&nested(128), &Limits::default()).unwrap_err();
    assert!(error.to_string().ends_with("is more than 128 containers deep"), "{error}");
    let hostile = nested(100_000);
    assert_eq!(Envelope::split(&hostile, &Limits::default()).unwrap_err(), error);
    assert!(Envelope::split(b"\x80", &Limits { depth: 0, ..Limits::default() }).is_err());
    assert!(Envelope::split(b"\x80", &Limits { bytes: 0, ..Limits::default() }).is_err());
}

#[test]
fn arguments_that_must_be_there_are_named() {
    let said = |error: WireError| error.to_string();
    let empty = Envelope::default();
    assert_eq!(empty.expect_args().map_err(said), Err("the message has no `args`".to_owned()));
    assert_eq!(empty.expect_return_args().map_err(said), Err("the message has no `return_args`".to_owned()));
    assert_eq!(split(b"\x81\xa4args\x80").expect_args(), Ok(&b"\x80"[..]));
}

#[test]
fn extras_follow_what_the_original_knows() {
    let extras = Extras {
        deadline_ms: Some(5000),
        traceparent: Some("00-x"),
        seq: Some(1),
        epoch: Some(300),
        ..Extras::default()
    };
    let mut frame = Vec::new();
    write_request(&mut frame, b"\x80", &WorkflowId::from("w"), &extras);
    let expected = b"\x86\xa4args\x80\xabworkflow_id\xa1w\xabtraceparent\xa400-x\
        \xa8deadline\xcd\x13\x88\xa3seq\x01\xa5epoch\xcd\x01\x2c";
    assert_eq!(frame, expected);
}

#[test]
fn an_error_reply_has_no_return_args() {
    let error = ErrorReply::new(codes::HANDLER_FAILED, "sorry");
    let mut frame = Vec::new();
    write_error(&mut frame, &error, Some(b"\xa1w"));
    let expected = b"\x83\xabreturn_args\xc0\xabworkflow_id\xa1w\xa5error\
        \x83\xa4code\xaehandler_failed\xa7message\xa5sorry\xa7details\xc0";
    assert_eq!(frame, expected);
    let envelope = split(&frame);
    assert_eq!(ErrorReply::from_msgpack(envelope.error.unwrap()), Ok(error));
}

#[test]
fn an_error_of_others_may_be_poorer_or_richer() {
    let read = |value: Value| ErrorReply::from_msgpack(&value.to_msgpack());
    assert_eq!(read(Value::from([("code", "x")])), Ok(ErrorReply::new("x", "")));
    let odd = [("more", Value::Nil), ("message", Value::from(1)), ("code", Value::from("x"))];
    assert_eq!(read(Value::from(odd)), Ok(ErrorReply::new("x", "")));
    assert_eq!(
        read(Value::from([("code", 5)])).unwrap_err().to_string(),
        "expected an error, which is a map of code, message and details, found {\"code\":5}"
    );
}

#[test]
fn the_frameworks_own_codes_are_reserved() {
    assert!(codes::is_reserved("bad_message") && codes::is_reserved("program_failed"));
    assert!(!codes::is_reserved("no_such_order") && !codes::is_reserved(""));
}

#[test]
fn a_nested_workflow_is_numbered_as_in_the_original() {
    let raw = |name: &str| split(&vectors::payload(name)).workflow_id.map(<[u8]>::to_vec);
    let id = |name: &str| WorkflowId::from_raw(&raw(name).unwrap()).unwrap();
    let incoming = id("request_string_workflow");
    assert_eq!(incoming.nth(0), id("request_nested_first"));
    assert_eq!(incoming.nth(1), id("request_nested_second"));
    let begun = id("request_nested_no_workflow_first");
    assert!(matches!(begun, WorkflowId::Uuid(_)));
    assert_eq!(begun.nth(1), id("request_nested_no_workflow_second"));
    assert_eq!(incoming.nth(1).nth(2).to_string(), "wf-1_1_2");
}

#[test]
fn what_is_no_id_begins_a_new_workflow() {
    for raw in [b"\xc0".as_slice(), b"\xa0", b"\x00", b"\xc2", b"\x80", b"\x90", b"\xc4\x01x", b"", b"\xc1"] {
        assert_eq!(WorkflowId::from_raw(raw), None, "{raw:02x?}");
    }
    assert_ne!(WorkflowId::new(), WorkflowId::new());
}

#[test]
fn other_scalars_are_the_text_that_python_makes_of_them() {
    let decimal = Value::Decimal("1.50".parse().unwrap());
    for (value, text) in [
        (Value::from(5), "5"),
        (Value::from(-5), "-5"),
        (Value::from(u64::MAX), "18446744073709551615"),
        (Value::from(1.0), "1.0"),
        (Value::from(true), "True"),
        (decimal, "1.50"),
    ] {
        assert_eq!(WorkflowId::from_raw(&value.to_msgpack()), Some(WorkflowId::from(text)));
    }
}
