//! Frames: any bytes are split or refused, the parts are whole values, and what is written of them splits again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service_framework::value::msgpack::check_whole;
use service_framework::value::{Limits, Value};
use service_framework::wire::{
    Envelope, ErrorReply, Extras, WorkflowId, write_error, write_reply, write_request,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(envelope) = Envelope::split(bytes, &Limits::default()) else {
        let value = Value::from_msgpack(bytes);
        assert!(!matches!(value, Ok(Value::Map(_))), "a map was refused");
        return;
    };
    has_whole_parts(&envelope);
    let id = envelope.workflow_id.and_then(WorkflowId::from_raw).unwrap_or_else(WorkflowId::new);
    if let Some(args) = envelope.args {
        splits_again_as_a_request(args, &id, &envelope);
    }
    if let Some(return_args) = envelope.return_args {
        splits_again_as_a_reply(return_args, envelope.workflow_id);
    }
    if let Some(error) = envelope.error {
        splits_again_as_an_error(error);
    }
});

fn split(frame: &[u8]) -> Envelope<'_> {
    Envelope::split(frame, &Limits::default()).expect("a frame of our own was refused")
}

fn has_whole_parts(envelope: &Envelope<'_>) {
    let Envelope { args, return_args, workflow_id, error, snapshot, .. } = *envelope;
    for part in [args, return_args, workflow_id, error, snapshot].into_iter().flatten() {
        assert_eq!(check_whole(part, &Limits::default()), Ok(()));
    }
}

fn splits_again_as_a_request(args: &[u8], id: &WorkflowId, envelope: &Envelope<'_>) {
    let Envelope { deadline_ms, traceparent, seq, epoch, snapshot, .. } = *envelope;
    let extras = Extras { deadline_ms, traceparent, seq, epoch, snapshot };
    let mut frame = Vec::new();
    write_request(&mut frame, args, id, &extras);
    let again = split(&frame);
    assert_eq!(again.args, Some(args));
    assert_eq!(again.workflow_id.and_then(WorkflowId::from_raw).as_ref(), Some(id));
    let Envelope { deadline_ms, traceparent, seq, epoch, snapshot, .. } = again;
    assert_eq!(Extras { deadline_ms, traceparent, seq, epoch, snapshot }, extras);
}

fn splits_again_as_a_reply(return_args: &[u8], id: Option<&[u8]>) {
    let mut frame = Vec::new();
    write_reply(&mut frame, return_args, id);
    let again = split(&frame);
    assert_eq!(again.return_args, Some(return_args));
    assert_eq!(again.workflow_id, Some(id.unwrap_or(b"\xc0")));
}

fn splits_again_as_an_error(error: &[u8]) {
    let Ok(error) = ErrorReply::from_msgpack(error) else { return };
    let mut frame = Vec::new();
    write_error(&mut frame, &error, None);
    let again = ErrorReply::from_msgpack(split(&frame).error.expect("no error in an error reply"));
    let again = again.expect("an error of our own was refused");
    assert_eq!((&again.code, &again.message), (&error.code, &error.message));
    assert_eq!(again.details.to_msgpack(), error.details.to_msgpack());
}
