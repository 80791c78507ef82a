//! States as bytes: monty's own, and before it what monty does not know.

use std::sync::Arc;

use monty::{Dump, ReplProgress, Session, SessionRef, dump};

use super::session::{Record, Run, State};
use super::source::Source;
use crate::flow::engine::{Limits, Script, Step, Unusable};

/// What such bytes begin with; the number changes when the rest is read in another way.
const MAGIC: &[u8; 8] = b"FLOWST\x00\x01";

/// Everything that is needed to go on from here.
pub(super) fn save(state: &State) -> Result<Vec<u8>, Unusable> {
    let record = rmp_serde::to_vec(&state.run.record).map_err(unusable)?;
    let length = u32::try_from(record.len()).map_err(unusable)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&record);
    bytes.extend_from_slice(&written(&state.at)?);
    Ok(bytes)
}

/// The step at which something was saved.
pub(super) fn load(bytes: &[u8], script: &Script, limits: &Limits) -> Result<Step<State>, Unusable> {
    let rest =
        bytes.strip_prefix(MAGIC).ok_or_else(|| Unusable("it was saved in another layout".to_owned()))?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (record, progress) = rest.split_at_checked(length).ok_or_else(cut_off)?;
    let record: Record = rmp_serde::from_slice(record).map_err(unusable)?;
    let at = Box::new(read(progress)?);
    let run = Run { source: Arc::new(Source::new(script)), limits: *limits, record, printed: String::new() };
    Ok(State { at, run }.into_step())
}

/// A second one that stands where this one does.
pub(super) fn copy(at: &ReplProgress) -> Result<ReplProgress, Unusable> {
    read(&written(at)?)
}

fn written(at: &ReplProgress) -> Result<Vec<u8>, Unusable> {
    dump("flow", None, SessionRef::Suspended(at)).map_err(unusable)
}

fn read(bytes: &[u8]) -> Result<ReplProgress, Unusable> {
    match Dump::load(bytes).map_err(unusable)?.state {
        Session::Suspended(progress) => Ok(*progress),
        _ => Err(Unusable("it does not stand still".to_owned())),
    }
}

fn cut_off() -> Unusable {
    Unusable("it is cut off".to_owned())
}

fn unusable(error: impl std::fmt::Display) -> Unusable {
    Unusable(error.to_string())
}
