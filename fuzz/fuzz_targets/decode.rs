//! Values: all ways of reading agree on any bytes, and what was read is written and read again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service_framework::value::msgpack::{Reader, check_whole};
use service_framework::value::{Limits, Value, decode};

fuzz_target!(|bytes: &[u8]| {
    let value = Value::from_msgpack(bytes);
    assert_eq!(check_whole(bytes, &Limits::default()), value.clone().map(|_| ()));
    assert_eq!(decode::<Value>(bytes).map(bytes_of), value.clone().map(bytes_of));
    if let Ok(value) = value {
        comes_back_from_its_bytes(&value);
        comes_back_from_its_json(&value);
        has_its_tag_in(bytes, &value);
    }
});

/// Values are compared as bytes, because NaN equals nothing.
fn bytes_of(value: Value) -> Vec<u8> {
    value.to_msgpack()
}

fn comes_back_from_its_bytes(value: &Value) {
    let written = value.to_msgpack();
    assert_eq!(Value::from_msgpack(&written).map(bytes_of), Ok(written));
}

fn comes_back_from_its_json(value: &Value) {
    let json = value.to_json();
    assert_eq!(Value::from_json(&json).map(|value| value.to_json()), Ok(json));
}

fn has_its_tag_in(bytes: &[u8], value: &Value) {
    use Value::{Date, DateTime, Decimal, NdArray, Set, Time, TimeDelta, Uuid};
    let is_tagged = matches!(
        value,
        Date(_) | DateTime(_) | Decimal(_) | NdArray(_) | Set(_) | Time(_) | TimeDelta(_) | Uuid(_)
    );
    assert_eq!(Reader::new(bytes).tagged().map(|tagged| tagged.is_some()), Ok(is_tagged));
}
