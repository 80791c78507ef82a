//! Types of args.

use crate::value::Value;

/// What an entry of a pool may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgType {
    /// Text: `str`, or `string`.
    Str,
    /// A whole number: `int`.
    Int,
    /// A number: `float`.
    Float,
    /// A list: `list`.
    List,
    /// A table: `dict`.
    Dict,
    /// `true` or `false`: `bool`.
    Bool,
}

impl ArgType {
    /// All of them.
    pub const ALL: [ArgType; 6] =
        [ArgType::Str, ArgType::Int, ArgType::Float, ArgType::List, ArgType::Dict, ArgType::Bool];

    /// Every word that is one.
    pub(super) const WORDS: [&str; 7] = ["str", "string", "int", "float", "list", "dict", "bool"];

    pub(super) const EXPECTED: &str = "one of str, int, float, list, dict, bool";

    /// The word in the spec.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ArgType::Str => "str",
            ArgType::Int => "int",
            ArgType::Float => "float",
            ArgType::List => "list",
            ArgType::Dict => "dict",
            ArgType::Bool => "bool",
        }
    }

    /// The type that a word of a spec means.
    #[must_use]
    pub fn from_word(word: &str) -> Option<ArgType> {
        let word = if word == "string" { "str" } else { word };
        ArgType::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The type that is called so elsewhere.
    pub(super) fn meant_by(word: &str) -> Option<ArgType> {
        Some(match word.to_ascii_lowercase().as_str() {
            "text" => ArgType::Str,
            "integer" | "long" => ArgType::Int,
            "number" | "double" | "decimal" => ArgType::Float,
            "array" | "tuple" => ArgType::List,
            "object" | "map" | "table" => ArgType::Dict,
            "boolean" | "flag" => ArgType::Bool,
            _ => return None,
        })
    }

    pub(super) fn described(self) -> &'static str {
        match self {
            ArgType::Str => "a string, as the type is str",
            ArgType::Int => "a whole number, as the type is int",
            ArgType::Float => "a number with a point, as the type is float",
            ArgType::List => "a list, as the type is list",
            ArgType::Dict => "a table, as the type is dict",
            ArgType::Bool => "true or false, as the type is bool",
        }
    }

    /// Whether a pool may hold `value` under an arg of this type. A bool is an int, as in Python, and an int is taken
    /// for a float too.
    #[must_use]
    pub fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (ArgType::Float, Value::Int(_) | Value::UInt(_)) => true,
            _ => self.accepts_default(value),
        }
    }

    /// Whether a spec may have `value` as the default of an arg of this type: as [`ArgType::accepts`], but an int is no
    /// float.
    #[must_use]
    pub fn accepts_default(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (ArgType::Str, Value::Str(_))
                | (ArgType::Int, Value::Int(_) | Value::UInt(_) | Value::Bool(_))
                | (ArgType::Float, Value::Float(_))
                | (ArgType::List, Value::List(_))
                | (ArgType::Dict, Value::Map(_))
                | (ArgType::Bool, Value::Bool(_))
        )
    }
}
