//! Lengths of time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::grammar;
use crate::value::InvalidText;

const NANOS: i128 = 1_000_000_000;

/// A length of time, forwards or backwards, to the nanosecond; no longer than a [`Duration`] can be.
///
/// As text it is `PT1.5S` or `-PT1.5S`: seconds alone, with the sign in front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeDelta {
    nanos: i128,
}

impl TimeDelta {
    /// The same length, backwards if this one is forwards.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { nanos: -self.nanos }
    }

    /// Its length in seconds, rounded to the nearest float.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.nanos as f64 / NANOS as f64
    }

    /// Its length, whichever way it goes.
    #[must_use]
    pub fn magnitude(self) -> Duration {
        let nanos = self.nanos.unsigned_abs();
        let seconds = u64::try_from(nanos / NANOS as u128).unwrap_or(u64::MAX);
        Duration::new(seconds, (nanos % NANOS as u128) as u32)
    }

    /// Whether it goes backwards.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }
}

impl From<Duration> for TimeDelta {
    fn from(duration: Duration) -> Self {
        Self { nanos: i128::from(duration.as_secs()) * NANOS + i128::from(duration.subsec_nanos()) }
    }
}

impl TryFrom<TimeDelta> for Duration {
    type Error = InvalidText;

    /// # Errors
    /// The length is negative.
    fn try_from(delta: TimeDelta) -> Result<Self, InvalidText> {
        if delta.is_negative() {
            return Err(InvalidText::new("a length of time that is not negative", &delta.to_string()));
        }
        Ok(delta.magnitude())
    }
}

impl FromStr for TimeDelta {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        parse(text).ok_or_else(|| InvalidText::new("a length of time in seconds such as PT1.5S", text))
    }
}

fn parse(text: &str) -> Option<TimeDelta> {
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = rest.strip_prefix("PT")?.strip_suffix('S')?;
    let (whole, nanos) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, whole_fraction(fraction)?),
        None => (number, 0),
    };
    let are_digits = whole.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = are_digits.then(|| whole.parse().ok())??;
    let delta = TimeDelta::from(Duration::new(seconds, nanos));
    Some(if is_negative { delta.negated() } else { delta })
}

fn whole_fraction(text: &str) -> Option<u32> {
    grammar::fraction(text).filter(|(_, rest)| rest.is_empty()).map(|(nanos, _)| nanos)
}

impl fmt::Display for TimeDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.magnitude();
        let sign = if self.is_negative() { "-" } else { "" };
        write!(f, "{sign}PT{}", length.as_secs())?;
        if length.subsec_nanos() > 0 {
            let fraction = format!("{:09}", length.subsec_nanos());
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("S")
    }
}
