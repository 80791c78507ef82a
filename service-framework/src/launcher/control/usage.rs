//! What a process uses, as the system tells it.

use std::fs;
use std::time::Duration;

/// What the system tells programs in: hundredths of a second, on every machine that we build for.
const TICKS: f64 = 100.0;

/// Time of processors and memory of one process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    /// Resident memory in bytes.
    pub(crate) memory: u64,
}

/// None if there is no such process.
pub(crate) fn of(pid: u32) -> Option<Usage> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    Some(Usage { cpu: cpu(&read("stat")?)?, memory: memory(&read("status")?)? })
}

/// Reads a `stat` of the system. The name in it may hold anything, and ends with the last bracket.
fn cpu(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut number = || fields.next()?.parse::<u32>().ok().map(f64::from);
    Some(Duration::from_secs_f64((number()? + number()?) / TICKS))
}

/// Reads a `status` of the system.
fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_is_read_whatever_the_process_is_called() {
        let rest = "S 1 1 1 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 1000 9000000 512";
        for name in ["echo", "a) S 9 (b"] {
            assert_eq!(cpu(&format!("77 ({name}) {rest}")), Some(Duration::from_secs(3)));
        }
        assert_eq!(cpu("77 (echo) S"), None);
        assert_eq!(memory("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2048 * 1024));
        assert!(of(std::process::id()).is_some_and(|usage| usage.memory > 0));
    }
}
