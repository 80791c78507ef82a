//! The turn of a script: an engine is driven over what happened so far, and then on to where it has to wait. Pure.
//!
//! [`Running`] is the only place where a script moves. Each [`Move`](crate::flow::history::Move) is *applied* by the same code whether
//! it was decided just now or is read from the journal, so replay cannot do anything else than what was done.

mod apply;
mod asked;
mod commands;
mod decide;
mod inbox;
mod inline;
mod looking;
mod memory;
mod running;
#[cfg(test)]
mod tests;

pub use commands::Command;
pub use inline::Inline;
pub use looking::{Stand, Stood};
pub use running::{Diverged, Rest, Running, Went};
