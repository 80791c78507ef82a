//! Flows for other services: replyers that start, tell, look at, end and await them, and a publisher of how they come to stand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::builder::Service;
use super::error::{HandlerError, OwnRefusal, Result};
use super::to_send::ToSend;
use crate::flow::history::End;
use crate::flow::{FlowError, FlowInfo, Host, Start, Told};
use crate::model::{ConnectionModel, Side, Type};
use crate::value::Value;
use crate::wire::{ErrorReply, codes};

/// How often it is looked whether a flow has ended that somebody waits for.
const LOOK: Duration = Duration::from_millis(20);
/// How long `flow_result` waits if it is not told.
const PATIENCE: f64 = 4.0;
/// The publisher.
const EVENTS: &str = "flow_events";

/// A service through which others start, signal, look at, cancel and await the flows of a host: the replyers `flow_start`,
/// `flow_signal`, `flow_query`, `flow_cancel` and `flow_result`, and the publisher `flow_events`, which tells how flows come to stand.
///
/// `flow_result` answers when the flow has ended, or after `within` seconds (4 unless told) with its status alone: who wants to wait
/// longer asks again.
pub fn flow_service(name: &str, host: &Host) -> Service {
    let reach = HostReach::default();
    reach.set(host);
    with_flows(Service::new(name), &reach, |_| true)
}

/// The way to a host that may start later than the service does.
#[derive(Clone, Default)]
pub(crate) struct HostReach(Arc<Reach>);

#[derive(Default)]
struct Reach {
    host: OnceLock<Host>,
    to_send: OnceLock<ToSend>,
    is_told: AtomicBool,
}

impl HostReach {
    /// The host has started.
    pub(crate) fn set(&self, host: &Host) {
        // There is one.
        let _ = self.0.host.set(host.clone());
        self.publish();
    }

    fn get(&self) -> Result<&Host> {
        self.0.host.get().ok_or_else(|| own(codes::OVERLOADED, "flows have not started here yet: ask again"))
    }

    fn started(&self, to_send: ToSend) {
        let _ = self.0.to_send.set(to_send);
        self.publish();
    }

    /// Once both are there, how flows come to stand is told.
    fn publish(&self) {
        let (Some(host), Some(to_send)) = (self.0.host.get(), self.0.to_send.get().cloned()) else { return };
        if self.0.is_told.swap(true, Ordering::SeqCst) {
            return;
        }
        host.observe(move |flow, status| {
            let event: Value = [("id", flow), ("status", status.word())].into_iter().collect();
            if let Err(error) = to_send.publish(EVENTS, event) {
                tracing::debug!(flow, %error, "how a flow stands is not told");
            }
        });
    }
}

/// What a replyer does.
type Does = fn(&Host, &Value) -> Result<Value>;

/// The same service with those connections of [`flow_service`] that are wanted.
pub(crate) fn with_flows(service: Service, reach: &HostReach, wants: impl Fn(&str) -> bool) -> Service {
    let replyers: [(ConnectionModel, Does); 4] = [
        (start_model(), start),
        (signal_model(), signal),
        (query_model("flow_query"), query),
        (cancel_model(), cancel),
    ];
    let mut service = replyers.into_iter().filter(|(model, _)| wants(&model.name)).fold(
        service,
        |service, (model, does)| {
            let reach = reach.clone();
            service.receives(model, move |args: Value| does(reach.get()?, &args))
        },
    );
    if wants(&result_model().name) {
        let reach = reach.clone();
        service = service.receives(result_model(), move |args: Value| result(reach.clone(), args));
    }
    if wants(EVENTS) {
        let reach = reach.clone();
        service = service.connection(events_model()).first(move |to_send| reach.started(to_send));
    }
    service
}

/// On which side a connection of [`with_flows`] is.
pub(crate) fn side_of(name: &str) -> Side {
    if name == EVENTS { Side::Out } else { Side::In }
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
    ConnectionModel::publisher(EVENTS).requires("id", Type::Str).requires("status", Type::Str)
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
    let (id, is_new) = host.start_flow_or_main(start).map_err(|error| refused(&error))?;
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
    Ok(is_over(told == Told::Over))
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

async fn result(reach: HostReach, args: Value) -> Result<Value> {
    let host = reach.get()?;
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
        FlowError::NoFunction { .. } => "no_function",
        FlowError::Call { .. } | FlowError::ArgsOfNothing { .. } => "invalid_arguments",
        FlowError::BadId { .. } => "invalid_id",
        FlowError::Stopping => codes::STOPPING,
        _ => codes::HANDLER_FAILED,
    };
    own(code, &error.to_string())
}

fn own(code: &str, message: &str) -> HandlerError {
    OwnRefusal(ErrorReply { code: code.into(), message: message.to_owned(), details: Value::Nil }).into()
}
