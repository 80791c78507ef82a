//! A flow as the store has it, made ready to go on.

use serde::{Deserialize, Serialize};

use super::Inner;
use crate::flow::engine::Script;
use crate::flow::errors::FlowError;
use crate::flow::flows::script_of;
use crate::flow::stream::saved_key;
use crate::flow::worker::{Base, Stored};
use crate::store::Batch;
use crate::value::{Bytes, decode, encode};

/// Most bytes of a saved flow; a larger one is replayed instead.
const LARGEST_SAVED: usize = 32 << 20;

/// Everything with which a flow goes on.
pub(super) struct Loaded {
    pub(super) name: String,
    pub(super) script: Script,
    pub(super) base: Base,
    /// The events since the base.
    pub(super) events: Vec<Stored>,
}

/// What a flow was saved as.
#[derive(Serialize, Deserialize)]
struct SavedForm {
    /// Version of the last event that is in it.
    version: u64,
    checksum: u32,
    bytes: Bytes,
}

impl Inner {
    /// Reads a flow. What was saved of it is used if it is whole.
    pub(super) fn load(&self, flow: &str) -> Result<Loaded, FlowError> {
        let started = self.flows.started(flow)?;
        let name = started.name.clone();
        let script = script_of(self.store(), flow, started)?;
        let (base, from) = match self.saved(flow) {
            Some((version, bytes)) => (Base::Saved(bytes), version + 1),
            None => (Base::Start, 1),
        };
        let events = self.flows.events(flow, from)?;
        Ok(Loaded { name, script, base, events })
    }

    /// Reads a flow without what was saved of it.
    pub(super) fn load_whole(&self, flow: &str) -> Result<Vec<Stored>, FlowError> {
        self.flows.events(flow, 1)
    }

    fn saved(&self, flow: &str) -> Option<(u64, Bytes)> {
        let bytes = self.store().claimed(&saved_key(flow)).ok().flatten()?;
        let saved: SavedForm = decode(&bytes).ok()?;
        if crc32fast::hash(&saved.bytes.0) != saved.checksum {
            tracing::warn!(flow, "what was saved of a flow is damaged; its journal is replayed instead");
            return None;
        }
        Some((saved.version, saved.bytes))
    }
}

/// Puts what a flow stands at into the place of what was saved before; it holds all events up to this version.
pub(super) fn save(batch: Batch, flow: &str, version: u64, bytes: Bytes) -> Batch {
    if bytes.0.len() > LARGEST_SAVED {
        return batch;
    }
    let checksum = crc32fast::hash(&bytes.0);
    match encode(&SavedForm { version, checksum, bytes }) {
        Ok(form) => batch.release(saved_key(flow)).claim(saved_key(flow), form),
        Err(_) => batch,
    }
}
