//! What a process does and uses, from one look at it to the next.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::stats::Rates;
use crate::launcher::control::usage::Usage;

/// What is known of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    pub(crate) rates: Rates,
    pub(crate) cpu: Option<(Instant, Duration)>,
    /// Share of one processor.
    pub(crate) share: f64,
    /// Bytes.
    pub(crate) memory: u64,
}

impl Load {
    /// Takes in what it has counted and what it has used, as far as that is known.
    pub(crate) fn take(&mut self, stats: Option<&Json>, used: Option<Usage>, now: Instant) {
        if let Some(stats) = stats {
            self.rates.look(stats, now);
        }
        let Some(used) = used else { return };
        self.memory = used.memory;
        if let Some((then, before)) = self.cpu.replace((now, used.cpu)) {
            let seconds = now.saturating_duration_since(then).max(Duration::from_millis(1)).as_secs_f64();
            self.share = used.cpu.saturating_sub(before).as_secs_f64() / seconds;
        }
    }
}
