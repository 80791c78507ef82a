//! What events carry: bytes, what they are, and how they come from values and become values again.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::super::events::Payload;
use crate::value::{Value, decode, encode};

/// A way to write values as bytes. The media type says which one a payload is in.
pub trait Codec {
    /// Such as `application/json`.
    const CONTENT_TYPE: &'static str;

    /// # Errors
    /// The value cannot be written so.
    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError>;

    /// # Errors
    /// The bytes are no such value.
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError>;
}

/// Why a payload cannot be written or read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CodecError {
    /// The value cannot be written, or the bytes are not such a value.
    #[error("{content_type}: {reason}")]
    Shape {
        /// How it is, or was to be, written.
        content_type: String,
        /// What was wrong.
        reason: String,
    },
    /// It is written in another way than what was expected.
    #[error("it is {0}, which nothing here reads")]
    ContentType(String),
}

fn shape<C: Codec>(error: impl ToString) -> CodecError {
    CodecError::Shape { content_type: C::CONTENT_TYPE.to_owned(), reason: error.to_string() }
}

/// MessagePack, with the types of [`crate::value`]. The default.
#[derive(Clone, Copy, Debug)]
pub struct MessagePack;

impl Codec for MessagePack {
    const CONTENT_TYPE: &'static str = "application/msgpack";

    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        encode(value).map_err(shape::<Self>)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        decode(bytes).map_err(shape::<Self>)
    }
}

/// JSON.
#[derive(Clone, Copy, Debug)]
pub struct JsonText;

impl Codec for JsonText {
    const CONTENT_TYPE: &'static str = "application/json";

    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        serde_json::to_vec(value).map_err(shape::<Self>)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        serde_json::from_slice(bytes).map_err(shape::<Self>)
    }
}

/// CBOR.
#[derive(Clone, Copy, Debug)]
pub struct Cbor;

impl Codec for Cbor {
    const CONTENT_TYPE: &'static str = "application/cbor";

    fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).map_err(shape::<Self>)?;
        Ok(bytes)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        ciborium::from_reader(bytes).map_err(shape::<Self>)
    }
}

impl Payload {
    /// A value in MessagePack.
    ///
    /// # Errors
    /// It cannot be written so.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, CodecError> {
        Self::with::<MessagePack>(value)
    }

    /// A value in whatever way.
    ///
    /// # Errors
    /// It cannot be written so.
    pub fn with<C: Codec>(value: &(impl Serialize + ?Sized)) -> Result<Self, CodecError> {
        Ok(Self { content_type: C::CONTENT_TYPE.to_owned(), data: C::encode(value)?.into() })
    }

    /// The value, if it is in MessagePack, JSON or CBOR.
    ///
    /// # Errors
    /// It is written in another way, or is another value.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, CodecError> {
        match self.content_type.as_str() {
            MessagePack::CONTENT_TYPE => MessagePack::decode(&self.data),
            JsonText::CONTENT_TYPE => JsonText::decode(&self.data),
            Cbor::CONTENT_TYPE => Cbor::decode(&self.data),
            other => Err(CodecError::ContentType(other.to_owned())),
        }
    }

    /// The value in this way.
    ///
    /// # Errors
    /// It is written in another way, or is another value.
    pub fn as_<C: Codec, T: DeserializeOwned>(&self) -> Result<T, CodecError> {
        match self.content_type == C::CONTENT_TYPE {
            true => C::decode(&self.data),
            false => Err(CodecError::ContentType(self.content_type.clone())),
        }
    }

    /// For people: the value as JSON; bytes that are no value as their number.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let value = match self.content_type.as_str() {
            MessagePack::CONTENT_TYPE => Value::from_msgpack(&self.data).ok().map(|value| value.to_json()),
            _ => self.to::<Json>().ok(),
        };
        value.unwrap_or_else(
            || serde_json::json!({ "content_type": self.content_type, "bytes": self.data.len() }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_through_every_codec() {
        let value = vec![("a".to_owned(), 1_i64), ("b".to_owned(), -2)];
        for payload in [Payload::of(&value), Payload::with::<JsonText>(&value), Payload::with::<Cbor>(&value)]
        {
            let payload = payload.unwrap();
            assert_eq!(payload.to::<Vec<(String, i64)>>().unwrap(), value);
            assert!(payload.to::<bool>().is_err());
            assert_eq!(payload.to_json(), serde_json::json!([["a", 1], ["b", -2]]));
        }
    }

    #[test]
    fn what_is_of_another_type_is_refused_by_name() {
        let raw = Payload::raw(b"abc");
        let error = raw.to::<bool>().unwrap_err();
        assert_eq!(error.to_string(), "it is application/octet-stream, which nothing here reads");
        assert!(Payload::of(&1).unwrap().as_::<JsonText, i32>().is_err());
        assert_eq!(raw.to_json()["bytes"], 3);
    }
}
