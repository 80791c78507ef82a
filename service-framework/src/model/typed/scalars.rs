//! Text, numbers, truth values and bytes as types of the grammar.

use std::borrow::Cow;

use super::{Misfit, Read, Typed};
use crate::model::types::Type;
use crate::value::msgpack::{Reader, Token, write};
use crate::value::{Bytes, Value};

/// Implements [`Typed`] for a type that one token is.
macro_rules! token {
    ($type:ty, $of:expr, |$value:ident, $out:ident| $write:expr, $($token:pat => $read:expr),+ $(,)?) => {
        impl Typed for $type {
            fn type_of() -> Type {
                $of
            }

            fn write(&self, $out: &mut Vec<u8>) {
                let $value = self;
                $write
            }
        }

        impl<'de> Read<'de> for $type {
            #[inline]
            fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
                match reader.token()? {
                    $($token => $read,)+
                    _ => Err(Misfit::other_type()),
                }
            }
        }
    };
}

token!(bool, Type::Bool, |truth, out| write::bool(out, *truth), Token::Bool(truth) => Ok(truth));
token!(f64, Type::Float, |number, out| write::float(out, *number),
    Token::Float(number) => Ok(number),
    Token::Int(number) => Ok(number as f64),
    Token::UInt(number) => Ok(number as f64),
);
token!(f32, Type::Float, |number, out| write::float(out, f64::from(*number)),
    Token::Float(number) => Ok(number as f32),
    Token::Int(number) => Ok(number as f32),
    Token::UInt(number) => Ok(number as f32),
);
token!(String, Type::Str, |text, out| write::str(out, text), Token::Str(text) => Ok(text.to_owned()));
token!(Bytes, Type::Bytes, |bytes, out| write::bytes(out, bytes), Token::Bytes(bytes) => Ok(bytes.into()));
token!((), Type::None, |_nothing, out| write::nil(out), Token::Nil => Ok(()));

/// Implements [`Typed`] for an integer type, which may be narrower than the grammar's.
macro_rules! integers {
    ($($type:ident),+) => {$(
        impl Typed for $type {
            fn type_of() -> Type {
                Type::Int
            }

            fn write(&self, out: &mut Vec<u8>) {
                // Whatever fits into neither is beyond 64 bits, and no type here is.
                match i64::try_from(*self) {
                    Ok(number) => write::int(out, number),
                    Err(_) => write::uint(out, *self as u64),
                }
            }
        }

        impl<'de> Read<'de> for $type {
            #[inline]
            fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
                let beyond = |found: String| {
                    Misfit::beyond(format!("an int from {} to {}", $type::MIN, $type::MAX), format!("int {found}"))
                };
                match reader.token()? {
                    Token::Int(number) => $type::try_from(number).map_err(|_| beyond(number.to_string())),
                    Token::UInt(number) => $type::try_from(number).map_err(|_| beyond(number.to_string())),
                    _ => Err(Misfit::other_type()),
                }
            }
        }
    )+};
}

integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

impl Typed for str {
    fn type_of() -> Type {
        Type::Str
    }

    fn write(&self, out: &mut Vec<u8>) {
        write::str(out, self);
    }
}

impl<'de: 'a, 'a> Read<'de> for &'a str {
    #[inline]
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
        match reader.token()? {
            Token::Str(text) => Ok(text),
            _ => Err(Misfit::other_type()),
        }
    }
}

impl Typed for Cow<'_, str> {
    fn type_of() -> Type {
        Type::Str
    }

    fn write(&self, out: &mut Vec<u8>) {
        write::str(out, self);
    }
}

impl<'de: 'a, 'a> Read<'de> for Cow<'a, str> {
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
        <&str>::read(reader).map(Cow::Borrowed)
    }
}

impl<'de: 'a, 'a> Read<'de> for &'a [u8] {
    #[inline]
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
        match reader.token()? {
            Token::Bytes(bytes) => Ok(bytes),
            _ => Err(Misfit::other_type()),
        }
    }
}

/// A slice of bytes is bytes; a `Vec<u8>` is a list of numbers, like that of any other integers.
impl Typed for &[u8] {
    fn type_of() -> Type {
        Type::Bytes
    }

    fn write(&self, out: &mut Vec<u8>) {
        write::bytes(out, self);
    }
}

impl Typed for &str {
    fn type_of() -> Type {
        Type::Str
    }

    fn write(&self, out: &mut Vec<u8>) {
        write::str(out, self);
    }
}

impl Typed for Value {
    fn type_of() -> Type {
        Type::Any
    }

    fn write(&self, out: &mut Vec<u8>) {
        Value::write(self, out);
    }
}

impl<'de> Read<'de> for Value {
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
        Ok(Value::from_msgpack(reader.raw()?)?)
    }
}
