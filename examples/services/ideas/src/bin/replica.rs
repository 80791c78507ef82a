//! Follows the state of another service: reading its own copy is a look into memory, and it is told what changes.
//!
//! Run with `cargo run --bin replica -- -a addresses/ideas/replica.json`, before or after `state`.

use service_framework::prelude::*;

#[derive(Links)]
struct In {
    memory: DeltaIn<u64>,
}

#[derive(Message)]
struct Share {
    /// How much of the memory is in use, from 0 to 1; left out while that is not known.
    share: Option<f64>,
    is_current: bool,
}

fn in_use(_: (), seen: &In) -> Result<Share> {
    let total = seen.memory.get("MemTotal")?;
    let available = seen.memory.get("MemAvailable")?;
    let share = total.zip(available).map(|(total, available)| 1.0 - available as f64 / total as f64);
    Ok(Share { share, is_current: seen.memory.status().is_current() })
}

fn on_memory(change: DeltaChange<u64>) -> Result {
    for (name, bytes) in change.changed.iter().filter(|(name, _)| name == "MemAvailable") {
        tracing::info!(name, bytes);
    }
    Ok(())
}

pub(crate) fn service() -> Service {
    Service::new("memory_view").replyer("in_use", in_use).on_change("memory", on_memory)
}

fn main() -> ExitCode {
    service_framework::run(service())
}
