//! Writers of single MessagePack scalars and heads, each in its smallest form. They append and never fail.

/// Appends nil.
pub(crate) fn nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

/// Appends a truth value.
pub(crate) fn bool(out: &mut Vec<u8>, truth: bool) {
    out.push(if truth { 0xc3 } else { 0xc2 });
}

/// Appends an integer that may be negative.
pub(crate) fn int(out: &mut Vec<u8>, number: i64) {
    if let Ok(number) = u64::try_from(number) {
        return uint(out, number);
    }
    if number >= -32 {
        out.push(number as u8);
    } else if let Ok(number) = i8::try_from(number) {
        sized(out, 0xd0, number.to_be_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        sized(out, 0xd1, number.to_be_bytes());
    } else if let Ok(number) = i32::try_from(number) {
        sized(out, 0xd2, number.to_be_bytes());
    } else {
        sized(out, 0xd3, number.to_be_bytes());
    }
}

/// Appends an integer.
pub(crate) fn uint(out: &mut Vec<u8>, number: u64) {
    if number < 0x80 {
        out.push(number as u8);
    } else if let Ok(number) = u8::try_from(number) {
        sized(out, 0xcc, number.to_be_bytes());
    } else if let Ok(number) = u16::try_from(number) {
        sized(out, 0xcd, number.to_be_bytes());
    } else if let Ok(number) = u32::try_from(number) {
        sized(out, 0xce, number.to_be_bytes());
    } else {
        sized(out, 0xcf, number.to_be_bytes());
    }
}

/// Appends a float in double precision.
pub(crate) fn float(out: &mut Vec<u8>, number: f64) {
    sized(out, 0xcb, number.to_be_bytes());
}

/// Appends text.
pub(crate) fn str(out: &mut Vec<u8>, text: &str) {
    if text.len() < 0x20 {
        out.push(0xa0 | text.len() as u8);
    } else {
        head(out, 0xd9, text.len());
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends bytes.
pub(crate) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    head(out, 0xc4, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends the head of a list; its items must follow.
pub(crate) fn array(out: &mut Vec<u8>, len: usize) {
    if len < 0x10 {
        out.push(0x90 | len as u8);
    } else {
        long_head(out, 0xdc, len);
    }
}

/// Appends the head of a map; its keys and values must follow.
pub(crate) fn map(out: &mut Vec<u8>, len: usize) {
    if len < 0x10 {
        out.push(0x80 | len as u8);
    } else {
        long_head(out, 0xde, len);
    }
}

/// Appends an extension.
pub(crate) fn ext(out: &mut Vec<u8>, kind: i8, bytes: &[u8]) {
    match bytes.len() {
        len @ (1 | 2 | 4 | 8 | 16) => out.push(0xd4 + len.trailing_zeros() as u8),
        len => head(out, 0xc7, len),
    }
    out.push(kind as u8);
    out.extend_from_slice(bytes);
}

/// Appends a length behind `marker` (one byte), `marker + 1` (two) or `marker + 2` (four).
fn head(out: &mut Vec<u8>, marker: u8, len: usize) {
    match u8::try_from(len) {
        Ok(len) => sized(out, marker, len.to_be_bytes()),
        Err(_) => long_head(out, marker + 1, len),
    }
}

/// Appends a length behind `marker` (two bytes) or `marker + 1` (four).
fn long_head(out: &mut Vec<u8>, marker: u8, len: usize) {
    match u16::try_from(len) {
        Ok(len) => sized(out, marker, len.to_be_bytes()),
        // Four gigabytes are far beyond what any limit lets out, so the cut is never seen.
        Err(_) => sized(out, marker + 1, u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()),
    }
}

fn sized<const N: usize>(out: &mut Vec<u8>, marker: u8, bytes: [u8; N]) {
    out.push(marker);
    out.extend_from_slice(&bytes);
}
