//! Plain JSON: what other systems send and get, in which nothing is tagged.

use serde_json::{Map, Number, Value as Json};

use crate::value::Value;

/// Something that plain JSON has no form for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoJson {
    /// Where, such as `[2].price`; empty if it is the whole.
    pub(super) path: String,
    /// What it is.
    pub(super) what: &'static str,
}

/// The plain JSON of a value. Keys that are numbers, truth values or nothing become text, as in Python.
pub(super) fn to_json(value: &Value) -> Result<Json, NoJson> {
    let no = |what| Err(NoJson { path: String::new(), what });
    match value {
        Value::Nil => Ok(Json::Null),
        Value::Bool(truth) => Ok(Json::Bool(*truth)),
        Value::Int(number) => Ok(Json::from(*number)),
        Value::UInt(number) => Ok(Json::from(*number)),
        Value::Float(number) => match Number::from_f64(*number) {
            Some(number) => Ok(Json::Number(number)),
            None => no("a float that is not finite"),
        },
        Value::Str(text) => Ok(Json::String(text.clone())),
        Value::List(items) => {
            let items = items.iter().enumerate();
            items.map(|(at, item)| to_json(item).map_err(|no| no.below(&format!("[{at}]")))).collect()
        }
        Value::Map(entries) => object(entries).map(Json::Object),
        Value::Bytes(_) => no("bytes"),
        Value::Decimal(_) => no("a Decimal"),
        Value::Uuid(_) => no("a UUID"),
        Value::Set(_) => no("a set"),
        Value::DateTime(_) => no("a datetime"),
        Value::Date(_) => no("a date"),
        Value::Time(_) => no("a time"),
        Value::TimeDelta(_) => no("a timedelta"),
        Value::NdArray(_) => no("an array"),
        Value::Ext(..) => no("an extension"),
    }
}

fn object(entries: &[(Value, Value)]) -> Result<Map<String, Json>, NoJson> {
    let entry = |(key, value): &(Value, Value)| {
        let key = match key {
            Value::Str(text) => text.clone(),
            Value::Nil | Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) => {
                to_json(key)?.to_string()
            }
            _ => return Err(NoJson { path: String::new(), what: "a key that is neither text nor a number" }),
        };
        let value = to_json(value).map_err(|no| no.below(&key))?;
        Ok((key, value))
    };
    entries.iter().map(entry).collect()
}

impl NoJson {
    /// The same, seen from the container in which it stands at `step`.
    fn below(mut self, step: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }
}

/// The value of plain JSON: an object is a map, whatever its keys are. Integers beyond 64 bits become floats.
pub(super) fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(truth),
        Json::Number(number) => from_number(&number),
        Json::String(text) => Value::Str(text),
        Json::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        Json::Object(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (Value::Str(key), from_json(value))).collect())
        }
    }
}

fn from_number(number: &Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(number), _) => Value::Int(number),
        (None, Some(number)) => Value::UInt(number),
        (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// What a body means: its JSON, else its text, else its bytes.
pub(super) fn of_body(body: Vec<u8>) -> Value {
    if let Ok(json) = serde_json::from_slice(&body) {
        return from_json(json);
    }
    match String::from_utf8(body) {
        Ok(text) => Value::Str(text),
        Err(error) => Value::Bytes(error.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            (-1e300..1e300).prop_map(Json::from),
            ".*".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::hash_map("__decimal__|as_str|.*", inner, 0..5)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_goes_there_and_back(json in any_json()) {
            let value = from_json(json.clone());
            prop_assert_eq!(to_json(&value).unwrap(), json.clone());
            prop_assert_eq!(of_body(json.to_string().into_bytes()), value);
        }

        #[test]
        fn every_body_means_something(body in prop::collection::vec(any::<u8>(), 0..40)) {
            match of_body(body.clone()) {
                Value::Str(text) if text.as_bytes() == body => {}
                Value::Bytes(bytes) => prop_assert_eq!(bytes, body),
                value => prop_assert_eq!(value, from_json(serde_json::from_slice(&body).unwrap())),
            }
        }
    }

    #[test]
    fn nothing_from_outside_is_tagged() {
        let tagged = r#"{"__decimal__": true, "as_str": "1"}"#;
        assert!(matches!(of_body(tagged.into()), Value::Map(_)));
    }

    #[test]
    fn keys_become_text() {
        let keys = [Value::Int(1), Value::Bool(true), Value::Nil, Value::Float(1.5)];
        let map = Value::Map(keys.into_iter().map(|key| (key, Value::Nil)).collect());
        assert_eq!(to_json(&map).unwrap(), json!({"1": null, "true": null, "null": null, "1.5": null}));
    }

    #[test]
    fn what_has_no_form_is_named() {
        let value =
            Value::from([("a", Value::List(vec![Value::Nil, Value::from([("b", Value::Bytes(vec![]))])]))]);
        assert_eq!(to_json(&value), Err(NoJson { path: "a[1].b".to_owned(), what: "bytes" }));
        let nan = to_json(&Value::Float(f64::NAN)).unwrap_err();
        assert_eq!((nan.path.as_str(), nan.what), ("", "a float that is not finite"));
    }
}
