//! Which flows of a host may go on, as limits of names say.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Inner;
use crate::flow::errors::FlowError;

/// For how long what was read of limits counts.
const FRESH: Duration = Duration::from_millis(200);
/// How many names of flows are kept.
const MOST_NAMES: usize = 10_000;

/// What a host knows of limits.
#[derive(Default)]
pub(super) struct Limited(Mutex<Known>);

#[derive(Default)]
struct Known {
    read: Option<Instant>,
    /// None for a limit that was taken away.
    limits: HashMap<String, Option<u32>>,
    /// Names for which there was no place, and when that was seen.
    full: HashMap<String, Instant>,
    /// What flows are called.
    names: HashMap<String, String>,
}

impl Limited {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The limit of flows of this name, if there is one.
    pub(super) fn limit_of_name(&self, name: &str) -> Result<Option<u32>, FlowError> {
        let mut known = self.limited.known();
        if known.read.is_none_or(|read| read.elapsed() >= FRESH) {
            known.limits = self.flows.all_limits()?.into_iter().collect();
            known.read = Some(Instant::now());
        }
        Ok(known.limits.get(name).copied().flatten())
    }

    /// The name of a flow and how many of that name may go on, if they are limited.
    pub(super) fn limit_of(&self, flow: &str) -> Result<Option<(String, u32)>, FlowError> {
        // Where nothing is limited it costs nothing.
        self.limit_of_name("")?;
        let name = {
            let known = self.limited.known();
            if known.limits.values().all(Option::is_none) {
                return Ok(None);
            }
            known.names.get(flow).cloned()
        };
        let name = match name {
            Some(name) => name,
            None => {
                let name = self.flows.started(flow)?.name;
                let mut known = self.limited.known();
                if known.names.len() >= MOST_NAMES {
                    known.names.clear();
                }
                known.names.insert(flow.to_owned(), name.clone());
                name
            }
        };
        Ok(self.limit_of_name(&name)?.map(|most| (name, most)))
    }

    /// Names that have a limit or had one, and how many of each may go on, but for those that were full a little ago.
    pub(super) fn names_with_room(&self) -> Result<Vec<(String, Option<u32>)>, FlowError> {
        self.limit_of_name("")?;
        let mut known = self.limited.known();
        known.full.retain(|_, seen| seen.elapsed() < FRESH);
        let names = known.limits.iter().filter(|(name, _)| !known.full.contains_key(*name));
        Ok(names.map(|(name, most)| (name.clone(), *most)).collect())
    }

    /// Flows of this name have no place, and there is no need to look again at once.
    pub(super) fn is_full(&self, name: &str) {
        self.limited.known().full.insert(name.to_owned(), Instant::now());
    }

    /// A flow of this name has given its place back.
    pub(super) fn place_is_free(&self, name: &str) {
        self.limited.known().full.remove(name);
    }

    /// Gives back places that nobody needs.
    pub(super) fn free_places(&self) -> Result<(), FlowError> {
        self.limit_of_name("")?;
        let limits = self.limited.known().limits.clone();
        limits.iter().try_for_each(|(name, most)| match most {
            Some(most) => self.flows.free_places(name, *most),
            None => Ok(()),
        })
    }
}
