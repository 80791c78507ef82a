//! Schedules: when something is due that is due again and again. Pure: the time is an argument.
//!
//! A [`Cron`] has five fields (minute, hour, day of the month, month, day of the week), or is one of `@hourly`, `@daily`, `@weekly`,
//! `@monthly`, `@yearly`. Its times are UTC.
//!
//! An occurrence is a point in time, the same for whoever computes it. A flow that is started under a key made of its schedule and
//! the occurrence is started once, whatever clocks do: one that was set back comes to the same occurrences again, whose flows are
//! there already; one that was set forth passes many, of which [`Cron::latest`] gives the last.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use croner::errors::CronError as Invalid;
use croner::parser::{CronParser, Seconds, Year};

use crate::store::Timestamp;

/// The fields in their order, and what may stand in each.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, or L for the last"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7 or SUN to SAT, 0 and 7 being Sunday"),
];

/// Short forms and what they mean.
const SHORT: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// It has another number of fields. Nothing is scheduled.
    #[error(
        "`{text}` has {found} fields: expected minute, hour, day of the month, month and day of the week, such as `30 4 * * MON-FRI`, or one of @hourly, @daily, @weekly, @monthly and @yearly"
    )]
    Fields {
        /// The whole text.
        text: String,
        /// How many it has.
        found: usize,
    },
    /// One of its fields is not what can stand there. Nothing is scheduled.
    #[error(
        "`{found}` is no {field}: expected {expected}, `*`, or lists (`,`), ranges (`-`) and steps (`/`) of them ({why})"
    )]
    Field {
        /// Which field.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// No day is like that, such as the 30th of February. Nothing is scheduled.
    #[error("`{0}` never comes: no day is like that")]
    Never(String),
}

/// When something is due, again and again.
#[derive(Clone)]
pub struct Cron {
    text: String,
    cron: croner::Cron,
}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let text = text.trim();
        let short = SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(text));
        let pattern = short.map_or(text, |(_, pattern)| pattern);
        let fields: Vec<&str> = pattern.split_whitespace().collect();
        if fields.len() != FIELDS.len() {
            return Err(CronError::Fields { text: text.to_owned(), found: fields.len() });
        }
        for (at, field) in fields.iter().enumerate() {
            check_field(at, field)?;
        }
        let cron = parsed(pattern).map_err(|error| wrong_field(fields.len() - 1, pattern, &error))?;
        let cron = Self { text: text.to_owned(), cron };
        match cron.next(Timestamp::default()) {
            Some(_) => Ok(cron),
            None => Err(CronError::Never(text.to_owned())),
        }
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cron").field(&self.text).finish()
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Cron {
    /// The first occurrence after a point in time; none if it is too far away for a calendar.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let found = self.cron.find_next_occurrence(&to_utc(after)?, false).ok()?;
        Some(Timestamp::from_micros(found.timestamp_micros())).filter(|found| *found > after)
    }

    /// The last occurrence after `since` that is not after `now`; none if there is none. What was missed while nobody looked is
    /// due once, not as often as it was missed.
    #[must_use]
    pub fn latest(&self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let found = self.cron.find_previous_occurrence(&to_utc(now)?, true).ok()?;
        let found = Timestamp::from_micros(found.timestamp_micros());
        Some(found).filter(|found| *found > since && *found <= now)
    }
}

/// The point in time in whole seconds, which is all that occurrences have.
fn to_utc(time: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.as_micros().div_euclid(1_000_000), 0)
}

fn parsed(pattern: &str) -> Result<croner::Cron, Invalid> {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(pattern)
}

/// A field alone, among others that mean anything.
fn check_field(at: usize, field: &str) -> Result<(), CronError> {
    let mut fields = ["*"; FIELDS.len()];
    fields[at] = field;
    // The parser takes a short form in the place of a field, and skips what is missing in a list.
    if field.contains('@') {
        return Err(wrong_field(at, field, &Invalid::IllegalCharacters("@ is for short forms".to_owned())));
    }
    if field.split(',').any(str::is_empty) {
        return Err(wrong_field(at, field, &Invalid::ComponentError("a list misses something".to_owned())));
    }
    parsed(&fields.join(" ")).map(drop).map_err(|error| wrong_field(at, field, &error))
}

fn wrong_field(at: usize, found: &str, error: &Invalid) -> CronError {
    let (field, expected) = FIELDS[at];
    let why = match error {
        Invalid::InvalidPattern(why) | Invalid::IllegalCharacters(why) | Invalid::ComponentError(why) => {
            why.clone()
        }
        other => other.to_string(),
    };
    CronError::Field { field, found: found.to_owned(), expected, why: why.trim_end_matches('.').to_owned() }
}

#[cfg(test)]
mod tests;
