//! Lines of services that no terminal obeys, but for their colours.

use std::borrow::Cow;

/// What a terminal may be told by a service: the look of letters, by `ESC [ … m`.
fn look(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"\x1b[")?;
    let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
    (rest[end] == b'm').then_some(end + 3)
}

/// The picture of a control character, if one stands in front, and the bytes that it has.
fn picture(bytes: &[u8]) -> Option<(char, usize)> {
    match bytes {
        [b'\t', ..] => None,
        [byte @ ..0x20, ..] => char::from_u32(0x2400 + u32::from(*byte)).map(|picture| (picture, 1)),
        [0x7f, ..] => Some(('\u{2421}', 1)),
        // Control characters of eight bits, in UTF-8.
        [0xc2, 0x80..=0x9f, ..] => Some((char::REPLACEMENT_CHARACTER, 2)),
        _ => None,
    }
}

/// `line` with pictures of control characters (␛ for escape) instead of them; tabs stay, and so do colours.
pub(super) fn tame(line: &[u8]) -> Cow<'_, [u8]> {
    if !line.iter().any(|byte| *byte < 0x20 || matches!(byte, 0x7f | 0xc2)) {
        return Cow::Borrowed(line);
    }
    let mut tamed = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.first() {
        let taken = if let Some(length) = look(rest) {
            tamed.extend_from_slice(&rest[..length]);
            length
        } else if let Some((picture, length)) = picture(rest) {
            tamed.extend_from_slice(picture.encode_utf8(&mut [0; 4]).as_bytes());
            length
        } else {
            tamed.push(*first);
            1
        };
        rest = &rest[taken..];
    }
    Cow::Owned(tamed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tamed(line: &str) -> String {
        String::from_utf8(tame(line.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn colours_stay_and_everything_else_is_shown() {
        assert_eq!(tamed("\x1b[1;31mred\x1b[0m\tärger"), "\x1b[1;31mred\x1b[0m\tärger");
        assert_eq!(tamed("\x1b[2J\x1b]0;title\x07"), "␛[2J␛]0;title␇");
        assert_eq!(tamed("10%\r20%"), "10%␍20%");
        assert_eq!(tamed("a\u{9b}2Jb\u{7f}"), "a\u{fffd}2Jb␡");
        assert_eq!(tame(b"\xff\xfe\x1b["), &b"\xff\xfe\xe2\x90\x9b["[..]);
    }

    proptest! {
        #[test]
        fn nothing_but_colours_is_left(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let tamed = tame(&line);
            for (at, byte) in tamed.iter().enumerate().filter(|(_, byte)| **byte < 0x20 && **byte != b'\t') {
                prop_assert!(*byte == 0x1b && look(&tamed[at..]).is_some());
            }
            prop_assert_eq!(tame(&tamed), tamed.clone());
        }
    }
}
