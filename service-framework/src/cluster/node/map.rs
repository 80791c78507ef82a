//! Shared data as an application has it.

use std::sync::mpsc::channel;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::engine::Engine;
use super::super::events::Ticket;
use super::super::map::{Cell, Key, Kind, MergeRefused, Write, Written};
use super::super::time::Now;
use super::payload::{Codec, CodecError, MessagePack};
use super::{Node, calls::Waiting};

/// A value as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MapValue {
    /// It is gone, or was never there.
    Gone,
    /// What was written last, in MessagePack.
    Value(Vec<u8>),
    /// What a counter has come to.
    Counter(i128),
    /// Whether this element, in MessagePack, is in the set.
    Element(Vec<u8>, bool),
    /// The state of a type of the user's own, by the name of its merge.
    Merged(String, Vec<u8>),
}

/// A value of a map that has changed, as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MapChange {
    /// The map.
    pub map: String,
    /// The key in it.
    pub key: String,
    /// What is there now.
    pub value: MapValue,
}

impl MapChange {
    /// Bytes that it takes while it waits.
    pub(super) fn size(&self) -> usize {
        let value = match &self.value {
            MapValue::Gone | MapValue::Counter(_) => 0,
            MapValue::Value(bytes) | MapValue::Element(bytes, _) | MapValue::Merged(_, bytes) => bytes.len(),
        };
        size_of::<Self>() + self.map.len() + self.key.len() + value
    }
}

/// Why something was not written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MapError {
    /// The value cannot be written, or is of another type.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A value and its key have more bytes than fit into a frame.
    #[error("{0} bytes, more than the {1} of a value; nothing was written")]
    TooLarge(usize, usize),
    /// No merge of this name was given to the node.
    #[error("the node knows no merge `{0}`; nothing was written")]
    NoMerge(String),
    /// The node has ended; it may have been written.
    #[error("the node has ended")]
    Over,
}

/// Data that all nodes have: always there to be read and written, the same everywhere once everything has arrived.
///
/// Keys are texts. The same key may have a value, a counter, a set and states of the user's own types, each for itself.
///
/// ```
/// # use service_framework::cluster::{MemoryNetwork, Node};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let node = Node::builder("shop").in_memory(&MemoryNetwork::default(), "one").start()?;
/// let cart = node.map("cart");
/// cart.set("anna", &vec!["bread"])?;
/// cart.add("visits", 1)?;
/// assert_eq!(cart.get::<Vec<String>>("anna")?, Some(vec!["bread".to_owned()]));
/// assert_eq!(cart.total("visits"), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SharedMap {
    node: Node,
    name: String,
}

impl Node {
    /// The shared map of this name.
    #[must_use]
    pub fn map(&self, name: &str) -> SharedMap {
        SharedMap { node: self.clone(), name: name.to_owned() }
    }
}

impl SharedMap {
    fn key(&self, key: &str, kind: Kind) -> Key {
        Key { map: self.name.clone(), key: key.as_bytes().into(), kind }
    }

    /// Writes a value. It is on this node's disk when this returns, if it has one, and on its way to all others.
    ///
    /// # Errors
    /// See [`MapError`].
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), MapError> {
        self.set_bytes(key, Some(MessagePack::encode(value)?), Write::Local, Duration::ZERO).map(drop)
    }

    /// Writes a value and waits until as many have it as `write` says, for so long.
    ///
    /// # Errors
    /// See [`MapError`]. That fewer have it is none: [`Written`] says so.
    pub fn set_with<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
        write: Write,
        patience: Duration,
    ) -> Result<Written, MapError> {
        self.set_bytes(key, Some(MessagePack::encode(value)?), write, patience)
    }

    /// Deletes a value.
    ///
    /// # Errors
    /// See [`MapError`].
    pub fn delete(&self, key: &str) -> Result<(), MapError> {
        self.set_bytes(key, None, Write::Local, Duration::ZERO).map(drop)
    }

    pub(crate) fn set_bytes(
        &self,
        key: &str,
        value: Option<Vec<u8>>,
        write: Write,
        patience: Duration,
    ) -> Result<Written, MapError> {
        let size = key.len() + value.as_ref().map_or(0, Vec::len);
        let key = self.key(key, Kind::Register);
        self.write(size, write, patience, |engine, now| {
            Ok(engine.set(now, key, value.as_deref(), (write, patience)))
        })
    }

    /// Adds to a counter, or takes from it.
    ///
    /// # Errors
    /// See [`MapError`].
    pub fn add(&self, key: &str, amount: i64) -> Result<(), MapError> {
        let (size, key) = (key.len(), self.key(key, Kind::Counter));
        let write = (Write::Local, Duration::ZERO);
        self.write(size, write.0, write.1, |engine, now| Ok(engine.add(now, key, amount, write))).map(drop)
    }

    /// What a counter has come to; 0 if there is none.
    #[must_use]
    pub fn total(&self, key: &str) -> i128 {
        self.node.shared.core().engine.total(&self.key(key, Kind::Counter))
    }

    /// Puts an element into a set.
    ///
    /// # Errors
    /// See [`MapError`].
    pub fn insert<T: Serialize + ?Sized>(&self, key: &str, element: &T) -> Result<(), MapError> {
        self.put_element(key, element, Some(&[]))
    }

    /// Takes an element out of a set.
    ///
    /// # Errors
    /// See [`MapError`].
    pub fn remove<T: Serialize + ?Sized>(&self, key: &str, element: &T) -> Result<(), MapError> {
        self.put_element(key, element, None)
    }

    fn put_element<T: Serialize + ?Sized>(
        &self,
        key: &str,
        element: &T,
        value: Option<&[u8]>,
    ) -> Result<(), MapError> {
        let element = MessagePack::encode(element)?;
        let (size, key) = (key.len() + element.len(), self.key(key, Kind::Element(element.into())));
        let write = (Write::Local, Duration::ZERO);
        self.write(size, write.0, write.1, |engine, now| Ok(engine.set(now, key, value, write))).map(drop)
    }

    /// The elements of a set, in the order of their bytes.
    ///
    /// # Errors
    /// One is of another type.
    pub fn elements<T: DeserializeOwned>(&self, key: &str) -> Result<Vec<T>, MapError> {
        let core = self.node.shared.core();
        let elements = core.engine.shared().filter_map(|(name, _)| match &name.kind {
            Kind::Element(element) if name.map == self.name && *name.key == *key.as_bytes() => Some(element),
            _ => None,
        });
        elements.map(|element| MessagePack::decode(element).map_err(MapError::from)).collect()
    }

    /// Joins a state of a type of the user's own, whose merge of this name the node was given, to what is there. What comes
    /// of it may have a quarter of a frame (4 MiB), with its names: others merge into it at the same time.
    ///
    /// # Errors
    /// See [`MapError`].
    pub fn merge(&self, key: &str, merge: &str, state: &[u8]) -> Result<(), MapError> {
        let size = key.len() + state.len();
        let key = self.key(key, Kind::Merged(merge.to_owned()));
        let write = (Write::Local, Duration::ZERO);
        let refused = |refused| match refused {
            MergeRefused::Unknown => MapError::NoMerge(merge.to_owned()),
            MergeRefused::TooLarge(size, limit) => MapError::TooLarge(size, limit),
        };
        let call = |engine: &mut Engine, now| engine.merge_in(now, key, state, write).map_err(refused);
        self.write(size, write.0, write.1, call).map(drop)
    }

    /// What states of a type of the user's own have been joined to.
    #[must_use]
    pub fn merged(&self, key: &str, merge: &str) -> Option<Vec<u8>> {
        let key = self.key(key, Kind::Merged(merge.to_owned()));
        self.node.shared.core().engine.get(&key).map(<[u8]>::to_vec)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// It is of another type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, MapError> {
        let bytes = self.get_bytes(key);
        Ok(bytes.map(|bytes| MessagePack::decode(&bytes)).transpose()?)
    }

    pub(crate) fn get_bytes(&self, key: &str) -> Option<Vec<u8>> {
        let key = self.key(key, Kind::Register);
        self.node.shared.core().engine.get(&key).map(<[u8]>::to_vec)
    }

    /// Everything that is there, in the order of the keys; of a set each element for itself.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, MapValue)> {
        let core = self.node.shared.core();
        let here = core.engine.shared().filter(|(key, _)| key.map == self.name);
        here.map(|(key, cell)| (text_of(key), value_of(key, Some(cell)))).collect()
    }

    fn write(
        &self,
        size: usize,
        write: Write,
        patience: Duration,
        call: impl FnOnce(&mut Engine, Now) -> Result<Ticket, MapError>,
    ) -> Result<Written, MapError> {
        let shared = &self.node.shared;
        let mut core = shared.core();
        let limit = core.engine.largest_value();
        if size + self.name.len() > limit {
            return Err(MapError::TooLarge(size, limit));
        }
        if core.is_over {
            return Err(MapError::Over);
        }
        let ticket = call(&mut core.engine, shared.clock.now())?;
        let (sender, receiver) = channel();
        if write != Write::Local {
            core.writes.insert(ticket, sender);
        }
        let this = core.taken + 1;
        (shared.bell)();
        while shared.has_disk && core.kept < this {
            if core.is_over {
                return Err(MapError::Over);
            }
            core = shared.wait(core, Duration::from_millis(200));
        }
        drop(core);
        match write {
            Write::Local => Ok(Written { is_met: true, by: Vec::new() }),
            Write::Majority | Write::All => Waiting::new(receiver, patience).wait().ok_or(MapError::Over),
        }
    }
}

impl Node {
    /// Writes without waiting until it is kept.
    pub(crate) fn set_without_waiting(
        &self,
        map: &str,
        key: &str,
        value: Option<Vec<u8>>,
        write: Write,
    ) -> Result<(), String> {
        let map = self.map(map);
        let key = map.key(key, Kind::Register);
        self.with(|core, now| {
            let (size, limit) = (value.as_ref().map_or(0, Vec::len), core.engine.largest_value());
            if size > limit {
                return Err(MapError::TooLarge(size, limit).to_string());
            }
            core.engine.set(now, key, value.as_deref(), (write, Duration::ZERO));
            Ok(())
        })
    }
}

fn text_of(key: &Key) -> String {
    String::from_utf8_lossy(&key.key).into_owned()
}

/// A value as an application sees it.
fn value_of(key: &Key, cell: Option<&Cell>) -> MapValue {
    match (&key.kind, cell) {
        (Kind::Element(element), cell) => MapValue::Element(element.0.clone(), cell.is_some()),
        (Kind::Counter, cell) => MapValue::Counter(cell.map_or(0, Cell::total)),
        (Kind::Register, Some(Cell::Register { value: Some(value), .. })) => MapValue::Value(value.0.clone()),
        (Kind::Merged(name), Some(Cell::Merged(state))) => MapValue::Merged(name.clone(), state.0.clone()),
        _ => MapValue::Gone,
    }
}

/// What a key has become.
pub(super) fn change_of(engine: &Engine, key: &Key) -> MapChange {
    MapChange { map: key.map.clone(), key: text_of(key), value: value_of(key, engine.cell(key)) }
}
