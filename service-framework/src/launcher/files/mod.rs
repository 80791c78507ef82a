//! JSON files: read whole, with a limit, every mistake with its line and column.

mod strict;

use std::fs::{self, File, FileType};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use serde_json::Value as Json;

use crate::model::{Problem, near_miss};

/// More than any file written by hand; a model with thousands of schemas stays below.
pub(crate) const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// How much of a wrong line is shown.
const SHOWN: usize = 60;

/// How much of it behind the mistake, if it is long.
const BEHIND: usize = 20;

/// Reads one JSON file. A name that stands twice in an object is a mistake, since one of them would be lost.
///
/// # Errors
/// The file cannot be read, is larger than [`FILE_BYTES`], or is no JSON.
pub(crate) fn read_json(path: &Path) -> Result<Json, Problem> {
    let file = path.display().to_string();
    let text = read_text(path).map_err(|reason| with_near_file(unreadable(&file, &reason), path))?;
    parse_json(&text).map_err(|problem| problem.in_file(&file))
}

/// Reads JSON text.
///
/// # Errors
/// The first mistake, with its line and column.
pub(crate) fn parse_json(text: &str) -> Result<Json, Problem> {
    // Editors of other systems put it in front; it is no JSON, but no mistake of the author's either.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    strict::parse(text).map_err(|error| syntax(&error, text))
}

fn read_text(path: &Path) -> Result<String, String> {
    // To open one that is no plain file may wait for ever, and to read it have no end.
    if let Some(kind) = fs::metadata(path).ok().and_then(|found| other_kind(found.file_type())) {
        return Err(format!("{kind}, not a file"));
    }
    let file = File::open(path).map_err(|error| plain(&error))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(format!("more than {} MiB", FILE_BYTES / 1024 / 1024));
    }
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        format!("byte {byte} is no UTF-8")
    })
}

fn other_kind(kind: FileType) -> Option<&'static str> {
    let kinds = [
        (kind.is_dir(), "a folder"),
        (kind.is_fifo(), "a named pipe"),
        (kind.is_socket(), "a socket"),
        (kind.is_char_device() || kind.is_block_device(), "a device"),
    ];
    kinds.into_iter().find_map(|(is_it, word)| is_it.then_some(word))
}

/// The system's words without its number.
pub(crate) fn plain(error: &(impl std::fmt::Display + ?Sized)) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

/// Adds the file that was probably meant, if `path` is not there and one of its folder is named like it.
pub(crate) fn with_near_file(problem: Problem, path: &Path) -> Problem {
    let wanted = path.file_name().and_then(|name| name.to_str()).filter(|_| !path.exists());
    let names = path.parent().map(names_in).unwrap_or_default();
    match wanted.and_then(|wanted| near_miss(wanted, names.iter().map(String::as_str))) {
        Some(near) => problem.with_hint(format!("did you mean `{}`?", path.with_file_name(near).display())),
        None => problem,
    }
}

/// The names of what a folder holds; none if it cannot be read.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn unreadable(file: &str, reason: &str) -> Problem {
    Problem::new("", "a file that can be read", reason).in_file(file)
}

fn syntax(error: &serde_json::Error, text: &str) -> Problem {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn problem(text: &str) -> String {
        parse_json(text).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_have_a_line_and_a_column() {
        insta::assert_snapshot!(problem("{\n  \"in\": {},\n}"), @r#"line 3, column 1: expected one more entry behind the comma, or no comma, found `}` (the line is: "in": {},)"#);
        insta::assert_snapshot!(problem("{\"in\": {\"a\": 1} \"out\": {}}"), @r#"line 1, column 17: expected `,` or `}`, found `"` (the line is: {"in": {"a": 1} "out": {}})"#);
        insta::assert_snapshot!(problem("{\"in\": {\"a"), @r#"line 1, column 10: expected the end of a string, found the end of the text (the line is: {"in": {"a)"#);
        insta::assert_snapshot!(problem("{\"a\": .5}"), @r#"line 1, column 7: expected a value, found `.` (the line is: {"a": .5})"#);
        insta::assert_snapshot!(problem("{} {}"), @"line 1, column 4: expected the end of the text, found `{` (the line is: {} {})");
        insta::assert_snapshot!(problem("{\"in\": {}"), @r#"line 1, column 9: expected the end of an object, found the end of the text (the line is: {"in": {})"#);
        for empty in ["", " \n\t\n", "\u{feff}"] {
            assert_eq!(problem(empty), "expected JSON, found nothing: it is empty");
        }
        insta::assert_snapshot!(problem("{\"in\": {\"a\": 1, \"b\": 2, \"a\": 3}}"), @r#"line 1, column 27: expected each name once in an object, found the name "a" once more (the line is: {"in": {"a": 1, "b": 2, "a": 3}})"#);
        insta::assert_snapshot!(problem("{'in': {}}"), @"line 1, column 2: expected a name in double quotes, found `'` (the line is: {'in': {}})");
    }

    #[test]
    fn of_a_long_line_the_part_with_the_mistake_is_shown() {
        let long = "\"é\", ".repeat(40);
        insta::assert_snapshot!(problem(&format!("[{long}\"wrong\" 1, {long} 2]")), @r#"line 1, column 250: expected `,` or `]`, found `1` (it says there: …"é", "é", "é", "é", "é", "é", "wrong" 1, "é", "é", "é", "é"…)"#);
        insta::assert_snapshot!(problem(&format!("[{long}\"wrong\" 1]")), @r#"line 1, column 250: expected `,` or `]`, found `1` (it says there: …"é", "é", "é", "é", "é", "é", "wrong" 1])"#);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(parse_json("\u{feff}{}"), Ok(serde_json::json!({})));
    }

    #[test]
    fn depth_is_bounded() {
        assert!(problem(&"[".repeat(100_000)).contains("recursion limit"));
    }

    #[test]
    fn files_that_cannot_be_read_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read_json(&folder.path().join("missing.json")).unwrap_err();
        assert_eq!(missing.found, "no such file or directory");
        assert!(missing.file.unwrap().ends_with("missing.json"));
        assert_eq!(read_json(folder.path()).unwrap_err().found, "a folder, not a file");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(read_json(&pipe).unwrap_err().found, "a named pipe, not a file");
        assert_eq!(read_json(Path::new("/dev/zero")).unwrap_err().found, "a device, not a file");
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(read_json(&socket).unwrap_err().found, "a socket, not a file");
    }

    #[test]
    fn size_and_encoding_are_checked() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(FILE_BYTES + 1).unwrap();
        assert_eq!(read_json(file.path()).unwrap_err().found, "more than 16 MiB");
        file.as_file().set_len(0).unwrap();
        file.write_all(b"{\"a\": \"\xff\"}").unwrap();
        assert_eq!(read_json(file.path()).unwrap_err().found, "byte 7 is no UTF-8");
    }
}
