//! Typed connections between many small services, over ZeroMQ, with one launcher for all of them.

// Dependencies run one way: value, model, wire, connection, service, launcher. `tests/direction.rs` holds this.
mod connection;
pub mod launcher;
pub mod model;
pub mod service;
pub mod value;
pub mod wire;

pub use service::{Result, Service};
pub use value::Value;
