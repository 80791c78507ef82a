//! Splitting a frame.

use super::WireError;
use crate::value::msgpack::{Reader, Token, check_length};
use crate::value::{DecodeError, Limits};

/// The greatest length of a `traceparent` that is believed, in bytes; the standard's own has 55.
const MAX_TRACEPARENT: usize = 256;

/// A message taken apart: the parts are the bytes of whole values within the frame, checked to be well-formed
/// and not decoded.
///
/// A part is `None` if its key is missing. `traceparent` to `epoch` are also `None` when they are of another type than they
/// should be, since they come from strangers and are of no weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The arguments of a request, a published message or an update.
    pub args: Option<&'a [u8]>,
    /// The return arguments of a reply.
    pub return_args: Option<&'a [u8]>,
    /// The workflow id: [`super::WorkflowId::from_raw`] reads it.
    pub workflow_id: Option<&'a [u8]>,
    /// The error of a reply: [`super::ErrorReply::from_msgpack`] reads it.
    pub error: Option<&'a [u8]>,
    /// The W3C trace context, at most 256 bytes.
    pub traceparent: Option<&'a str>,
    /// Milliseconds left to answer when the request was sent.
    pub deadline_ms: Option<u64>,
    /// The number of a published message, counted by its publisher.
    pub seq: Option<u64>,
    /// Which life of its owner an update comes from.
    pub epoch: Option<u64>,
    /// What a replica and its owner say to each other beside the state, as whole MessagePack.
    pub snapshot: Option<&'a [u8]>,
}

impl<'a> Envelope<'a> {
    /// Splits a frame, from which a topic was already taken off.
    ///
    /// The whole frame is checked, also what is ignored in it: keys in any order, unknown ones, and keys that are
    /// not text. Of a key that stands twice the last one counts, as in Python.
    ///
    /// # Errors
    /// The frame is not one whole well-formed map within `limits`.
    pub fn split(frame: &'a [u8], limits: &Limits) -> Result<Self, WireError> {
        check_length(frame, limits)?;
        let mut reader = Reader::new(frame);
        let limit = limits.effective_depth();
        let depth = limit.checked_sub(1).ok_or(DecodeError::TooDeep { at: 0, limit })?;
        let entries = match reader.token()? {
            Token::Map(entries) => entries,
            other => return Err(WireError::NotAMap { found: other.kind() }),
        };
        let mut envelope = Self::default();
        for _ in 0..entries {
            let key = reader.raw_within(depth, limit)?;
            envelope.set(key, reader.raw_within(depth, limit)?);
        }
        reader.expect_end()?;
        Ok(envelope)
    }

    /// The arguments of a message that must have them.
    ///
    /// # Errors
    /// It has none.
    pub fn expect_args(&self) -> Result<&'a [u8], WireError> {
        self.args.ok_or(WireError::Missing { key: "args" })
    }

    /// The return arguments of a reply that must have them.
    ///
    /// # Errors
    /// It has none.
    pub fn expect_return_args(&self) -> Result<&'a [u8], WireError> {
        self.return_args.ok_or(WireError::Missing { key: "return_args" })
    }

    /// Takes one entry. Both are whole values.
    fn set(&mut self, key: &[u8], value: &'a [u8]) {
        match text_bytes(key) {
            Some(b"args") => self.args = Some(value),
            Some(b"return_args") => self.return_args = Some(value),
            Some(b"workflow_id") => self.workflow_id = Some(value),
            Some(b"error") => self.error = Some(value),
            Some(b"traceparent") => self.traceparent = short_text(value),
            Some(b"deadline") => self.deadline_ms = count(value),
            Some(b"seq") => self.seq = count(value),
            Some(b"epoch") => self.epoch = count(value),
            Some(b"snapshot") => self.snapshot = Some(value),
            _ => {}
        }
    }
}

/// The bytes of a whole value that is text. A key's length is nearly always in its marker.
fn text_bytes(raw: &[u8]) -> Option<&[u8]> {
    match raw {
        [0xa0..=0xbf, text @ ..] => Some(text),
        _ => match Reader::new(raw).token() {
            Ok(Token::Str(text)) => Some(text.as_bytes()),
            _ => None,
        },
    }
}

fn short_text(value: &[u8]) -> Option<&str> {
    match Reader::new(value).token() {
        Ok(Token::Str(text)) if text.len() <= MAX_TRACEPARENT => Some(text),
        _ => None,
    }
}

fn count(value: &[u8]) -> Option<u64> {
    match Reader::new(value).token() {
        Ok(Token::Int(number)) => u64::try_from(number).ok(),
        Ok(Token::UInt(number)) => Some(number),
        _ => None,
    }
}
