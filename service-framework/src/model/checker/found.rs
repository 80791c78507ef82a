//! What stands in the bytes, said in a few words.

use crate::model::problem::shortened;
use crate::value::msgpack::{Reader, Token};
use crate::value::{Tag, Tagged};

/// The longest text that is shown of a value.
const LONGEST_TEXT: usize = 40;

/// The next value in a few words, such as `str "abc"`, `int 5`, `UUID "…"` or `list of 3`.
pub(super) fn describe(mut reader: Reader<'_>) -> String {
    if let Ok(Some(tagged)) = reader.tagged() {
        return describe_tagged(tagged);
    }
    match reader.token() {
        Ok(Token::Nil) => "None".to_owned(),
        Ok(Token::Bool(value)) => format!("bool {value}"),
        Ok(Token::Int(number)) => format!("int {number}"),
        Ok(Token::UInt(number)) => format!("int {number}"),
        Ok(Token::Float(number)) => format!("float {number:?}"),
        Ok(Token::Str(text)) => format!("str {:?}", shortened(text, LONGEST_TEXT)),
        Ok(Token::Bytes(bytes)) => format!("bytes of {}", bytes.len()),
        Ok(Token::Array(count)) => format!("list of {count}"),
        Ok(Token::Map(count)) => format!("map of {count}"),
        Ok(Token::Ext(kind, _)) => format!("MessagePack extension {kind}"),
        Err(error) => error.to_string(),
    }
}

fn describe_tagged(tagged: Tagged<'_>) -> String {
    match tagged {
        Tagged::Text(tag, text) => format!("{} {:?}", name_of(tag), shortened(text, LONGEST_TEXT)),
        Tagged::Set(items) => describe(Reader::new(items)).replacen("list", "set", 1),
        Tagged::NdArray(bytes) => format!("numpy array of {} bytes", bytes.len()),
    }
}

/// What the grammar calls a tag.
fn name_of(tag: Tag) -> &'static str {
    match tag {
        Tag::Decimal => "Decimal",
        Tag::Uuid => "UUID",
        Tag::DateTime => "datetime",
        Tag::Date => "date",
        Tag::Time => "time",
        Tag::TimeDelta => "timedelta",
        Tag::Set => "set",
        Tag::NdArray => "numpy array",
    }
}

/// The whole value `raw` as the key in a path: strings, ints and bools bare, all else with its type.
pub(super) fn describe_raw(raw: &[u8]) -> String {
    match Reader::new(raw).token() {
        Ok(Token::Str(text)) => format!("{:?}", shortened(text, LONGEST_TEXT)),
        Ok(Token::Int(number)) => number.to_string(),
        _ => describe(Reader::new(raw)),
    }
}
