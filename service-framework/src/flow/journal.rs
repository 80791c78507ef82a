//! The journal of a flow: its events in their order, some of them packed into one.

use serde::{Deserialize, Serialize};

use super::errors::FlowError;
use super::stream::stream;
use crate::store::{Batch, Event as StoreEvent, NewEvent, Store, Timestamp};
use crate::value::{Bytes, decode, encode};

/// What many events are called that are one.
const PACKED: &str = "packed";
/// Most bytes of events that are packed into one; a larger journal stays as it is.
const LARGEST: usize = 32 << 20;
/// How many events are read at once.
const PAGE: usize = 1000;

/// One event among those that are packed.
#[derive(Serialize, Deserialize)]
struct Packed {
    version: u64,
    at: i64,
    kind: String,
    payload: Bytes,
}

/// All events of a flow from this version on, those that are packed as they were.
///
/// # Errors
/// The store cannot be read, or what is packed is none of this version.
pub(super) fn read(store: &Store, flow: &str, from: u64) -> Result<Vec<StoreEvent>, FlowError> {
    let (name, mut next, mut all) = (stream(flow), from, Vec::new());
    loop {
        let page = store.read(&name, next, PAGE)?;
        let Some(last) = page.last() else { return Ok(all) };
        next = last.version + 1;
        let is_last = page.len() < PAGE;
        for event in page {
            match event.kind == PACKED && event.is_packed {
                true => all.extend(unpack(&event)?.into_iter().filter(|event| event.version >= from)),
                false => all.push(event),
            }
        }
        if is_last {
            return Ok(all);
        }
    }
}

/// The first event of a flow, if it has one.
///
/// # Errors
/// As [`read`].
pub(super) fn first(store: &Store, flow: &str) -> Result<Option<StoreEvent>, FlowError> {
    let first = store.read(&stream(flow), 1, 1)?.into_iter().next();
    match first {
        Some(event) if event.is_packed => Ok(unpack(&event)?.into_iter().next()),
        first => Ok(first),
    }
}

fn unpack(event: &StoreEvent) -> Result<Vec<StoreEvent>, FlowError> {
    let packed: Vec<Packed> = decode(&event.payload)?;
    let unpacked = packed.into_iter().map(|packed| StoreEvent {
        version: packed.version,
        kind: packed.kind,
        payload: packed.payload.0,
        at: Timestamp::from_micros(packed.at),
        is_packed: false,
    });
    Ok(unpacked.collect())
}

/// Packs all events of a flow up to this version into one. Nothing of them is lost; a journal that is too large is left as it is.
///
/// # Errors
/// As [`read`].
pub(super) fn pack(batch: Batch, store: &Store, flow: &str, up_to: u64) -> Result<Batch, FlowError> {
    let events = read(store, flow, 1)?.into_iter().take_while(|event| event.version <= up_to);
    let packed: Vec<Packed> = events
        .map(|event| Packed {
            version: event.version,
            at: event.at.as_micros(),
            kind: event.kind,
            payload: event.payload.into(),
        })
        .collect();
    let size: usize = packed.iter().map(|event| event.payload.0.len() + event.kind.len() + 16).sum();
    if size > LARGEST || packed.is_empty() {
        return Ok(batch);
    }
    Ok(batch.pack(stream(flow), up_to, NewEvent::new(PACKED, encode(&packed)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Expected;

    fn with(count: u64) -> Store {
        let store = Store::in_memory();
        let events = (1..=count).map(|number| NewEvent::new("turn", number.to_le_bytes()));
        store.commit(Batch::new().append("flow/f", Expected::NoStream, events)).unwrap();
        store
    }

    #[test]
    fn what_is_packed_reads_as_it_was_also_in_part_and_packed_again() {
        let store = with(2500);
        let before = read(&store, "f", 1).unwrap();
        assert_eq!(before.len(), 2500);
        for up_to in [1200, 2100] {
            store.commit(pack(Batch::new(), &store, "f", up_to).unwrap()).unwrap();
            assert_eq!(read(&store, "f", 1).unwrap(), before);
            assert_eq!(read(&store, "f", 1000).unwrap(), before[999..]);
            assert_eq!(read(&store, "f", 2300).unwrap(), before[2299..]);
            assert_eq!(first(&store, "f").unwrap().as_ref(), before.first());
            assert_eq!(store.read("flow/f", 1, 5000).unwrap().len() as u64, 2500 - up_to + 1);
        }
    }

    #[test]
    fn nothing_is_packed_of_nothing() {
        let store = with(1);
        assert!(pack(Batch::new(), &store, "f", 0).unwrap().is_empty());
        assert!(pack(Batch::new(), &store, "g", 9).unwrap().is_empty());
        assert_eq!(first(&store, "g").unwrap(), None);
    }
}
