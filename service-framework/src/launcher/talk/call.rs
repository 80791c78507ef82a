//! `call`: one request, and its answer.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use super::{STANDARD_INPUT, address, arguments, run, service_with, sockets, standard_input};
use crate::connection::SendError;
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::{exit, report};
use crate::model::{ConnectionModel, ConnectionType, Problem, ServiceModel, Side};
use crate::service::{Stop, ToSend};
use crate::value::Value;

type Answer = Result<Value, SendError>;

/// Asks, and prints the return arguments as JSON. `known` is the model of the service that answers, if it was named.
///
/// # Errors
/// All that is wrong with the command line. Nothing was sent then.
pub(in crate::launcher) fn call(
    options: &Options,
    known: Option<&ServiceModel>,
) -> Result<ExitCode, Vec<Problem>> {
    let name = options.further.first().map_or("", String::as_str);
    let (address, args, model) = (address(options), args(options), model(name, known));
    let mut problems = Vec::new();
    let mut take = |problem| problems.push(problem);
    let (address, args) = (address.map_err(&mut take).ok(), args.map_err(&mut take).ok());
    let model = model.map_err(&mut take).ok();
    let (Some(address), Some(args), Some(model)) = (address, args, model) else { return Err(problems) };
    let (answer, told, within) = (Arc::<Mutex<Option<Answer>>>::default(), name.to_owned(), options.timeout);
    let desk = answer.clone();
    let service = service_with("call", model).main(move |to_send: ToSend| {
        let answered = to_send.request::<Value>(&told, &args).within(within).wait();
        *desk.lock().unwrap_or_else(PoisonError::into_inner) = Some(answered);
        Ok(())
    });
    let ended = run(service, sockets("out", name, "requester", &address), options, &Stop::new())?;
    let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(answer.map_or(ended, |answer| shown(answer, &address)))
}

fn args(options: &Options) -> Result<Value, Problem> {
    match options.further.get(1).map(String::as_str) {
        None => Ok(Value::Map(Vec::new())),
        Some(STANDARD_INPUT) => arguments(&standard_input()?),
        Some(text) => arguments(text),
    }
}

/// The asking end of a connection: as the service's own model says, or whatever is typed.
fn model(name: &str, known: Option<&ServiceModel>) -> Result<ConnectionModel, Problem> {
    let Some(service) = known else { return Ok(ConnectionModel::requester(name).anything()) };
    let replyers: Vec<&ConnectionModel> =
        service.connections_on(Side::In).filter(|model| model.kind == ConnectionType::Replyer).collect();
    match replyers.iter().find(|model| model.name == name) {
        Some(replyer) => {
            let (arguments, returns) = (replyer.message(), replyer.returns.clone());
            Ok(ConnectionModel { arguments, returns, ..ConnectionModel::requester(name) })
        }
        None => {
            let names: Vec<&str> = replyers.iter().map(|model| model.name.as_str()).collect();
            let expected = match names.is_empty() {
                true => format!("a replyer of {}, which has none", service.name),
                false => format!("a replyer of {}: {}", service.name, names.join(", ")),
            };
            Err(Problem::new("CONNECTION", expected, format!("{name:?}")).with_near_miss(name, names))
        }
    }
}

fn shown(answer: Answer, address: &str) -> ExitCode {
    match answer {
        Ok(returns) => {
            let json = returns.to_json();
            let text = if io::stdout().is_terminal() { format!("{json:#}") } else { json.to_string() };
            report::print(&format!("{text}\n"), exit::OK)
        }
        Err(error) => {
            say!("error: {}", report::chain(&error));
            let code = match &error {
                SendError::InvalidArguments { .. } | SendError::TooLarge { .. } => exit::WRONG_INPUT,
                _ => exit::FAILED,
            };
            if let SendError::Timeout { no_peer: true, .. } = &error {
                say!(
                    "  nobody answers at {address}: is the service started, and is it this connection's address?"
                );
            }
            ExitCode::from(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Type;

    #[test]
    fn a_known_service_says_which_connections_it_has() {
        let echo = ConnectionModel::replyer("echo").requires("text", Type::Str).returns("text", Type::Str);
        let news = ConnectionModel::subscriber("news");
        let (name, connections) = ("desk".to_owned(), vec![echo, news]);
        let service = ServiceModel { name, connections, ..ServiceModel::default() };
        let asking = model("echo", Some(&service)).unwrap();
        assert_eq!((asking.kind, asking.arguments.required.len()), (ConnectionType::Requester, 1));
        for name in ["ecko", "news"] {
            let problem = model(name, Some(&service)).unwrap_err().to_string();
            assert!(problem.contains("a replyer of desk: echo"), "{problem}");
        }
        assert!(model("any", None).unwrap().takes_anything);
    }
}
