//! Fitting values that came as JSON or as plain values to the type of their key: text becomes the scalar that JSON
//! does not have. Whether the result is of the type is then the checker's to say.

use super::text::scalar_from_text;
use crate::model::checker::Checker;
use crate::model::types::Type;
use crate::value::Value;

/// `value` fitted to the type of its key, if that is known.
pub(super) fn fit_entry(value: Value, of: Option<&Type>) -> Value {
    match of {
        Some(of) => fit(value, of),
        None => value,
    }
}

/// `value` with its parts turned into what `of` asks for, where there is one obvious way: a string into a Decimal,
/// UUID, date, timedelta or bytes, a list into a set, keys into other scalars. All else is left as it is.
pub(crate) fn fit(value: Value, of: &Type) -> Value {
    match (of, value) {
        (Type::Optional(inner), value) => fit(value, inner),
        (Type::Union(members), value) => fit_union(value, members),
        (Type::List(of), Value::List(items)) => Value::List(fit_all(items, of)),
        (Type::Set(of), Value::List(items) | Value::Set(items)) => Value::Set(fit_all(items, of)),
        (Type::Tuple(types), Value::List(items)) if types.len() == items.len() => {
            Value::List(items.into_iter().zip(types).map(|(item, of)| fit(item, of)).collect())
        }
        (Type::Map(keys, values), Value::Map(entries)) => Value::Map(
            entries.into_iter().map(|(key, value)| (fit_key(key, keys), fit(value, values))).collect(),
        ),
        (Type::Record(fields), Value::Map(entries)) => Value::Map(fit_record(entries, fields)),
        (Type::Decimal, Value::Int(number)) => parsed(number.to_string(), of, Value::Int(number)),
        (Type::Decimal, Value::UInt(number)) => parsed(number.to_string(), of, Value::UInt(number)),
        (Type::Decimal, Value::Float(number)) => parsed(number.to_string(), of, Value::Float(number)),
        (Type::Int | Type::Float | Type::Bool, value) => value,
        (scalar, Value::Str(text)) => parsed(text.clone(), scalar, Value::Str(text)),
        (_, value) => value,
    }
}

fn parsed(text: String, of: &Type, otherwise: Value) -> Value {
    scalar_from_text(&text, of).unwrap_or(otherwise)
}

fn fit_all(items: Vec<Value>, of: &Type) -> Vec<Value> {
    items.into_iter().map(|item| fit(item, of)).collect()
}

/// The keys of JSON are strings, whatever they mean.
fn fit_key(key: Value, of: &Type) -> Value {
    match key {
        Value::Str(text) => parsed(text.clone(), of, Value::Str(text)),
        other => fit(other, of),
    }
}

fn fit_record(entries: Vec<(Value, Value)>, fields: &[(String, Type)]) -> Vec<(Value, Value)> {
    let fit_field = |(key, value): (Value, Value)| {
        let field = fields.iter().find(|(name, _)| key.as_str() == Some(name));
        let value = fit_entry(value, field.map(|(_, of)| of));
        (key, value)
    };
    entries.into_iter().map(fit_field).collect()
}

/// The first member that the value can be fitted to counts.
fn fit_union(value: Value, members: &[Type]) -> Value {
    let fitted = members.iter().find_map(|of| Some(fit(value.clone(), of)).filter(|value| is_of(value, of)));
    fitted.unwrap_or(value)
}

/// Whether `value` is of type `of`.
pub(super) fn is_of(value: &Value, of: &Type) -> bool {
    Checker::of_type(of, "").is_ok_and(|checker| checker.check(&value.to_msgpack()).is_ok())
}
