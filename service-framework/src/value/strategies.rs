//! Values and bytes for property tests: any value there is, any bytes, and bytes that once were a value.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{TimeDelta, Uuid, Value, vectors};

/// Any value that could have been decoded: keys distinct, no map that looks like a tagged one.
pub(crate) fn value() -> BoxedStrategy<Value> {
    scalar()
        .prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..6).prop_map(Value::List),
                vec(inner.clone(), 0..4).prop_map(Value::Set),
                vec((inner.clone(), inner.clone()), 0..4).prop_map(map),
                vec((key().prop_map(Value::Str), inner), 0..12).prop_map(map),
            ]
        })
        .boxed()
}

/// A value that holds no others.
pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    let text = |texts: &'static [&str]| select(texts);
    prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        integer(),
        any::<f64>().prop_map(Value::Float),
        select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300]).prop_map(Value::Float),
        vec(any::<char>(), 0..30).prop_map(|text| Value::Str(text.into_iter().collect())),
        key().prop_map(Value::Str),
        vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        text(&["1.50", "NaN", "-1E+30", "sNaN12", "Infinity", ".5"])
            .prop_map(|text| Value::Decimal(parsed(text))),
        any::<u128>().prop_map(|id| Value::Uuid(Uuid(uuid::Uuid::from_u128(id)))),
        text(&["2026-11-21T08:30:00.25+01:00", "0001-01-01 00:00"])
            .prop_map(|text| Value::DateTime(parsed(text))),
        text(&["2024-02-29", "9999-12-31"]).prop_map(|text| Value::Date(parsed(text))),
        text(&["08:30", "23:59:59.999999999Z"]).prop_map(|text| Value::Time(parsed(text))),
        any::<(std::time::Duration, bool)>().prop_map(|(length, back)| Value::TimeDelta(delta(length, back))),
        vec(any::<u8>(), 0..20).prop_map(Value::NdArray),
        (any::<i8>(), vec(any::<u8>(), 0..20)).prop_map(|(kind, bytes)| Value::Ext(kind, bytes)),
    ]
}

/// Integers of every encoded length.
fn integer() -> impl Strategy<Value = Value> {
    (any::<u64>(), 0..64_u32, any::<bool>()).prop_map(|(number, shift, negative)| {
        let number = number >> shift;
        if negative { Value::Int((number as i64).wrapping_neg()) } else { Value::from(number) }
    })
}

/// Text as keys have it, the tags' own among them.
fn key() -> impl Strategy<Value = String> {
    let known =
        select(vec!["__decimal__", "__set__", "__bytes__", "__map__", "as_str", "value", "args", "seq", ""]);
    prop_oneof!["[a-z]{1,6}", known.prop_map(str::to_owned)]
}

fn map(entries: Vec<(Value, Value)>) -> Value {
    super::tag::from_entries(entries)
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn delta(length: std::time::Duration, back: bool) -> TimeDelta {
    let delta = TimeDelta::from(length);
    if back { delta.negated() } else { delta }
}

/// Bytes that decode, bytes that nearly do, and bytes that are just bytes.
pub(crate) fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<_> = vectors::all().into_iter().map(|vector| vector.payload).collect();
    let honest = prop_oneof![value().prop_map(|value| value.to_msgpack()), select(known)];
    prop_oneof![
        1 => vec(any::<u8>(), 0..64),
        4 => (honest, vec(mutation(), 0..4)).prop_map(|(bytes, mutations)| {
            mutations.into_iter().fold(bytes, |bytes, mutation| mutation.apply(bytes))
        }),
    ]
}

/// One thing that may happen to bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    Append(Vec<u8>),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    // Bytes of interest: lengths, containers, 0xc1, tags of 32 bits.
    let byte = prop_oneof![
        any::<u8>(),
        select(vec![0x80, 0x82, 0x90, 0x92, 0xc0, 0xc1, 0xc3, 0xc7, 0xdb, 0xdd, 0xdf, 0xff])
    ];
    prop_oneof![
        (any::<Index>(), byte.clone()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (any::<Index>(), byte).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        any::<Index>().prop_map(Mutation::Remove),
        any::<Index>().prop_map(Mutation::Cut),
        vec(any::<u8>(), 1..4).prop_map(Mutation::Append),
    ]
}

impl Mutation {
    fn apply(self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Mutation::Append(more) => bytes.extend(more),
            Mutation::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), byte),
            _ if bytes.is_empty() => {}
            Mutation::Replace(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            Mutation::Remove(at) => {
                bytes.remove(at.index(bytes.len()));
            }
            Mutation::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
        bytes
    }
}
