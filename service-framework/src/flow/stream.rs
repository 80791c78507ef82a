//! What belongs to a flow in the store, by its names.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::history::{Event, Timing};
use crate::store::{Error as StoreError, Event as StoreEvent, Filter, NewEvent, Store, StreamInfo};
use crate::value::{EncodeError, Value};

use super::errors::FlowError;
use super::journal;
use super::worker::Stored;

/// How many streams are listed at once.
const PAGE: usize = 1000;
/// Under what flows are listed.
pub(super) const CATEGORY: &str = "flow";

/// The stream of a flow.
pub(super) fn stream(flow: &str) -> String {
    format!("flow/{flow}")
}

/// The flow of a stream.
pub(super) fn id_in(stream: &str) -> Option<&str> {
    stream.strip_prefix("flow/")
}

/// The key under which the store has a script.
pub(super) fn source_key(hash: &str) -> String {
    format!("flow-source/{hash}")
}

/// The key under which the store has what a flow was saved as.
pub(super) fn saved_key(flow: &str) -> String {
    format!("flow-saved/{flow}")
}

/// The key that says whose a callback is.
pub(super) fn callback_key(callback: &str) -> String {
    format!("flow-callback/{callback}")
}

/// The key that is there once a flow has sent the message of this call.
pub(super) fn emitted_key(flow: &str, call: u32) -> String {
    format!("flow-emitted/{flow}/{call}")
}

/// The key that is there once a callback was delivered.
pub(super) fn delivered_key(callback: &str) -> String {
    format!("flow-delivered/{callback}")
}

/// The timer of a time of a flow.
pub(super) fn timer_id(flow: &str, timing: Timing) -> String {
    match timing {
        Timing::Sleep(call) => format!("flow/{flow}/sleep/{call}"),
        Timing::Deadline(call) => format!("flow/{flow}/deadline/{call}"),
    }
}

/// The message of an errand in the outbox.
pub(super) fn errand_id(flow: &str, call: u32) -> String {
    format!("flow/{flow}/{call}")
}

/// The queue of the outbox for what is called so, such as `flow-http` for `http.request`.
pub(super) fn queue_of(name: &str) -> String {
    format!("flow-{}", name.split('.').next().unwrap_or_default())
}

/// What a script is called by its text.
pub(super) fn hash_of(source: &str) -> String {
    Sha256::digest(source.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a timer of a flow holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TimerForm {
    pub(super) flow: String,
    pub(super) timing: Timing,
}

/// What a message of the outbox holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ErrandForm {
    pub(super) flow: String,
    pub(super) call: u32,
    pub(super) name: String,
    pub(super) args: Vec<Value>,
    /// How often it was tried before.
    pub(super) tried: u32,
}

/// An event as it is appended.
///
/// # Errors
/// A value in it is nested deeper than values may be.
pub(super) fn encoded(event: &Event) -> Result<NewEvent, EncodeError> {
    Ok(NewEvent::new(event.kind(), event.to_bytes()?))
}

/// The text of a script, if the store has it.
///
/// # Errors
/// The store cannot be read, or has another text than it was given.
pub(super) fn source(store: &Store, hash: &str) -> Result<Option<String>, StoreError> {
    let Some(bytes) = store.claimed(&source_key(hash))? else { return Ok(None) };
    match String::from_utf8(bytes) {
        Ok(text) if hash_of(&text) == hash => Ok(Some(text)),
        _ => Err(damaged(store, hash)),
    }
}

/// What is said of a script that is not what was started.
pub(super) fn damaged(store: &Store, hash: &str) -> StoreError {
    StoreError::Damaged { store: store.to_string(), what: format!("the text of the script {hash}") }
}

/// The hash of the script of such a key.
pub(super) fn script_in(key: &str) -> Option<&str> {
    key.strip_prefix("flow-source/")
}

/// All streams that a filter finds, in the order of their names.
///
/// # Errors
/// The store cannot be read.
pub(super) fn all(store: &Store, filter: &Filter) -> Result<Vec<StreamInfo>, StoreError> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map(|info: &StreamInfo| info.stream.clone());
        let page = store.streams(filter, after.as_deref(), PAGE)?;
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

/// All events of a flow from this version on.
///
/// # Errors
/// The store cannot be read.
pub(super) fn read(store: &Store, flow: &str, from: u64) -> Result<Vec<Stored>, FlowError> {
    Ok(journal::read(store, flow, from)?.into_iter().map(stored).collect())
}

fn stored(event: StoreEvent) -> Stored {
    Stored { version: event.version, kind: event.kind, payload: event.payload.into() }
}
