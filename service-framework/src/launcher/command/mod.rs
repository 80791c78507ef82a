//! Services in any language: a model as JSON, and a command that has the handlers.
//!
//! The command is started once and spoken to in JSON, one object a line, over its stdin and stdout; its stderr goes
//! to the log. One call is open at a time. A command that dies, in a call or idle, is started again with backoff, and
//! the call that it had fails.

mod backoff;
mod host;
mod process;
mod program;
mod protocol;
mod reach;

#[cfg_attr(not(feature = "flows"), expect(unused_imports, reason = "named where flows have one"))]
pub(crate) use host::{Host, host};
#[cfg(feature = "programs")]
pub(crate) use program::in_folder;
pub(crate) use program::problem;

#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod tests;
