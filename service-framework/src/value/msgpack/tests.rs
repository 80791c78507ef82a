//! Tests of the bytes themselves: every marker, every limit, and what hostile peers send.

use super::{Reader, Token, check_whole, write};
use crate::value::{DecodeError, Limits, Value, decode};

fn one(bytes: &[u8]) -> Result<Token<'_>, DecodeError> {
    Reader::new(bytes).token()
}

/// `depth` lists within each other.
fn nested(depth: usize) -> Vec<u8> {
    let mut bytes = vec![0x91; depth - 1];
    bytes.push(0x90);
    bytes
}

#[test]
fn every_marker_is_read() {
    let cases: &[(&[u8], Token<'_>)] = &[
        (b"\x00", Token::Int(0)),
        (b"\x7f", Token::Int(127)),
        (b"\xe0", Token::Int(-32)),
        (b"\xff", Token::Int(-1)),
        (b"\xc0", Token::Nil),
        (b"\xc2", Token::Bool(false)),
        (b"\xc3", Token::Bool(true)),
        (b"\xcc\xff", Token::Int(255)),
        (b"\xcd\xff\xff", Token::Int(65_535)),
        (b"\xce\xff\xff\xff\xff", Token::Int(4_294_967_295)),
        (b"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", Token::Int(i64::MAX)),
        (b"\xcf\x80\0\0\0\0\0\0\0", Token::UInt(1 << 63)),
        (b"\xd0\x80", Token::Int(-128)),
        (b"\xd1\x80\0", Token::Int(-32_768)),
        (b"\xd2\x80\0\0\0", Token::Int(-2_147_483_648)),
        (b"\xd3\x80\0\0\0\0\0\0\0", Token::Int(i64::MIN)),
        (b"\xca\x3f\xc0\0\0", Token::Float(1.5)),
        (b"\xcb\x3f\xf8\0\0\0\0\0\0", Token::Float(1.5)),
        (b"\xa2hi", Token::Str("hi")),
        (b"\xd9\x02hi", Token::Str("hi")),
        (b"\xda\0\x02hi", Token::Str("hi")),
        (b"\xdb\0\0\0\x02hi", Token::Str("hi")),
        (b"\xc4\x01\xff", Token::Bytes(b"\xff")),
        (b"\xc5\0\x01\xff", Token::Bytes(b"\xff")),
        (b"\xc6\0\0\0\x01\xff", Token::Bytes(b"\xff")),
        (b"\x91\0", Token::Array(1)),
        (b"\xdc\0\x01\0", Token::Array(1)),
        (b"\xdd\0\0\0\x01\0", Token::Array(1)),
        (b"\x81\0\0", Token::Map(1)),
        (b"\xde\0\x01\0\0", Token::Map(1)),
        (b"\xdf\0\0\0\x01\0\0", Token::Map(1)),
        (b"\xd4\x05a", Token::Ext(5, b"a")),
        (b"\xd5\x05ab", Token::Ext(5, b"ab")),
        (b"\xd6\xffabcd", Token::Ext(-1, b"abcd")),
        (b"\xd7\xffabcdefgh", Token::Ext(-1, b"abcdefgh")),
        (b"\xd8\x05abcdefghijklmnop", Token::Ext(5, b"abcdefghijklmnop")),
        (b"\xc7\x03\x05abc", Token::Ext(5, b"abc")),
        (b"\xc8\0\x03\x05abc", Token::Ext(5, b"abc")),
        (b"\xc9\0\0\0\x03\x05abc", Token::Ext(5, b"abc")),
    ];
    for (bytes, token) in cases {
        assert_eq!(one(bytes).as_ref(), Ok(token), "{bytes:02x?}");
    }
}

#[test]
fn integers_are_written_in_their_smallest_form() {
    let cases: &[(i64, &[u8])] = &[
        (0, b"\x00"),
        (127, b"\x7f"),
        (128, b"\xcc\x80"),
        (256, b"\xcd\x01\0"),
        (65_536, b"\xce\0\x01\0\0"),
        (4_294_967_296, b"\xcf\0\0\0\x01\0\0\0\0"),
        (-1, b"\xff"),
        (-32, b"\xe0"),
        (-33, b"\xd0\xdf"),
        (-129, b"\xd1\xff\x7f"),
        (-32_769, b"\xd2\xff\xff\x7f\xff"),
        (-2_147_483_649, b"\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"),
    ];
    for (number, bytes) in cases {
        assert_eq!(Value::Int(*number).to_msgpack(), *bytes, "{number}");
    }
}

#[test]
fn lengths_are_written_in_their_smallest_form() {
    type Writer = fn(&mut Vec<u8>, usize);
    let text: Writer = |out, len| write::str(out, &"x".repeat(len));
    let bytes: Writer = |out, len| write::bytes(out, &vec![0; len]);
    let ext: Writer = |out, len| write::ext(out, 1, &vec![0; len]);
    let cases: &[(Writer, usize, &[u8])] = &[
        (text, 31, b"\xbf"),
        (text, 32, b"\xd9\x20"),
        (text, 256, b"\xda\x01\0"),
        (text, 65_536, b"\xdb\0\x01\0\0"),
        (bytes, 0, b"\xc4\0"),
        (bytes, 256, b"\xc5\x01\0"),
        (bytes, 65_536, b"\xc6\0\x01\0\0"),
        (ext, 0, b"\xc7\0\x01"),
        (ext, 1, b"\xd4\x01"),
        (ext, 16, b"\xd8\x01"),
        (ext, 17, b"\xc7\x11\x01"),
        (ext, 256, b"\xc8\x01\0\x01"),
        (ext, 65_536, b"\xc9\0\x01\0\0\x01"),
        (write::array, 15, b"\x9f"),
        (write::array, 16, b"\xdc\0\x10"),
        (write::array, 65_536, b"\xdd\0\x01\0\0"),
        (write::map, 15, b"\x8f"),
        (write::map, 16, b"\xde\0\x10"),
        (write::map, 65_536, b"\xdf\0\x01\0\0"),
    ];
    for (write, len, head) in cases {
        let mut out = Vec::new();
        write(&mut out, *len);
        assert!(out.starts_with(head), "{len} written as {:02x?}", &out[..out.len().min(6)]);
    }
}

#[test]
fn every_cut_of_a_value_is_noticed() {
    let bytes = Value::from([("a", Value::from(vec![1, 300, 70_000])), ("b", Value::Bytes(vec![1; 300]))]);
    let bytes = bytes.to_msgpack();
    for end in 0..bytes.len() {
        let error = check_whole(&bytes[..end], &Limits::default()).unwrap_err();
        assert!(matches!(error, DecodeError::Truncated { .. }), "cut at {end}: {error}");
    }
}

#[test]
fn lengths_beyond_the_bytes_are_refused_at_once() {
    for head in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
        let bytes = [head, 0xff, 0xff, 0xff, 0xff, 0];
        let error = Value::from_msgpack(&bytes).unwrap_err();
        assert!(matches!(error, DecodeError::Truncated { .. }), "{head:02x}: {error}");
    }
}

#[test]
fn errors_say_where_and_what() {
    let said = |bytes: &[u8]| check_whole(bytes, &Limits::default()).unwrap_err().to_string();
    assert_eq!(said(b""), "at least 1 bytes should follow at byte 0, 0 do");
    assert_eq!(said(b"\x92\x01\xc1"), "byte 2 is 0xc1, with which no value begins");
    assert_eq!(said(b"\x91\xa2\xff\xff"), "the text at byte 2 is not UTF-8");
    assert_eq!(said(b"\x01\x02\x03"), "2 bytes follow the value, which ends at byte 1");
    assert_eq!(said(&nested(200)), "the value at byte 128 is more than 128 containers deep");
}

#[test]
fn depth_is_limited_alike_everywhere() {
    for (depth, is_fine) in [(128, true), (129, false), (100_000, false)] {
        let bytes = nested(depth);
        assert_eq!(check_whole(&bytes, &Limits::default()).is_ok(), is_fine);
        assert_eq!(Reader::new(&bytes).skip().is_ok(), is_fine);
        assert_eq!(Value::from_msgpack(&bytes).is_ok(), is_fine);
        assert_eq!(decode::<Value>(&bytes).is_ok(), is_fine);
    }
    let maps = [vec![0x81; 100_000], vec![0xc0]].concat();
    assert!(matches!(Value::from_msgpack(&maps), Err(DecodeError::TooDeep { .. })));
}

#[test]
fn limits_of_ones_own_are_kept() {
    let limits = Limits { depth: 2, bytes: 4 };
    assert_eq!(check_whole(&nested(2), &limits), Ok(()));
    assert_eq!(check_whole(&nested(3), &limits), Err(DecodeError::TooDeep { at: 2, limit: 2 }));
    assert_eq!(check_whole(&[0x90; 5], &limits), Err(DecodeError::TooLong { bytes: 5, limit: 4 }));
    let boundless = Limits { depth: usize::MAX, bytes: usize::MAX };
    assert!(check_whole(&nested(100_000), &boundless).is_err());
}

#[test]
fn of_equal_keys_the_last_value_stands_at_the_first_place() {
    let bytes = b"\x83\xa1a\x01\xa1b\x02\xa1a\x03";
    let expected = Value::from([("a", 3), ("b", 2)]);
    assert_eq!(Value::from_msgpack(bytes), Ok(expected));
    let mut many = Vec::new();
    write::map(&mut many, 2000);
    for number in 0..2000 {
        write::int(&mut many, number % 1000);
        write::int(&mut many, number);
    }
    let Ok(Value::Map(entries)) = Value::from_msgpack(&many) else { panic!("no map") };
    assert_eq!(entries.len(), 1000);
    assert_eq!(entries[7], (Value::Int(7), Value::Int(1007)));
}

#[test]
fn the_cursor_knows_where_it_is() {
    let bytes = b"\x92\x01\xa2hi\xc0";
    let mut reader = Reader::new(bytes);
    assert_eq!(reader.raw(), Ok(&bytes[..5]));
    assert_eq!((reader.position(), reader.rest(), reader.is_at_end()), (5, &bytes[5..], false));
    reader.skip().unwrap();
    assert!(reader.is_at_end());
}
