//! What is known of each service, for whoever asks: written by the supervisor, read by anybody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value as Json, json};

/// A service at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Its instance, its entry in the system file, and what stands behind `-s`.
    pub(super) name: String,
    pub(super) entry: String,
    pub(super) service: String,
    pub(super) state: &'static str,
    /// The names of those that it waits for.
    pub(super) waits_for: Vec<String>,
    pub(super) pid: Option<u32>,
    pub(super) since: Option<Instant>,
    pub(super) restarts: u64,
    /// How it ended last, if it does not run.
    pub(super) end: Option<String>,
}

/// All of them, in the order of the screen.
#[derive(Clone, Debug, Default)]
pub(super) struct Board(Arc<Mutex<Vec<Seen>>>);

impl Board {
    pub(super) fn set(&self, seen: Vec<Seen>) {
        *self.lock() = seen;
    }

    pub(super) fn all(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// The places of the instances called `name`, or of all instances of the entry of that name.
    pub(super) fn places(&self, name: &str) -> Vec<usize> {
        let all = self.lock();
        let named = |is_it: &dyn Fn(&Seen) -> bool| -> Vec<usize> {
            all.iter().enumerate().filter(|(_, seen)| is_it(seen)).map(|(place, _)| place).collect()
        };
        match named(&|seen| seen.name == name) {
            places if places.is_empty() => named(&|seen| seen.entry == name),
            places => places,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    pub(super) fn to_json(&self) -> Json {
        let mut json = json!({
            "name": self.name,
            "entry": self.entry,
            "service": self.service,
            "state": self.state,
            "pid": self.pid,
            "uptime": self.since.map(|since| since.elapsed().as_secs_f64()),
            "restarts": self.restarts,
        });
        if !self.waits_for.is_empty() {
            json["waits_for"] = json!(self.waits_for);
        }
        if let Some(end) = &self.end {
            json["end"] = json!(end);
        }
        json
    }
}
