//! Lengths of time as text in attributes, as configs take them: `5s`, `1.5h`, `PT0.5S`.

use syn::LitStr;

/// What a length of time may look like.
pub(crate) const EXAMPLES: &str = "such as \"5s\", \"500ms\", \"1.5m\", \"2h\", \"1d\" or \"PT1.5S\"";

const NANOS_OF_UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// The seconds and nanoseconds that a text means.
///
/// # Errors
/// It means none, or it is negative.
pub(crate) fn parse(text: &LitStr) -> syn::Result<(u64, u32)> {
    let wrong = || {
        let message = format!("{:?} is no length of time: a number with a unit, {EXAMPLES}", text.value());
        syn::Error::new(text.span(), message)
    };
    seconds_and_nanos(&text.value()).ok_or_else(wrong)
}

fn seconds_and_nanos(text: &str) -> Option<(u64, u32)> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let iso = text.strip_prefix("PT").and_then(|text| text.strip_suffix('S'));
    let (number, unit) = match iso {
        Some(number) => (number, "s"),
        None => text.split_at(text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?),
    };
    let (_, nanos_of_unit) = NANOS_OF_UNITS.into_iter().find(|(name, _)| *name == unit.trim_start())?;
    let nanos = billionths(number)?.checked_mul(nanos_of_unit)? / 1_000_000_000;
    Some((u64::try_from(nanos / 1_000_000_000).ok()?, u32::try_from(nanos % 1_000_000_000).ok()?))
}

fn billionths(number: &str) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let are_digits = [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if !are_digits || whole.is_empty() || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let fraction: u128 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<u128>().ok()?.checked_mul(1_000_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit() {
        for (text, expected) in [
            ("5s", Some((5, 0))),
            ("+5 s", Some((5, 0))),
            ("500ms", Some((0, 500_000_000))),
            ("1.5m", Some((90, 0))),
            ("2h", Some((7200, 0))),
            ("1d", Some((86_400, 0))),
            ("PT1.5S", Some((1, 500_000_000))),
            ("5", None),
            ("", None),
            ("s", None),
            ("5 sec", None),
            ("-5s", None),
            ("1.2.3s", None),
            ("99999999999999999999999999999999d", None),
        ] {
            assert_eq!(seconds_and_nanos(text), expected, "{text:?}");
        }
    }
}
