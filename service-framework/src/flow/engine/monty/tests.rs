//! The engine, as a whole.

mod determinism;
mod host;
mod hostile;
mod language;
mod properties;
mod seed;
mod steps;
mod tracebacks;
mod traps;
