//! Requests as bytes, and answers as bytes.

use serde_json::{Value as Json, json};

use super::scan::{Scan, Seen};
use crate::program::execute::Answer;
use crate::program::run::{Request, RequestError};

/// A request that comes piece by piece.
#[derive(Debug)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    scan: Scan,
    /// At how many bytes it is looked again whether they can be the beginning of a request.
    next_look: usize,
    largest: usize,
}

/// What there is to do with what has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Come {
    /// Nothing yet.
    Part,
    /// It is twice as much as when it was looked at last: does it still look like a request?
    Doubled,
    /// It is read.
    Whole,
}

/// Why bytes are no request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum BadRequest {
    #[error("Could not decode the message provided: it is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    #[error("Message provided was not valid JSON: {0}")]
    NotJson(String),
    #[error("the request has more than {0} bytes, which is the most that is taken")]
    TooLarge(usize),
    #[error("the request did not come whole within {0} s")]
    Late(u64),
    #[error("too much is on its way to the server; try again later")]
    NoRoom,
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl Incoming {
    pub(super) fn new(largest: usize) -> Self {
        Self { bytes: Vec::new(), scan: Scan::default(), next_look: 1, largest }
    }

    /// Takes what has come.
    pub(super) fn take(&mut self, segment: &[u8]) -> Result<Come, BadRequest> {
        self.bytes.extend_from_slice(segment);
        if self.bytes.len() > self.largest {
            return Err(BadRequest::TooLarge(self.largest));
        }
        match self.scan.look(&self.bytes) {
            // What comes with it, and is no whitespace, makes it no JSON, as it always did.
            Seen::Whole(_) | Seen::Other => Ok(Come::Whole),
            Seen::Part if self.bytes.len() >= self.next_look => {
                self.next_look = self.bytes.len().saturating_mul(2);
                Ok(Come::Doubled)
            }
            Seen::Part => Ok(Come::Part),
        }
    }

    /// The request, if nothing more comes.
    pub(super) fn read(&self) -> Result<Request, BadRequest> {
        let text =
            std::str::from_utf8(&self.bytes).map_err(|error| BadRequest::NotUtf8(error.valid_up_to()))?;
        let json: Json =
            serde_json::from_str(text).map_err(|error| BadRequest::NotJson(error.to_string()))?;
        Ok(Request::from_json(&json)?)
    }

    /// Whether it can still become a request.
    pub(super) fn look_early(&self) -> Result<(), BadRequest> {
        match std::str::from_utf8(&self.bytes) {
            Err(error) if error.error_len().is_some() => {
                return Err(BadRequest::NotUtf8(error.valid_up_to()));
            }
            _ => {}
        }
        match serde_json::from_slice::<serde::de::IgnoredAny>(without_number(&self.bytes)) {
            Err(error) if !error.is_eof() => Err(BadRequest::NotJson(error.to_string())),
            _ => Ok(()),
        }
    }

    /// How much memory it takes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// All but the number at the end, which may go on: cut off within one, JSON counts as wrong, not as unfinished.
fn without_number(bytes: &[u8]) -> &[u8] {
    let is_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let end = bytes.iter().rposition(|byte| !is_of_number(byte));
    &bytes[..end.map_or(0, |last| last + 1)]
}

/// What goes back over the connection.
pub(super) fn answer_bytes(answer: &Answer) -> Vec<u8> {
    let json = match answer {
        Answer::Ran { pool, .. } => pool.to_json(),
        Answer::Refused(refusal) => server_error(&refusal.to_string()),
    };
    json.to_string().into_bytes()
}

/// What goes back for what is no request.
pub(super) fn error_bytes(bad: &BadRequest) -> Vec<u8> {
    server_error(&bad.to_string()).to_string().into_bytes()
}

fn server_error(text: &str) -> Json {
    json!({ "_server_error": text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_may_be_cut_anywhere() {
        let text = r#"{"program": "p\u00e4\"", "data_pool": {"all": [-1, 1.5e3, 2E-7, 0.25E+1, true, null, "1e"], "ä": {}}}"#;
        for cut in 1..text.len() {
            let (first, rest) = text.as_bytes().split_at(cut);
            let mut incoming = Incoming::new(1000);
            assert_eq!(incoming.take(first), Ok(Come::Doubled));
            assert_eq!(incoming.look_early(), Ok(()), "{:?}", String::from_utf8_lossy(first));
            assert_eq!(incoming.take(rest), Ok(Come::Whole));
            assert!(incoming.read().is_ok());
        }
    }

    #[test]
    fn what_cannot_become_a_request_is_found_early() {
        for text in [r#"{"a": 1e+}"#, r#"{"a" x"#, r#"{"a": trux"#, r#"{"a": -x"#] {
            let mut incoming = Incoming::new(1000);
            incoming.take(text.as_bytes()).unwrap();
            assert!(incoming.look_early().is_err(), "{text}");
        }
    }
}
