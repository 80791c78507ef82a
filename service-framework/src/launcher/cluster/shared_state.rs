//! An out state whose data are a shared map of the cluster, named `SERVICE/STATE`.
//!
//! A key that is text is the same text in the map, so that `cluster map` shows what people know; any other is written as the
//! digits of its MessagePack behind a zero character, which no other key begins with.

use crate::cluster::{Node, Write};
use crate::state::Backing;
use crate::value::Value;

/// What stands before the digits of a key that is no text.
const NO_TEXT: char = '\0';

/// The map of one state.
pub(super) struct SharedState {
    node: Node,
    map: String,
}

impl SharedState {
    pub(super) fn new(node: Node, service: &str, state: &str) -> Self {
        Self { node, map: map_of(service, state) }
    }
}

/// The map of a state.
pub(super) fn map_of(service: &str, state: &str) -> String {
    format!("{service}/{state}")
}

impl Backing for SharedState {
    fn set(&self, key: &[u8], value: Option<&[u8]>) {
        let name = name_of(key);
        // It is on the node's disk, if it has one, before others are told. Waiting for that would hold up the owner.
        let written =
            self.node.set_without_waiting(&self.map, &name, value.map(<[u8]>::to_vec), Write::Local);
        if let Err(error) = written {
            tracing::error!(map = self.map, key = name, error, "a change of the state was not shared");
        }
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.node.map(&self.map).get_bytes(&name_of(key))
    }

    fn keys(&self) -> Vec<Vec<u8>> {
        self.node.map(&self.map).entries().iter().filter_map(|(name, _)| key_of(name)).collect()
    }
}

/// The name in the map of a key of the state.
fn name_of(key: &[u8]) -> String {
    match Value::from_msgpack(key) {
        Ok(Value::Str(text)) if !text.starts_with(NO_TEXT) => text,
        _ => key.iter().fold(NO_TEXT.to_string(), |name, byte| name + &format!("{byte:02x}")),
    }
}

/// The key of the state that has this name in the map; none if somebody else wrote it there.
pub(super) fn key_of(name: &str) -> Option<Vec<u8>> {
    let Some(digits) = name.strip_prefix(NO_TEXT) else {
        return crate::value::encode(&text(name)).ok();
    };
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let key: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect::<Option<_>>()?;
    Value::from_msgpack(&key).is_ok().then_some(key)
}

fn text(text: &str) -> Value {
    Value::Str(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_their_own_names_and_every_key_comes_back() {
        let keys = [
            (text("ABC"), "ABC"),
            (text(""), ""),
            (Value::Int(7), "\u{0}07"),
            (text("\u{0}07"), "\u{0}a3003037"),
            (Value::Bool(true), "\u{0}c3"),
        ];
        for (key, name) in keys {
            let bytes = crate::value::encode(&key).unwrap();
            assert_eq!((&*name_of(&bytes), key_of(name)), (name, Some(bytes.clone())), "{key:?}");
        }
        assert_eq!(["\u{0}0", "\u{0}zz", "\u{0}"].map(key_of), [None, None, None]);
    }
}
