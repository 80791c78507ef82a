//! Values: what arguments are made of, in memory, as MessagePack and as JSON.
//!
//! MessagePack has no decimal, UUID, set or date, so these travel as *tagged* maps of two entries, for example
//! `{"__decimal__": true, "as_str": "1.50"}`. Here each is a type of its own ([`Decimal`], [`Uuid`], [`Set`],
//! [`DateTime`], …) that serde writes and reads as that map, and [`Value`] is any of them. Models and wire both
//! stand on this module, which therefore knows neither and does no IO.
//!
//! ```
//! use service_framework::value::{Decimal, Value, decode, encode};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Order {
//!     symbol: String,
//!     price: Decimal,
//! }
//!
//! let order = Order { symbol: "X".to_owned(), price: "1.50".parse()? };
//! let bytes = encode(&order)?;
//! assert_eq!(decode::<Order>(&bytes)?.price.as_str(), "1.50");
//! assert_eq!(Value::from_msgpack(&bytes)?.get("symbol").and_then(Value::as_str), Some("X"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Read [`Value`] first, then [`encode`] and [`decode`] for typed data, then [`msgpack`] for the bytes.

mod bytes;
mod codec;
mod convert;
mod datetime;
mod decimal;
mod error;
mod json;
mod limits;
pub mod msgpack;
mod serde_tagged;
mod serde_value;
mod set;
mod tag;
mod uuid;

pub use bytes::Bytes;
pub use codec::{decode, decode_checked, encode, encode_into};
pub use datetime::{Date, DateTime, Time, TimeDelta};
pub use decimal::Decimal;
pub use error::{DecodeError, EncodeError, InvalidText};
pub use json::JsonError;
/// The tags that are only in the JSON form.
pub(crate) mod json_tags {
    pub(crate) use super::json::{BYTES, FLOAT, MAP};
}
pub use limits::Limits;
pub use set::Set;
pub use tag::{Tag, Tagged};
pub use uuid::Uuid;

/// One value of any kind.
///
/// Equality is that of what was sent: `Int(1)` is neither `Float(1.0)` nor `Bool(true)`, decimals and dates are
/// equal when their texts are, sets and maps when their entries come in the same order, and NaN equals nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: nil, `None`, `null`.
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer that an `i64` holds.
    Int(i64),
    /// An integer beyond `i64::MAX`. A smaller one is always an [`Value::Int`].
    UInt(u64),
    /// A float. Single precision is widened when read.
    Float(f64),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list. Tuples arrive as lists.
    List(Vec<Value>),
    /// A map with any values as keys, in the order in which they came.
    Map(Vec<(Value, Value)>),
    /// A decimal number as text.
    Decimal(Decimal),
    /// A UUID.
    Uuid(Uuid),
    /// A set, in the order in which it came.
    Set(Vec<Value>),
    /// A point in time.
    DateTime(DateTime),
    /// A day.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// A length of time.
    TimeDelta(TimeDelta),
    /// The bytes of a numpy array, which carry neither its type nor its shape.
    NdArray(Vec<u8>),
    /// A MessagePack extension, passed through unread.
    Ext(i8, Vec<u8>),
}

impl Value {
    /// The value of the entry `key`, if this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Value::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// The text, if this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if this is one that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, if this is a float or an integer; a large integer is rounded.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Float(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            Value::UInt(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// The truth value, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod strategies;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod vectors;
