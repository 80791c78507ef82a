//! Tests of the JSON form, above all of what JSON itself does not know.

use serde_json::{Value as Json, json};

use crate::value::Value;

/// Both ways.
fn same(value: Value, json: Json) {
    assert_eq!(value.to_json(), json);
    assert_eq!(Value::from_json(&json).unwrap(), value);
}

fn refused(json: Json) -> String {
    Value::from_json(&json).unwrap_err().to_string()
}

#[test]
fn what_json_knows_stands_for_itself() {
    same(Value::Nil, json!(null));
    same(Value::from(true), json!(true));
    same(Value::from(i64::MIN), json!(i64::MIN));
    same(Value::from(u64::MAX), json!(u64::MAX));
    same(Value::from(1.0), json!(1.0));
    same(Value::from("hi"), json!("hi"));
    same(Value::from(vec![1, 2]), json!([1, 2]));
    same(Value::from([("a", Value::Nil), ("b", Value::from(1))]), json!({"a": null, "b": 1}));
}

#[test]
fn what_json_does_not_know_is_tagged() {
    same(Value::Bytes(vec![0, 255]), json!({"__bytes__": true, "as_base64": "AP8="}));
    same(Value::from(f64::INFINITY), json!({"__float__": true, "as_str": "inf"}));
    same(Value::from(f64::NEG_INFINITY), json!({"__float__": true, "as_str": "-inf"}));
    same(Value::from([(1, "one")]), json!({"__map__": true, "value": [[1, "one"]]}));
    let bytes = json!({"__bytes__": true, "as_base64": "AQ=="});
    same(Value::NdArray(vec![1]), json!({"__numpy.ndarray__": true, "as_bytes": bytes}));
    same(Value::Ext(-1, vec![1]), json!({"__ext__": true, "value": [-1, bytes]}));
    let nan = Value::from(f64::NAN).to_json();
    assert_eq!(nan, json!({"__float__": true, "as_str": "nan"}));
    assert!(matches!(Value::from_json(&nan), Ok(Value::Float(number)) if number.is_nan()));
}

#[test]
fn wire_tags_stay_as_they_are() {
    let decimal = json!({"__decimal__": true, "as_str": "1.50"});
    same(Value::Decimal("1.50".parse().unwrap()), decimal.clone());
    same(
        Value::Set(vec![Value::Decimal("1.50".parse().unwrap())]),
        json!({"__set__": true, "value": [decimal]}),
    );
    same(Value::TimeDelta("-PT1.5S".parse().unwrap()), json!({"__timedelta__": true, "as_str": "-PT1.5S"}));
}

#[test]
fn the_tag_may_come_last() {
    let value = Value::from_json(&json!({"as_str": "1.50", "__decimal__": true}));
    assert_eq!(value, Ok(Value::Decimal("1.50".parse().unwrap())));
}

#[test]
fn a_map_that_only_looks_tagged_stays_a_map() {
    // On the wire this is a plain map, since MessagePack has bytes of its own.
    let looks = Value::from([("__bytes__", Value::from(true)), ("as_base64", Value::from("AP8="))]);
    assert_eq!(Value::from_msgpack(&looks.to_msgpack()).unwrap(), looks);
    same(looks, json!({"__map__": true, "value": [["__bytes__", true], ["as_base64", "AP8="]]}));
}

#[test]
fn a_malformed_tag_is_an_error_with_its_place() {
    assert_eq!(
        refused(json!({"book": [1, {"price": {"__decimal__": true, "as_str": "1,5"}}]})),
        "at `book[1].price`: expected `__decimal__`: true and `as_str` with a decimal number, \
         found {\"__decimal__\":true,\"as_str\":\"1,5\"}"
    );
    let expected = "expected `__bytes__`: true and `as_base64` with base64, found ";
    for wrong in [
        json!({"__bytes__": true, "as_base64": "?"}),
        json!({"__bytes__": false, "as_base64": ""}),
        json!({"__bytes__": true, "as_str": ""}),
        json!({"__bytes__": true}),
        json!({"__bytes__": true, "as_base64": "", "more": 1}),
    ] {
        assert!(refused(wrong.clone()).starts_with(expected), "{wrong}");
    }
    refused(json!({"__float__": true, "as_str": "1.5"}));
    refused(json!({"__map__": true, "value": [[1]]}));
    refused(json!({"__map__": true, "value": [[1, 2, 3]]}));
    refused(json!({"__ext__": true, "value": [300, {"__bytes__": true, "as_base64": ""}]}));
    refused(json!({"__set__": true, "value": 1}));
}
