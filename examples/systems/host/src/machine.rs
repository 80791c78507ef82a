//! The machine: reads this very one, by crate sysinfo. Nothing here is made up; what the system does not tell is
//! an error.

use std::collections::BTreeMap;
use std::time::Instant;

use sysinfo::{DiskRefreshKind, Disks, Error, Networks, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::reading::{Disk, Load, Process, Reading, Space, Traffic};

/// Shares and rates are averages over at least this time; asked sooner, sysinfo repeats the last ones.
pub use sysinfo::MINIMUM_CPU_UPDATE_INTERVAL as LEAST_INTERVAL;

/// Reads the machine again and again.
pub struct Machine {
    system: System,
    disks: Disks,
    networks: Networks,
    host: String,
    last: Instant,
}

impl Machine {
    /// Opens this machine. Rates need two looks: the first is taken here.
    ///
    /// # Errors
    /// The system keeps something from us.
    pub fn open() -> Result<Self, Error> {
        let mut machine = Machine {
            system: System::new()?,
            disks: Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage())?,
            networks: Networks::new_with_refreshed_list()?,
            host: System::host_name()?,
            last: Instant::now(),
        };
        machine.look();
        Ok(machine)
    }

    /// Reads it, with that many of the busiest processes. Rates are over the time since the last reading.
    ///
    /// # Errors
    /// The system keeps something from us.
    pub fn read(&mut self, busiest: usize) -> Result<Reading, Error> {
        let seconds = self.look();
        let load = System::load_average()?;
        Ok(Reading {
            host: self.host.clone(),
            up: System::uptime()?,
            cores: self.system.cpus().len() as u64,
            cpu: f64::from(self.system.global_cpu_usage()) / 100.0,
            load: Load { one: load.one, five: load.five, fifteen: load.fifteen },
            memory: Space { total: self.system.total_memory(), available: self.system.available_memory() },
            swap: Space { total: self.system.total_swap(), available: self.system.free_swap() },
            disks: self.disks(),
            network: self.traffic(seconds),
            busiest: self.busiest(busiest),
        })
    }

    /// Refreshes all and returns the seconds since the last time.
    fn look(&mut self) -> f64 {
        // Threads are not listed: their processes count for them.
        let processes = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, processes);
        self.disks.refresh_specifics(true, DiskRefreshKind::nothing().with_storage());
        self.networks.refresh(true);
        let now = Instant::now();
        let seconds = (now - self.last).as_secs_f64();
        self.last = now;
        seconds
    }

    /// Each device once, by the shortest of its mount points, in the order of these.
    fn disks(&self) -> Vec<Disk> {
        let mut by_device = BTreeMap::new();
        for disk in self.disks.iter().filter(|disk| disk.total_space() > 0) {
            let mount = disk.mount_point().display().to_string();
            let space = Space { total: disk.total_space(), available: disk.available_space() };
            let known = by_device.entry(disk.name()).or_insert_with(|| Disk { mount: mount.clone(), space });
            if mount.len() < known.mount.len() {
                known.mount = mount;
            }
        }
        let mut disks: Vec<Disk> = by_device.into_values().collect();
        disks.sort_by(|a, b| a.mount.cmp(&b.mount));
        disks
    }

    fn traffic(&self, seconds: f64) -> Traffic {
        let outside = || self.networks.iter().filter(|(name, _)| *name != "lo").map(|(_, network)| network);
        let received: u64 = outside().map(|network| network.received()).sum();
        let sent: u64 = outside().map(|network| network.transmitted()).sum();
        Traffic { received: received as f64 / seconds, sent: sent as f64 / seconds }
    }

    fn busiest(&self, count: usize) -> Vec<Process> {
        let process = |process: &sysinfo::Process| Process {
            pid: process.pid().as_u32().into(),
            name: process.name().to_string_lossy().into_owned(),
            cpu: f64::from(process.cpu_usage()) / 100.0,
            memory: process.memory(),
        };
        let mut processes: Vec<Process> = self.system.processes().values().map(process).collect();
        processes.sort_by(|a, b| b.cpu.total_cmp(&a.cpu).then_with(|| b.memory.cmp(&a.memory)));
        processes.truncate(count);
        processes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_read() {
        let mut machine = Machine::open().unwrap();
        std::thread::sleep(LEAST_INTERVAL);
        let reading = machine.read(3).unwrap();
        assert!(reading.cores >= 1 && reading.up > 0 && !reading.host.is_empty());
        assert!(reading.memory.total > 0 && reading.memory.available <= reading.memory.total);
        assert!((0.0..=1.0).contains(&reading.cpu), "cpu {}", reading.cpu);
        assert!(!reading.disks.is_empty() && reading.disks.iter().all(|disk| disk.space.total > 0));
        assert_eq!(reading.busiest.len(), 3);
        assert!(reading.busiest.is_sorted_by(|a, b| a.cpu >= b.cpu));
        assert!(reading.network.received >= 0.0 && reading.network.sent.is_finite());
    }
}
