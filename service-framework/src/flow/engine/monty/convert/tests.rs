use monty_types::MontyObject;
use proptest::prelude::*;

use super::{to_object, to_value};
use crate::value::{Value, strategies};

/// A value, after a script had it.
fn there_and_back(value: &Value) -> Value {
    to_value(&to_object(value.clone()), usize::MAX).unwrap()
}

#[test]
fn every_kind_of_value_comes_back() {
    for value in [
        Value::Nil,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::UInt(u64::MAX),
        Value::Float(1.5),
        Value::Str("é".to_owned()),
        Value::Bytes(vec![0, 255]),
        Value::List(vec![Value::Nil, Value::Int(1)]),
        Value::Map(vec![(Value::Int(1), Value::Nil), (Value::Str("a".to_owned()), Value::Bool(false))]),
        Value::Set(vec![Value::Int(2), Value::Int(1)]),
        Value::Set(vec![Value::Map(vec![])]),
        Value::Decimal("1.50".parse().unwrap()),
        Value::Uuid("9d8f7c5a-0000-4000-8000-000000000000".parse().unwrap()),
        Value::DateTime("2026-11-21T08:30:00.250000+01:00".parse().unwrap()),
        Value::DateTime("2026-11-21T08:30:00".parse().unwrap()),
        Value::DateTime("2026-11-21T08:30:00.123456789".parse().unwrap()),
        Value::Date("2026-11-21".parse().unwrap()),
        Value::Time("08:30:00".parse().unwrap()),
        Value::Time("08:30:00.000001-05:30".parse().unwrap()),
        Value::TimeDelta("-PT1.5S".parse().unwrap()),
        Value::TimeDelta("PT0.000000001S".parse().unwrap()),
        Value::TimeDelta("PT315360000000000S".parse().unwrap()),
        Value::NdArray(vec![1, 2]),
    ] {
        assert_eq!(there_and_back(&value), value);
    }
}

#[test]
fn times_are_monty_s_own_where_nothing_is_lost() {
    let object = |value: Value| to_object(value);
    assert!(matches!(
        object(Value::DateTime("2026-11-21 08:30Z".parse().unwrap())),
        MontyObject::DateTime(_)
    ));
    assert!(matches!(object(Value::Time("08:30".parse().unwrap())), MontyObject::Time(_)));
    assert!(matches!(object(Value::TimeDelta("PT90000S".parse().unwrap())), MontyObject::TimeDelta(_)));
    let fine = Value::DateTime("2026-11-21T08:30:00.123456789Z".parse().unwrap());
    assert!(matches!(object(fine), MontyObject::Dict(_)));
}

proptest! {
    /// What a script had is not changed by being looked at again.
    #[test]
    fn values_settle(value in strategies::value()) {
        let once = there_and_back(&value);
        // NaN equals nothing.
        prop_assert_eq!(format!("{:?}", there_and_back(&once)), format!("{once:?}"));
    }
}
