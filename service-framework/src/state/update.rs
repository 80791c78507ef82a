//! The arguments of a delta update: `{"current_num": n, "is_snapshot": b, "state": {key: value or nil}, …}`.

use crate::value::DecodeError;
use crate::value::msgpack::{Reader, Token, int, write};

/// A delta update as it stands on the wire, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Update<'a> {
    /// All of its arguments.
    pub(crate) args: &'a [u8],
    /// Counted by its owner, from 0.
    pub(crate) number: i64,
    /// Whether `state` is all there is, rather than what changed.
    pub(crate) is_snapshot: bool,
    /// Keys and values as a MessagePack map; nil deletes a key.
    pub(crate) state: &'a [u8],
}

impl<'a> Update<'a> {
    /// Takes arguments apart, in any order.
    ///
    /// # Errors
    /// They are no map, or one of the three is missing or of another type.
    pub(crate) fn read(args: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(args);
        let Token::Map(entries) = reader.token()? else { return Err(shape("a map of arguments")) };
        let (mut number, mut is_snapshot, mut state) = (None, None, None);
        for _ in 0..entries {
            let key = reader.token()?;
            let Token::Str(name) = key else { return Err(shape("arguments by name")) };
            match name {
                "current_num" => number = int(reader.raw()?),
                "is_snapshot" => is_snapshot = truth(reader.raw()?),
                "state" => state = Some(reader.raw()?),
                _ => reader.skip()?,
            }
        }
        Ok(Self {
            args,
            number: number.ok_or_else(|| shape("a whole number under current_num"))?,
            is_snapshot: is_snapshot.ok_or_else(|| shape("true or false under is_snapshot"))?,
            state: state.ok_or_else(|| shape("a map under state"))?,
        })
    }
}

fn shape(expected: &str) -> DecodeError {
    DecodeError::Shape(format!("{expected} is expected"))
}

fn truth(raw: &[u8]) -> Option<bool> {
    match Reader::new(raw).token() {
        Ok(Token::Bool(truth)) => Some(truth),
        _ => None,
    }
}

/// Appends the arguments of an update; `others` are entries beyond the three: how many, and their bytes.
pub(crate) fn write_update(
    out: &mut Vec<u8>,
    number: i64,
    is_snapshot: bool,
    state: &[u8],
    others: (usize, &[u8]),
) {
    write::map(out, 3 + others.0);
    write::str(out, "current_num");
    write::int(out, number);
    write::str(out, "is_snapshot");
    write::bool(out, is_snapshot);
    write::str(out, "state");
    out.extend_from_slice(state);
    out.extend_from_slice(others.1);
}

/// Takes what an owner returned apart: the state, and the number of the last update in it.
///
/// # Errors
/// It is no map, or one of the two is missing or of another type.
pub(crate) fn read_answer(returned: &[u8]) -> Result<(&[u8], i64), DecodeError> {
    let mut reader = Reader::new(returned);
    let Token::Map(entries) = reader.token()? else { return Err(shape("a map of return arguments")) };
    let (mut state, mut number) = (None, None);
    for _ in 0..entries {
        let (key, value) = (reader.token()?, reader.raw()?);
        match key {
            Token::Str("state") => state = Some(value),
            Token::Str("current_num") => number = int(value),
            _ => {}
        }
    }
    let number = number.ok_or_else(|| shape("a whole number under current_num"))?;
    Ok((state.ok_or_else(|| shape("a map under state"))?, number))
}

/// The entries of an update's arguments beyond the three: how many, and their bytes.
pub(crate) fn others(args: &[u8]) -> (usize, Vec<u8>) {
    let (mut count, mut bytes) = (0, Vec::new());
    let mut reader = Reader::new(args);
    let Ok(Token::Map(entries)) = reader.token() else { return (0, bytes) };
    for _ in 0..entries {
        let (Ok(name), Ok(value)) = (reader.raw(), reader.raw()) else { break };
        let is_other = matches!(
            Reader::new(name).token(),
            Ok(Token::Str(name)) if !["current_num", "is_snapshot", "state"].contains(&name)
        );
        if is_other {
            count += 1;
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(value);
        }
    }
    (count, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let (mut args, state) = (Vec::new(), [0x81, 0xa1, b'k', 0xc0]);
        let mut others = Vec::new();
        write::str(&mut others, "why");
        write::int(&mut others, 3);
        write_update(&mut args, 70_000, true, &state, (1, &others));
        let update = Update::read(&args).unwrap();
        assert_eq!((update.number, update.is_snapshot, update.state), (70_000, true, &state[..]));
        assert_eq!(super::others(&args), (1, others));
        let text = crate::value::Value::from_msgpack(&args).unwrap().to_json().to_string();
        assert_eq!(text, r#"{"current_num":70000,"is_snapshot":true,"state":{"k":null},"why":3}"#);
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_refused() {
        let without = |name: &str| {
            let mut args = Vec::new();
            write_update(&mut args, 1, false, &[0x80], (0, &[]));
            let at = args.windows(name.len()).position(|part| part == name.as_bytes()).unwrap();
            args[at] = b'_';
            args
        };
        for name in ["current_num", "is_snapshot", "state"] {
            assert!(Update::read(&without(name)).is_err(), "{name}");
        }
        assert!(Update::read(&[0x90]).is_err());
        assert!(Update::read(&[0x81, 1, 1]).is_err());
        assert!(Update::read(&[0x8f]).is_err());
        assert!(read_answer(&[0x80]).is_err() && read_answer(&[0x90]).is_err());
    }
}
