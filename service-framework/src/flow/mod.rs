//! Flows: scripts in Python's syntax whose execution is kept in the store, so that they survive anything.

pub mod connect;
pub mod engine;
mod errors;
mod flows;
mod gc;
pub mod history;
mod host;
mod journal;
mod limits;
mod look;
pub mod script;
mod shared;
mod start;
mod stream;
#[cfg(test)]
pub(crate) mod toy;
mod verify;
pub mod worker;

pub use errors::FlowError;
pub use flows::{Delivery, FlowInfo, Flows, Told};
pub use gc::Removed;
pub use host::{Host, HostSettings, Presence, Schedule, Serves};
pub use start::Start;
