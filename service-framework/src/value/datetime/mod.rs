//! Points in time, days, times of day and lengths of time, as ISO 8601 text.
//!
//! The first three keep the text they came as and are equal when their texts are. There is no clock here, and no
//! table of time zones: a point in time says its own offset, or none.

mod delta;
mod grammar;
mod system_time;

use std::fmt;
use std::str::FromStr;

use super::InvalidText;

pub use delta::TimeDelta;

/// A point in time: `2026-11-21T08:30:00.25+01:00`.
///
/// Year to minute are required and seconds, up to nine digits of their fraction and the offset (`Z` or `±hh:mm`)
/// are not; between day and time stands `T` or a space. All that Python's `datetime.isoformat` writes is accepted.
/// Without an offset it is a local time of nobody knows where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DateTime(String);

/// A day: `2026-11-21`, from the year 1 to 9999.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(String);

/// A time of day: `08:30`, `08:30:00.25`, with or without an offset as in [`DateTime`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Time(String);

macro_rules! kept_text {
    ($type:ident, $parser:path, $expected:literal) => {
        impl $type {
            /// Whether `text` is one.
            #[must_use]
            pub fn is_valid(text: &str) -> bool {
                $parser(text).is_some()
            }

            /// The text, as it came.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, InvalidText> {
                if Self::is_valid(text) {
                    return Ok(Self(text.to_owned()));
                }
                Err(InvalidText::new($expected, text))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

kept_text!(DateTime, grammar::datetime, "a point in time such as 2026-11-21T08:30:00+01:00");
kept_text!(Date, grammar::date, "a day such as 2026-11-21");
kept_text!(Time, grammar::time, "a time of day such as 08:30:00");

#[cfg(test)]
mod tests;
