//! Writing frames. Each function appends one whole message and allocates nothing beyond what `out` may need.

use super::{ErrorReply, WorkflowId};
use crate::value::Limits;
use crate::value::msgpack::write;

/// What may ride beside the arguments; the originals ignore all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras<'a> {
    /// Milliseconds left to answer.
    pub deadline_ms: Option<u64>,
    /// The W3C trace context.
    pub traceparent: Option<&'a str>,
    /// The number of a published message, counted by its publisher.
    pub seq: Option<u64>,
    /// Which life of its owner an update comes from.
    pub epoch: Option<u64>,
    /// What a replica and its owner say to each other beside the state: one whole MessagePack value.
    pub snapshot: Option<&'a [u8]>,
}

impl Extras<'_> {
    fn len(&self) -> usize {
        usize::from(self.traceparent.is_some())
            + usize::from(self.snapshot.is_some())
            + self.numbers().iter().filter(|(_, number)| number.is_some()).count()
    }

    fn numbers(&self) -> [(&'static str, Option<u64>); 3] {
        [("deadline", self.deadline_ms), ("seq", self.seq), ("epoch", self.epoch)]
    }

    fn write(&self, out: &mut Vec<u8>) {
        if let Some(traceparent) = self.traceparent {
            write::str(out, "traceparent");
            write::str(out, traceparent);
        }
        for (key, number) in self.numbers() {
            if let Some(number) = number {
                write::str(out, key);
                write::uint(out, number);
            }
        }
        if let Some(snapshot) = self.snapshot {
            write::str(out, "snapshot");
            out.extend_from_slice(snapshot);
        }
    }
}

/// What an envelope may need of a frame beside the arguments, an id of ordinary length included.
const ENVELOPE_ROOM: usize = 4_096;

/// The most bytes that arguments may have, for which a frame has room beside their envelope.
pub(crate) fn most_args() -> usize {
    Limits::default().bytes - ENVELOPE_ROOM
}

/// Appends a request, a published message or an update around `args`, which are one whole MessagePack value.
///
/// Without extras it is what the originals send.
pub fn write_request(out: &mut Vec<u8>, args: &[u8], workflow_id: &WorkflowId, extras: &Extras<'_>) {
    write::map(out, 2 + extras.len());
    write::str(out, "args");
    out.extend_from_slice(args);
    write::str(out, "workflow_id");
    workflow_id.write(out);
    extras.write(out);
}

/// As [`write_request`], with a workflow id as it came, nil if there was none.
pub(crate) fn write_with_raw_id(out: &mut Vec<u8>, args: &[u8], workflow_id_raw: Option<&[u8]>) {
    write::map(out, 2);
    write::str(out, "args");
    out.extend_from_slice(args);
    write::str(out, "workflow_id");
    out.extend_from_slice(workflow_id_raw.unwrap_or(&NIL));
}

/// Appends a reply around `return_args`, with the workflow id of its request as that came, nil if it had none.
pub fn write_reply(out: &mut Vec<u8>, return_args: &[u8], workflow_id_raw: Option<&[u8]>) {
    write::map(out, 2);
    write_reply_entries(out, return_args, workflow_id_raw);
}

/// As [`write_reply`], with extras.
pub fn write_reply_with(
    out: &mut Vec<u8>,
    return_args: &[u8],
    workflow_id_raw: Option<&[u8]>,
    extras: &Extras<'_>,
) {
    write::map(out, 2 + extras.len());
    write_reply_entries(out, return_args, workflow_id_raw);
    extras.write(out);
}

/// Appends an error reply. An original requester sees nil for return arguments, and fails rather than taking it
/// for success.
pub fn write_error(out: &mut Vec<u8>, error: &ErrorReply, workflow_id_raw: Option<&[u8]>) {
    write::map(out, 3);
    write_reply_entries(out, &NIL, workflow_id_raw);
    write::str(out, "error");
    error.write(out);
}

const NIL: [u8; 1] = [0xc0];

fn write_reply_entries(out: &mut Vec<u8>, return_args: &[u8], workflow_id_raw: Option<&[u8]>) {
    write::str(out, "return_args");
    out.extend_from_slice(return_args);
    write::str(out, "workflow_id");
    out.extend_from_slice(workflow_id_raw.unwrap_or(&NIL));
}
