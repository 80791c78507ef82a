//! From a request's bytes to a handler's arguments, and from what it returned to a reply's bytes.
//!
//! The same checks, errors and log lines serve the owner thread, workers and external functions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::Refused;
use super::handler::Fault;
use crate::connection::{Counters, list};
use crate::model::{Checker, Mismatch};
use crate::value::{Limits, Value};
use crate::wire::{Envelope, ErrorReply, codes, write_error, write_reply};

/// Bytes of a message that was not understood that the log shows.
const HEAD: usize = 32;

/// What an in connection agreed to take and to give.
pub(crate) struct Agreement {
    pub(crate) name: String,
    pub(crate) args: Checker,
    pub(crate) returns: Checker,
    /// Whether a handler may return nothing.
    pub(crate) returns_nothing: bool,
    pub(crate) counters: Arc<Counters>,
}

/// A message that may go to its handler.
pub(crate) struct Admitted<'a> {
    pub(crate) args: &'a [u8],
    pub(crate) workflow_id: Option<&'a [u8]>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) seq: Option<u64>,
    pub(crate) epoch: Option<u64>,
}

/// A message that may not, and what to tell the one who sent it.
pub(crate) struct Rejected<'a> {
    pub(crate) workflow_id: Option<&'a [u8]>,
    pub(crate) error: ErrorReply,
}

impl Agreement {
    /// Splits and checks a message that came in at `arrived`.
    pub(crate) fn admit<'a>(&self, body: &'a [u8], arrived: Instant) -> Result<Admitted<'a>, Rejected<'a>> {
        let bad = |workflow_id, reason: String| {
            self.counters.bad.add_one();
            tracing::warn!(connection = self.name, reason, head = hex_head(body), "message not understood");
            Rejected { workflow_id, error: error(codes::BAD_MESSAGE, reason) }
        };
        let envelope =
            Envelope::split(body, &Limits::default()).map_err(|error| bad(None, error.to_string()))?;
        let workflow_id = envelope.workflow_id;
        let Some(args) = envelope.args else {
            return Err(bad(workflow_id, "no \"args\" in it".into()));
        };
        self.args
            .check(args)
            .map_err(|mismatches| Rejected { workflow_id, error: self.invalid(&mismatches) })?;
        let deadline = envelope.deadline_ms.and_then(|left| arrived.checked_add(Duration::from_millis(left)));
        Ok(Admitted { args, workflow_id, deadline, seq: envelope.seq, epoch: envelope.epoch })
    }

    fn invalid(&self, mismatches: &[Mismatch]) -> ErrorReply {
        let message = list(mismatches);
        tracing::warn!(connection = self.name, reason = message, "invalid arguments");
        ErrorReply { code: codes::INVALID_ARGUMENTS.into(), message, details: details(mismatches) }
    }

    /// Writes the reply for what a handler returned; where nobody waits for one, only notes how it ended.
    pub(crate) fn conclude(
        &self,
        returned: Result<&[u8], Fault>,
        is_asked: bool,
        workflow_id: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) {
        out.clear();
        let returned = returned.map_err(|fault| self.fault(fault));
        let returned = if is_asked { returned.and_then(|returns| self.check(returns)) } else { returned };
        if returned.is_err() {
            self.counters.failed.add_one();
        }
        match returned {
            Ok(returns) if is_asked => write_reply(out, returns, workflow_id),
            Err(error) if is_asked => write_error(out, &error, workflow_id),
            _ => {}
        }
    }

    fn check<'a>(&self, returns: &'a [u8]) -> Result<&'a [u8], ErrorReply> {
        let returns: &[u8] = if returns == [0xc0] && self.returns_nothing { &[0x80] } else { returns };
        self.returns.check(returns).map(|()| returns).map_err(|mismatches| {
            let message = list(&mismatches);
            tracing::error!(
                connection = self.name,
                reason = message,
                "the handler returned what its model forbids"
            );
            ErrorReply { code: codes::INVALID_RETURN.into(), message, details: details(&mismatches) }
        })
    }

    /// Logs why a handler failed; the reply says no more than the one who asked may know.
    fn fault(&self, fault: Fault) -> ErrorReply {
        match fault {
            Fault::Arguments(reason) => {
                tracing::warn!(
                    connection = self.name,
                    reason,
                    "arguments that the handler's type does not take"
                );
                error(codes::INVALID_ARGUMENTS, reason)
            }
            Fault::Handler(failure) => match failure.downcast_ref::<Refused>() {
                Some(refused) => refuse(refused),
                None => {
                    tracing::error!(connection = self.name, reason = failure.chain(), "the handler failed");
                    error(codes::HANDLER_FAILED, "the handler failed")
                }
            },
            Fault::Return(reason) => {
                tracing::error!(
                    connection = self.name,
                    reason,
                    "what the handler returned cannot be written"
                );
                error(codes::INVALID_RETURN, reason)
            }
            Fault::Panic(reason) => {
                tracing::error!(connection = self.name, reason, "the handler panicked");
                error(codes::HANDLER_FAILED, "the handler failed")
            }
            Fault::Ready(error) => error,
        }
    }
}

/// A handler's own refusal, unless it borrows the framework's words.
fn refuse(refused: &Refused) -> ErrorReply {
    let code = if codes::is_reserved(&refused.code) { codes::HANDLER_FAILED } else { &refused.code };
    ErrorReply { code: code.into(), message: refused.message.clone(), details: refused.details.clone() }
}

/// An error reply without details.
pub(crate) fn error(code: &str, message: impl Into<String>) -> ErrorReply {
    ErrorReply { code: code.into(), message: message.into(), details: Value::Nil }
}

fn details(mismatches: &[Mismatch]) -> Value {
    let field = |name: &str, text: &str| (Value::from(name), Value::from(text));
    let one = |m: &Mismatch| {
        Value::Map(vec![field("path", &m.path), field("expected", &m.expected), field("found", &m.found)])
    };
    Value::List(mismatches.iter().map(one).collect())
}

fn hex_head(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let head = &bytes[..bytes.len().min(HEAD)];
    head.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
