//! Tests of frames as a whole: the vectors.

use super::{Envelope, Extras, WorkflowId, split_topic, topic_prefix, write_reply, write_request};
use crate::value::vectors::{self, Vector};
use crate::value::{Limits, msgpack::check_whole};

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
fn the_subscription_of_the_original_is_our_prefix() {
    // The body of a SUBSCRIBE command, as recorded.
    let command = vectors::unhex("09535542534352494245a26575");
    assert!(command.ends_with(&topic_prefix("eu")));
    assert_eq!(topic_prefix("eu").len(), command.len() - b"\x09SUBSCRIBE".len());
}
