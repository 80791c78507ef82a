//! The laws of values, on any value and on any bytes.

use proptest::prelude::*;

use super::msgpack::{Reader, check_whole};
use super::strategies::{hostile_bytes, value};
use super::{Limits, Value, decode, encode};

/// Whether reading a value finds a tag on it.
fn is_tagged(value: &Value) -> bool {
    use Value::{Date, DateTime, Decimal, NdArray, Set, Time, TimeDelta, Uuid};
    matches!(
        value,
        Date(_) | DateTime(_) | Decimal(_) | NdArray(_) | Set(_) | Time(_) | TimeDelta(_) | Uuid(_)
    )
}

proptest! {
    #[test]
    fn a_value_comes_back_from_its_bytes(value in value()) {
        let bytes = value.to_msgpack();
        check_whole(&bytes, &Limits::default()).unwrap();
        // Bytes are compared because NaN equals nothing.
        prop_assert_eq!(Value::from_msgpack(&bytes).unwrap().to_msgpack(), bytes);
    }

    #[test]
    fn serde_reads_and_writes_the_same_bytes(value in value()) {
        let bytes = value.to_msgpack();
        prop_assert_eq!(encode(&value).unwrap(), &bytes[..]);
        prop_assert_eq!(decode::<Value>(&bytes).unwrap().to_msgpack(), bytes);
    }

    #[test]
    fn a_value_comes_back_from_its_json(value in value()) {
        let text = value.to_json().to_string();
        let read = Value::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
        prop_assert_eq!(read.to_msgpack(), value.to_msgpack());
    }

    #[test]
    fn serde_reads_and_writes_the_same_json(value in value()) {
        let json = serde_json::to_value(&value).unwrap();
        prop_assert_eq!(&json, &value.to_json());
        let read: Value = serde_json::from_value(json).unwrap();
        prop_assert_eq!(read.to_msgpack(), value.to_msgpack());
    }

    #[test]
    fn equal_values_have_equal_bytes(left in value(), right in value()) {
        prop_assert!(left != right || left.to_msgpack() == right.to_msgpack() || left.as_f64() == Some(0.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn all_ways_of_reading_agree_on_any_bytes(bytes in hostile_bytes()) {
        let value = Value::from_msgpack(&bytes);
        prop_assert_eq!(check_whole(&bytes, &Limits::default()), value.clone().map(|_| ()));
        let through_serde = decode::<Value>(&bytes).map(|value| value.to_msgpack());
        prop_assert_eq!(through_serde, value.map(|value| value.to_msgpack()));
    }

    #[test]
    fn what_was_read_once_reads_the_same_for_ever(bytes in hostile_bytes()) {
        if let Ok(value) = Value::from_msgpack(&bytes) {
            let written = value.to_msgpack();
            prop_assert_eq!(Value::from_msgpack(&written).unwrap().to_msgpack(), written);
            let json = value.to_json();
            prop_assert_eq!(Value::from_json(&json).unwrap().to_json(), json);
        }
    }

    #[test]
    fn a_tag_is_seen_in_the_bytes_exactly_where_it_is_in_the_value(bytes in hostile_bytes()) {
        if let Ok(value) = Value::from_msgpack(&bytes) {
            let mut reader = Reader::new(&bytes);
            let tagged = reader.tagged().unwrap();
            prop_assert_eq!(tagged.is_some(), is_tagged(&value));
            prop_assert_eq!(reader.is_at_end(), tagged.is_some());
        }
    }
}
