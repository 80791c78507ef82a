//! The rows that a group of jobs is about, as they are to be: read at once, changed here, written at once. Each job costs no round
//! trip of its own, and a copy costs nothing, so what is refused is undone by forgetting it.

use std::sync::Arc;

use imbl::{OrdMap, Vector};

use crate::store::batch::NewEvent;
use crate::store::error::Error;
use crate::store::rows::LeaseState;
use crate::store::rules::{At, ClaimRow, Rows, StreamRow, WaitingRow};
use crate::store::time::Timestamp;

/// A row as it stands or is to stand, and whether it has to be written.
#[derive(Clone, Debug)]
pub(super) struct Cell<T> {
    pub(super) row: Option<T>,
    pub(super) is_changed: bool,
}

impl<T> Cell<T> {
    pub(super) fn loaded(row: T) -> Self {
        Self { row: Some(row), is_changed: false }
    }

    fn changed(row: Option<T>) -> Self {
        Self { row, is_changed: true }
    }
}

/// An event to be written.
#[derive(Debug)]
pub(super) struct EventRow {
    pub(super) version: u64,
    pub(super) is_packed: bool,
    pub(super) at: Timestamp,
    pub(super) event: NewEvent,
}

/// A stream, and what is to become of its events.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    /// Its number in the database; 0 if it has none there.
    pub(super) stored: i64,
    pub(super) row: Option<StreamRow>,
    pub(super) is_changed: bool,
    /// Whether the stream of the database goes, and a new one takes its place, if any.
    pub(super) is_removed: bool,
    /// Up to which version the events of the database go.
    pub(super) remove_up_to: u64,
    pub(super) events: Vector<Arc<EventRow>>,
}

/// A timer or a message to be written.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) queue: Arc<str>,
    pub(super) due: Timestamp,
    pub(super) payload: Arc<[u8]>,
}

/// Everything that a group reads and writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) leases: OrdMap<String, Cell<LeaseState>>,
    pub(super) streams: OrdMap<String, Stream>,
    pub(super) claims: OrdMap<String, Cell<ClaimRow>>,
    pub(super) timers: OrdMap<String, Cell<Waiting>>,
    pub(super) messages: OrdMap<String, Cell<Waiting>>,
}

impl Draft {
    fn entry(&mut self, name: &str) -> &mut Stream {
        self.streams.entry(name.to_owned()).or_default()
    }
}

fn waiting(queue: &str, row: WaitingRow<'_>) -> Cell<Waiting> {
    Cell::changed(Some(Waiting { queue: queue.into(), due: row.due, payload: row.payload.into() }))
}

impl Rows for Draft {
    fn lease(&mut self, name: &str) -> Result<Option<LeaseState>, Error> {
        Ok(self.leases.get(name).and_then(|cell| cell.row.clone()))
    }

    fn put_lease(&mut self, name: &str, lease: &LeaseState) -> Result<(), Error> {
        self.leases.insert(name.to_owned(), Cell::changed(Some(lease.clone())));
        Ok(())
    }

    fn stream(&mut self, name: &str) -> Result<Option<StreamRow>, Error> {
        Ok(self.streams.get(name).and_then(|stream| stream.row.clone()))
    }

    fn put_stream(&mut self, name: &str, row: &mut StreamRow, _: bool) -> Result<(), Error> {
        let stream = self.entry(name);
        stream.row = Some(row.clone());
        stream.is_changed = true;
        Ok(())
    }

    fn put_event(&mut self, at: At<'_>, event: &NewEvent, is_packed: bool) -> Result<(), Error> {
        let row = EventRow { version: at.version, is_packed, at: at.time, event: event.clone() };
        self.entry(at.name).events.push_back(Arc::new(row));
        Ok(())
    }

    fn remove_events(&mut self, name: &str, _: &StreamRow, up_to: u64) -> Result<(), Error> {
        let stream = self.entry(name);
        stream.events.retain(|event| event.version > up_to);
        stream.remove_up_to = stream.remove_up_to.max(up_to);
        Ok(())
    }

    fn remove_stream(&mut self, name: &str, _: &StreamRow) -> Result<(), Error> {
        let stream = self.entry(name);
        let stored = stream.stored;
        *stream = Stream { stored, is_removed: true, remove_up_to: u64::MAX, ..Stream::default() };
        Ok(())
    }

    fn claim(&mut self, key: &str) -> Result<Option<ClaimRow>, Error> {
        Ok(self.claims.get(key).and_then(|cell| cell.row.clone()))
    }

    fn put_claim(&mut self, key: &str, claim: &ClaimRow) -> Result<(), Error> {
        self.claims.insert(key.to_owned(), Cell::changed(Some(claim.clone())));
        Ok(())
    }

    fn remove_claim(&mut self, key: &str) -> Result<(), Error> {
        self.claims.insert(key.to_owned(), Cell::changed(None));
        Ok(())
    }

    fn put_timer(&mut self, timer: WaitingRow<'_>) -> Result<(), Error> {
        self.timers.insert(timer.id.to_owned(), waiting("", timer));
        Ok(())
    }

    fn remove_timer(&mut self, id: &str) -> Result<(), Error> {
        self.timers.insert(id.to_owned(), Cell::changed(None));
        Ok(())
    }

    fn put_message(&mut self, queue: &str, message: WaitingRow<'_>) -> Result<(), Error> {
        self.messages.insert(message.id.to_owned(), waiting(queue, message));
        Ok(())
    }

    fn remove_message(&mut self, id: &str) -> Result<(), Error> {
        self.messages.insert(id.to_owned(), Cell::changed(None));
        Ok(())
    }
}
