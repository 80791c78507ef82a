//! Executing programs: functions behind hooks, threads that run them, and the journal that survives them.
//!
//! An [`Engine`] holds a spec and its hooks and runs requests, each on a thread of its own while its turn lasts. What happens
//! to a run is in the store before the next thing happens, so whatever ends the process, [`Engine::recover`] on the same store
//! finishes, undoes or parks every run.

mod agreement;
mod call;
mod desk;
mod drive;
mod engine;
mod holder;
mod hooks;
pub(in crate::program) mod journal;
mod keep;
mod locks;
mod outcome;
mod records;
mod recover;
mod registry;
mod stop;
#[cfg(test)]
mod tests;
mod wait;

pub use desk::{Answer, Refusal};
pub use drive::{Step, Watch};
pub use engine::{Engine, EngineError, Settings};
pub(in crate::program) use holder::is_attended;
pub use hooks::{Bound, Call, IntoHook, OnPool};
pub use journal::JournalError;
pub use keep::Keep;
pub use registry::Hooks;
