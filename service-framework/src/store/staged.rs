//! What jobs change, before any of it is written: rows are read once and written once, a job that is refused leaves no trace, and
//! what nobody else has changed since the last transaction is not read again.

use std::collections::HashMap;
use std::mem::{replace, take};
use std::sync::Arc;

use super::backend::{Done, Work};
use super::batch::NewEvent;
use super::error::Error;
use super::rows::{LeaseState, OutboxItem, Timer};
use super::rules::{self, At, ClaimRow, Queues, Rows, StreamRow, Taking, WaitingRow};
use super::time::Timestamp;

/// How many streams are remembered at most from one transaction to the next.
const MOST_KNOWN: usize = 4096;

/// Rows as they were committed last.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The state of the place that they are of, by whatever number it has.
    version: i64,
    streams: HashMap<String, StreamRow>,
    leases: HashMap<String, LeaseState>,
}

impl Known {
    /// Forgets everything if this is not the state that it is of. To be asked within a transaction, so that nobody writes after.
    pub(super) fn check(&mut self, version: i64) {
        if self.version != version || self.streams.len() > MOST_KNOWN {
            *self = Self { version, ..Self::default() };
        }
    }
}

/// A row as it is to be.
#[derive(Debug)]
struct Cell<T> {
    row: Option<T>,
    is_changed: bool,
}

/// A stream as it is to be. One that is made again after it was removed is another one.
#[derive(Debug)]
struct Stream {
    name: Arc<str>,
    cell: Cell<StreamRow>,
    is_mark_changed: bool,
}

/// What is written, in this order. Rows that have a cell are written as the cell stands at the end.
#[derive(Debug)]
enum Op {
    Stream(usize),
    Event { stream: usize, version: u64, at: Timestamp, event: NewEvent, is_packed: bool },
    RemoveEvents { stream: usize, up_to: u64 },
    RemoveStream(usize),
    Lease(Arc<str>),
    Claim(Arc<str>),
    Timer(Waiting),
    RemoveTimer(String),
    Message { queue: String, message: Waiting },
    RemoveMessage(String),
}

#[derive(Debug)]
struct Waiting {
    id: String,
    due: Timestamp,
    payload: Vec<u8>,
}

impl Waiting {
    fn of(row: WaitingRow<'_>) -> Self {
        Self { id: row.id.to_owned(), due: row.due, payload: row.payload.to_vec() }
    }

    fn row(&self) -> WaitingRow<'_> {
        WaitingRow { id: &self.id, due: self.due, payload: &self.payload }
    }
}

/// What a cell was before the job that is done now.
#[derive(Debug)]
enum Undo {
    Stream {
        place: usize,
        cell: Cell<StreamRow>,
        is_mark_changed: bool,
    },
    Place {
        name: Arc<str>,
        place: Option<usize>,
    },
    Lease {
        name: Arc<str>,
        cell: Cell<LeaseState>,
    },
    /// None if it is not known how it stood.
    Claim {
        key: Arc<str>,
        cell: Option<Cell<ClaimRow>>,
    },
}

/// Rows, and what is not written to them yet.
pub(super) struct Staged<'a, R> {
    rows: R,
    known: &'a mut Known,
    streams: Vec<Stream>,
    places: HashMap<Arc<str>, usize>,
    leases: HashMap<Arc<str>, Cell<LeaseState>>,
    claims: HashMap<Arc<str>, Cell<ClaimRow>>,
    ops: Vec<Op>,
    undo: Vec<Undo>,
}

impl<'a, R: Rows + Queues> Staged<'a, R> {
    pub(super) fn new(rows: R, known: &'a mut Known) -> Self {
        Self {
            rows,
            known,
            streams: Vec::new(),
            places: HashMap::new(),
            leases: HashMap::new(),
            claims: HashMap::new(),
            ops: Vec::new(),
            undo: Vec::new(),
        }
    }

    /// Does a job, whole or not at all. Only errors that are no refusals end the transaction.
    pub(super) fn job(&mut self, work: &Work, now: Timestamp) -> Result<Result<Done, Error>, Error> {
        let ops = self.ops.len();
        self.undo.clear();
        match rules::work(self, work, now) {
            Err(refused @ Error::Refused(_)) => {
                self.ops.truncate(ops);
                while let Some(undo) = self.undo.pop() {
                    self.take_back(undo);
                }
                Ok(Err(refused))
            }
            done => done.map(Ok),
        }
    }

    fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::Stream { place, cell, is_mark_changed } => {
                if let Some(stream) = self.streams.get_mut(place) {
                    (stream.cell, stream.is_mark_changed) = (cell, is_mark_changed);
                }
            }
            Undo::Place { name, place: Some(place) } => drop(self.places.insert(name, place)),
            Undo::Place { name, place: None } => drop(self.places.remove(&name)),
            Undo::Lease { name, cell } => drop(self.leases.insert(name, cell)),
            Undo::Claim { key, cell: Some(cell) } => drop(self.claims.insert(key, cell)),
            Undo::Claim { key, cell: None } => drop(self.claims.remove(&key)),
        }
    }

    /// The place of a stream, which is read if it was not yet.
    fn place(&mut self, name: &str) -> Result<usize, Error> {
        if let Some(place) = self.places.get(name) {
            return Ok(*place);
        }
        let row = match self.known.streams.get(name) {
            Some(row) => Some(row.clone()),
            None => self.rows.stream(name)?,
        };
        Ok(self.seat(name.into(), row))
    }

    fn seat(&mut self, name: Arc<str>, row: Option<StreamRow>) -> usize {
        let (cell, place) = (Cell { row, is_changed: false }, self.streams.len());
        self.streams.push(Stream { name: Arc::clone(&name), cell, is_mark_changed: false });
        self.places.insert(name, place);
        place
    }

    fn change_stream(&mut self, name: &str, row: &StreamRow, has_mark: bool) -> Result<(), Error> {
        let place = self.place(name)?;
        let Some(stream) = self.streams.get_mut(place) else { return Ok(()) };
        let changed = Cell { row: Some(row.clone()), is_changed: true };
        let cell = replace(&mut stream.cell, changed);
        let is_mark_changed = stream.is_mark_changed;
        stream.is_mark_changed |= has_mark;
        if !cell.is_changed {
            self.ops.push(Op::Stream(place));
        }
        self.undo.push(Undo::Stream { place, cell, is_mark_changed });
        Ok(())
    }

    fn change_claim(&mut self, key: &str, row: Option<ClaimRow>) {
        let key: Arc<str> = key.into();
        let old = self.claims.insert(Arc::clone(&key), Cell { row, is_changed: true });
        if old.as_ref().is_none_or(|cell| !cell.is_changed) {
            self.ops.push(Op::Claim(Arc::clone(&key)));
        }
        self.undo.push(Undo::Claim { key, cell: old });
    }

    /// Writes everything that is not written yet.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        for op in take(&mut self.ops) {
            self.write(op)?;
        }
        Ok(())
    }

    fn write(&mut self, op: Op) -> Result<(), Error> {
        match op {
            Op::Stream(place) => self.write_stream(place),
            Op::Event { stream, version, at, event, is_packed } => {
                let Some((name, row)) = self.row(stream) else { return Ok(()) };
                let at = At { name: &name, row: &row, version, time: at };
                self.rows.put_event(at, &event, is_packed)
            }
            Op::RemoveEvents { stream, up_to } => {
                let Some((name, row)) = self.row(stream) else { return Ok(()) };
                self.rows.remove_events(&name, &row, up_to)
            }
            Op::RemoveStream(place) => {
                let Some((name, row)) = self.row(place) else { return Ok(()) };
                self.rows.remove_stream(&name, &row)
            }
            Op::Lease(name) => match self.leases.get_mut(&name) {
                Some(Cell { row: Some(row), is_changed }) => {
                    *is_changed = false;
                    self.rows.put_lease(&name, row)
                }
                _ => Ok(()),
            },
            Op::Claim(key) => match self.claims.get_mut(&key) {
                Some(Cell { row, is_changed }) => {
                    *is_changed = false;
                    match row {
                        Some(row) => self.rows.put_claim(&key, row),
                        None => self.rows.remove_claim(&key),
                    }
                }
                None => Ok(()),
            },
            Op::Timer(timer) => self.rows.put_timer(timer.row()),
            Op::RemoveTimer(id) => self.rows.remove_timer(&id),
            Op::Message { queue, message } => self.rows.put_message(&queue, message.row()),
            Op::RemoveMessage(id) => self.rows.remove_message(&id),
        }
    }

    fn row(&self, place: usize) -> Option<(Arc<str>, StreamRow)> {
        let stream = self.streams.get(place)?;
        Some((Arc::clone(&stream.name), stream.cell.row.clone()?))
    }

    fn write_stream(&mut self, place: usize) -> Result<(), Error> {
        let Some(Stream { name, cell, is_mark_changed }) = self.streams.get_mut(place) else { return Ok(()) };
        cell.is_changed = false;
        match &mut cell.row {
            Some(row) => self.rows.put_stream(name, row, take(is_mark_changed)),
            None => Ok(()),
        }
    }

    /// What the next transaction need not read; to be called after the commit.
    pub(super) fn keep(self) {
        for (name, place) in self.places {
            let row = self.streams.get(place).and_then(|stream| stream.cell.row.clone());
            match row {
                Some(row) => drop(self.known.streams.insert(name.to_string(), row)),
                None => drop(self.known.streams.remove(&*name)),
            }
        }
        for (name, cell) in self.leases {
            if let Some(lease) = cell.row {
                self.known.leases.insert(name.to_string(), lease);
            }
        }
    }
}

impl<R: Rows + Queues> Rows for Staged<'_, R> {
    fn lease(&mut self, name: &str) -> Result<Option<LeaseState>, Error> {
        if let Some(cell) = self.leases.get(name) {
            return Ok(cell.row.clone());
        }
        let row = match self.known.leases.get(name) {
            Some(row) => Some(row.clone()),
            None => self.rows.lease(name)?,
        };
        self.leases.insert(name.into(), Cell { row: row.clone(), is_changed: false });
        Ok(row)
    }

    fn put_lease(&mut self, name: &str, lease: &LeaseState) -> Result<(), Error> {
        self.lease(name)?;
        let name: Arc<str> = name.into();
        let changed = Cell { row: Some(lease.clone()), is_changed: true };
        if let Some(cell) = self.leases.insert(Arc::clone(&name), changed) {
            if !cell.is_changed {
                self.ops.push(Op::Lease(Arc::clone(&name)));
            }
            self.undo.push(Undo::Lease { name, cell });
        }
        Ok(())
    }

    fn stream(&mut self, name: &str) -> Result<Option<StreamRow>, Error> {
        let place = self.place(name)?;
        Ok(self.streams.get(place).and_then(|stream| stream.cell.row.clone()))
    }

    fn put_stream(&mut self, name: &str, row: &mut StreamRow, has_mark: bool) -> Result<(), Error> {
        self.change_stream(name, row, has_mark)
    }

    fn put_event(&mut self, at: At<'_>, event: &NewEvent, is_packed: bool) -> Result<(), Error> {
        let stream = self.place(at.name)?;
        let (version, event) = (at.version, event.clone());
        self.ops.push(Op::Event { stream, version, at: at.time, event, is_packed });
        Ok(())
    }

    fn remove_events(&mut self, name: &str, _: &StreamRow, up_to: u64) -> Result<(), Error> {
        let stream = self.place(name)?;
        self.ops.push(Op::RemoveEvents { stream, up_to });
        Ok(())
    }

    fn remove_stream(&mut self, name: &str, _: &StreamRow) -> Result<(), Error> {
        let place = self.place(name)?;
        self.ops.push(Op::RemoveStream(place));
        let name: Arc<str> = name.into();
        self.seat(Arc::clone(&name), None);
        self.undo.push(Undo::Place { name, place: Some(place) });
        Ok(())
    }

    fn claim(&mut self, key: &str) -> Result<Option<ClaimRow>, Error> {
        if let Some(cell) = self.claims.get(key) {
            return Ok(cell.row.clone());
        }
        let row = self.rows.claim(key)?;
        self.claims.insert(key.into(), Cell { row: row.clone(), is_changed: false });
        Ok(row)
    }

    fn put_claim(&mut self, key: &str, claim: &ClaimRow) -> Result<(), Error> {
        self.change_claim(key, Some(claim.clone()));
        Ok(())
    }

    fn remove_claim(&mut self, key: &str) -> Result<(), Error> {
        self.change_claim(key, None);
        Ok(())
    }

    fn put_timer(&mut self, timer: WaitingRow<'_>) -> Result<(), Error> {
        self.ops.push(Op::Timer(Waiting::of(timer)));
        Ok(())
    }

    fn remove_timer(&mut self, id: &str) -> Result<(), Error> {
        self.ops.push(Op::RemoveTimer(id.to_owned()));
        Ok(())
    }

    fn put_message(&mut self, queue: &str, message: WaitingRow<'_>) -> Result<(), Error> {
        self.ops.push(Op::Message { queue: queue.to_owned(), message: Waiting::of(message) });
        Ok(())
    }

    fn remove_message(&mut self, id: &str) -> Result<(), Error> {
        self.ops.push(Op::RemoveMessage(id.to_owned()));
        Ok(())
    }
}

/// What is taken is asked of the tables, which have to have everything by then.
impl<R: Rows + Queues> Queues for Staged<'_, R> {
    fn take_timers(&mut self, taking: Taking<'_>) -> Result<Vec<Timer>, Error> {
        self.flush()?;
        self.rows.take_timers(taking)
    }

    fn take_messages(&mut self, queue: &str, taking: Taking<'_>) -> Result<Vec<OutboxItem>, Error> {
        self.flush()?;
        self.rows.take_messages(queue, taking)
    }

    fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<usize, Error> {
        self.flush()?;
        self.claims.clear();
        self.rows.sweep(now, limit)
    }
}
