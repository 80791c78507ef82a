//! Flows and services: flows ask over a service's connections, and a service starts, tells, looks at and ends flows.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::builder::Service;
use super::error::{HandlerError, OwnRefusal, Result};
use super::to_send::ToSend;
use crate::connection::SendError;
use crate::flow::connect::{Connector, Errand, Performed, Performing};
use crate::flow::engine::{Outcome, Raised};
use crate::flow::history::End;
use crate::flow::{FlowError, FlowInfo, Host, Start};
use crate::model::{ConnectionModel, Type};
use crate::value::Value;
use crate::wire::{ErrorReply, codes};

/// How soon a request is tried again that could not leave.
const AGAIN: Duration = Duration::from_millis(500);
/// How often it is looked whether a flow has ended that somebody waits for.
const LOOK: Duration = Duration::from_millis(20);
/// How long `flow_result` waits if it is not told.
const PATIENCE: f64 = 4.0;

/// What flows ask of other services: each request is one step. It goes over the connections of a service that is given to
/// [`ServiceRequests::through`].
#[derive(Clone, Default)]
pub struct ServiceRequests(Arc<OnceLock<ToSend>>);

impl ServiceRequests {
    /// Over no connections yet: what is asked meanwhile waits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same service; once it has started, flows ask over its requesters.
    pub fn through(&self, service: Service) -> Service {
        let reach = self.0.clone();
        service.first(move |to_send| {
            // There is one start of a service.
            let _ = reach.set(to_send);
        })
    }
}

impl Connector for ServiceRequests {
    fn queue(&self) -> &'static str {
        "service"
    }

    fn perform(&self, errand: Errand) -> Performing<'_> {
        Box::pin(async move {
            let Some(to_send) = self.0.get().cloned() else {
                return Performed::Again { after: AGAIN, reason: "the service has not started".to_owned() };
            };
            // A request's own future stays on its thread.
            let asking = tokio::task::spawn_blocking(move || ask(&to_send, &errand));
            asking.await.unwrap_or_else(|error| Performed::Again { after: AGAIN, reason: error.to_string() })
        })
    }
}

fn ask(to_send: &ToSend, errand: &Errand) -> Performed {
    let ("service.request", [Value::Str(connection), args @ Value::Map(_)]) =
        (errand.name.as_str(), errand.args.as_slice())
    else {
        return failed(
            "TypeError",
            "to_send takes the name of a connection and a dict of arguments".to_owned(),
        );
    };
    match to_send.request::<Value>(connection, args).wait() {
        Ok(value) => Performed::Done(Outcome::Value(value)),
        Err(error) => told(&error),
    }
}

/// What a script makes of an error, if it is not tried again.
fn told(error: &SendError) -> Performed {
    let kind = match error {
        SendError::Stopping | SendError::Overloaded { .. } => {
            return Performed::Again { after: AGAIN, reason: error.to_string() };
        }
        SendError::Timeout { .. } => "TimeoutError",
        SendError::NoPeer { .. } | SendError::Socket { .. } => "OSError",
        SendError::Refused { .. } | SendError::InvalidReply { .. } => "RuntimeError",
        _ => "ValueError",
    };
    failed(kind, error.to_string())
}

fn failed(kind: &str, message: String) -> Performed {
    Performed::Done(Outcome::Error(Raised { kind: kind.to_owned(), message }))
}

/// A service through which others start, signal, look at, cancel and await the flows of a host: the replyers `flow_start`,
/// `flow_signal`, `flow_query`, `flow_cancel` and `flow_result`, and the publisher `flow_events`, which tells how flows come to stand.
///
/// `flow_result` answers when the flow has ended, or after `within` seconds (4 unless told) with its status alone: who wants to wait
/// longer asks again.
pub fn flow_service(name: &str, host: &Host) -> Service {
    let (of_start, of_signal, of_query) = (host.clone(), host.clone(), host.clone());
    let (of_cancel, of_result, events) = (host.clone(), host.clone(), host.clone());
    Service::new(name)
        .receives(start_model(), move |args: Value| start(&of_start, &args))
        .receives(signal_model(), move |args: Value| signal(&of_signal, &args))
        .receives(query_model("flow_query"), move |args: Value| query(&of_query, &args))
        .receives(cancel_model(), move |args: Value| cancel(&of_cancel, &args))
        .receives(result_model(), move |args: Value| result(of_result.clone(), args))
        .connection(events_model())
        .first(move |to_send| publish_events(&events, to_send))
}

fn publish_events(host: &Host, to_send: ToSend) {
    host.observe(move |flow, status| {
        let event: Value = [("id", flow), ("status", status.word())].into_iter().collect();
        if let Err(error) = to_send.publish("flow_events", event) {
            tracing::debug!(flow, %error, "how a flow stands is not told");
        }
    });
}

fn start_model() -> ConnectionModel {
    ConnectionModel::replyer("flow_start")
        .requires("source", Type::Str)
        .optional("file", Type::Str)
        .optional("name", Type::Str)
        .optional("function", Type::Str)
        .optional("args", Type::map(Type::Str, Type::Any))
        .optional("scripts", Type::map(Type::Str, Type::Str))
        .optional("id", Type::Str)
        .returns("id", Type::Str)
        .returns("is_new", Type::Bool)
}

fn signal_model() -> ConnectionModel {
    ConnectionModel::replyer("flow_signal")
        .requires("id", Type::Str)
        .requires("name", Type::Str)
        .optional("data", Type::Any)
        .returns("is_over", Type::Bool)
}

fn query_model(name: &str) -> ConnectionModel {
    ConnectionModel::replyer(name)
        .requires("id", Type::Str)
        .returns("id", Type::Str)
        .returns("name", Type::Str)
        .returns("status", Type::Str)
        .returns("published", Type::map(Type::Str, Type::Any))
}

fn cancel_model() -> ConnectionModel {
    ConnectionModel::replyer("flow_cancel").requires("id", Type::Str).returns("is_over", Type::Bool)
}

fn result_model() -> ConnectionModel {
    ConnectionModel::replyer("flow_result")
        .requires("id", Type::Str)
        .optional("within", Type::Float)
        .returns("status", Type::Str)
        .optionally_returns("result", Type::Any)
        .optionally_returns("error", Type::Str)
}

fn events_model() -> ConnectionModel {
    ConnectionModel::publisher("flow_events").requires("id", Type::Str).requires("status", Type::Str)
}

fn text(args: &Value, name: &str) -> Option<String> {
    args.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn start(host: &Host, args: &Value) -> Result<Value> {
    let source = text(args, "source").unwrap_or_default();
    let given = match args.get("args") {
        Some(Value::Map(given)) => given.clone(),
        _ => Vec::new(),
    };
    let given = given.into_iter().filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value)));
    let start = Start {
        id: text(args, "id"),
        name: text(args, "name"),
        file: text(args, "file").unwrap_or_else(|| "script.py".to_owned()),
        source,
        function: text(args, "function"),
        args: given.collect(),
        scripts: scripts(args),
        parent: None,
    };
    let (id, is_new) = host.start_flow(start).map_err(|error| refused(&error))?;
    Ok([("id", Value::Str(id)), ("is_new", Value::Bool(is_new))].into_iter().collect())
}

/// The scripts that the flow may start, by name.
fn scripts(args: &Value) -> Vec<(String, String)> {
    let Some(Value::Map(scripts)) = args.get("scripts") else { return Vec::new() };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    scripts.iter().filter_map(|(name, script)| Some((text(name)?, text(script)?))).collect()
}

fn signal(host: &Host, args: &Value) -> Result<Value> {
    let (id, name) = (text(args, "id").unwrap_or_default(), text(args, "name").unwrap_or_default());
    let data = args.get("data").cloned().unwrap_or(Value::Nil);
    let told = host.flows().signal(&id, &name, data).map_err(|error| refused(&error))?;
    host.ring(&id);
    Ok(is_over(told == crate::flow::Told::Over))
}

fn cancel(host: &Host, args: &Value) -> Result<Value> {
    let id = text(args, "id").unwrap_or_default();
    let over = match host.flows().cancel(&id) {
        Ok(_) => false,
        Err(FlowError::NotNow { .. }) => true,
        Err(error) => return Err(refused(&error)),
    };
    host.ring(&id);
    Ok(is_over(over))
}

fn is_over(over: bool) -> Value {
    [("is_over", Value::Bool(over))].into_iter().collect()
}

fn query(host: &Host, args: &Value) -> Result<Value> {
    let id = text(args, "id").unwrap_or_default();
    let flows = host.flows();
    let told = || -> Result<Value, FlowError> {
        let FlowInfo { status, .. } = flows.get(&id)?;
        let (name, published) = (flows.started(&id)?.name, flows.published(&id)?);
        let told = [
            ("id", Value::Str(id.clone())),
            ("name", Value::Str(name)),
            ("status", Value::Str(status.word().to_owned())),
            ("published", Value::Map(published)),
        ];
        Ok(told.into_iter().collect())
    };
    told().map_err(|error| refused(&error))
}

async fn result(host: Host, args: Value) -> Result<Value> {
    let id = text(&args, "id").unwrap_or_default();
    let within = args.get("within").and_then(Value::as_f64).unwrap_or(PATIENCE).clamp(0.0, 86_400.0);
    let until = Instant::now() + Duration::from_secs_f64(within);
    loop {
        let info = host.flows().get(&id).map_err(|error| refused(&error))?;
        if info.status.has_ended() || Instant::now() >= until {
            let end = host.flows().end(&id).map_err(|error| refused(&error))?;
            return Ok(told_end(info.status.word(), end));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn told_end(status: &str, end: Option<End>) -> Value {
    let status = ("status", Value::Str(status.to_owned()));
    match end {
        None => [status].into_iter().collect(),
        Some(End::Done(value)) => [status, ("result", value)].into_iter().collect(),
        Some(End::Failed(failure) | End::Cancelled(failure)) => {
            let error = format!("{}: {}", failure.kind, failure.message);
            [status, ("error", Value::Str(error))].into_iter().collect()
        }
    }
}

fn refused(error: &FlowError) -> HandlerError {
    let code = match error {
        FlowError::NoFlow(_) => "no_flow",
        FlowError::Taken { .. } => "taken",
        FlowError::Complaints { .. } => "invalid_script",
        FlowError::BadId { .. } => "invalid_id",
        FlowError::Stopping => codes::STOPPING,
        _ => codes::HANDLER_FAILED,
    };
    OwnRefusal(ErrorReply { code: code.into(), message: error.to_string(), details: Value::Nil }).into()
}
