//! A row, or a line of JSON, for each message.

use serde_json::{Value as Json, json};

use super::{ShowError, Shown, print};
use crate::launcher::columns::{self, aligned};
use crate::launcher::look::time;
use crate::launcher::recordings::chosen::{cell, shortened};
use crate::recording::{Direction, Message};

const HEADS: [&str; 11] = [
    "time",
    "service",
    "connection",
    "",
    "kind",
    "topic",
    "workflow id",
    "size",
    "took",
    "outcome",
    "arguments",
];

/// Columns that stand at the right: time, size, took.
const RIGHT: [usize; 3] = [0, 7, 8];

/// Rows whose columns are as wide as each other's.
const TOGETHER: usize = 500;

/// Characters of arguments in a row.
const MOST_ARGUMENTS: usize = 80;

pub(super) fn show(shown: &Shown<'_>) -> Result<(), ShowError> {
    let mut rows = Vec::new();
    let mut is_first = true;
    for message in shown.recording.messages(&shown.filter) {
        let message = message?;
        if !holds(&message, shown.grep) {
            continue;
        }
        if shown.is_json {
            print(&format!("{}\n", to_json(&message)))?;
            continue;
        }
        rows.push(row(&message, shown));
        if rows.len() >= TOGETHER {
            table(&mut rows, &mut is_first, shown)?;
        }
    }
    if shown.is_json || (rows.is_empty() && !is_first) {
        return Ok(());
    }
    table(&mut rows, &mut is_first, shown)
}

fn table(rows: &mut Vec<Vec<String>>, is_first: &mut bool, shown: &Shown<'_>) -> Result<(), ShowError> {
    if std::mem::take(is_first) {
        rows.insert(0, HEADS.map(|head| shown.palette.bold(head)).to_vec());
    }
    let text = columns::text(&aligned(rows, &RIGHT));
    rows.clear();
    Ok(print(&text)?)
}

/// Whether a text stands in the arguments.
fn holds(message: &Message, grep: Option<&str>) -> bool {
    grep.is_none_or(|grep| said(message).is_some_and(|said| said.to_string().contains(grep)))
}

/// What stands in a message, as JSON.
pub(super) fn said(message: &Message) -> Option<Json> {
    let error = || {
        let error = message.error()?;
        Some(json!({ "code": error.code, "message": error.message, "details": error.details.to_json() }))
    };
    message.arguments().map(|value| value.to_json()).or_else(error)
}

fn row(message: &Message, shown: &Shown<'_>) -> Vec<String> {
    let text = |text: &Option<String>| text.as_deref().map(cell).unwrap_or_default();
    let outcome = message.outcome.as_deref().unwrap_or_default();
    let is_bad = !outcome.is_empty() && outcome != "ok";
    let outcome = if is_bad { shown.palette.red(&cell(outcome)) } else { cell(outcome) };
    let arrow = if message.direction == Direction::In { "→" } else { "←" };
    vec![
        seconds(message.time, shown.first),
        cell(&message.service),
        cell(&message.connection),
        arrow.to_owned(),
        message.kind.as_str().to_owned(),
        text(&message.topic),
        shown.palette.dim(&text(&message.workflow_id)),
        message.size.to_string(),
        message.took.map(|took| time(took.as_secs_f64())).unwrap_or_default(),
        outcome,
        arguments(message),
    ]
}

/// The arguments in a few characters.
pub(super) fn arguments(message: &Message) -> String {
    match said(message) {
        Some(said) => shortened(&said.to_string(), MOST_ARGUMENTS),
        None if message.body.as_ref().is_some_and(|body| !body.is_empty()) => "not understood".to_owned(),
        None => String::new(),
    }
}

/// Seconds since the first message.
pub(super) fn seconds(time: u64, first: u64) -> String {
    let after = time.saturating_sub(first);
    format!("{}.{:06}", after / 1_000_000, after % 1_000_000)
}

fn to_json(message: &Message) -> Json {
    let mut json = json!({
        "time": message.time,
        "service": &*message.service,
        "connection": &*message.connection,
        "direction": message.direction.as_str(),
        "kind": message.kind.as_str(),
        "workflow_id": message.workflow_id,
        "topic": message.topic,
        "peer": message.peer,
        "size": message.size,
        "took": message.took.map(|took| took.as_micros()),
        "outcome": message.outcome,
    });
    if let Some(error) = message.error() {
        json["error"] =
            json!({ "code": error.code, "message": error.message, "details": error.details.to_json() });
    } else if let Some(arguments) = message.arguments() {
        json["args"] = arguments.to_json();
    }
    if let Json::Object(entries) = &mut json {
        entries.retain(|_, value| !value.is_null());
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_shown_as_far_as_they_are_understood() {
        let mut message = crate::recording::example_message();
        assert_eq!(arguments(&message), r#"{"item":"rope"}"#);
        message.body = Some(vec![0xc1, 0x1b]);
        assert_eq!(arguments(&message), "not understood");
        message.body = None;
        assert_eq!(arguments(&message), "");
        assert_eq!(seconds(2_000_001, 500_000), "1.500001");
        assert!(holds(&crate::recording::example_message(), Some("rope")) && !holds(&message, Some("rope")));
    }
}
