//! Tests of typed data: plain serde structs against the bytes of the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{decode, decode_checked, encode, encode_into};
use crate::value::vectors;
use crate::value::{Bytes, Date, DateTime, Decimal, DecodeError, Set, Time, TimeDelta, Uuid, Value};

/// The arguments of the vector `request_rich`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Rich {
    price: Decimal,
    id: Uuid,
    tags: Set<String>,
    blob: Bytes,
    book: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Request {
    args: Rich,
    workflow_id: Uuid,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Times {
    at: DateTime,
    day: Date,
    hour: Time,
    after: TimeDelta,
}

fn times() -> Times {
    Times {
        at: "2026-11-21T08:30:00Z".parse().unwrap(),
        day: "2026-11-21".parse().unwrap(),
        hour: "08:30".parse().unwrap(),
        after: TimeDelta::from(Duration::from_millis(1500)),
    }
}

#[test]
fn the_rich_request_is_read_and_written_as_a_struct() {
    let payload = vectors::payload("request_rich");
    let request: Request = decode(&payload).unwrap();
    assert_eq!(request.args.price.as_str(), "12.50");
    assert_eq!(request.args.id.to_string(), "12345678-1234-5678-1234-567812345678");
    assert_eq!(request.args.tags.0, ["a", "b"]);
    assert_eq!(*request.args.blob, [0x00, 0xff]);
    assert_eq!(request.workflow_id.0.get_version_num(), 4);
    let args = encode(&request.args).unwrap();
    assert!(payload.windows(args.len()).any(|window| window == args));
}

#[test]
fn the_times_travel_tagged() {
    let bytes = encode(&times()).unwrap();
    assert_eq!(decode::<Times>(&bytes).unwrap(), times());
    let value = Value::from_msgpack(&bytes).unwrap();
    assert_eq!(value.get("after"), Some(&Value::from(Duration::from_millis(1500))));
    assert!(bytes.ends_with(b"\x82\xad__timedelta__\xc3\xa6as_str\xa6PT1.5S"));
}

#[test]
fn the_same_structs_are_read_from_json_and_from_values() {
    let json = serde_json::to_value(times()).unwrap();
    assert_eq!(json["day"], serde_json::json!({"__date__": true, "as_str": "2026-11-21"}));
    assert_eq!(serde_json::from_value::<Times>(json.clone()).unwrap(), times());
    let value = Value::from_json(&json).unwrap();
    assert_eq!(decode::<Times>(&value.to_msgpack()).unwrap(), times());

    let bytes = Bytes(vec![0, 255]);
    let json = serde_json::to_string(&bytes).unwrap();
    assert_eq!(json, r#"{"__bytes__":true,"as_base64":"AP8="}"#);
    assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), bytes);
}

#[test]
fn the_tag_may_come_last() {
    let bytes = b"\x82\xa6as_str\xa31.5\xab__decimal__\xc3";
    assert_eq!(decode::<Decimal>(bytes).unwrap().as_str(), "1.5");
    let set = b"\x82\xa5value\x91\x07\xa7__set__\xc3";
    assert_eq!(decode::<Set<u8>>(set).unwrap().0, [7]);
}

#[test]
fn a_malformed_tag_is_named() {
    let said = |bytes: &[u8]| decode::<Decimal>(bytes).unwrap_err().to_string();
    let expected = "a map of `__decimal__`: true and `as_str`";
    assert_eq!(said(b"\x82\xa6as_str\xa31.5\xab__decimal__\xc2"), format!("expected {expected}"));
    assert_eq!(said(b"\x81\xab__decimal__\xc3"), format!("expected {expected}"));
    assert_eq!(said(b"\x81\xa1x\x01"), format!("expected {expected}, found the key `x`"));
    let text = "expected a decimal number such as 12.50, -3E+7, NaN or Infinity, found `1.5.`";
    assert_eq!(said(b"\x82\xab__decimal__\xc3\xa6as_str\xa41.5."), text);
    assert!(said(b"\xa31.5").contains(expected));
}

#[test]
fn text_and_bytes_can_be_borrowed() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Borrowed<'a> {
        name: &'a str,
        blob: &'a [u8],
    }
    let bytes = encode(&Value::from([("name", Value::from("x")), ("blob", Value::Bytes(vec![1]))])).unwrap();
    assert_eq!(decode::<Borrowed<'_>>(&bytes).unwrap(), Borrowed { name: "x", blob: &[1] });
}

#[test]
fn bytes_and_values_survive_the_buffers_of_serde() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Message {
        Data { blob: Bytes, any: Value, ext: Value },
    }
    let ext = Value::Ext(5, vec![1, 2, 3]);
    let message = Message::Data { blob: Bytes(vec![1, 2]), any: Value::Bytes(vec![3]), ext: Value::Nil };
    assert_eq!(decode::<Message>(&encode(&message).unwrap()).unwrap(), message);
    let list = [ext];
    assert_eq!(decode::<Vec<Value>>(&encode(&list).unwrap()).unwrap(), list);
}

#[test]
fn absent_values_are_nil() {
    assert_eq!(encode(&None::<u8>).unwrap(), b"\xc0");
    assert_eq!(decode::<Option<Decimal>>(b"\xc0").unwrap(), None);
    assert_eq!(decode::<Option<Value>>(b"\x01").unwrap(), Some(Value::Int(1)));
}

#[test]
fn numbers_keep_their_range() {
    assert_eq!(decode::<u64>(&encode(&u64::MAX).unwrap()).unwrap(), u64::MAX);
    assert_eq!(decode::<i64>(&encode(&i64::MIN).unwrap()).unwrap(), i64::MIN);
    assert!(decode::<f64>(&encode(&f64::NAN).unwrap()).unwrap().is_nan());
    assert_eq!(decode::<f64>(&encode(&f64::NEG_INFINITY).unwrap()).unwrap(), f64::NEG_INFINITY);
    assert!(matches!(decode::<u8>(b"\xcd\x01\0"), Err(DecodeError::Shape(_))));
}

#[test]
fn what_follows_or_is_not_well_formed_is_refused() {
    assert_eq!(decode::<u8>(b"\x01\x02"), Err(DecodeError::Trailing { at: 1, left: 1 }));
    assert_eq!(decode::<Value>(b"\xa1\xff"), Err(DecodeError::Utf8 { at: 1 }));
    assert_eq!(decode_checked::<u8>(b"\x01"), Ok(1));
}

#[test]
fn bytes_are_appended() {
    let mut out = b"\xa2eu".to_vec();
    encode_into(&1, &mut out).unwrap();
    assert_eq!(out, b"\xa2eu\x01");
}

#[test]
fn what_cannot_be_written_says_so() {
    struct Refusing;
    impl Serialize for Refusing {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    assert_eq!(encode(&Refusing).unwrap_err().to_string(), "cannot be written as MessagePack: not today");
}
