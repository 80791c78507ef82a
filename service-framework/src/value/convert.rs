//! Other types into a [`Value`].

use super::{Bytes, Date, DateTime, Decimal, Set, Time, TimeDelta, Uuid, Value};

macro_rules! from {
    ($($type:ty => $make:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                ($make)(value)
            }
        }
    )+};
}

from! {
    () => |()| Value::Nil,
    bool => Value::Bool,
    i8 => |number| Value::Int(i64::from(number)),
    i16 => |number| Value::Int(i64::from(number)),
    i32 => |number| Value::Int(i64::from(number)),
    i64 => Value::Int,
    u8 => |number| Value::Int(i64::from(number)),
    u16 => |number| Value::Int(i64::from(number)),
    u32 => |number| Value::Int(i64::from(number)),
    u64 => |number| i64::try_from(number).map_or(Value::UInt(number), Value::Int),
    usize => |number| Value::from(number as u64),
    f32 => |number| Value::Float(f64::from(number)),
    f64 => Value::Float,
    &str => |text: &str| Value::Str(text.to_owned()),
    String => Value::Str,
    Bytes => |bytes: Bytes| Value::Bytes(bytes.0),
    &[u8] => |bytes: &[u8]| Value::Bytes(bytes.to_owned()),
    Decimal => Value::Decimal,
    Uuid => Value::Uuid,
    uuid::Uuid => |id| Value::Uuid(Uuid(id)),
    DateTime => Value::DateTime,
    Date => Value::Date,
    Time => Value::Time,
    TimeDelta => Value::TimeDelta,
    std::time::Duration => |duration| Value::TimeDelta(TimeDelta::from(duration)),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Nil, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Set<T>> for Value {
    fn from(items: Set<T>) -> Self {
        Value::Set(items.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<Value>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Value {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Into<Value>, V: Into<Value>> FromIterator<(K, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}
