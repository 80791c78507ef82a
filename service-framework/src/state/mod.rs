//! Replicated states: an owner changes keys and values, replicas elsewhere are equal to it, soon.
//!
//! `owner`, `replica` and `full` are machines: they are told what happened and what time it is, and say what to send.
//! The others put sockets around them. What a service reads of a state is a [`View`] or a [`FullView`], and its
//! [`Status`] says whether that is what the owner has.

mod backing;
mod cell;
mod delta_owner;
mod delta_replica;
mod delta_server;
mod exchange;
mod feed;
mod full;
mod full_owner;
mod full_replica;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod local_copy;
mod map;
mod outlet;
mod owner;
mod raw;
mod replica;
mod rules;
mod socket;
mod update;
mod view;

pub(crate) use backing::Backing;
pub(crate) use cell::Cell;
pub(crate) use delta_owner::{DeltaOwner, Others};
pub(crate) use delta_replica::DeltaReplica;
pub(crate) use delta_server::DeltaServer;
#[cfg(feature = "recording")]
pub(crate) use exchange::Kind as AnswerKind;
pub(crate) use full::FullCopy;
pub(crate) use full_owner::{FullOwner, FullServer};
pub(crate) use full_replica::FullReplica;
pub(crate) use map::write_changes;
#[cfg(feature = "recording")]
pub(crate) use map::{StateMap, apply, write_all};
pub(crate) use outlet::{Changes, Outlet};
pub(crate) use raw::Raw;
pub(crate) use replica::{Change, Replica};
pub(crate) use rules::DeltaRules;
pub(crate) use socket::StateSocket;
#[cfg(feature = "recording")]
pub(crate) use update::{Update, others, read_answer};

pub use replica::Status;
pub use view::{FullView, View, ViewError};
