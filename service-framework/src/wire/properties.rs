//! The laws of frames, on any arguments and on any bytes.

use proptest::option;
use proptest::prelude::*;

use super::{Correlation, Envelope, ErrorReply, Extras, WorkflowId, split_topic, topic_prefix};
use super::{write_error, write_reply, write_request};
use crate::value::msgpack::check_whole;
use crate::value::strategies::{hostile_bytes, value};
use crate::value::{Limits, Uuid, Value};

fn split(message: &[u8]) -> Envelope<'_> {
    Envelope::split(message, &Limits::default()).unwrap()
}

fn workflow_id() -> impl Strategy<Value = WorkflowId> {
    prop_oneof![
        any::<u128>().prop_map(|id| WorkflowId::from(Uuid(uuid::Uuid::from_u128(id)))),
        ".{1,40}".prop_map(|text| WorkflowId::from(text.as_str())),
    ]
}

proptest! {
    #[test]
    fn a_request_is_split_as_it_was_written(
        args in value(),
        id in workflow_id(),
        deadline_ms: Option<u64>,
        traceparent in option::of("[a-f0-9-]{0,60}"),
        seq: Option<u64>,
        epoch: Option<u64>,
        topic in option::of(".{0,20}"),
    ) {
        let args = args.to_msgpack();
        let extras = Extras { deadline_ms, traceparent: traceparent.as_deref(), seq, epoch, snapshot: None };
        let mut frame = topic.as_deref().map(topic_prefix).unwrap_or_default();
        write_request(&mut frame, &args, &id, &extras);

        let (found, message) = split_topic(&frame);
        prop_assert_eq!(found, topic.as_deref());
        let envelope = split(message);
        prop_assert_eq!(envelope.args, Some(&args[..]));
        prop_assert_eq!(envelope.workflow_id.and_then(WorkflowId::from_raw), Some(id));
        let Envelope { deadline_ms, traceparent, seq, epoch, .. } = envelope;
        prop_assert_eq!(Extras { deadline_ms, traceparent, seq, epoch, snapshot: None }, extras);
        prop_assert_eq!((envelope.return_args, envelope.error), (None, None));
    }

    #[test]
    fn a_reply_is_split_as_it_was_written(return_args in value(), id in option::of(value())) {
        let return_args = return_args.to_msgpack();
        let id = id.map(|id| id.to_msgpack());
        let mut frame = Vec::new();
        write_reply(&mut frame, &return_args, id.as_deref());
        let envelope = split(&frame);
        prop_assert_eq!(envelope.return_args, Some(&return_args[..]));
        prop_assert_eq!(envelope.workflow_id, Some(id.as_deref().unwrap_or(b"\xc0")));
        prop_assert_eq!((envelope.args, envelope.error), (None, None));
    }

    #[test]
    fn an_error_is_split_as_it_was_written(code in "[a-z_]{0,20}", message in ".{0,40}", details in value()) {
        let error = ErrorReply::new(code, message).with_details(details);
        let mut frame = Vec::new();
        write_error(&mut frame, &error, None);
        let read = ErrorReply::from_msgpack(split(&frame).error.unwrap()).unwrap();
        prop_assert_eq!((read.code, read.message), (error.code, error.message));
        prop_assert_eq!(read.details.to_msgpack(), error.details.to_msgpack());
    }

    #[test]
    fn a_correlation_comes_back_and_nothing_else_does(number: u64, other: Vec<u8>) {
        let frame = Correlation(number).to_frame();
        prop_assert_eq!(Correlation::from_frame(&frame), Some(Correlation(number)));
        if let Some(found) = Correlation::from_frame(&other) {
            prop_assert_eq!(found.to_frame().to_vec(), other);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_split_exactly_when_they_are_a_map(bytes in hostile_bytes()) {
        let is_map = check_whole(&bytes, &Limits::default()).is_ok() && matches!(bytes[0], 0x80..=0x8f | 0xde | 0xdf);
        let envelope = Envelope::split(&bytes, &Limits::default());
        prop_assert_eq!(envelope.is_ok(), is_map);
        let Ok(envelope) = envelope else { return Ok(()) };
        let value = Value::from_msgpack(&bytes).unwrap();
        for (key, part) in [("args", envelope.args), ("workflow_id", envelope.workflow_id), ("error", envelope.error)] {
            let part = part.map(|part| Value::from_msgpack(part).unwrap().to_msgpack());
            prop_assert_eq!(part, value.get(key).map(Value::to_msgpack));
        }
    }

    #[test]
    fn any_bytes_are_some_topic_and_message(bytes in hostile_bytes()) {
        let (topic, message) = split_topic(&bytes);
        prop_assert!(bytes.ends_with(message));
        prop_assert!(topic.is_some() || message.len() == bytes.len());
        let prefix = &bytes[..bytes.len() - message.len()];
        prop_assert_eq!(topic.map(Value::from), Value::from_msgpack(prefix).ok());
    }

    #[test]
    fn any_bytes_are_read_as_an_id_or_an_error_or_not(bytes in hostile_bytes()) {
        if let Some(id) = WorkflowId::from_raw(&bytes) {
            let mut written = Vec::new();
            id.write(&mut written);
            prop_assert_eq!(WorkflowId::from_raw(&written), Some(id));
        }
        if let Ok(error) = ErrorReply::from_msgpack(&bytes) {
            prop_assert!(check_whole(&bytes, &Limits::default()).is_ok(), "{error:?}");
        }
    }
}
