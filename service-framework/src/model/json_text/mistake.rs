//! What is wrong with text that is no JSON, in words.

use crate::model::Problem;

/// How much of a wrong line is shown.
const SHOWN: usize = 60;

/// How much of it behind the mistake, if it is long.
const BEHIND: usize = 20;

/// What `error` says is wrong with `text`.
pub(super) fn mistake(error: &serde_json::Error, text: &str) -> Problem {
    if text.trim().is_empty() {
        return Problem::new("", "JSON", "nothing: it is empty");
    }
    let (line, column) = (error.line(), error.column());
    let lines: Vec<_> = text.lines().take(line).collect();
    let last = lines.last().copied().unwrap_or_default();
    let (expected, found) = explain(&error.to_string(), last.as_bytes().get(column.saturating_sub(1)));
    let problem = Problem::new(format!("line {line}, column {column}"), expected, found);
    if column > SHOWN && last.chars().count() > SHOWN {
        return problem.with_hint(format!("it says there: {}", around(last, column)));
    }
    // A line that only closes something says little; the mistake is in the one before.
    let telling = lines.iter().rev().map(|line| line.trim()).find(|line| line.len() > 2);
    match telling.unwrap_or(last.trim()) {
        "" => problem,
        shown => problem.with_hint(format!("the line is: {}", excerpt(shown))),
    }
}

/// The part of a long line that ends a little behind a column, which counts bytes from 1.
fn around(line: &str, column: usize) -> String {
    let before = line.char_indices().take_while(|(at, _)| *at < column).count();
    let start = before.saturating_sub(SHOWN - BEHIND);
    let part: String = line.chars().skip(start).take(SHOWN).collect();
    let more = if line.chars().count() > start + SHOWN { "…" } else { "" };
    format!("…{}{more}", part.trim())
}

/// What was expected and what was found, from the reader's words and the byte at which it stopped.
fn explain(message: &str, at: Option<&u8>) -> (String, String) {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let end = "the end of the text";
    let byte = at.map_or_else(|| end.to_owned(), |byte| format!("`{}`", char::from(*byte)));
    match message {
        "trailing comma" => ("one more entry behind the comma, or no comma".to_owned(), byte),
        "trailing characters" => (end.to_owned(), byte),
        "expected value" => ("a value".to_owned(), byte),
        "key must be a string" => ("a name in double quotes".to_owned(), byte),
        twice if twice.starts_with("the name ") => {
            ("each name once in an object".to_owned(), twice.to_owned())
        }
        _ => match (message.strip_prefix("expected "), message.strip_prefix("EOF while parsing ")) {
            (Some(expected), _) => (expected.to_owned(), byte),
            (_, Some("a value")) => ("a value".to_owned(), end.to_owned()),
            (_, Some(open)) => (format!("the end of {open}"), end.to_owned()),
            _ => ("JSON".to_owned(), message.to_owned()),
        },
    }
}

fn excerpt(line: &str) -> String {
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
