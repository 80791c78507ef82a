//! Calls of scripts and what came of them, in words.

use serde_json::{Value as Json, json};

use crate::flow::engine::{Call, Outcome};
use crate::launcher::terminal::{Palette, printable};
use crate::value::Value;

/// Most characters of a value in a line.
const LONGEST: usize = 100;

/// A call in a few words.
pub(super) fn called(call: &Call) -> String {
    printable(&words(&call.name, &call.args))
}

fn words(name: &str, args: &[Value]) -> String {
    match (name, args) {
        ("begin", [Value::Str(name), Value::List(args)]) => format!("begin {}", words(name, args)),
        ("http.request", [asked]) => {
            let part = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
            format!("{} {}", part("method"), part("url"))
        }
        ("http.callback", []) => "new callback".to_owned(),
        ("time.sleep", [seconds]) => format!("sleep {}", duration(seconds)),
        ("deadline.push", [seconds]) => format!("timeout {}", duration(seconds)),
        ("deadline.pop", []) => "end of timeout".to_owned(),
        ("wait.callback", [Value::Str(id)]) => format!("await callback {id}"),
        ("wait.message", [Value::Str(name)]) => format!("await message {name}"),
        ("wait.call", [Value::Int(handle)]) => format!("await call {handle}"),
        ("flow.result", [Value::Str(id)]) => format!("await flow {id}"),
        ("flow.start", [wanted]) => {
            let part = |name: &str| wanted.get(name).and_then(Value::as_str);
            format!("start flow {}", part("function").or(part("file")).unwrap_or("?"))
        }
        (name, args) => {
            let args: Vec<String> = args.iter().map(|arg| cut(&arg.to_json().to_string())).collect();
            format!("{name} {}", args.join(" ")).trim_end().to_owned()
        }
    }
}

fn duration(seconds: &Value) -> String {
    seconds.as_f64().map_or_else(|| "?".to_owned(), seconds_text)
}

/// A length of time as people say it.
pub(super) fn seconds_text(seconds: f64) -> String {
    match seconds {
        _ if seconds < 0.001 => "0 s".to_owned(),
        _ if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
        _ if seconds < 60.0 => format!("{} s", (seconds * 10.0).round() / 10.0),
        _ if seconds < 3600.0 => format!("{:.0} min", (seconds / 60.0).floor()) + &rest(seconds % 60.0, "s"),
        _ if seconds < 86_400.0 => {
            format!("{:.0} h", (seconds / 3600.0).floor()) + &rest(seconds % 3600.0 / 60.0, "min")
        }
        _ => format!("{:.0} d", (seconds / 86_400.0).floor()) + &rest(seconds % 86_400.0 / 3600.0, "h"),
    }
}

fn rest(count: f64, unit: &str) -> String {
    if count < 1.0 { String::new() } else { format!(" {:.0} {unit}", count.floor()) }
}

/// What a call came to, in a few words.
pub(super) fn came(call: Option<&Call>, outcome: &Outcome, palette: Palette) -> String {
    match outcome {
        Outcome::Error(raised) => {
            palette.red(&cut(&format!("{}: {}", raised.kind, raised.message).replace('\n', " ")))
        }
        Outcome::Value(value) => match (call.map(asked_for), value) {
            (Some("http.request"), value) => response(value),
            (Some("http.callback"), value) => {
                value.get("url").and_then(Value::as_str).unwrap_or("?").to_owned()
            }
            (_, Value::Nil) => String::new(),
            (_, value) => cut(&value.to_json().to_string()),
        },
    }
}

/// What is asked for, if need be behind a `begin`.
fn asked_for(call: &Call) -> &str {
    match (call.name.as_str(), call.args.first()) {
        ("begin", Some(Value::Str(name))) => name,
        (name, _) => name,
    }
}

fn response(value: &Value) -> String {
    let status = value.get("status").and_then(Value::as_i64).unwrap_or_default();
    let reason = value.get("reason").and_then(Value::as_str).unwrap_or_default();
    let body = match value.get("body") {
        Some(Value::Bytes(body)) => match std::str::from_utf8(body) {
            Ok(text) => cut(&text.replace('\n', " ")),
            Err(_) => format!("{} bytes", body.len()),
        },
        _ => String::new(),
    };
    format!("{status} {reason} {body}").trim_end().to_owned()
}

/// A call for other programs.
pub(super) fn call_json(call: &Call) -> Json {
    let args: Vec<Json> = call.args.iter().map(Value::to_json).collect();
    json!({"call": call.id, "name": call.name, "args": args, "words": called(call)})
}

/// What it came to, for other programs: `{"value": …}` or `{"error": {"kind", "message"}}`.
pub(super) fn outcome_json(outcome: &Outcome) -> Json {
    match outcome {
        Outcome::Value(value) => json!({"value": value.to_json()}),
        Outcome::Error(raised) => json!({"error": {"kind": raised.kind, "message": raised.message}}),
    }
}

/// A text that is not longer than a line.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((place, _)) => format!("{}…", &text[..place]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, args: Vec<Value>) -> Call {
        Call { id: 0, name: name.to_owned(), args }
    }

    #[test]
    fn calls_are_told_in_words() {
        let text = |text: &str| Value::Str(text.to_owned());
        let asked = Value::Map(vec![(text("method"), text("GET")), (text("url"), text("http://a/b"))]);
        for (call, words) in [
            (call("http.request", vec![asked.clone()]), "GET http://a/b"),
            (call("begin", vec![text("http.request"), Value::List(vec![asked])]), "begin GET http://a/b"),
            (call("time.sleep", vec![Value::Float(90.0)]), "sleep 1 min 30 s"),
            (call("wait.message", vec![text("go")]), "await message go"),
            (call("program.run", vec![text("order"), Value::Map(Vec::new())]), "program.run \"order\" {}"),
            (call("time.now", vec![]), "time.now"),
        ] {
            assert_eq!(called(&call), words);
        }
    }

    #[test]
    fn lengths_of_time_are_short() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (0.25, "250 ms"),
            (1.5, "1.5 s"),
            (59.0, "59 s"),
            (60.0, "1 min"),
            (3600.0, "1 h"),
            (5400.0, "1 h 30 min"),
            (31_536_000.0, "365 d"),
        ] {
            assert_eq!(seconds_text(seconds), text);
        }
    }

    #[test]
    fn responses_are_told_by_their_status_and_body() {
        let text = |text: &str| Value::Str(text.to_owned());
        let response = Value::Map(vec![
            (text("status"), Value::Int(200)),
            (text("reason"), text("OK")),
            (text("body"), Value::Bytes(b"{}".to_vec())),
        ]);
        let of = call("http.request", Vec::new());
        assert_eq!(came(Some(&of), &Outcome::Value(response), Palette::PLAIN), "200 OK {}");
        assert_eq!(came(None, &Outcome::Value(Value::Nil), Palette::PLAIN), "");
    }
}
