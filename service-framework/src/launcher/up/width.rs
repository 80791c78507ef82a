//! How many columns of a terminal a row takes, and what is left of one that takes too many.

/// `row` cut to so many columns. Control sequences take none and all stay, so that a colour that is begun also ends.
pub(crate) fn cut(row: &[u8], columns: usize) -> Vec<u8> {
    let mut left = columns;
    let mut kept = Vec::with_capacity(row.len());
    for piece in pieces(&String::from_utf8_lossy(row)) {
        match piece {
            Piece::Control(sequence) => kept.extend_from_slice(sequence.as_bytes()),
            Piece::Letter(letter) if width(letter) <= left => {
                left -= width(letter);
                kept.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            // Nothing that is narrower may come behind what had no room.
            Piece::Letter(_) => left = 0,
        }
    }
    kept
}

/// The columns that `row` takes.
pub(crate) fn columns_of(row: &[u8]) -> usize {
    let of_piece = |piece| if let Piece::Letter(letter) = piece { width(letter) } else { 0 };
    pieces(&String::from_utf8_lossy(row)).map(of_piece).sum()
}

enum Piece<'a> {
    Control(&'a str),
    Letter(char),
}

fn pieces(mut text: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        let letter = text.chars().next()?;
        let length = if letter == '\x1b' { sequence_length(text) } else { letter.len_utf8() };
        let (piece, rest) = text.split_at(length);
        text = rest;
        Some(if letter == '\x1b' { Piece::Control(piece) } else { Piece::Letter(letter) })
    })
}

/// Bytes of the sequence that `text` begins with: `ESC [` up to a final letter, or `ESC` and one more.
fn sequence_length(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    let end = |found: Option<(usize, char)>| found.map_or(text.len(), |(at, letter)| at + letter.len_utf8());
    match letters.next() {
        Some((_, '[')) => end(letters.find(|(_, letter)| ('@'..='~').contains(letter))),
        other => end(other),
    }
}

/// Columns of one letter: none for marks above others, two for those of East Asia and for pictures.
fn width(letter: char) -> usize {
    match u32::from(letter) {
        0..=0x1f | 0x7f..=0x9f | 0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_seen_is_counted_and_cut() {
        for (row, columns, left) in [
            ("load ##", 80, "load ##"),
            ("load ##", 6, "load #"),
            ("\x1b[31mload\x1b[0m ##", 2, "\x1b[31mlo\x1b[0m"),
            ("██▌··", 3, "██▌"),
            ("日本語", 5, "日本"),
            ("日a", 1, ""),
            ("e\u{301}f", 1, "e\u{301}"),
            ("x\x1b[", 1, "x\x1b["),
            ("", 0, ""),
        ] {
            let kept = cut(row.as_bytes(), columns);
            assert_eq!(String::from_utf8_lossy(&kept), left, "{row:?} {columns}");
            assert!(columns_of(&kept) <= columns);
        }
        assert_eq!(columns_of("\x1b[1;31m日本\x1b[0m ok".as_bytes()), 7);
    }
}
