//! What changed in a delta state, as its handler is told.

use std::collections::BTreeMap;

use crate::model::{Arguments, Message, Misfit, OwnedMessage, Read, StateModel, Type, Typed, fields};
use crate::value::Value;
use crate::value::msgpack::{Reader, Token};

/// What one update changed in a delta state, which is a map from `K` to `V`: the first parameter of a handler of
/// [`Service::on_change`](super::Service::on_change).
#[derive(Clone, Debug, PartialEq)]
pub struct DeltaChange<V, K = String> {
    /// The keys that changed, with their values; `None` for those that are gone.
    pub changed: Vec<(K, Option<V>)>,
    /// The number of the update, counted by the owner from 0.
    pub number: i64,
    /// Whether it is a whole new state: what is not in `changed` is gone.
    pub is_snapshot: bool,
    /// Which of several owners it is of.
    pub topic: Option<String>,
    /// What else travelled with the update.
    pub others: BTreeMap<String, Value>,
}

const NAMES: [&str; 4] = ["current_num", "is_snapshot", "state", "topic"];

fn arguments<V: Typed, K: Typed>() -> Arguments {
    Arguments::new()
        .requires(NAMES[0], Type::Int)
        .requires(NAMES[1], Type::Bool)
        .requires(NAMES[2], Type::map(K::type_of(), Type::optional(V::type_of())))
        .optional(NAMES[3], Type::Str)
}

impl<V: Typed, K: Typed> Typed for DeltaChange<V, K> {
    fn type_of() -> Type {
        Type::Record(arguments::<V, K>().required)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let count = 3 + usize::from(self.topic.is_some()) + self.others.len();
        fields::begin_map(out, count);
        fields::write_field(NAMES[0], &self.number, out);
        fields::write_field(NAMES[1], &self.is_snapshot, out);
        fields::write_name(NAMES[2], out);
        fields::begin_map(out, self.changed.len());
        for (key, value) in &self.changed {
            key.write(out);
            value.write(out);
        }
        if let Some(topic) = &self.topic {
            fields::write_field(NAMES[3], topic, out);
        }
        self.others.iter().for_each(|(name, value)| fields::write_field(name, value, out));
    }
}

impl<V, K> Message for DeltaChange<V, K>
where
    K: for<'de> Read<'de>,
    V: for<'de> Read<'de>,
{
    type Of<'a> = Self;

    fn arguments() -> Arguments {
        arguments::<V, K>()
    }

    fn write_arguments(&self, out: &mut Vec<u8>) {
        self.write(out);
    }

    fn read_arguments(reader: &mut Reader<'_>) -> Result<Self, Misfit> {
        Self::read(reader)
    }

    /// What else travels with an update is not in its arguments.
    fn reads_exactly() -> bool {
        false
    }

    fn state(name: &str) -> StateModel {
        StateModel::delta_in(name, Type::map(K::type_of(), V::type_of()))
    }
}

impl<V, K> OwnedMessage for DeltaChange<V, K>
where
    K: for<'de> Read<'de> + 'static,
    V: for<'de> Read<'de> + 'static,
{
    fn read_owned(reader: &mut Reader<'_>) -> Result<Self, Misfit> {
        Self::read(reader)
    }
}

impl<'de, V: Read<'de>, K: Read<'de>> Read<'de> for DeltaChange<V, K> {
    fn read(reader: &mut Reader<'de>) -> Result<Self, Misfit> {
        let Token::Map(count) = reader.token()? else { return Err(Misfit::other_type()) };
        let mut change = Self {
            changed: Vec::new(),
            number: -1,
            is_snapshot: false,
            topic: None,
            others: BTreeMap::new(),
        };
        for _ in 0..count {
            match <&str>::read(reader)? {
                "current_num" => change.number = i64::read(reader)?,
                "is_snapshot" => change.is_snapshot = bool::read(reader)?,
                "state" => change.changed = read_changed(reader).map_err(|misfit| misfit.of_part("state"))?,
                "topic" => change.topic = Some(String::read(reader)?),
                other => {
                    change.others.insert(other.to_owned(), Value::read(reader)?);
                }
            }
        }
        Ok(change)
    }
}

fn read_changed<'de, K: Read<'de>, V: Read<'de>>(
    reader: &mut Reader<'de>,
) -> Result<Vec<(K, Option<V>)>, Misfit> {
    let Token::Map(count) = reader.token()? else { return Err(Misfit::other_type()) };
    let mut changed = Vec::new();
    for _ in 0..count {
        changed.push((K::read(reader)?, Option::read(reader)?));
    }
    Ok(changed)
}
