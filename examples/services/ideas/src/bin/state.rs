//! Owns a state, which other services have a copy of: the memory of this machine, in bytes by name.
//!
//! Run with `cargo run --bin state -- -m -a addresses/ideas/state.json`, and look at it live with
//! `service_framework state memory -a addresses/ideas/state.json`, or from another service: `replica`.

use std::collections::BTreeMap;

use service_framework::prelude::*;

#[derive(Links)]
struct Out {
    /// From names such as `MemAvailable` to bytes.
    memory: DeltaOut<u64>,
}

#[derive(Config)]
struct Given {
    /// The time between two readings.
    #[config(default = "1s")]
    every: Duration,
}

fn keep(out: Out, given: Given, to_send: BlockingToSend) -> Result {
    loop {
        let before = out.memory.to_map()?;
        let now = memory()?;
        // One update with what has changed; who comes later is sent all of it.
        out.memory.change(
            now.iter().filter(|(name, bytes)| before.get(*name) != Some(bytes)).map(|(n, b)| (n, Some(b))),
        )?;
        to_send.sleep(given.every)?;
    }
}

/// Lines such as `MemTotal:       24576000 kB`.
fn memory() -> Result<BTreeMap<String, u64>> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let read = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let kilobytes: u64 = rest.trim().strip_suffix(" kB")?.parse().ok()?;
        Some((name.to_owned(), kilobytes * 1024))
    };
    Ok(text.lines().filter_map(read).collect())
}

pub(crate) fn service() -> Service {
    Service::new("memory_owner").main(keep)
}

fn main() -> ExitCode {
    service_framework::run(service())
}
