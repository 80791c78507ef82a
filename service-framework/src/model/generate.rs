//! Types and values for property tests, and what it means that a value is of a type, said in the plainest way.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::schema::{Schema, seen};
use super::types::Type;
use crate::value::{Bytes, TimeDelta, Uuid, Value};

/// Types of up to four levels.
pub(crate) fn any_type() -> impl Strategy<Value = Type> {
    let schema =
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": ["string", "array"]});
    let words: Vec<Type> = Type::words().filter_map(Type::from_word).collect();
    let leaf = prop_oneof![
        16 => select(words),
        2 => vec(literal(), 1..3).prop_map(Type::Literal),
        1 => Just(Type::Schema(schema)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let fields = vec(inner.clone(), 0..4)
            .prop_map(|types| ["a", "b", "odd key", "Decimal"].into_iter().zip(types));
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::optional),
            (inner.clone(), inner.clone()).prop_map(|(keys, values)| Type::map(keys, values)),
            vec(inner.clone(), 0..3).prop_map(Type::Tuple),
            vec(inner, 1..3).prop_map(Type::Union),
            fields.prop_map(Type::record),
        ]
    })
}

fn literal() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        (-2..3i64).prop_map(Value::Int),
        Just(Value::UInt(u64::MAX)),
        select(vec![1.0, -0.5, 1e300]).prop_map(Value::Float),
        "[ab]{0,2}".prop_map(Value::Str),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        literal(),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        any::<String>().prop_map(Value::Str),
        of_word(Type::Decimal),
        of_word(Type::Uuid),
        of_word(Type::Bytes),
        of_word(Type::DateTime),
        of_word(Type::TimeDelta),
    ]
}

/// Any value of up to three levels.
pub(crate) fn any_value() -> BoxedStrategy<Value> {
    let recursive = scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            vec(inner.clone(), 0..4).prop_map(Value::Set),
            vec((inner.clone(), inner), 0..4).prop_map(map),
        ]
    });
    recursive.boxed()
}

/// A map in which every key stands once.
fn map(entries: Vec<(Value, Value)>) -> Value {
    let mut seen = std::collections::HashSet::new();
    Value::Map(entries.into_iter().filter(|(key, _)| seen.insert(key.to_msgpack())).collect())
}

/// A value of a type of one word.
fn of_word(word: Type) -> BoxedStrategy<Value> {
    let texts = |texts: &[&str], of: fn(&str) -> Value| {
        select(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
            .prop_map(move |text| of(&text))
    };
    match word {
        Type::Str => "[ab]{0,2}".prop_map(Value::Str).boxed(),
        Type::Int => {
            let small = (-200..400_i64).prop_map(Value::Int);
            prop_oneof![2 => small, 1 => any::<i64>().prop_map(Value::Int), 1 => any::<u64>().prop_map(Value::from)]
                .boxed()
        }
        Type::Float => {
            prop_oneof![any::<f64>().prop_map(Value::Float), any::<i64>().prop_map(Value::Int)].boxed()
        }
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Bytes => vec(any::<u8>(), 0..4).prop_map(|bytes| Value::from(Bytes(bytes))).boxed(),
        Type::Decimal => {
            texts(&["1.50", "NaN", "1E+30"], |text| Value::Decimal(text.parse().unwrap())).boxed()
        }
        Type::DateTime => {
            texts(&["2026-08-18T09:30:00"], |text| Value::DateTime(text.parse().unwrap())).boxed()
        }
        Type::Date => texts(&["2026-08-18"], |text| Value::Date(text.parse().unwrap())).boxed(),
        Type::Time => texts(&["09:30:00"], |text| Value::Time(text.parse().unwrap())).boxed(),
        Type::TimeDelta => any::<u32>()
            .prop_map(|nanos| TimeDelta::from(std::time::Duration::from_nanos(nanos.into())).into())
            .boxed(),
        Type::Uuid => any::<u128>().prop_map(|id| Value::Uuid(Uuid(uuid::Uuid::from_u128(id)))).boxed(),
        Type::None => Just(Value::Nil).boxed(),
        _ => any_value(),
    }
}

/// Values of the type `of`, and sometimes others.
pub(crate) fn value_of(of: &Type) -> BoxedStrategy<Value> {
    let all = |types: &[Type]| types.iter().map(value_of).collect::<Vec<_>>();
    let right = match of {
        Type::List(items) => vec(value_of(items), 0..3).prop_map(Value::List).boxed(),
        Type::Set(items) => vec(value_of(items), 0..3).prop_map(Value::Set).boxed(),
        Type::Tuple(items) => all(items).prop_map(Value::List).boxed(),
        Type::Map(keys, values) => vec((value_of(keys), value_of(values)), 0..3).prop_map(map).boxed(),
        Type::Record(fields) => {
            let names: Vec<Value> = fields.iter().map(|(name, _)| Value::from(name.as_str())).collect();
            let values = fields.iter().map(|(_, of)| value_of(of)).collect::<Vec<_>>();
            values.prop_map(move |values| Value::Map(names.iter().cloned().zip(values).collect())).boxed()
        }
        Type::Union(members) => proptest::strategy::Union::new(all(members)).boxed(),
        Type::Optional(inner) => prop_oneof![Just(Value::Nil), value_of(inner)].boxed(),
        Type::Literal(values) => select(values.clone()).boxed(),
        Type::Schema(_) => any_value(),
        word => of_word(word.clone()),
    };
    prop_oneof![60 => right, 1 => any_value()].boxed()
}

/// Whether `value` is of type `of`.
pub(crate) fn is_of(value: &Value, of: &Type) -> bool {
    let all = |items: &[Value], of: &Type| items.iter().all(|item| is_of(item, of));
    match (of, value) {
        (Type::Any, _)
        | (Type::None, Value::Nil)
        | (Type::Bool, Value::Bool(_))
        | (Type::Int, Value::Int(_) | Value::UInt(_))
        | (Type::Float, Value::Float(_) | Value::Int(_) | Value::UInt(_))
        | (Type::Str, Value::Str(_))
        | (Type::Bytes, Value::Bytes(_))
        | (Type::Decimal, Value::Decimal(_))
        | (Type::DateTime, Value::DateTime(_))
        | (Type::Date, Value::Date(_))
        | (Type::Time, Value::Time(_))
        | (Type::TimeDelta, Value::TimeDelta(_))
        | (Type::Uuid, Value::Uuid(_))
        | (Type::Optional(_), Value::Nil) => true,
        (Type::List(of), Value::List(items)) | (Type::Set(of), Value::Set(items)) => all(items, of),
        (Type::Tuple(types), Value::List(items)) => {
            types.len() == items.len() && items.iter().zip(types).all(|(item, of)| is_of(item, of))
        }
        (Type::Map(keys, values), Value::Map(entries)) => {
            entries.iter().all(|(key, value)| is_of(key, keys) && is_of(value, values))
        }
        (Type::Record(fields), Value::Map(entries)) => {
            let right = |(name, of): &(String, Type)| value.get(name).is_some_and(|value| is_of(value, of));
            fields.len() == entries.len() && fields.iter().all(right)
        }
        (Type::Union(members), value) => members.iter().any(|member| is_of(value, member)),
        (Type::Optional(inner), value) => is_of(value, inner),
        (Type::Literal(values), value) => values.iter().any(|literal| {
            literal == value || matches!(literal, Value::Float(number) if value.as_f64() == Some(*number))
        }),
        (Type::Schema(json), value) => Schema::compile(json).is_ok_and(|schema| schema.allows(&seen(value))),
        _ => false,
    }
}
