//! Readings: what a machine was doing at one moment. Bytes are bytes, times seconds, shares 0 to 1.

use serde::{Deserialize, Serialize};

/// All that the sensor publishes at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The machine's name.
    pub host: String,
    /// Seconds since it was started.
    pub up: u64,
    /// How many processors it has.
    pub cores: u64,
    /// How much of all processors was in use since the last reading: 0 to 1.
    pub cpu: f64,
    /// How many processes wanted a processor, on average.
    pub load: Load,
    /// Main memory.
    pub memory: Space,
    /// Swap space; often none.
    pub swap: Space,
    /// Mounted file systems, each device once.
    pub disks: Vec<Disk>,
    /// All interfaces together, without the loopback.
    pub network: Traffic,
    /// Processes by processor use, the busiest first.
    pub busiest: Vec<Process>,
}

/// Load averages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Over one minute.
    pub one: f64,
    /// Over five minutes.
    pub five: f64,
    /// Over fifteen minutes.
    pub fifteen: f64,
}

/// Bytes that can be used up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// All of them.
    pub total: u64,
    /// Those that are left.
    pub available: u64,
}

impl Space {
    /// Those that are used.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.total.saturating_sub(self.available)
    }

    /// The used ones as a share of all, 0 to 1; 0 of nothing.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.used() as f64 / self.total as f64 }
    }
}

/// One file system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: String,
    /// How full it is.
    pub space: Space,
}

/// Bytes per second since the last reading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Into the machine.
    pub received: f64,
    /// Out of it.
    pub sent: f64,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u64,
    /// Its name.
    pub name: String,
    /// Processors it kept busy since the last reading: 1.0 is one of them.
    pub cpu: f64,
    /// Main memory it holds.
    pub memory: u64,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A machine for tests: 2 cores, 16 GiB.
    pub(crate) fn reading() -> Reading {
        const GIB: u64 = 1 << 30;
        Reading {
            host: "workbench".to_owned(),
            up: 93_784,
            cores: 2,
            cpu: 0.25,
            load: Load { one: 0.52, five: 0.48, fifteen: 0.4 },
            memory: Space { total: 16 * GIB, available: 12 * GIB },
            swap: Space { total: 0, available: 0 },
            disks: vec![
                Disk { mount: "/".to_owned(), space: Space { total: 100 * GIB, available: 39 * GIB } },
                Disk { mount: "/data".to_owned(), space: Space { total: 1000 * GIB, available: 20 * GIB } },
            ],
            network: Traffic { received: 1_258_291.2, sent: 3_000.0 },
            busiest: vec![
                Process { pid: 4242, name: "rustc".to_owned(), cpu: 0.98, memory: GIB },
                Process { pid: 1, name: "init".to_owned(), cpu: 0.0, memory: GIB / 128 },
            ],
        }
    }

    #[test]
    fn shares_are_of_what_there_is() {
        let reading = reading();
        assert_eq!(reading.memory.share(), 0.25);
        assert_eq!(reading.swap.share(), 0.0, "no swap is not full");
        assert_eq!(Space { total: 1, available: 2 }.used(), 0, "some systems count reserves as available");
    }
}
