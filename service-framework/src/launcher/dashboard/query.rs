//! What stands behind the `?` of a URL.

use std::collections::HashMap;

/// Names and values of a query.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Query(HashMap<String, String>);

impl Query {
    pub(super) fn read(text: Option<&str>) -> Self {
        let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let read = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        Self(pairs.map(read).collect())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }
}

/// `%41+b` as `A b`; what is no UTF-8 then becomes the sign for that.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        match (first, others) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, behind @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(digit(*high) * 16 + digit(*low));
                rest = behind;
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The value of a digit in base 16.
fn digit(byte: u8) -> u8 {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_browsers_write_them() {
        let query = Query::read(Some("id=7%2Fecho.1&find=a+b%C3%A9&n=12&empty=&odd=%zz%4&x=%ff"));
        assert_eq!(query.text("id"), Some("7/echo.1"));
        assert_eq!(query.text("find"), Some("a bé"));
        assert_eq!((query.number("n"), query.number::<u64>("find")), (Some(12_u64), None));
        assert_eq!((query.text("empty"), query.text("none")), (None, None));
        assert_eq!((query.text("odd"), query.text("x")), (Some("%zz%4"), Some("\u{fffd}")));
        assert_eq!(Query::read(None), Query::default());
    }
}
