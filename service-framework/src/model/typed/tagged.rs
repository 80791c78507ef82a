//! Decimals, dates and ids as types of the grammar.

use std::time::Duration;

use super::{Misfit, Read, Typed};
use crate::model::types::Type;
use crate::value::msgpack::{Reader, write_text};
use crate::value::{Date, DateTime, Decimal, Tag, Tagged, Time, TimeDelta, Uuid};

macro_rules! tagged {
    ($($type:ident: |$value:ident| $text:expr),+ $(,)?) => {$(
        impl Typed for $type {
            fn type_of() -> Type {
                Type::$type
            }

            fn write(&self, out: &mut Vec<u8>) {
                let $value = self;
                write_text(out, Tag::$type, $text);
            }
        }

        impl<'de> Read<'de> for $type {
            fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
                match reader.tagged()? {
                    Some(Tagged::Text(Tag::$type, text)) => text.parse().map_err(|_| Misfit::other_type()),
                    _ => Err(Misfit::other_type()),
                }
            }
        }
    )+};
}

tagged! {
    Decimal: |number| number.as_str(),
    DateTime: |time| time.as_str(),
    Date: |date| date.as_str(),
    Time: |time| time.as_str(),
    TimeDelta: |delta| &delta.to_string(),
}

impl Typed for Uuid {
    fn type_of() -> Type {
        Type::Uuid
    }

    fn write(&self, out: &mut Vec<u8>) {
        Uuid::write(*self, out);
    }
}

impl<'de> Read<'de> for Uuid {
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
        match reader.tagged()? {
            Some(Tagged::Text(Tag::Uuid, text)) => text.parse().map_err(|_| Misfit::other_type()),
            _ => Err(Misfit::other_type()),
        }
    }
}

/// A length of time that does not go backwards.
impl Typed for Duration {
    fn type_of() -> Type {
        Type::TimeDelta
    }

    fn write(&self, out: &mut Vec<u8>) {
        TimeDelta::from(*self).write(out);
    }
}

impl<'de> Read<'de> for Duration {
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
        let delta = TimeDelta::read(reader)?;
        Duration::try_from(delta)
            .map_err(|_| Misfit::beyond("a timedelta that is not negative", format!("timedelta {delta}")))
    }
}
