//! The parts of ISO 8601 text. Everything is fixed width, so each part is cut off the front and checked.

/// Year, month and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

/// Time within a day, with the seconds its clock is ahead of UTC if that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) seconds: i64,
    pub(super) nanos: u32,
    pub(super) offset: Option<i64>,
}

/// `YYYY-MM-DD`, `T` or a space, and a time.
pub(super) fn datetime(text: &str) -> Option<(Day, Clock)> {
    let (day, clock) = text.split_at_checked(10)?;
    Some((date(day)?, time(clock.strip_prefix(['T', ' '])?)?))
}

/// `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Option<Day> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let known = year > 0 && (1..=12).contains(&month) && day > 0 && day <= days_in(year, month);
    (known && rest.is_empty()).then_some(Day { year, month, day })
}

/// `hh:mm[:ss[.f]]` and an offset or none.
pub(super) fn time(text: &str) -> Option<Clock> {
    let (seconds, nanos, rest) = clock(text)?;
    let offset = match rest {
        "" => None,
        "Z" | "z" => Some(0),
        _ => Some(offset(rest)?),
    };
    Some(Clock { seconds, nanos, offset })
}

/// `±hh:mm[:ss[.f]]`, of which the fraction is of no consequence.
fn offset(text: &str) -> Option<i64> {
    let ahead = text.starts_with('+');
    let (seconds, _, rest) = clock(text.strip_prefix(['+', '-'])?)?;
    rest.is_empty().then_some(if ahead { seconds } else { -seconds })
}

/// The seconds and nanoseconds of `hh:mm[:ss[.f]]`, and what follows.
fn clock(text: &str) -> Option<(i64, u32, &str)> {
    let (hour, rest) = number(text, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, nanos, rest) = match rest.strip_prefix(':') {
        Some(rest) => seconds(rest)?,
        None => (0, 0, rest),
    };
    let known = hour < 24 && minute < 60 && second < 60;
    known.then_some((hour * 3600 + minute * 60 + second, nanos, rest))
}

fn seconds(text: &str) -> Option<(i64, u32, &str)> {
    let (second, rest) = number(text, 2)?;
    match rest.strip_prefix('.') {
        Some(rest) => {
            let (nanos, rest) = fraction(rest)?;
            Some((second, nanos, rest))
        }
        None => Some((second, 0, rest)),
    }
}

/// One to nine digits behind a point, as nanoseconds, and what follows.
pub(super) fn fraction(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=9).contains(&digits) {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    Some((format!("{digits:0<9}").parse().ok()?, rest))
}

/// Exactly `width` digits, and what follows.
fn number(text: &str, width: usize) -> Option<(i64, &str)> {
    let (digits, rest) = text.split_at_checked(width)?;
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((are_digits.then(|| digits.parse().ok())??, rest))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}
