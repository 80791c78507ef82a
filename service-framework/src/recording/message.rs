//! One message of a recording.

use std::sync::Arc;
use std::time::Duration;

use super::{Direction, Kind};
use crate::value::{DecodeError, Limits, Value};
use crate::wire::{Envelope, ErrorReply, split_topic};

/// One message of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Its number in the file.
    pub id: i64,
    /// Microseconds since 1970.
    pub time: u64,
    /// The service that was seen to take it in or to send it.
    pub service: Arc<str>,
    /// Such as `in.ask` or `states.out.book`.
    pub connection: Arc<str>,
    /// Seen from the service.
    pub direction: Direction,
    /// What it is.
    pub kind: Kind,
    /// The workflow id as text.
    pub workflow_id: Option<String>,
    /// The topic that stood before it.
    pub topic: Option<String>,
    /// Who sent it or was sent it, as far as that was known.
    pub peer: Option<String>,
    /// Bytes of its frame, the topic included.
    pub size: u64,
    /// How long a handler took, or a request until its reply.
    pub took: Option<Duration>,
    /// `ok`, or the code of an error.
    pub outcome: Option<String>,
    /// The frame as it was on the wire, if frames were recorded and are wanted.
    pub body: Option<Vec<u8>>,
    /// Which run of the service.
    pub(crate) run: i64,
}

impl Message {
    /// The parts of the frame.
    pub(crate) fn envelope(&self) -> Option<Envelope<'_>> {
        Envelope::split(split_topic(self.body.as_deref()?).1, &Limits::default()).ok()
    }

    /// Arguments, or return arguments of a reply, as MessagePack; None without a frame, or of one that is damaged.
    #[must_use]
    pub fn arguments_as_msgpack(&self) -> Option<&[u8]> {
        let envelope = self.envelope()?;
        envelope.args.or(envelope.return_args.filter(|_| envelope.error.is_none()))
    }

    /// The same, decoded.
    #[must_use]
    pub fn arguments(&self) -> Option<Value> {
        Value::from_msgpack(self.arguments_as_msgpack()?).ok()
    }

    /// The same as a type of Rust, such as a handler's.
    ///
    /// # Errors
    /// There is no frame, it is damaged, or its arguments are of another type.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let missing = || DecodeError::Shape("a recorded frame with arguments is expected".into());
        crate::value::decode_checked(self.arguments_as_msgpack().ok_or_else(missing)?)
    }

    /// The error of an error reply.
    #[must_use]
    pub fn error(&self) -> Option<ErrorReply> {
        ErrorReply::from_msgpack(self.envelope()?.error?).ok()
    }
}
