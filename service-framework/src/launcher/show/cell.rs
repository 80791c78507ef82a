//! Values and standings as short texts for people.

use super::follow::Look;
use crate::launcher::up::width;
use crate::state::Status;
use crate::value::Value;

/// A value in one line, in which nothing can move a terminal's cursor.
pub(super) fn cell(value: &Value) -> String {
    let json = match value {
        Value::Nil => return String::new(),
        Value::Str(text) => return printable(text),
        other => other.to_json(),
    };
    // A tagged scalar is its text; whatever is larger, JSON.
    match json.get("as_str").and_then(|text| text.as_str()) {
        Some(text) => printable(text),
        None => printable(&json.to_string()),
    }
}

fn printable(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    let shown = |letter: char| match letter.is_control() {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    text.chars().map(shown).collect()
}

/// The columns of a terminal that a text takes.
pub(super) fn width(text: &str) -> usize {
    width::columns_of(text.as_bytes())
}

/// What has room in so many columns, with a sign if that is not all.
pub(super) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let kept = width::cut(text.as_bytes(), most.saturating_sub(1));
    format!("{}…", String::from_utf8_lossy(&kept))
}

/// How a state is: its status, its number and how many keys it has.
pub(super) fn standing(look: &Look) -> String {
    let mut parts = vec![status(look)];
    // Before its first update a state has the number -1.
    parts.extend(look.number().filter(|number| *number >= 0).map(|number| format!("number {number}")));
    if look.has_value() {
        parts.push(count(look.keys(), "key"));
    }
    parts.join(", ")
}

fn status(look: &Look) -> String {
    match (look.status(), look.is_connected) {
        (Status::Current, _) => "current".to_owned(),
        (Status::Waiting, true) => "waiting for an answer".to_owned(),
        (Status::Waiting, false) => "waiting: nobody is there".to_owned(),
        (stale, is_connected) => {
            let seconds = stale.stale_for().unwrap_or_default().as_secs();
            let why = if is_connected { "updates are missing" } else { "nobody is there" };
            format!("stale for {seconds} s: {why}")
        }
    }
}

/// A number of things in words.
pub(super) fn count(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Bytes;

    #[test]
    fn values_are_short_and_harmless() {
        let decimal = Value::Decimal("1.50".parse().unwrap());
        assert_eq!(cell(&decimal), "1.50");
        assert_eq!(cell(&Value::from("a\x1b[2Jb\n")), "a\\u{1b}[2Jb\\n");
        assert_eq!(cell(&Value::List(vec![1.into(), "x".into()])), r#"[1,"x"]"#);
        assert_eq!(cell(&Value::Nil), "");
        assert_eq!(cell(&Value::Float(f64::NAN)), "nan");
        assert!(cell(&Value::from(Bytes(vec![1]))).contains("as_base64"));
        assert_eq!((cut("abc", 3), cut("abcd", 3)), ("abc".to_owned(), "ab…".to_owned()));
    }
}
