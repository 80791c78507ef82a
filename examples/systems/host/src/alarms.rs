//! Alarms: which limits a reading is over. Raised once, cleared once, never repeated in between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::reading::Reading;

/// An alarm is cleared this far below its limit, so that a value at the limit does not raise it again and again.
const CLEARED_BELOW: f64 = 0.95;

/// The values that are still well.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Limits {
    /// Load over one minute, for each processor.
    pub load_per_core: f64,
    /// Share of main memory, 0 to 1.
    pub memory: f64,
    /// Share of each disk, 0 to 1.
    pub disk: f64,
}

/// Something is over its limit, or is no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// What it is about: `load`, `memory`, or `disk` and a mount point.
    pub what: String,
    /// Its value in the reading.
    pub value: f64,
    /// The value that is still well.
    pub limit: f64,
    /// Whether it is over its limit now.
    pub raised: bool,
}

/// Compares readings with limits and remembers what is raised.
#[derive(Debug, Default)]
pub struct Watch {
    raised: BTreeMap<String, Alarm>,
}

impl Watch {
    /// The alarms that `reading` raises or clears.
    pub fn compare(&mut self, reading: &Reading, limits: &Limits) -> Vec<Alarm> {
        let measured = self.measure(reading, limits);
        measured.into_iter().filter_map(|(what, value, limit)| self.change(what, value, limit)).collect()
    }

    /// What is over its limit.
    pub fn raised(&self) -> impl Iterator<Item = &Alarm> {
        self.raised.values()
    }

    /// What is watched: its name, its value, its limit. A disk that is gone is empty, which clears its alarm.
    fn measure(&self, reading: &Reading, limits: &Limits) -> Vec<(String, f64, f64)> {
        let mut measured = vec![
            ("load".to_owned(), reading.load.one / reading.cores.max(1) as f64, limits.load_per_core),
            ("memory".to_owned(), reading.memory.share(), limits.memory),
        ];
        let disks = reading.disks.iter();
        measured.extend(disks.map(|disk| (format!("disk {}", disk.mount), disk.space.share(), limits.disk)));
        let is_gone = |what: &&String| !measured.iter().any(|(measured, ..)| measured == *what);
        let gone: Vec<_> =
            self.raised.keys().filter(is_gone).map(|what| (what.clone(), 0.0, limits.disk)).collect();
        measured.extend(gone);
        measured
    }

    fn change(&mut self, what: String, value: f64, limit: f64) -> Option<Alarm> {
        let alarm = |raised| Alarm { what: what.clone(), value, limit, raised };
        match self.raised.get_mut(&what) {
            None if value > limit => {
                self.raised.insert(what.clone(), alarm(true));
                Some(alarm(true))
            }
            None => None,
            Some(_) if value < limit * CLEARED_BELOW => {
                self.raised.remove(&what);
                Some(alarm(false))
            }
            Some(known) => {
                known.value = value;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::tests::reading;

    const LIMITS: Limits = Limits { load_per_core: 2.0, memory: 0.9, disk: 0.99 };

    #[test]
    fn a_limit_is_crossed_once_in_each_direction() {
        let mut watch = Watch::default();
        let mut now = reading();
        assert_eq!(watch.compare(&now, &LIMITS), []);
        now.load.one = 4.2;
        let raised = Alarm { what: "load".to_owned(), value: 2.1, limit: 2.0, raised: true };
        assert_eq!(watch.compare(&now, &LIMITS), [raised]);
        now.load.one = 5.0;
        assert_eq!(watch.compare(&now, &LIMITS), [], "said already");
        assert_eq!(watch.raised().next().map(|alarm| alarm.value), Some(2.5), "but kept up to date");
        now.load.one = 3.9;
        assert_eq!(watch.compare(&now, &LIMITS), [], "not clearly below");
        now.load.one = 3.0;
        let cleared = Alarm { what: "load".to_owned(), value: 1.5, limit: 2.0, raised: false };
        assert_eq!(watch.compare(&now, &LIMITS), [cleared]);
        assert_eq!(watch.raised().count(), 0);
    }

    #[test]
    fn each_disk_has_its_own_alarm_and_takes_it_along() {
        let limits = Limits { disk: 0.9, ..LIMITS };
        let mut watch = Watch::default();
        let mut now = reading();
        let raised: Vec<String> = watch.compare(&now, &limits).into_iter().map(|alarm| alarm.what).collect();
        assert_eq!(raised, ["disk /data"]);
        now.disks.pop();
        let cleared = watch.compare(&now, &limits);
        assert_eq!((cleared[0].what.as_str(), cleared[0].raised), ("disk /data", false));
        assert_eq!(watch.compare(&now, &limits), []);
    }
}
