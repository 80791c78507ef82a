//! Tests of values as a whole: the vectors.

use serde_json::{Value as Json, json};

use super::msgpack::Reader;
use super::vectors::{self, unhex};
use super::{Value, decode, encode};

/// The values that stand in `payload` one after the other: a topic may come before the message.
fn values(payload: &[u8]) -> Vec<Value> {
    let mut reader = Reader::new(payload);
    std::iter::from_fn(|| (!reader.is_at_end()).then(|| Value::from_msgpack(reader.raw().unwrap()).unwrap()))
        .collect()
}

#[test]
fn every_vector_is_written_as_it_was_read() {
    for vector in vectors::all() {
        let written: Vec<u8> = values(&vector.payload).iter().flat_map(Value::to_msgpack).collect();
        assert_eq!(written, vector.payload, "{}", vector.name);
    }
}

#[test]
fn every_vector_is_the_same_through_serde() {
    for vector in vectors::all() {
        for value in values(&vector.payload) {
            let bytes = value.to_msgpack();
            assert_eq!(encode(&value).unwrap(), bytes, "{}", vector.name);
            assert_eq!(decode::<Value>(&bytes).unwrap(), value, "{}", vector.name);
        }
    }
}

#[test]
fn every_vector_means_what_its_json_says() {
    for vector in vectors::all() {
        let values = values(&vector.payload);
        match vector.meaning {
            // The original cannot read these back, so their meaning was not recorded.
            None => assert_eq!(vector.name, "value_numpy_0_0_20"),
            Some(Json::String(error)) => assert!(error.starts_with("TypeError"), "{}", vector.name),
            Some(meaning) if values.len() == 1 => {
                assert_eq!(values[0].to_json(), in_our_notation(&meaning), "{}", vector.name);
            }
            Some(meaning) => {
                let json: Json = values.iter().map(Value::to_json).collect();
                assert_eq!(json, in_our_notation(&meaning), "{}", vector.name);
            }
        }
    }
}

/// The vectors write bytes as `{"$bytes": hex}`.
fn in_our_notation(json: &Json) -> Json {
    match json {
        Json::Object(entries) => match entries.get("$bytes") {
            Some(hex) => Value::Bytes(unhex(hex.as_str().unwrap())).to_json(),
            None => entries.iter().map(|(key, value)| (key.clone(), in_our_notation(value))).collect(),
        },
        Json::Array(items) => items.iter().map(in_our_notation).collect(),
        other => other.clone(),
    }
}

#[test]
fn what_the_original_cannot_read_is_read_here() {
    let value = Value::from_msgpack(&vectors::payload("value_decimal_key")).unwrap();
    assert_eq!(
        value.to_json(),
        json!({"__map__": true, "value": [[{"__decimal__": true, "as_str": "1"}, 2]]})
    );
    let array = Value::from_msgpack(&vectors::payload("value_numpy_0_0_20")).unwrap();
    assert!(matches!(array, Value::NdArray(bytes) if bytes.len() == 16));
}

#[test]
fn a_map_is_asked_for_its_entries() {
    let value =
        Value::from([("size", Value::from(3)), ("name", Value::from("x")), ("live", Value::from(true))]);
    assert_eq!(value.get("size").and_then(Value::as_i64), Some(3));
    assert_eq!(value.get("size").and_then(Value::as_f64), Some(3.0));
    assert_eq!(value.get("name").and_then(Value::as_str), Some("x"));
    assert_eq!(value.get("live").and_then(Value::as_bool), Some(true));
    assert_eq!(value.get("none"), None);
    assert_eq!(Value::Nil.get("size"), None);
}
