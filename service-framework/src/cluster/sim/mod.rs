//! Simulation: a cluster in one thread, with its own time, under any faults, from a seed that replays it exactly.
//!
//! The nodes are the same code that runs on sockets; only network, clocks and disks are not. A [`Scenario`] says what
//! happens, [`run`] lets it happen and checks what [`GUARANTEES`] lists.
//!
//! ```
//! use service_framework::cluster::sim::{Scenario, run};
//! use std::time::Duration;
//!
//! let report = run(&Scenario::chaos(7, 4, Duration::from_secs(10)));
//! assert!(report.broken.is_empty(), "{:?}", report.broken);
//! assert_eq!(report.digest, run(&Scenario::chaos(7, 4, Duration::from_secs(10))).digest);
//! ```

mod checks;
mod disk;
mod file;
mod network;
mod run;
mod scenario;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod world;

pub use checks::{Broken, GUARANTEES, Tallied};
pub use network::Weather;
pub use run::{Report, run};
pub use scenario::{Act, Load, Scenario, Step};
