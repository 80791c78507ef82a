//! JSON Schema types: compiling them, and the JSON that they see of a value. Never fetches anything: a `$ref` to
//! elsewhere is a problem of the schema.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use jsonschema::{ValidationError, Validator};
use serde_json::Value as Json;

use super::mismatch::{MAX_MISMATCHES, Mismatch};
use super::problem::{child, element, shortened};
use crate::value::Value;

/// The longest text of a schema or of JSON in a mismatch.
const LONGEST_JSON: usize = 80;

/// A compiled schema.
#[derive(Debug)]
pub(crate) struct Schema {
    validator: Validator,
    json: Json,
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// Why it is none, in one line.
    pub(crate) fn compile(json: &Json) -> Result<Schema, String> {
        if json.get("$schema").is_none() {
            return Err("a table without the key $schema".to_owned());
        }
        match jsonschema::validator_for(json) {
            Ok(validator) => Ok(Schema { validator, json: json.clone() }),
            Err(error) => Err(format!("{} at {:?}", shortened(&error.to_string(), 200), path_in(&error, ""))),
        }
    }

    pub(crate) fn allows(&self, json: &Json) -> bool {
        self.validator.is_valid(json)
    }

    /// What of `json`, which is at `path`, is not as the schema says.
    pub(crate) fn mismatches(&self, json: &Json, path: &str) -> Vec<Mismatch> {
        let errors = self.validator.iter_errors(json).take(MAX_MISMATCHES);
        errors.map(|error| self.mismatch(&error, path)).collect()
    }

    fn mismatch(&self, error: &ValidationError<'_>, path: &str) -> Mismatch {
        let expected = self.expected(error);
        let path = path_in(error, path);
        if let ValidationErrorKind::Required { property: Json::String(name) } = error.kind() {
            return Mismatch { path: child(&path, name), expected, found: "nothing".to_owned() };
        }
        Mismatch { path, expected, found: shortened(&error.instance().to_string(), LONGEST_JSON) }
    }

    /// The keyword that refuses, with what the schema says under it.
    fn expected(&self, error: &ValidationError<'_>) -> String {
        match self.json.pointer(error.schema_path().as_str()) {
            Some(rule) => {
                let rule = shortened(&rule.to_string(), LONGEST_JSON);
                format!("{{{:?}: {rule}}}", error.kind().keyword())
            }
            None => shortened(&error.masked().to_string(), LONGEST_JSON),
        }
    }
}

/// The path of what the error refuses, below `path`.
fn path_in(error: &ValidationError<'_>, path: &str) -> String {
    error.instance_path().iter().fold(path.to_owned(), |path, segment| match segment {
        LocationSegment::Property(name) => child(&path, &name),
        LocationSegment::Index(index) => element(&path, index),
    })
}

/// The JSON that a schema sees of a value: tagged scalars as their text, bytes in base64, sets as lists, NaN and the
/// infinities as `"nan"`, `"inf"` and `"-inf"`, keys as text.
pub(crate) fn seen(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(number) => (*number).into(),
        Value::UInt(number) => (*number).into(),
        Value::Float(number) if number.is_finite() => (*number).into(),
        Value::Float(number) => number.to_string().to_lowercase().into(),
        Value::Str(text) => text.as_str().into(),
        Value::Bytes(bytes) | Value::NdArray(bytes) | Value::Ext(_, bytes) => STANDARD.encode(bytes).into(),
        Value::List(items) | Value::Set(items) => items.iter().map(seen).collect(),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key_text(key), seen(value))).collect())
        }
        Value::Decimal(number) => number.to_string().into(),
        Value::Uuid(id) => id.to_string().into(),
        Value::DateTime(time) => time.to_string().into(),
        Value::Date(date) => date.to_string().into(),
        Value::Time(time) => time.to_string().into(),
        Value::TimeDelta(delta) => delta.to_string().into(),
    }
}

fn key_text(key: &Value) -> String {
    match seen(key) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}
