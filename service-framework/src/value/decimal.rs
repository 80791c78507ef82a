//! Decimal numbers, kept as the text they came as.

use std::fmt;
use std::str::FromStr;

use super::InvalidText;

const EXPECTED: &str = "a decimal number such as 12.50, -3E+7, NaN or Infinity";

/// A decimal number of any length, as text: `1.50` stays `1.50`.
///
/// The text is what Python's `decimal.Decimal` prints: digits with a point, an exponent, `NaN`, `sNaN` and
/// `Infinity` in any case, each with a sign. Two decimals are equal when their texts are, so `1.5` and `1.50`
/// differ. Arithmetic is left to a crate of your choice: [`Decimal::parts`] and [`Decimal::from_parts`] lead there
/// and back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(String);

impl Decimal {
    /// Whether `text` is a decimal number.
    #[must_use]
    pub fn is_valid(text: &str) -> bool {
        let text = unsigned(text);
        is_finite(text) || is_infinite(text) || is_nan(text)
    }

    /// The number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest float; `None` if the number is beyond the range of floats, or a signalling NaN.
    #[must_use]
    pub fn to_f64(&self) -> Option<f64> {
        if is_nan(unsigned(&self.0)) {
            return (!unsigned(&self.0).starts_with(['s', 'S'])).then_some(f64::NAN);
        }
        let number: f64 = self.0.parse().ok()?;
        (number.is_finite() || is_infinite(unsigned(&self.0))).then_some(number)
    }

    /// The coefficient and the exponent, so that the number is `coefficient · 10^exponent`: `1.50` gives
    /// `(150, -2)`. `None` if it is not finite or either does not fit. A zero loses its sign.
    #[must_use]
    pub fn parts(&self) -> Option<(i128, i32)> {
        let (number, exponent) = self.0.split_once(['e', 'E']).unwrap_or((&self.0, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let coefficient = format!("{whole}{fraction}").parse().ok()?;
        let exponent: i32 = exponent.parse().ok()?;
        Some((coefficient, exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?))
    }

    /// The number `coefficient · 10^exponent`, written as Python writes it: `(150, -2)` is `1.50`.
    #[must_use]
    pub fn from_parts(coefficient: i128, exponent: i32) -> Self {
        let sign = if coefficient < 0 { "-" } else { "" };
        let digits = coefficient.unsigned_abs().to_string();
        // Where the point stands, counted from the first digit.
        let point = i64::from(exponent) + digits.len() as i64;
        if exponent <= 0 && point > -6 {
            return Self(format!("{sign}{}", plain(&digits, point)));
        }
        let power = point - 1;
        Self(format!("{sign}{}E{power:+}", plain(&digits, 1)))
    }
}

/// `digits` with a point after the first `point` of them, and as many zeros before as that takes.
fn plain(digits: &str, point: i64) -> String {
    match usize::try_from(point) {
        Ok(point) if point >= digits.len() => digits.to_owned(),
        Ok(0) | Err(_) => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        Ok(point) => format!("{}.{}", &digits[..point], &digits[point..]),
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn is_finite(text: &str) -> bool {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    are_digits(whole)
        && are_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(is_exponent)
}

/// Python's decimals hold exponents of 18 digits.
fn is_exponent(text: &str) -> bool {
    let digits = unsigned(text);
    !digits.is_empty() && are_digits(digits) && digits.trim_start_matches('0').len() <= 18
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_infinite(text: &str) -> bool {
    text.eq_ignore_ascii_case("infinity") || text.eq_ignore_ascii_case("inf")
}

/// `NaN` or `sNaN`, both with digits behind that say why.
fn is_nan(text: &str) -> bool {
    let name = text.trim_end_matches(|character: char| character.is_ascii_digit());
    name.eq_ignore_ascii_case("nan") || name.eq_ignore_ascii_case("snan")
}

impl FromStr for Decimal {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        if Self::is_valid(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidText::new(EXPECTED, text))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! from_integers {
    ($($integer:ty),+) => {$(
        impl From<$integer> for Decimal {
            fn from(number: $integer) -> Self {
                Self(number.to_string())
            }
        }
    )+};
}

from_integers!(i32, i64, u32, u64, i128);

#[cfg(test)]
mod tests;
