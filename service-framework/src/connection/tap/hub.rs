//! Who looks at the messages of a service: a few guests, each with a bounded queue of its own.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::Record;

/// So many may look at a time.
pub(crate) const MOST_GUESTS: usize = 8;
/// Records that may wait for one guest; beyond, the newest is dropped and counted.
pub(super) const MOST_WAITING: usize = 8_192;
/// Bytes that may wait for one guest, frames and what says whose they are, unless it is a single record.
const MOST_BYTES: usize = 64 << 20;

/// The taps of one service.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    /// How many look; what each message asks first.
    watching: AtomicUsize,
    guests: RwLock<Guests>,
    /// Guests who have not left yet, whether or not they still get something.
    staying: Mutex<usize>,
    /// Told when somebody comes or leaves.
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Guests {
    all: Vec<Guest>,
    next: u64,
    /// The service has ended.
    is_closed: bool,
}

/// One who looks, at the end that gives.
#[derive(Debug)]
struct Guest {
    number: u64,
    wanted: Wanted,
    records: SyncSender<Record>,
    load: Arc<Load>,
}

/// What waits for a guest, and what had no room.
#[derive(Debug, Default)]
struct Load {
    bytes: AtomicUsize,
    dropped: AtomicU64,
}

/// What a guest wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Whether frames come with the records.
    pub(crate) bodies: bool,
    /// Connections by their whole names, such as `in.ask`, or the last part of those; all if there are none.
    pub(crate) connections: Vec<String>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { bodies: true, connections: Vec::new() }
    }
}

impl Wanted {
    /// Whether this connection is among those that are wanted.
    pub(crate) fn includes(&self, connection: &str) -> bool {
        let bare = connection.rsplit_once('.').map_or(connection, |(_, bare)| bare);
        let is_meant = |wanted: &String| wanted == connection || wanted == bare;
        self.connections.is_empty() || self.connections.iter().any(is_meant)
    }
}

/// Why nobody can be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Closed {
    /// As many look already as may.
    #[error("{MOST_GUESTS} look at this service already")]
    Full,
    /// The service has ended.
    #[error("the service has ended")]
    Ended,
}

/// One who looks, at the end that takes. Letting go of it detaches.
#[derive(Debug)]
pub(crate) struct Attached {
    hub: Arc<Hub>,
    number: u64,
    records: Receiver<Record>,
    load: Arc<Load>,
}

/// What there is for a guest.
#[derive(Debug)]
pub(crate) enum Next {
    Record(Record),
    /// Nothing within the time.
    Nothing,
    /// Nothing more will come.
    End,
}

impl Hub {
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.watching.load(Ordering::Relaxed) != 0
    }

    /// Shows every message from now on.
    ///
    /// # Errors
    /// Too many look already, or the service has ended.
    pub(crate) fn attach(self: &Arc<Self>, wanted: Wanted) -> Result<Attached, Closed> {
        let mut guests = self.guests.write().unwrap_or_else(PoisonError::into_inner);
        if guests.is_closed {
            return Err(Closed::Ended);
        }
        let mut staying = self.lock_staying();
        if *staying >= MOST_GUESTS {
            return Err(Closed::Full);
        }
        *staying += 1;
        let (give, records) = sync_channel(MOST_WAITING);
        let (number, load) = (guests.next, Arc::<Load>::default());
        guests.next += 1;
        guests.all.push(Guest { number, wanted, records: give, load: load.clone() });
        self.watching.store(guests.all.len(), Ordering::Relaxed);
        self.moved.notify_all();
        Ok(Attached { hub: self.clone(), number, records, load })
    }

    /// Waits until somebody looks, at most so long; whether somebody does.
    pub(crate) fn wait_for_guest(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let mut staying = self.lock_staying();
        while *staying == 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            staying = self.moved.wait_timeout(staying, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Gives a record to everyone who wants it and has room.
    pub(super) fn give(&self, connection: &str, record: impl Fn() -> Record, body: impl Fn() -> Arc<[u8]>) {
        let guests = self.guests.read().unwrap_or_else(PoisonError::into_inner);
        let (mut bare, mut frame) = (None, None);
        for guest in guests.all.iter().filter(|guest| guest.wanted.includes(connection)) {
            let mut record = bare.get_or_insert_with(&record).clone();
            let frame_size = if guest.wanted.bodies { record.size } else { 0 };
            if guest.has_no_room(frame_size + record.held()) {
                guest.load.dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if guest.wanted.bodies {
                record.body = Some(frame.get_or_insert_with(&body).clone());
            }
            guest.give(record);
        }
    }

    /// Lets guests go once they have what was seen until now, for which they have so long.
    pub(crate) fn close(&self, patience: Duration) {
        let mut guests = self.guests.write().unwrap_or_else(PoisonError::into_inner);
        guests.is_closed = true;
        guests.all.clear();
        self.watching.store(0, Ordering::Relaxed);
        drop(guests);
        let end = Instant::now() + patience;
        let mut staying = self.lock_staying();
        while *staying > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!(guests = *staying, "some who look at messages do not get the last of them");
                return;
            }
            staying = self.moved.wait_timeout(staying, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn leave(&self, number: u64) {
        let mut guests = self.guests.write().unwrap_or_else(PoisonError::into_inner);
        guests.all.retain(|guest| guest.number != number);
        self.watching.store(guests.all.len(), Ordering::Relaxed);
        drop(guests);
        *self.lock_staying() -= 1;
        self.moved.notify_all();
    }

    fn lock_staying(&self) -> MutexGuard<'_, usize> {
        self.staying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    fn has_no_room(&self, bytes: usize) -> bool {
        let waiting = self.load.bytes.load(Ordering::Relaxed);
        waiting > 0 && waiting.saturating_add(bytes) > MOST_BYTES
    }

    fn give(&self, record: Record) {
        let bytes = record.held();
        self.load.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.records.try_send(record) {
            self.load.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.load.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Attached {
    /// The next record, within so long.
    pub(crate) fn next(&self, patience: Duration) -> Next {
        match self.records.recv_timeout(patience) {
            Ok(record) => {
                self.load.bytes.fetch_sub(record.held(), Ordering::Relaxed);
                Next::Record(record)
            }
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }

    /// How many records had no room so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.load.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.hub.leave(self.number);
    }
}
