//! JSON files: read whole, with a limit, every mistake with its line and column.

mod strict;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value as Json;

use crate::model::Problem;

/// More than any file written by hand; a model with thousands of schemas stays below.
pub(crate) const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// How much of a wrong line is shown.
const SHOWN: usize = 60;

/// Reads one JSON file. A name that stands twice in an object is a mistake, since one of them would be lost.
///
/// # Errors
/// The file cannot be read, is larger than [`FILE_BYTES`], or is no JSON.
pub(crate) fn read_json(path: &Path) -> Result<Json, Problem> {
    let file = path.display().to_string();
    let text = read_text(path).map_err(|reason| unreadable(&file, &reason))?;
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

/// The system's words without its number.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

fn unreadable(file: &str, reason: &str) -> Problem {
    Problem::new("", "a file that can be read", reason).in_file(file)
}

fn syntax(error: &serde_json::Error, text: &str) -> Problem {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let found = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let problem = Problem::new(format!("line {line}, column {column}"), "JSON", found);
    match text.lines().nth(line.saturating_sub(1)).map(str::trim) {
        Some(shown) if !shown.is_empty() => problem.with_hint(format!("the line is: {}", excerpt(shown))),
        _ => problem,
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
        insta::assert_snapshot!(problem("{\n  \"in\": {},\n}"), @"line 3, column 1: expected JSON, found trailing comma (the line is: })");
        insta::assert_snapshot!(problem("{\"in\": {\"a\": 1} \"out\": {}}"), @r#"line 1, column 17: expected JSON, found expected `,` or `}` (the line is: {"in": {"a": 1} "out": {}})"#);
        insta::assert_snapshot!(problem("{\"in\": {\"a"), @r#"line 1, column 10: expected JSON, found EOF while parsing a string (the line is: {"in": {"a)"#);
        insta::assert_snapshot!(problem(""), @"line 1, column 0: expected JSON, found EOF while parsing a value");
        insta::assert_snapshot!(problem("{\"in\": {\"a\": 1, \"b\": 2, \"a\": 3}}"), @r#"line 1, column 27: expected JSON, found the name "a" twice in one object (the line is: {"in": {"a": 1, "b": 2, "a": 3}})"#);
        insta::assert_snapshot!(problem("{'in': {}}"), @"line 1, column 2: expected JSON, found key must be a string (the line is: {'in': {}})");
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
        assert_eq!(read_json(folder.path()).unwrap_err().found, "is a directory");
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
