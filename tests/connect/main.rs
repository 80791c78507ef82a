//! The connectors of flows against real servers and clients, most of which do not behave.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod callbacks;
mod client;
mod failing;
mod hostile;
mod limits;
mod places;
mod redirects;
mod requests;
mod secrets;
mod secure;
mod server;
mod support;
