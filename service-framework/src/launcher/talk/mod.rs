//! `call`, `listen`, `publish`: talking to a service from the shell. Each is a service with one connection, whose other end
//! notices nothing else.

mod call;
mod listen;
mod publish;

use std::io::{self, Read as _};
use std::process::ExitCode;

use serde_json::{Value as Json, json};
use tracing::level_filters::LevelFilter;

pub(super) use self::call::call;
pub(super) use self::listen::listen;
pub(super) use self::publish::publish;
use super::arguments::Options;
use super::logs::{Format, Logs};
use super::say::say;
use super::{exit, inputs, report, signals};
use crate::connection::Endpoint;
use crate::model::{ConnectionModel, Problem, ServiceModel};
use crate::service::{Service, Setup, Stop};
use crate::value::Value;

/// The argument that says to read standard input.
const STANDARD_INPUT: &str = "-";

/// A service that has this connection and nothing else yet.
fn service_with(name: &str, model: ConnectionModel) -> Service {
    Service::from_model(ServiceModel { name: name.to_owned(), ..ServiceModel::default() }).connection(model)
}

/// The connection, of one topic if the command line names one.
fn with_topic(model: ConnectionModel, options: &Options) -> ConnectionModel {
    match options.topic.as_deref().filter(|topic| !topic.is_empty()) {
        Some(topic) => model.topic(topic),
        None => model,
    }
}

/// Where the other end is.
fn address(options: &Options) -> Result<String, Problem> {
    let text = options.positional.as_deref().unwrap_or_default();
    match inputs::endpoint("ADDRESS", text)? {
        Endpoint::Inproc(_) => {
            Err(Problem::new("ADDRESS", "an address outside of one process", format!("{text:?}")))
        }
        Endpoint::Cluster(named) => {
            let problem = Problem::new("ADDRESS", "the address of one instance", format!("{text:?}"));
            Err(problem.with_hint(format!("`cluster services {}` lists them", named.service)))
        }
        endpoint => Ok(endpoint.to_string()),
    }
}

/// Arguments as they are typed: a JSON object in which tagged values may stand.
fn arguments(text: &str) -> Result<Value, Problem> {
    let expected = "the arguments as a JSON object, such as {\"item\": \"rope\"}";
    let problem = |found: String| Problem::new("JSON", expected, found);
    let json: Json = serde_json::from_str(text).map_err(|error| problem(format!("no JSON: {error}")))?;
    if !json.is_object() {
        return Err(problem(report::without_long_words(&json.to_string())));
    }
    match Value::from_json(&json) {
        Ok(value @ Value::Map(_)) => Ok(value),
        Ok(_) => Err(problem("a tagged value, which is no object".to_owned())),
        Err(error) => Err(problem(error.to_string())),
    }
}

fn standard_input() -> Result<String, Problem> {
    let mut text = String::new();
    let read = io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| Problem::new("standard input", "text in UTF-8", error.to_string()))?;
    Ok(text)
}

/// Runs the service until it has done what it is for, or somebody stops it.
///
/// # Errors
/// What a start of it finds wrong. Nothing was opened then.
fn run(service: Service, sockets: Json, options: &Options, stop: &Stop) -> Result<ExitCode, Vec<Problem>> {
    let main_mode = service.model().main;
    let setup = Setup { addresses: Some(sockets), main_mode, ..Setup::default() };
    logs(options).start().map_err(|problem| vec![problem])?;
    let prepared = service.prepare(&setup).map_err(|error| error.problems)?;
    let stopping = stop.clone();
    if let Err(error) = signals::on_stop(move |_| stopping.stop(), || {}) {
        say!("error: cannot watch for signals: {error}");
        return Ok(ExitCode::from(exit::FAILED));
    }
    match prepared.run(stop) {
        Ok(()) => Ok(ExitCode::from(exit::OK)),
        Err(error) => {
            say!("error: {}", report::chain(&error));
            Ok(ExitCode::from(exit::FAILED))
        }
    }
}

fn logs(options: &Options) -> Logs {
    Logs {
        service: "shell".to_owned(),
        console_level: LevelFilter::WARN,
        format: Format::Human,
        palette: options.color.palette(&io::stderr()),
        files: None,
    }
}

/// One connection in an addresses file.
fn sockets(side: &str, name: &str, socket: &str, address: &str) -> Json {
    json!({ side: { name: { socket: address } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_an_object_with_tagged_values() {
        let value = arguments(r#"{"a": 1, "price": {"__decimal__": true, "as_str": "1.50"}}"#).unwrap();
        assert!(matches!(&value, Value::Map(entries) if entries.len() == 2), "{value:?}");
        for (text, found) in [("[1]", "[1]"), ("{", "no JSON"), ("7", "7")] {
            let problem = arguments(text).unwrap_err().to_string();
            assert!(problem.contains("JSON object") && problem.contains(found), "{problem}");
        }
    }
}
