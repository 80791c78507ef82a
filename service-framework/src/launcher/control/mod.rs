//! Control sockets: how a running service, or a running `up`, is asked what it does and told what to do.
//!
//! A Unix socket in a folder that only this user may enter ([`place`]), a line of JSON for each question ([`message`]).
//! Nothing that comes over it can harm who listens: questions have a length and a time, and threads of their own.

pub(crate) mod client;
pub(crate) mod message;
pub(crate) mod place;
pub(crate) mod recorder;
mod server;
mod service;
mod state;
mod tap;
#[cfg_attr(
    not(any(test, feature = "dashboard", feature = "recording")),
    expect(dead_code, reason = "for those who read taps")
)]
pub(crate) mod tapped;
pub(crate) mod usage;

#[cfg(test)]
mod tap_tests;
#[cfg(test)]
mod tests;

#[cfg(feature = "recording")]
pub(crate) use server::attend_to;
pub(crate) use server::{Control, Host};
pub(crate) use service::{INSTANCE, SYSTEM, ServiceHost};
