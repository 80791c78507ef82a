//! Types of arguments: the grammar as data, and its long form in JSON. Reading is in `grammar`, checking in
//! `checker`.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::value::Value;

/// How deep types may be nested.
pub const MAX_TYPE_DEPTH: usize = 64;

/// The type of an argument, of a config key or of a part of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Text.
    Str,
    /// A whole number: MessagePack integers only, never bools.
    Int,
    /// A number: MessagePack floats and integers, never bools.
    Float,
    /// True or false.
    Bool,
    /// Bytes.
    Bytes,
    /// A decimal number whose text is kept.
    Decimal,
    /// A date with a time.
    DateTime,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// A span of time.
    TimeDelta,
    /// A UUID.
    Uuid,
    /// Anything.
    Any,
    /// Nothing but nil.
    None,
    /// A list of one type.
    List(Box<Type>),
    /// A list with one type for each place.
    Tuple(Vec<Type>),
    /// A set of one type.
    Set(Box<Type>),
    /// A map from keys of the first type to values of the second.
    Map(Box<Type>, Box<Type>),
    /// A map with exactly these keys.
    Record(Vec<(String, Type)>),
    /// A value of any of these types.
    Union(Vec<Type>),
    /// A value of this type, or nil.
    Optional(Box<Type>),
    /// Exactly one of these values, which are bools, numbers, strings or nil.
    Literal(Vec<Value>),
    /// A JSON Schema, with its key `$schema`; it sees tagged values as their strings.
    Schema(Json),
}

/// The types that are a single word.
static WORDS: [(&str, Type); 13] = [
    ("str", Type::Str),
    ("int", Type::Int),
    ("float", Type::Float),
    ("bool", Type::Bool),
    ("bytes", Type::Bytes),
    ("Decimal", Type::Decimal),
    ("datetime", Type::DateTime),
    ("date", Type::Date),
    ("time", Type::Time),
    ("timedelta", Type::TimeDelta),
    ("UUID", Type::Uuid),
    ("any", Type::Any),
    ("None", Type::None),
];

/// The words that begin a type of several parts.
pub(crate) const FORMS: [&str; 8] = ["list", "tuple", "set", "map", "record", "union", "optional", "literal"];

impl Type {
    /// A list of `items`.
    pub fn list(items: Type) -> Type {
        Type::List(Box::new(items))
    }

    /// A set of `items`.
    pub fn set(items: Type) -> Type {
        Type::Set(Box::new(items))
    }

    /// A map from `keys` to `values`.
    pub fn map(keys: Type, values: Type) -> Type {
        Type::Map(Box::new(keys), Box::new(values))
    }

    /// A map with exactly these keys.
    pub fn record<'a>(fields: impl IntoIterator<Item = (&'a str, Type)>) -> Type {
        Type::Record(fields.into_iter().map(|(name, field)| (name.to_owned(), field)).collect())
    }

    /// A value of type `inner`, or nil.
    pub fn optional(inner: Type) -> Type {
        Type::Optional(Box::new(inner))
    }

    /// The type that is written as this word.
    pub(crate) fn from_word(word: &str) -> Option<Type> {
        WORDS.iter().find(|(name, _)| *name == word).map(|(_, found)| found.clone())
    }

    /// Every word that is a type.
    pub(crate) fn words() -> impl Iterator<Item = &'static str> + Clone {
        WORDS.iter().map(|(name, _)| *name)
    }

    fn word(&self) -> Option<&'static str> {
        WORDS.iter().find(|(_, word)| word == self).map(|(name, _)| *name)
    }

    /// The long form of the grammar, such as `["map", "str", ["list", "int"]]`.
    pub fn to_json(&self) -> Json {
        match self {
            Type::List(items) => json!(["list", items.to_json()]),
            Type::Tuple(items) => form("tuple", items),
            Type::Set(items) => json!(["set", items.to_json()]),
            Type::Map(keys, values) => json!(["map", keys.to_json(), values.to_json()]),
            Type::Record(fields) => json!(["record", table_to_json(fields)]),
            Type::Union(members) => form("union", members),
            Type::Optional(inner) => json!(["optional", inner.to_json()]),
            Type::Literal(values) => {
                std::iter::once(json!("literal")).chain(values.iter().map(Value::to_json)).collect()
            }
            Type::Schema(schema) => schema.clone(),
            word => json!(word.word()),
        }
    }
}

fn form(name: &str, parts: &[Type]) -> Json {
    std::iter::once(json!(name)).chain(parts.iter().map(Type::to_json)).collect()
}

/// A table of names and types, types in long form.
pub(crate) fn table_to_json(table: &[(String, Type)]) -> Json {
    Json::Object(table.iter().map(|(name, of)| (name.clone(), of.to_json())).collect())
}

/// A word stands bare, all else in its long form.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.word() {
            Some(word) => f.write_str(word),
            None => write!(f, "{}", self.to_json()),
        }
    }
}
