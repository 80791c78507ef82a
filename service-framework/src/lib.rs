//! Typed connections between many small services, over ZeroMQ, with one launcher for all of them.

// In reading order; each may use only those above it (`tests/direction.rs` holds this).
mod connection;
pub mod launcher;
pub mod model;
pub mod service;
pub mod value;
pub mod wire;

pub use value::Value;
