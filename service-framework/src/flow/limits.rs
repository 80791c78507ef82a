//! How many flows of a name may go on at the same moment, over all hosts of a store.
//!
//! A limit is a stream of the store, and so many places are keys in it. A flow of a limited name takes a place in the batch in which it
//! begins to run, and gives it back in the batch in which it does not any more: to wait, or because it has ended. So a place belongs
//! to a flow whatever becomes of its host. A flow for which there is no place is `queued`: the store lists it under its limit, so that
//! nobody who looks for ready ones comes by it.

use super::errors::FlowError;
use super::flows::Flows;
use super::history::Status;
use super::start::check_name;
use super::stream::{all, id_in, stream};
use crate::store::{Batch, Error as StoreError, Expected, Filter, Refused, Store};

/// Under what limits are listed.
const CATEGORY: &str = "flow-limit";
/// The highest limit: whoever looks for a place may have to look at all of them.
const MOST_PLACES: u32 = 1000;
/// How a limit is listed that was taken away: those that are queued for it are to be found still.
const LIFTED: &str = "lifted";

pub(super) fn limit_stream(name: &str) -> String {
    format!("flow-limit/{name}")
}

/// The key of a place.
fn place_key(name: &str, number: u32) -> String {
    format!("flow-place/{number}/{name}")
}

/// The key that says which place a flow has.
fn place_of_key(flow: &str) -> String {
    format!("flow-place-of/{flow}")
}

impl Flows {
    /// From now on at most so many flows of this name go on at the same moment, whatever host runs them. Those that wait do not
    /// count, and those that go on already are let be. Zero lets none go on; 1,000 is the highest.
    ///
    /// # Errors
    /// The store cannot be written, the name cannot be one, or the limit is too high.
    pub fn limit(&self, name: &str, most: u32) -> Result<(), FlowError> {
        if most > MOST_PLACES {
            return Err(FlowError::BadLimit { most });
        }
        check_name(name)?;
        let batch = Batch::new().mark(limit_stream(name), CATEGORY, most.to_string(), None);
        Ok(self.store().commit(batch).map(drop)?)
    }

    /// Takes a limit away; false if there is none for this name.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn unlimit(&self, name: &str) -> Result<bool, FlowError> {
        let is_there = self.limits()?.iter().any(|(limited, _)| limited == name);
        if is_there {
            self.store().commit(Batch::new().mark(limit_stream(name), CATEGORY, LIFTED, None))?;
        }
        Ok(is_there)
    }

    /// All limits, in the order of their names.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn limits(&self) -> Result<Vec<(String, u32)>, FlowError> {
        Ok(self.all_limits()?.into_iter().filter_map(|(name, most)| Some((name, most?))).collect())
    }

    /// All limits, and the names that had one once.
    pub(super) fn all_limits(&self) -> Result<Vec<(String, Option<u32>)>, FlowError> {
        let listed = all(self.store(), &Filter::category(CATEGORY))?;
        let limit = |info: crate::store::StreamInfo| {
            let name = info.stream.strip_prefix("flow-limit/")?.to_owned();
            Some((name, info.mark.status.parse::<u32>().ok().map(|most| most.min(MOST_PLACES))))
        };
        Ok(listed.into_iter().filter_map(limit).collect())
    }

    /// Flows that are queued for this name, the oldest first.
    pub(super) fn queued(&self, name: &str, most: usize) -> Result<Vec<String>, FlowError> {
        let filter = Filter::category(super::stream::CATEGORY).status(Status::Queued.word());
        let page = self.store().streams(&filter.owner(limit_stream(name)), None, most)?;
        Ok(page.iter().filter_map(|info| id_in(&info.stream)).map(str::to_owned).collect())
    }

    /// Gives back places of flows that do not go on, such as one that was paused.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub(super) fn free_places(&self, name: &str, most: u32) -> Result<(), FlowError> {
        for number in 0..most {
            let key = place_key(name, number);
            let Some(flow) = self.store().claimed(&key)? else { continue };
            let flow = String::from_utf8_lossy(&flow).into_owned();
            let batch = Batch::new().release(&key).release(place_of_key(&flow));
            let batch = match self.get(&flow) {
                Ok(info) if info.status == Status::Running => continue,
                // As long as it stands as it was seen.
                Ok(info) => batch.append(stream(&flow), Expected::Version(info.version), []),
                Err(FlowError::NoFlow(_)) => batch,
                Err(error) => return Err(error),
            };
            match self.store().commit(batch) {
                Ok(_) | Err(StoreError::Refused(Refused::Conflict { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// A place that a flow can take, or has: its key.
///
/// # Errors
/// The store cannot be read.
pub(super) fn place_for(
    store: &Store,
    flow: &str,
    name: &str,
    most: u32,
) -> Result<Option<String>, StoreError> {
    if let Some(own) = place_of(store, flow)? {
        return Ok(Some(own));
    }
    Ok(free_of(store, name, most, 1)?.pop())
}

/// Places that nobody has, at most so many: their keys.
///
/// # Errors
/// The store cannot be read.
pub(super) fn free_of(
    store: &Store,
    name: &str,
    most: u32,
    wanted: usize,
) -> Result<Vec<String>, StoreError> {
    let mut free = Vec::new();
    for key in (0..most).map(|number| place_key(name, number)) {
        if free.len() >= wanted {
            break;
        }
        if store.claimed(&key)?.is_none() {
            free.push(key);
        }
    }
    Ok(free)
}

/// The key of the place that a flow has.
///
/// # Errors
/// The store cannot be read.
pub(super) fn place_of(store: &Store, flow: &str) -> Result<Option<String>, StoreError> {
    Ok(store.claimed(&place_of_key(flow))?.map(|key| String::from_utf8_lossy(&key).into_owned()))
}

/// Takes a place for a flow; the batch is refused if somebody else was faster.
pub(super) fn take_place(batch: Batch, flow: &str, place: &str) -> Batch {
    batch.claim(place, flow.as_bytes().to_vec()).claim(place_of_key(flow), place.as_bytes().to_vec())
}

/// Gives a place back.
pub(super) fn leave_place(batch: Batch, flow: &str, place: &str) -> Batch {
    batch.release(place).release(place_of_key(flow))
}
