//! Guests: the clients that are connected, and which of them goes first when others need its place.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// What a client is at, in the order in which it is shown the door: first who has what it came for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It has its answer, and has not closed its side.
    Lingers,
    /// It has not sent its request yet.
    Sends,
    /// It has not taken its answer yet.
    Reads,
}

/// Those who may be shown the door, in each phase the one first that is in it longest.
#[derive(Clone, Default)]
pub(super) struct Guests(Arc<Mutex<Places>>);

#[derive(Default)]
struct Places {
    next: u64,
    doors: BTreeMap<(Phase, u64), oneshot::Sender<()>>,
    is_closing: bool,
}

/// A place that is given up whatever happens.
struct Place<'a> {
    guests: &'a Guests,
    key: (Phase, u64),
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.guests.lock().doors.remove(&self.key);
    }
}

impl Guests {
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something for a client; none if it was shown the door meanwhile.
    pub(super) async fn attend<T>(&self, phase: Phase, does: impl Future<Output = T>) -> Option<T> {
        let (door, opened) = oneshot::channel();
        let place = {
            let mut places = self.lock();
            // Who has not said anything when the server stops is not waited for.
            if places.is_closing && phase == Phase::Sends {
                return None;
            }
            let key = (phase, places.next);
            places.next += 1;
            places.doors.insert(key, door);
            Place { guests: self, key }
        };
        let done = tokio::select! {
            biased;
            done = does => Some(done),
            _ = opened => None,
        };
        drop(place);
        done
    }

    /// Shows the next one the door; whether there was one.
    pub(super) fn evict(&self) -> bool {
        let door = self.lock().doors.pop_first();
        // One that has gone by itself is as good.
        door.map(|(_, door)| door.send(())).is_some()
    }

    /// Nobody is waited for any more who has not said anything.
    pub(super) fn close(&self) {
        let mut places = self.lock();
        places.is_closing = true;
        let later = places.doors.split_off(&(Phase::Reads, 0));
        let doors = std::mem::replace(&mut places.doors, later);
        drop(places);
        for (_, door) in doors {
            let _ = door.send(());
        }
    }
}
