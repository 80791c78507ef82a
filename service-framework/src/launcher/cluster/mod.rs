//! `node` and `cluster`: clusters on the command line.

#[cfg(any(not(feature = "cluster"), test))]
mod absent;
#[cfg(feature = "cluster")]
mod asking;
#[cfg(feature = "cluster")]
mod beside;
#[cfg(feature = "cluster")]
mod command;
#[cfg(feature = "cluster")]
mod keys;
#[cfg(feature = "cluster")]
mod node;
#[cfg(feature = "cluster")]
mod shared_state;
#[cfg(feature = "cluster")]
mod sim;

#[cfg(not(feature = "cluster"))]
pub(super) use absent::{Beside, NotJoined, act, join};
#[cfg(feature = "cluster")]
pub(super) use {
    beside::{Beside, NotJoined, join},
    command::act,
};
