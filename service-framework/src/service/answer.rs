//! From a request's bytes to a handler's arguments, and from what it returned to a reply's bytes.
//!
//! The same checks, errors and log lines serve the owner thread, workers and external functions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{HandlerError, OwnRefusal, Refused};
use super::handler::Fault;
use crate::connection::tap::{self, Direction, Kind, Observed};
use crate::connection::{Counters, Throttle, list};
use crate::model::{Checker, Mismatch};
use crate::value::{Limits, Value};
use crate::wire::{Envelope, ErrorReply, codes, most_args, write_error, write_reply};

/// Bytes of a message that was not understood that the log shows.
const HEAD: usize = 32;

/// What an in connection agreed to take and to give.
pub(crate) struct Agreement {
    pub(crate) name: String,
    pub(crate) args: Checker,
    pub(crate) returns: Checker,
    /// Whether a handler may return nothing.
    pub(crate) returns_nothing: bool,
    /// Whether the handler's own type reads exactly the arguments, so that its reading is the check.
    pub(crate) reading_checks: bool,
    /// Whether the handler's own type writes nothing but what is to be returned.
    pub(crate) writing_fits: bool,
    pub(crate) counters: Arc<Counters>,
    pub(crate) not_understood: Throttle,
    pub(crate) invalid: Throttle,
}

/// The message that a handler is through with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Concluded<'a> {
    /// Whether somebody waits for a reply.
    pub(crate) is_asked: bool,
    pub(crate) workflow_id: Option<&'a [u8]>,
    pub(crate) arrived: Instant,
    /// Which way a reply goes: in where the service asks a function of its own.
    pub(crate) replies: Direction,
}

impl<'a> Concluded<'a> {
    /// One that came in at `arrived`.
    pub(crate) fn new(is_asked: bool, workflow_id: Option<&'a [u8]>, arrived: Instant) -> Self {
        Self { is_asked, workflow_id, arrived, replies: Direction::Out }
    }
}

/// A message that may go to its handler.
pub(crate) struct Admitted<'a> {
    pub(crate) args: &'a [u8],
    pub(crate) workflow_id: Option<&'a [u8]>,
    pub(crate) deadline: Option<Instant>,
}

impl Agreement {
    /// Splits a message; the error is what to tell the one who sent it.
    pub(crate) fn open<'a>(&self, body: &'a [u8]) -> Result<Envelope<'a>, ErrorReply> {
        let envelope = Envelope::split(body, &Limits::default());
        envelope.and_then(|envelope| envelope.expect_args().map(|_| envelope)).map_err(|reason| {
            self.counters.bad.add_one();
            self.not_a_message(body);
            error(codes::BAD_MESSAGE, reason.to_string())
        })
    }

    /// Says that something came in that is no message.
    pub(crate) fn not_a_message(&self, bytes: &[u8]) {
        if self.not_understood.allows() {
            let (head, bad) = (hex_head(bytes), self.counters.bad.get());
            tracing::warn!(connection = self.name, head, bad, "message not understood");
        }
    }

    /// Checks a message that came in at `arrived`; the error is what to tell the one who sent it.
    pub(crate) fn admit<'a>(
        &self,
        message: &Envelope<'a>,
        arrived: Instant,
    ) -> Result<Admitted<'a>, ErrorReply> {
        let args = message.args.unwrap_or_default();
        self.check_arguments(args)?;
        let deadline = message.deadline_ms.and_then(|left| arrived.checked_add(Duration::from_millis(left)));
        Ok(Admitted { args, workflow_id: message.workflow_id, deadline })
    }

    /// Checks arguments, unless the handler's reading does.
    pub(crate) fn check_arguments(&self, args: &[u8]) -> Result<(), ErrorReply> {
        if self.reading_checks {
            return Ok(());
        }
        self.args.check(args).map_err(|mismatches| self.invalid(&mismatches))
    }

    /// What a handler's fault is to the one who asked: of arguments that it could not read, what is wrong with them.
    pub(crate) fn explain(&self, fault: Fault, args: &[u8]) -> Fault {
        let Fault::Misfit(misfit) = fault else { return fault };
        let mismatches = match self.args.check(args) {
            Err(mismatches) => mismatches,
            Ok(()) => vec![misfit.into_mismatch("args")],
        };
        Fault::Ready(self.invalid(&mismatches))
    }

    fn invalid(&self, mismatches: &[Mismatch]) -> ErrorReply {
        let message = list(mismatches);
        if self.invalid.allows() {
            tracing::warn!(connection = self.name, reason = message, "invalid arguments");
        }
        ErrorReply { code: codes::INVALID_ARGUMENTS.into(), message, details: details(mismatches) }
    }

    /// Writes the reply for what a handler returned; where nobody waits for one, only notes how it ended.
    pub(crate) fn conclude(
        &self,
        returned: Result<&[u8], Fault>,
        message: &Concluded<'_>,
        out: &mut Vec<u8>,
    ) {
        let Concluded { is_asked, workflow_id, arrived, replies } = *message;
        out.clear();
        let settled = self.settle(returned, is_asked);
        match &settled {
            Ok(returns) if is_asked => write_reply(out, returns, workflow_id),
            Err(error) if is_asked => write_error(out, error, workflow_id),
            _ => {}
        }
        self.counters.tap.observe(|| {
            let outcome = settled.as_ref().map_or_else(|error| error.code.as_str(), |_| tap::OK);
            let ended = match &settled {
                _ if !is_asked => Observed::came_in(Kind::Handled, &[]),
                Ok(_) => Observed::new(replies, Kind::Reply, out),
                Err(_) => Observed::new(replies, Kind::ErrorReply, out),
            };
            ended.of_workflow(workflow_id).ended(arrived.elapsed(), outcome)
        });
    }

    /// What a handler's end is to the one who asked: return arguments that were checked, or an error.
    pub(crate) fn settle<'a>(
        &self,
        returned: Result<&'a [u8], Fault>,
        is_asked: bool,
    ) -> Result<&'a [u8], ErrorReply> {
        let is_refusal = matches!(&returned, Err(fault) if is_refusal(fault));
        let returned = returned.map_err(|fault| self.fault(fault, is_asked));
        let returned = if is_asked { returned.and_then(|returns| self.check(returns)) } else { returned };
        if returned.is_err() && !is_refusal {
            self.counters.failed.add_one();
        }
        returned
    }

    fn check<'a>(&self, returns: &'a [u8]) -> Result<&'a [u8], ErrorReply> {
        let returns: &[u8] = if returns == [0xc0] && self.returns_nothing { &[0x80] } else { returns };
        let limit = most_args();
        if returns.len() > limit {
            let message =
                format!("{} bytes of return arguments are over the limit of {limit}", returns.len());
            tracing::error!(connection = self.name, message);
            return Err(error(codes::INVALID_RETURN, message));
        }
        if self.writing_fits {
            return Ok(returns);
        }
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
    fn fault(&self, fault: Fault, is_asked: bool) -> ErrorReply {
        match fault {
            Fault::Misfit(misfit) => self.invalid(&[misfit.into_mismatch("args")]),
            Fault::Arguments(reason) => {
                tracing::warn!(
                    connection = self.name,
                    reason,
                    "arguments that the handler's type does not take"
                );
                error(codes::INVALID_ARGUMENTS, reason)
            }
            Fault::Handler(failure) => match failure.downcast_ref::<Refused>() {
                Some(refused) => {
                    if !is_asked {
                        tracing::warn!(connection = self.name, reason = %refused, "the handler refused a message");
                    }
                    refuse(refused)
                }
                None => self.failure(&failure),
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

impl Agreement {
    fn failure(&self, failure: &HandlerError) -> ErrorReply {
        if let Some(own) = failure.downcast_ref::<OwnRefusal>() {
            return own.0.clone();
        }
        tracing::error!(connection = self.name, reason = failure.chain(), "the handler failed");
        error(codes::HANDLER_FAILED, "the handler failed")
    }
}

/// Whether the handler chose to say no, by which nothing is lost.
fn is_refusal(fault: &Fault) -> bool {
    let chose = |failure: &HandlerError| {
        failure.downcast_ref::<Refused>().is_some() || failure.downcast_ref::<OwnRefusal>().is_some()
    };
    matches!(fault, Fault::Handler(failure) if chose(failure))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Arguments;

    #[test]
    fn a_refusal_is_no_loss() {
        let checker = || Checker::compile(&Arguments::default()).unwrap();
        let agreement = Agreement {
            name: "ask".into(),
            args: checker(),
            returns: checker(),
            returns_nothing: true,
            reading_checks: false,
            writing_fits: false,
            counters: Arc::default(),
            not_understood: Throttle::default(),
            invalid: Throttle::default(),
        };
        let refused = Fault::Handler(Refused::new("no_reading", "not yet").into());
        let mut reply = Vec::new();
        let message = Concluded::new(true, None, Instant::now());
        agreement.conclude(Err(refused), &message, &mut reply);
        assert_eq!(agreement.counters.failed.get(), 0);
        agreement.conclude(Err(Fault::Panic("p".into())), &message, &mut reply);
        assert_eq!(agreement.counters.failed.get(), 1);
    }
}
