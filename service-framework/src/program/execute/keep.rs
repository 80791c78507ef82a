//! Keeping: which runs stay in the store that have ended, and removing the others.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::journal::{CATEGORY, JournalError, id_in, read_start, request_key, status, stream};
use crate::program::run::End;
use crate::store::{Batch, Error as StoreError, Filter, StreamInfo, Timestamp};

/// How many runs are looked at in one go.
const PAGE: usize = 200;
/// How long it takes from the end of one look at all runs to the next.
const PAUSE: Duration = Duration::from_secs(600);

/// Which runs are kept that have ended. Those that are stuck are always kept.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    /// How many at most, the latest.
    pub most: Option<usize>,
    /// For how long after their ends.
    pub time: Option<Duration>,
    /// Whether runs with an idempotency key are removed like others; the same key runs once more then. Otherwise they are kept
    /// for good.
    pub forgets_keys: bool,
}

impl Keep {
    /// Whether a run with this key may be removed.
    pub(super) fn forgets(&self, key: Option<&str>) -> bool {
        key.is_none() || self.forgets_keys
    }

    fn is_all(&self) -> bool {
        self.most.is_none() && self.time.is_none()
    }
}

/// Removes a run, and frees its key.
pub(super) fn forget(run: &str, program: &str, key: Option<&str>) -> Batch {
    let batch = Batch::new().remove(stream(run));
    key.iter().fold(batch, |batch, key| batch.release(request_key(program, key)))
}

/// A look at all runs, some at a time, again and again.
#[derive(Default)]
pub(super) struct Keeping {
    after: Option<String>,
    /// The latest runs so far, if only so many are kept.
    latest: VecDeque<String>,
    /// When the next look begins.
    due: Option<Instant>,
}

impl Keeping {
    /// Looks at some runs. Whether there are more.
    pub(super) fn go_on(&mut self, engine: &Engine) -> bool {
        if engine.0.settings.keep.is_all() || self.due.is_some_and(|due| Instant::now() < due) {
            return false;
        }
        match self.page(engine) {
            Ok(true) => true,
            Ok(false) => {
                *self = Self { due: Some(Instant::now() + PAUSE), ..Self::default() };
                false
            }
            Err(error) => {
                tracing::warn!(%error, "runs that are kept no longer cannot be removed; it is tried again");
                false
            }
        }
    }

    fn page(&mut self, engine: &Engine) -> Result<bool, StoreError> {
        let store = engine.store();
        let page = store.streams(&Filter::category(CATEGORY), self.after.as_deref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(false) };
        self.after = Some(last.stream.clone());
        let now = store.now()?;
        let surplus: Vec<String> = page.iter().filter_map(|info| self.surplus(engine, info, now)).collect();
        for run in surplus {
            match read_start(store, &run) {
                Ok(head) if engine.0.settings.keep.forgets(head.key.as_deref()) => {
                    store.commit(forget(&run, &head.program, head.key.as_deref()))?;
                }
                // One that cannot be read is for a person.
                Ok(_) | Err(JournalError::NoRun(_) | JournalError::Event { .. }) => {}
                Err(JournalError::Store(error)) => return Err(error),
                Err(error) => tracing::warn!(run, %error, "a run cannot be removed"),
            }
        }
        Ok(true)
    }

    /// A run that is one too many now that this one is seen: itself or an older one.
    fn surplus(&mut self, engine: &Engine, info: &StreamInfo, now: Timestamp) -> Option<String> {
        let keep = &engine.0.settings.keep;
        let ended = [End::Done, End::Rectified, End::Resolved].map(status);
        let run = id_in(&info.stream).filter(|_| ended.contains(&info.mark.status.as_str()))?.to_owned();
        if keep.time.is_some_and(|time| now.since(info.changed) > time) {
            return Some(run);
        }
        let most = keep.most?;
        self.latest.push_back(run);
        (self.latest.len() > most).then(|| self.latest.pop_front()).flatten()
    }
}
