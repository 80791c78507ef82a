//! What flows ask of services: each request is one step, over the connections of a service that is their own.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::builder::Service;
use super::to_send::ToSend;
use crate::connection::SendError;
use crate::flow::connect::{Connector, Errand, Performed, Performing};
use crate::flow::engine::{Outcome, Raised};
use crate::model::{ConnectionModel, Side};
use crate::value::Value;

/// How soon a request is tried again that could not leave.
const AGAIN: Duration = Duration::from_millis(500);
/// The longest time that a script may wait for an answer, in seconds.
const LONGEST: f64 = 86_400.0;
/// An argument that a connection may have, not required: a script that does not give it has the key of its step sent, the same
/// however often the step is tried.
const KEY_ARG: &str = "idempotency_key";

/// What flows ask of other services: each request is one step. It goes over the connections of a service that is given to
/// [`ServiceRequests::through`].
///
/// A request whose host is killed before its answer is written is sent again by whoever goes on with the flow. A connection with an
/// optional argument `idempotency_key` (a `str`) is sent the key of the step, `FLOW/CALL`, by which the other end can tell.
#[derive(Clone, Default)]
pub struct ServiceRequests(Arc<Reach>);

#[derive(Default)]
struct Reach {
    to_send: OnceLock<ToSend>,
    /// Connections that take the key.
    keyed: OnceLock<HashSet<String>>,
}

impl ServiceRequests {
    /// Over no connections yet: what is asked meanwhile waits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same service; once it has started, flows ask over its requesters.
    pub fn through(&self, service: Service) -> Service {
        let reach = self.0.clone();
        let out = service.model().connections.iter().filter(|connection| connection.side == Side::Out);
        // There is one service, and one start of it.
        let _ = reach.keyed.set(out.filter(|out| takes_key(out)).map(|out| out.name.clone()).collect());
        service.first(move |to_send| {
            let _ = reach.to_send.set(to_send);
        })
    }
}

impl Connector for ServiceRequests {
    fn queue(&self) -> &'static str {
        "service"
    }

    fn perform(&self, errand: Errand) -> Performing<'_> {
        Box::pin(async move {
            let Some(to_send) = self.0.to_send.get().cloned() else {
                return Performed::Again { after: AGAIN, reason: "the service has not started".to_owned() };
            };
            let reach = self.0.clone();
            // A request's own future stays on its thread.
            let asking = tokio::task::spawn_blocking(move || reach.ask(&to_send, errand));
            asking.await.unwrap_or_else(|error| Performed::Again { after: AGAIN, reason: error.to_string() })
        })
    }
}

fn takes_key(connection: &ConnectionModel) -> bool {
    connection.arguments.optional.iter().any(|(name, _)| name == KEY_ARG)
}

impl Reach {
    fn ask(&self, to_send: &ToSend, errand: Errand) -> Performed {
        let key = errand.key();
        let (connection, mut args, within) = match (errand.name.as_str(), errand.args.as_slice()) {
            ("service.request", [Value::Str(connection), Value::Map(args)]) => {
                (connection.clone(), args.clone(), None)
            }
            ("service.request", [Value::Str(connection), Value::Map(args), within]) => {
                (connection.clone(), args.clone(), within.as_f64())
            }
            _ => {
                let what = "to_send takes the name of a connection and a dict of arguments";
                return failed("TypeError", what.to_owned());
            }
        };
        let is_keyed = self.keyed.get().is_some_and(|keyed| keyed.contains(&connection));
        if is_keyed && !args.iter().any(|(name, _)| name.as_str() == Some(KEY_ARG)) {
            args.push((Value::Str(KEY_ARG.to_owned()), Value::Str(key)));
        }
        let request = to_send.request::<Value>(&connection, Value::Map(args));
        let request = match within {
            Some(seconds) => request.within(Duration::from_secs_f64(seconds.clamp(0.0, LONGEST))),
            None => request,
        };
        match request.wait() {
            Ok(value) => Performed::Done(Outcome::Value(value)),
            Err(error) => told(&error),
        }
    }
}

/// What a script makes of an error, if it is not tried again.
fn told(error: &SendError) -> Performed {
    let kind = match error {
        SendError::Stopping | SendError::Overloaded { .. } => {
            return Performed::Again { after: AGAIN, reason: error.to_string() };
        }
        SendError::Timeout { .. } | SendError::NoInstance { .. } => "TimeoutError",
        SendError::NoPeer { .. } | SendError::Socket { .. } => "OSError",
        SendError::Refused { .. } | SendError::InvalidReply { .. } => "RuntimeError",
        _ => "ValueError",
    };
    failed(kind, error.to_string())
}

fn failed(kind: &str, message: String) -> Performed {
    Performed::Done(Outcome::Error(Raised { kind: kind.to_owned(), message }))
}
