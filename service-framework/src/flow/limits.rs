//! How many flows of a name may go on at the same moment, over all hosts of a store.
//!
//! A limit is a stream of the store, and so many places are keys in it. A flow of a limited name takes a place in the batch in which it
//! begins to run, and gives it back in the batch in which it does not any more: to wait, or because it has ended. So a place belongs
//! to a flow whatever becomes of its host.

use super::errors::FlowError;
use super::flows::Flows;
use super::history::Status;
use super::stream::{all, stream};
use crate::store::{Batch, Error as StoreError, Expected, Filter, Refused, Store};

/// Under what limits are listed.
const CATEGORY: &str = "flow-limit";
/// The longest name that can be limited.
const LONGEST_NAME: usize = 200;

fn limit_stream(name: &str) -> String {
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
    /// count, and those that go on already are let be. Zero lets none go on.
    ///
    /// # Errors
    /// The store cannot be written, or the name cannot be one.
    pub fn limit(&self, name: &str, most: u32) -> Result<(), FlowError> {
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(FlowError::BadName { name: name.to_owned() });
        }
        let batch = Batch::new().mark(limit_stream(name), CATEGORY, most.to_string(), None);
        Ok(self.store().commit(batch).map(drop)?)
    }

    /// Takes a limit away; false if there is none for this name.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn unlimit(&self, name: &str) -> Result<bool, FlowError> {
        let is_there = self.store().stream(&limit_stream(name))?.is_some();
        self.store().commit(Batch::new().remove(limit_stream(name)))?;
        Ok(is_there)
    }

    /// All limits, in the order of their names.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn limits(&self) -> Result<Vec<(String, u32)>, FlowError> {
        let listed = all(self.store(), &Filter::category(CATEGORY))?;
        let limit = |info: crate::store::StreamInfo| {
            let name = info.stream.strip_prefix("flow-limit/")?.to_owned();
            Some((name, info.mark.status.parse().ok()?))
        };
        Ok(listed.into_iter().filter_map(limit).collect())
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
    for number in 0..most {
        let key = place_key(name, number);
        if store.claimed(&key)?.is_none() {
            return Ok(Some(key));
        }
    }
    Ok(None)
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
