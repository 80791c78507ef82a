//! What is answered at once: time, chance, ids.

use crate::flow::engine::{Call, Outcome};
use crate::value::Value;

use super::asked::raised;

/// Where time, chance and ids come from. What it gives is in the journal before anybody sees it.
pub trait Inline {
    /// Seconds since 1970-01-01 UTC.
    fn now(&mut self) -> f64;

    /// A number from 0 to below 1.
    fn float(&mut self) -> f64;

    /// So many random bytes.
    fn bytes(&mut self, count: usize) -> Vec<u8>;

    /// A random UUID, as text.
    fn uuid(&mut self) -> String;

    /// The id of a new callback, which nobody can guess, and its URL.
    fn callback(&mut self) -> (String, String);
}

/// Most random bytes that are given at once.
const MOST_BYTES: i64 = 1 << 20;

/// The answer to a call that needs nothing but this flow.
pub(super) fn answer(call: &Call, who: &Who, retries: i64, inline: &mut dyn Inline) -> Outcome {
    let text = |text: &str| Value::Str(text.to_owned());
    Outcome::Value(match (call.name.as_str(), call.args.as_slice()) {
        ("time.now", []) => Value::Float(inline.now()),
        ("random.float", []) => Value::Float(inline.float()),
        ("random.bytes", [Value::Int(count @ 0..=MOST_BYTES)]) => {
            Value::Bytes(inline.bytes(usize::try_from(*count).unwrap_or_default()))
        }
        ("uuid.new", []) => Value::Str(inline.uuid()),
        ("http.callback", []) => {
            let (id, url) = inline.callback();
            Value::Map(vec![(text("id"), Value::Str(id)), (text("url"), Value::Str(url))])
        }
        ("flow.publish", [Value::Str(_), _]) => Value::Nil,
        ("flow.self", []) => Value::Map(vec![
            (text("id"), text(&who.id)),
            (text("name"), text(&who.name)),
            (text("attempt"), Value::Int(retries + 1)),
        ]),
        (name, _) => {
            return Outcome::Error(raised("TypeError", format!("these are no arguments of {name:?}")));
        }
    })
}

/// Which flow it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) id: String,
    pub(super) name: String,
}
