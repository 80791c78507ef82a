//! Fields of one event, as text and as JSON.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};

/// The field that `tracing` gives the message of an event.
const MESSAGE: &str = "message";

/// Collects message and fields as `message key=value …`, each on one line whatever it holds.
#[derive(Default)]
pub(super) struct Text {
    pub(super) message: String,
    pub(super) fields: String,
}

impl Text {
    fn field(&mut self, field: &Field, value: impl fmt::Display) {
        let _ = write!(self.fields, " {}={value}", field.name());
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == MESSAGE {
            self.message = on_one_line(&text);
        } else {
            self.field(field, on_one_line(&text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            MESSAGE => self.message = on_one_line(value),
            _ => self.field(field, one_word(value)),
        }
    }
}

/// A text as the value of a field: quoted and escaped unless it is one word without anything odd.
pub(super) fn one_word(value: &str) -> Cow<'_, str> {
    let plain = !value.is_empty() && value.chars().all(|letter| !letter.is_whitespace() && !is_odd(letter));
    if plain { Cow::Borrowed(value) } else { Cow::Owned(format!("{value:?}")) }
}

fn is_odd(letter: char) -> bool {
    letter.is_control() || letter == '"'
}

/// Control characters are escaped: what a message quotes must neither begin a line nor colour a terminal.
fn on_one_line(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if letter.is_control() { line.extend(letter.escape_default()) } else { line.push(letter) }
    }
    line
}

/// Collects message and fields as JSON, numbers and bools as such.
#[derive(Default)]
pub(super) struct Object {
    pub(super) message: String,
    pub(super) fields: Map<String, Json>,
}

impl Object {
    fn field(&mut self, field: &Field, value: impl Into<Json>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Object {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == MESSAGE {
            value.clone_into(&mut self.message);
        } else {
            self.field(field, value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, value);
    }
}
