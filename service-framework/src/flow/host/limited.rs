//! Which flows of a host may go on, as limits of names say.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Inner;
use crate::flow::errors::FlowError;
use crate::flow::limits::place_for;

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
    limits: HashMap<String, u32>,
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
            known.limits = self.flows.limits()?.into_iter().collect();
            known.read = Some(Instant::now());
        }
        Ok(known.limits.get(name).copied())
    }

    /// The name of a flow and how many of that name may go on, if they are limited.
    pub(super) fn limit_of(&self, flow: &str) -> Result<Option<(String, u32)>, FlowError> {
        // Where nothing is limited it costs nothing.
        self.limit_of_name("")?;
        let name = {
            let known = self.limited.known();
            if known.limits.is_empty() {
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

    /// Whether a flow has to wait until others of its name do not go on any more. What is found is kept for the others of a listing.
    pub(super) fn has_to_wait(
        &self,
        flow: &str,
        full: &mut HashMap<String, bool>,
    ) -> Result<bool, FlowError> {
        let Some((name, most)) = self.limit_of(flow)? else { return Ok(false) };
        if full.get(&name) == Some(&true) {
            return Ok(true);
        }
        let is_full = place_for(self.store(), flow, &name, most)?.is_none();
        full.insert(name, is_full);
        Ok(is_full)
    }

    /// Gives back places that nobody needs.
    pub(super) fn free_places(&self) -> Result<(), FlowError> {
        self.limit_of_name("")?;
        let limits = self.limited.known().limits.clone();
        limits.iter().try_for_each(|(name, most)| self.flows.free_places(name, *most))
    }
}
