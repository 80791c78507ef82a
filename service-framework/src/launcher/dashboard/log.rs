//! Lines of services, taken apart: when, how grave, what, and for which workflow.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::query::Query;
use super::snapshot::{Snapshot, System};
use crate::launcher::control::message::Question;
use crate::launcher::control::place::Kind;
use crate::launcher::look::{ask, text};

const PATIENCE: Duration = Duration::from_secs(2);

/// So many lines are given at a time, of all systems together.
const MOST: usize = 2_000;

/// Names of levels as lines have them.
const LEVELS: [&str; 5] = ["ERROR", "WARNING", "INFO", "DEBUG", "TRACE"];

/// Which systems are asked for their lines, each from which number on.
pub(super) fn wanted(snapshot: &Snapshot, query: &Query) -> Vec<(System, u64)> {
    let after: HashMap<u32, u64> =
        query.text("after").unwrap_or_default().split(',').filter_map(read_place).collect();
    let place = |system: &System| (system.clone(), after.get(&system.up).copied().unwrap_or_default());
    snapshot.systems.iter().map(place).collect()
}

fn read_place(text: &str) -> Option<(u32, u64)> {
    let (up, number) = text.split_once(':')?;
    Some((up.parse().ok()?, number.parse().ok()?))
}

/// The lines of these systems, and from where on to ask next.
pub(super) fn lines(wanted: &[(System, u64)]) -> Json {
    let mut lines = Vec::new();
    let mut next = Map::new();
    for (system, after) in wanted {
        let question = Question::new("logs").with("after", *after).with("most", MOST / wanted.len().max(1));
        let Ok(answer) = ask(Kind::System, system.up, &question, PATIENCE) else {
            next.insert(system.up.to_string(), json!(after));
            continue;
        };
        next.insert(system.up.to_string(), answer.get("next").cloned().unwrap_or_default());
        let said = answer.get("lines").and_then(Json::as_array).into_iter().flatten();
        lines.extend(said.map(|said| line(system, said)));
    }
    json!({ "lines": lines, "next": next })
}

fn line(system: &System, said: &Json) -> Json {
    let plain = plain(text(said, "line"));
    let read = read(&plain);
    json!({
        "id": format!("{}/{}", system.up, text(said, "service")),
        "service": format!("{}/{}", system.name, text(said, "service")),
        "stream": text(said, "stream"),
        "time": read.time,
        "level": read.level,
        "text": read.text,
        "workflow": read.workflow,
    })
}

/// A line taken apart. One that the framework has not written is all text.
#[derive(Debug, Default, PartialEq)]
struct Read {
    time: Option<String>,
    level: Option<&'static str>,
    text: String,
    workflow: Option<String>,
}

fn read(line: &str) -> Read {
    let of_json = || read_json(&serde_json::from_str(line).ok()?);
    let read = if line.starts_with('{') { of_json() } else { read_human(line) };
    read.unwrap_or_else(|| Read { text: line.to_owned(), ..Read::default() })
}

/// As `--log_format json` writes them.
fn read_json(json: &Json) -> Option<Read> {
    let level = level(json.get("level")?.as_str()?)?;
    let mut text = json.get("message")?.as_str()?.to_owned();
    for (name, value) in json.get("fields").and_then(Json::as_object).into_iter().flatten() {
        text.push_str(&format!(" {name}={value}"));
    }
    let own = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
    Some(Read { time: own("time"), level: Some(level), text, workflow: own("workflow_id") })
}

/// As they are written for people: time, level, text, and at the end the workflow id.
fn read_human(line: &str) -> Option<Read> {
    let (time, rest) = line.split_once(' ')?;
    if !time.ends_with('Z') || !time.contains('T') {
        return None;
    }
    let (word, rest) = rest.split_once(' ')?;
    let level = level(word)?;
    let rest = rest.trim_start();
    let (text, workflow) = match rest.rsplit_once(WORKFLOW) {
        Some((text, id)) => match read_word(id) {
            Some(id) => (text, Some(id)),
            None => (rest, None),
        },
        None => (rest, None),
    };
    Some(Read { time: Some(time.to_owned()), level: Some(level), text: text.to_owned(), workflow })
}

const WORKFLOW: &str = " workflow_id=";

/// A value of one word, or one in quotes.
fn read_word(word: &str) -> Option<String> {
    match word.strip_prefix('"') {
        None => (!word.is_empty() && !word.contains(char::is_whitespace)).then(|| word.to_owned()),
        Some(_) => serde_json::from_str(word).ok(),
    }
}

fn level(word: &str) -> Option<&'static str> {
    LEVELS.into_iter().find(|level| *level == word)
}

/// A line without what a terminal obeys: colours and other control characters.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' if letters.peek() == Some(&'[') => {
                letters.next();
                // A sequence ends with its first letter or such a sign.
                let _ = letters.by_ref().find(|letter| ('@'..='~').contains(letter));
            }
            '\t' => plain.push(letter),
            letter if letter.is_control() => {}
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_people_are_taken_apart() {
        let colourful = "\u{1b}[2m2026-11-28T09:50:10.123Z\u{1b}[0m \u{1b}[32mINFO   \u{1b}[0m asked n=3\u{1b}[2m workflow_id=7f3c_1\u{1b}[0m";
        assert_eq!(
            read(&plain(colourful)),
            Read {
                time: Some("2026-11-28T09:50:10.123Z".into()),
                level: Some("INFO"),
                text: "asked n=3".into(),
                workflow: Some("7f3c_1".into()),
            }
        );
        let odd = read("2026-11-28T09:50:10.123Z WARNING lost workflow_id=\"a b\\nc\"");
        assert_eq!(
            (odd.level, odd.text.as_str(), odd.workflow.as_deref()),
            (Some("WARNING"), "lost", Some("a b\nc"))
        );
    }

    #[test]
    fn lines_for_machines_are_taken_apart() {
        let line = r#"{"time":"T","level":"ERROR","service":"echo","target":"x","message":"no luck","workflow_id":"id","fields":{"n":3}}"#;
        let expected = Read {
            time: Some("T".into()),
            level: Some("ERROR"),
            text: "no luck n=3".into(),
            workflow: Some("id".into()),
        };
        assert_eq!(read(line), expected);
    }

    #[test]
    fn other_lines_are_text() {
        for line in
            ["", "hello", "{\"a\": 1}", "{", "2026 INFO x", "2026-11-28T09:50:10Z LOUD x", "a workflow_id=7"]
        {
            assert_eq!(read(line), Read { text: line.into(), ..Read::default() });
        }
        assert_eq!(plain("a\u{1b}[31;1mb\u{7}\tc\u{1b}"), "ab\tc");
    }

    #[test]
    fn places_are_read_as_the_page_writes_them() {
        let read: Vec<_> = "7:12,x,8:,9:0".split(',').filter_map(read_place).collect();
        assert_eq!(read, [(7, 12), (9, 0)]);
    }
}
