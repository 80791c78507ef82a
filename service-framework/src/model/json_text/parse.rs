//! Reading JSON text.

use serde_json::Value as Json;

use super::mistake::mistake;
use super::strict;
use crate::model::Problem;

/// Reads JSON text. A name that stands twice in an object is a mistake, since one of them would be lost.
///
/// # Errors
/// The first mistake, with its line and column.
pub(crate) fn parse_json(text: &str) -> Result<Json, Problem> {
    // Editors of other systems put it in front; it is no JSON, but no mistake of the author's either.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    strict::parse(text).map_err(|error| mistake(&error, text))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
