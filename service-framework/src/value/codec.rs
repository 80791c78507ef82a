//! Typed data to MessagePack and back, by serde.

use serde::{Deserialize, Serialize};

use super::msgpack::check_whole;
use super::{DecodeError, EncodeError, Limits};

/// Writes `value` as MessagePack: structs as maps from field names, `None` as nil.
///
/// # Errors
/// The value's own `Serialize` fails, or it is more than 1024 containers deep.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    encode_into(value, &mut out)?;
    Ok(out)
}

/// As [`encode`], appending to `out`. After an error `out` ends with part of the value.
///
/// # Errors
/// As [`encode`].
pub fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
    value.serialize(&mut serializer).map_err(|error| EncodeError(error.to_string()))
}

/// Reads exactly one value of type `T`, within the default [`Limits`]. A `&str` or `&[u8]` in it borrows.
///
/// # Errors
/// The bytes are not one whole value, are over a limit, or are of another shape than `T`.
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    check_whole(bytes, &Limits::default())?;
    decode_checked(bytes)
}

/// As [`decode`], for bytes that [`check_whole`] has seen, alone or as part of a larger value; it is not called
/// again. Of other bytes it may accept what is not UTF-8 or is followed by more.
///
/// # Errors
/// The bytes are of another shape than `T`.
pub fn decode_checked<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    rmp_serde::from_slice(bytes).map_err(|error| DecodeError::Shape(error.to_string()))
}

#[cfg(test)]
mod tests;
