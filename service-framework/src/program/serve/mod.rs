//! Programs over TCP: one JSON request per connection, one JSON answer, then the connection is closed.
//!
//! A request is taken as soon as it is whole, in however many segments it comes, and answered with the masked pool, or with
//! `{"_server_error": …}` where nothing ran. Who is slow or silent holds nobody up.

mod connection;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod guests;
mod listen;
mod request;
mod scan;
#[cfg(test)]
mod tests;

pub use listen::{PORT, ServeError, ServeSettings, Server};
