//! Interpreters in processes of their own: one turn of one flow at a time in each, so that a crash names its flow.
//!
//! [`serve`] is what such a process does; [`Pool`] has several of them, and kills one whose turn takes more than its [`TurnLimits`].
//! How a process is started is for who has a pool: a [`Place`].

mod child;
mod frame;
mod inline;
mod place;
mod pool;
mod protocol;
mod slot;
#[cfg(test)]
mod tests;

pub use child::serve;
pub use place::{Ended, Opened, Place, Threads, Usage};
pub use pool::{Pool, TurnLimits};
pub use protocol::{Base, Died, Job, Report, Stored};
