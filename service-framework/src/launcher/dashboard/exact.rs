//! Whole numbers for a browser, whose numbers are floats: beyond 2^53 such a number is sent as text, so that it is shown digit for
//! digit.

use serde_json::{Value as Json, json};

use crate::value::json_tags::MAP;

/// The key that says what it is, and the one of its text.
const INT: (&str, &str) = ("__int__", "as_str");

/// The largest whole number below which a float holds all others.
const EXACT: u64 = (1 << 53) - 1;

/// The same with `{"__int__": true, "as_str": "…"}` for each whole number that a float does not hold. Objects that have that key
/// themselves become `{"__map__": true, "value": [[key, value], …]}`.
pub(super) fn exact(json: Json) -> Json {
    match json {
        Json::Number(number) if !is_exact(&number) => json!({ INT.0: true, INT.1: number.to_string() }),
        Json::Array(items) => items.into_iter().map(exact).collect(),
        Json::Object(entries) if entries.contains_key(INT.0) => {
            let pairs: Json = entries.into_iter().map(|(key, value)| json!([key, exact(value)])).collect();
            json!({ MAP.0: true, MAP.1: pairs })
        }
        Json::Object(entries) => {
            Json::Object(entries.into_iter().map(|(key, value)| (key, exact(value))).collect())
        }
        other => other,
    }
}

/// A float is what it is, as it was one before.
fn is_exact(number: &serde_json::Number) -> bool {
    let whole = number.as_i64().map(i64::unsigned_abs).or_else(|| number.as_u64());
    whole.is_none_or(|whole| whole <= EXACT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_that_no_float_holds_are_text() {
        let int = |text: &str| json!({ "__int__": true, "as_str": text });
        for (number, expected) in [
            (json!(9_007_199_254_740_991_u64), json!(9_007_199_254_740_991_u64)),
            (json!(-9_007_199_254_740_991_i64), json!(-9_007_199_254_740_991_i64)),
            (json!(9_007_199_254_740_992_u64), int("9007199254740992")),
            (json!(u64::MAX), int("18446744073709551615")),
            (json!(i64::MIN), int("-9223372036854775808")),
            (json!(1e300), json!(1e300)),
            (json!("9007199254740993"), json!("9007199254740993")),
        ] {
            assert_eq!(exact(number), expected);
        }
        let within = json!({ "a": [1, { "b": u64::MAX }], "c": null });
        assert_eq!(exact(within), json!({ "a": [1, { "b": int("18446744073709551615") }], "c": null }));
    }

    #[test]
    fn what_only_looks_like_one_is_not_taken_for_one() {
        let alike = json!({ "__int__": true, "as_str": "7" });
        assert_eq!(exact(alike), json!({ "__map__": true, "value": [["__int__", true], ["as_str", "7"]] }));
    }
}
