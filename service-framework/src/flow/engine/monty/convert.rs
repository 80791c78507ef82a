//! Values as monty has them and as everybody else has them.
//!
//! What monty has no type for, such as a decimal, is the map of two entries as which it travels in MessagePack, and
//! becomes again what it was when a script gives it away.

mod time;

pub(super) use time::of_naive;

use monty_types::{DictPairs, ExcType, MontyException, MontyObject};

use crate::value::{Tag, Value};

/// So many lists and maps may be within each other.
const DEEPEST: usize = 100;

/// Why something cannot leave a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// It is of this kind, which is no plain data.
    Kind(String),
    /// It is within itself.
    Cycle,
    /// It is deeper than [`DEEPEST`].
    Depth,
    /// It is more than this many bytes.
    Size(usize),
    /// It is a number of more than 64 bits.
    Number,
}

impl Problem {
    /// What it says, of something that has this name.
    pub(super) fn text(&self, subject: &str) -> String {
        match self {
            Self::Kind(kind) => {
                format!(
                    "{subject} must be plain data (None, numbers, text, bytes, lists, dicts, sets, dates), not {kind}"
                )
            }
            Self::Cycle => format!("{subject} must not contain itself"),
            Self::Depth => format!("{subject} is nested deeper than {DEEPEST}"),
            Self::Size(limit) => format!("{subject} takes more than {limit} bytes"),
            Self::Number => format!("{subject} has an integer that does not fit 64 bits: pass it as text"),
        }
    }

    /// The exception that a script gets for it, in a call of this name.
    pub(super) fn in_call(&self, name: &str) -> MontyException {
        let kind = match self {
            Self::Kind(_) => ExcType::TypeError,
            _ => ExcType::ValueError,
        };
        MontyException::new(kind, Some(self.text(&format!("what is given to {name}"))))
    }
}

/// The arguments of a call.
pub(super) fn to_values(objects: &[MontyObject], limit: usize) -> Result<Vec<Value>, Problem> {
    let mut room = Room { left: limit, limit };
    objects.iter().map(|object| room.value(object, 0)).collect()
}

/// One value.
pub(super) fn to_value(object: &MontyObject, limit: usize) -> Result<Value, Problem> {
    Room { left: limit, limit }.value(object, 0)
}

/// The texts in a list.
pub(super) fn to_lines(object: &MontyObject) -> Vec<String> {
    let MontyObject::List(items) = object else { return Vec::new() };
    items.iter().map(ToString::to_string).collect()
}

/// What is left of a limit.
struct Room {
    left: usize,
    limit: usize,
}

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        self.left = self.left.checked_sub(bytes).ok_or(Problem::Size(self.limit))?;
        Ok(())
    }

    fn value(&mut self, object: &MontyObject, depth: usize) -> Result<Value, Problem> {
        if depth > DEEPEST {
            return Err(Problem::Depth);
        }
        self.take(1)?;
        Ok(match object {
            MontyObject::None => Value::Nil,
            MontyObject::Bool(truth) => Value::Bool(*truth),
            MontyObject::Int(number) => Value::Int(*number),
            MontyObject::BigInt(number) => {
                Value::UInt(number.to_string().parse::<u64>().map_err(|_| Problem::Number)?)
            }
            MontyObject::Float(number) => Value::Float(*number),
            MontyObject::String(text) => {
                self.take(text.len())?;
                Value::Str(text.clone())
            }
            MontyObject::Bytes(bytes) => {
                self.take(bytes.len())?;
                Value::Bytes(bytes.clone())
            }
            MontyObject::List(items) | MontyObject::Tuple(items) => Value::List(self.values(items, depth)?),
            MontyObject::NamedTuple { values, .. } => Value::List(self.values(values, depth)?),
            MontyObject::Set(items) | MontyObject::FrozenSet(items) => Value::Set(self.values(items, depth)?),
            MontyObject::Dict(pairs) => self.map(pairs, depth)?,
            other => time::to_value(other).ok_or_else(|| refused(other))?,
        })
    }

    fn values(&mut self, objects: &[MontyObject], depth: usize) -> Result<Vec<Value>, Problem> {
        objects.iter().map(|object| self.value(object, depth + 1)).collect()
    }

    fn map(&mut self, pairs: &DictPairs, depth: usize) -> Result<Value, Problem> {
        let mut entries = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            entries.push((self.value(key, depth + 1)?, self.value(value, depth + 1)?));
        }
        Ok(untagged(entries))
    }
}

fn refused(object: &MontyObject) -> Problem {
    match object {
        MontyObject::Cycle(..) => Problem::Cycle,
        // As monty says it.
        MontyObject::Repr(text) if text == "<deeply nested>" => Problem::Depth,
        MontyObject::ClassInstance(instance) => {
            Problem::Kind(format!("an object of class {}", instance.class_type.name))
        }
        MontyObject::Repr(text) => Problem::Kind(text.chars().take(80).collect()),
        other => Problem::Kind(other.type_name().to_owned()),
    }
}

/// The value for what monty has no type for, if these entries stand for one.
fn untagged(entries: Vec<(Value, Value)>) -> Value {
    let is_tagged = entries.len() == 2
        && entries.iter().any(|(key, truth)| {
            key.as_str().and_then(Tag::from_key).is_some() && *truth == Value::Bool(true)
        });
    if !is_tagged {
        return Value::Map(entries);
    }
    // Reading MessagePack is what gives such maps their meaning.
    Value::from_msgpack(&Value::Map(entries.clone()).to_msgpack()).unwrap_or(Value::Map(entries))
}

/// A value, for a script.
pub(super) fn to_object(value: Value) -> MontyObject {
    match value {
        Value::Nil => MontyObject::None,
        Value::Bool(truth) => MontyObject::Bool(truth),
        Value::Int(number) => MontyObject::Int(number),
        Value::UInt(number) => MontyObject::BigInt(number.into()),
        Value::Float(number) => MontyObject::Float(number),
        Value::Str(text) => MontyObject::String(text),
        Value::Bytes(bytes) => MontyObject::Bytes(bytes),
        Value::List(items) => MontyObject::List(items.into_iter().map(to_object).collect()),
        Value::Set(items) => set(items),
        Value::Map(entries) => map(entries),
        Value::Decimal(decimal) => tagged(Tag::Decimal, text(&decimal)),
        Value::Uuid(uuid) => tagged(Tag::Uuid, text(&uuid)),
        Value::DateTime(at) => {
            time::datetime(at.as_str()).unwrap_or_else(|| tagged(Tag::DateTime, text(&at)))
        }
        Value::Date(day) => time::date(day.as_str()).unwrap_or_else(|| tagged(Tag::Date, text(&day))),
        Value::Time(at) => time::time(at.as_str()).unwrap_or_else(|| tagged(Tag::Time, text(&at))),
        Value::TimeDelta(length) => {
            time::delta(length).unwrap_or_else(|| tagged(Tag::TimeDelta, text(&length)))
        }
        Value::NdArray(bytes) => tagged(Tag::NdArray, MontyObject::Bytes(bytes)),
        Value::Ext(kind, bytes) => extension(kind, bytes),
    }
}

fn text(value: &impl ToString) -> MontyObject {
    MontyObject::String(value.to_string())
}

fn tagged(tag: Tag, inner: MontyObject) -> MontyObject {
    let key = |key: &str| MontyObject::String(key.to_owned());
    MontyObject::dict(vec![(key(tag.key()), MontyObject::Bool(true)), (key(tag.value_key()), inner)])
}

/// As in the JSON form of values.
fn extension(kind: i8, bytes: Vec<u8>) -> MontyObject {
    let key = |key: &str| MontyObject::String(key.to_owned());
    let value = MontyObject::List(vec![MontyObject::Int(i64::from(kind)), MontyObject::Bytes(bytes)]);
    MontyObject::dict(vec![(key("__ext__"), MontyObject::Bool(true)), (key("value"), value)])
}

/// Keys of a dict and items of a set can be what has a hash; lists among them become tuples.
fn hashable(object: MontyObject) -> Option<MontyObject> {
    match object {
        MontyObject::List(items) => {
            items.into_iter().map(hashable).collect::<Option<_>>().map(MontyObject::Tuple)
        }
        MontyObject::Set(items) => Some(MontyObject::FrozenSet(items)),
        MontyObject::Dict(_) => None,
        other => Some(other),
    }
}

fn set(items: Vec<Value>) -> MontyObject {
    let objects: Vec<MontyObject> = items.into_iter().map(to_object).collect();
    match objects.iter().cloned().map(hashable).collect::<Option<Vec<_>>>() {
        Some(items) => MontyObject::Set(items),
        None => tagged(Tag::Set, MontyObject::List(objects)),
    }
}

fn map(entries: Vec<(Value, Value)>) -> MontyObject {
    let pairs = entries.into_iter().map(|(key, value)| {
        let shown = format!("{key:?}");
        (hashable(to_object(key)).unwrap_or(MontyObject::String(shown)), to_object(value))
    });
    MontyObject::dict(pairs.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
