//! `flow`: what the launcher does with flows.

#[cfg(any(not(feature = "flows"), test))]
mod absent;
#[cfg(feature = "flows")]
mod beside;
#[cfg(feature = "flows")]
mod bulk;
#[cfg(feature = "flows")]
mod calls;
#[cfg(feature = "flows")]
mod check;
#[cfg(feature = "flows")]
mod command;
#[cfg(feature = "flows")]
mod deliveries;
#[cfg(feature = "flows")]
mod follow;
#[cfg(feature = "flows")]
mod gc;
#[cfg(feature = "flows")]
mod interpreter;
#[cfg(feature = "flows")]
mod limit;
#[cfg(feature = "flows")]
mod list;
#[cfg(feature = "flows")]
mod logs;
#[cfg(feature = "flows")]
mod one;
#[cfg(feature = "flows")]
mod own_service;
#[cfg(feature = "flows")]
mod panel;
#[cfg(feature = "flows")]
mod plan;
#[cfg(feature = "flows")]
mod process;
#[cfg(feature = "flows")]
mod replay;
#[cfg(feature = "flows")]
mod run;
#[cfg(feature = "flows")]
mod schedule;
#[cfg(feature = "flows")]
mod script;
#[cfg(feature = "flows")]
mod selection;
#[cfg(feature = "flows")]
mod serve;
#[cfg(feature = "flows")]
mod show;
#[cfg(feature = "flows")]
mod start;
#[cfg(feature = "flows")]
mod state;
#[cfg(feature = "flows")]
mod steps;
#[cfg(feature = "flows")]
mod store;
#[cfg(feature = "flows")]
mod waits;

#[cfg(not(feature = "flows"))]
pub(super) use absent::{act, interpret};
#[cfg(feature = "flows")]
pub(super) use {command::act, interpreter::interpret};
