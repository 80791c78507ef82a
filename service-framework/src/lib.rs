//! Typed connections between many small services, over ZeroMQ, with one launcher for all of them.

// In reading order; each may use only those above it (`tests/direction.rs` holds this).
pub mod value;
pub mod model;
pub mod wire;
mod connection;
pub mod service;
pub mod launcher;

pub use value::Value;
