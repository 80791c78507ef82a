//! `program`: what the launcher does with programs.

#[cfg(any(not(feature = "programs"), test))]
mod absent;
#[cfg(feature = "programs")]
mod bindings;
#[cfg(feature = "programs")]
mod check;
#[cfg(feature = "programs")]
mod command;
#[cfg(feature = "programs")]
mod command_hook;
#[cfg(feature = "programs")]
mod graph;
#[cfg(feature = "programs")]
mod guard;
#[cfg(feature = "programs")]
mod new;
#[cfg(feature = "programs")]
mod play;
#[cfg(feature = "programs")]
mod runs;
#[cfg(feature = "programs")]
mod serve;
#[cfg(feature = "programs")]
mod spec_file;
#[cfg(feature = "programs")]
mod store;
#[cfg(feature = "programs")]
mod story;

#[cfg(not(feature = "programs"))]
pub(super) use absent::act;
#[cfg(feature = "programs")]
pub(super) use command::act;
#[cfg(feature = "flows")]
pub(super) use {
    command_hook::kill_all as kill_hooks,
    serve::{named, through},
};
