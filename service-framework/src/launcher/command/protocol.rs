//! The lines between a service and its command. Pure.

use serde_json::{Map, Value as Json, json};

use crate::service::{Refused, SendError};
use crate::state::Status;
use crate::value::Value;

/// What a command says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// The end of a call.
    Reply { call: u64, outcome: Result<Value, Refusal> },
    /// A message for an out connection or a change of an own state, to be answered under its number.
    Send { number: Json, to: Destination, args: Value },
    /// A question for a state, to be answered under its number.
    Read { number: Json, state: String },
}

/// Where a command sends to.
#[derive(Debug, PartialEq)]
pub(super) enum Destination {
    Connection(String),
    State(String),
}

/// A command's error, as it goes to the one who asked.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) details: Value,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused::new(refusal.code, refusal.message).with_details(refusal.details)
    }
}

pub(super) fn start(config: &Json) -> Json {
    json!({"start": {"config": config}})
}

pub(super) fn call(number: u64, handler: &str, args: &Value, workflow_id: &Value) -> Json {
    json!({"call": number, "handler": handler, "args": args.to_json(), "workflow_id": workflow_id.to_json()})
}

pub(super) fn result(number: &Json, outcome: &Result<Value, SendError>) -> Json {
    match outcome {
        Ok(value) => json!({"result": number, "return_args": value.to_json()}),
        Err(SendError::Refused { error, .. }) => {
            let error =
                json!({"code": error.code, "message": error.message, "details": error.details.to_json()});
            json!({"result": number, "error": error})
        }
        Err(error) => refused(number, code(error), &error.to_string()),
    }
}

/// The answer to a question for a state: how current it is stands beside it, unless it is an own one.
pub(super) fn state(number: &Json, value: &Value, status: Option<Status>) -> Json {
    let mut result = json!({"result": number, "return_args": value.to_json()});
    if let Some(status) = status {
        result["status"] = status.word().into();
    }
    result
}

pub(super) fn refused(number: &Json, code: &str, message: &str) -> Json {
    json!({"result": number, "error": {"code": code, "message": message, "details": null}})
}

/// A word for an error that arose on this side.
fn code(error: &SendError) -> &'static str {
    match error {
        SendError::UnknownConnection { .. } | SendError::WrongType { .. } => "unknown_connection",
        SendError::UnknownState { .. } => "unknown_state",
        SendError::Standby { .. } => "standby",
        SendError::InvalidArguments { .. } | SendError::Encoding { .. } => "invalid_arguments",
        SendError::TooLarge { .. } => "too_large",
        SendError::Overloaded { .. } => "overloaded",
        SendError::Timeout { .. } => "timeout",
        SendError::NoPeer { .. } | SendError::NoInstance { .. } => "no_peer",
        SendError::Stopping => "stopping",
        SendError::InvalidReply { .. } => "invalid_reply",
        _ => "failed",
    }
}

/// Reads a line; the error says what is wrong with it.
pub(super) fn read(line: &str) -> Result<Said, String> {
    let json: Json = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    let Json::Object(said) = json else { return Err("not an object".into()) };
    if let Some(call) = said.get("reply") {
        let call = call.as_u64().ok_or("\"reply\" is not the number of a call")?;
        return Ok(Said::Reply { call, outcome: outcome(&said)? });
    }
    if let Some(number) = said.get("send") {
        return read_send(number.clone(), &said);
    }
    match said.get("read") {
        Some(number) => Ok(Said::Read { number: number.clone(), state: name(&said, "read", "state")? }),
        None => Err("neither \"reply\" nor \"send\" nor \"read\"".into()),
    }
}

fn read_send(number: Json, said: &Map<String, Json>) -> Result<Said, String> {
    let to = match said.contains_key("state") {
        true => Destination::State(name(said, "send", "state")?),
        false => Destination::Connection(name(said, "send", "connection")?),
    };
    let args = said.get("args").map_or(Ok(Value::Map(Vec::new())), value)?;
    Ok(Said::Send { number, to, args })
}

fn name(said: &Map<String, Json>, what: &str, key: &str) -> Result<String, String> {
    let name = said.get(key).and_then(Json::as_str);
    name.map(Into::into).ok_or_else(|| format!("\"{what}\" without \"{key}\""))
}

fn outcome(said: &Map<String, Json>) -> Result<Result<Value, Refusal>, String> {
    match (said.get("return_args"), said.get("error")) {
        (_, Some(error)) if !error.is_null() => refusal(error).map(Err),
        (Some(returned), _) => value(returned).map(Ok),
        _ => Err("\"reply\" with neither \"return_args\" nor \"error\"".into()),
    }
}

fn refusal(error: &Json) -> Result<Refusal, String> {
    let text = |key: &str| error.get(key).and_then(Json::as_str);
    let code = text("code").ok_or("\"error\" without \"code\"")?;
    Ok(Refusal {
        code: code.into(),
        message: text("message").unwrap_or_default().into(),
        details: error.get("details").map_or(Ok(Value::Nil), value)?,
    })
}

fn value(json: &Json) -> Result<Value, String> {
    Value::from_json(json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_says_is_read() {
        let changes = r#"{"send": 3, "call": 1, "state": "book", "args": {"state": {"a": null}}}"#;
        let args = Value::from_json(&json!({"state": {"a": null}})).unwrap();
        let to = Destination::State("book".into());
        assert_eq!(read(changes), Ok(Said::Send { number: json!(3), to, args }));
        let asks = r#"{"read": "x", "state": "prices"}"#;
        assert_eq!(read(asks), Ok(Said::Read { number: json!("x"), state: "prices".into() }));
        let sends = read(r#"{"send": 1, "call": 1, "connection": "venue"}"#);
        assert!(matches!(sends, Ok(Said::Send { to: Destination::Connection(_), .. })));
    }

    #[test]
    fn what_is_not_understood_says_what_is_missing() {
        let reason = |line: &str| read(line).unwrap_err();
        assert_eq!(reason(r#"{"read": 1}"#), r#""read" without "state""#);
        assert_eq!(reason(r#"{"send": 1, "call": 1}"#), r#""send" without "connection""#);
        assert_eq!(reason(r#"{"send": 1, "state": 7}"#), r#""send" without "state""#);
        assert_eq!(reason("{}"), r#"neither "reply" nor "send" nor "read""#);
    }
}
