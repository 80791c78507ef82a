//! Typed connections between many small services, over ZeroMQ, with one launcher for all of them.
//!
//! A service is a model, a few functions, and two JSON files: where its sockets are and how it is configured.
//!
//! ```no_run
//! use serde::{Deserialize, Serialize};
//! use service_framework::model::{ConnectionModel, Type};
//! use service_framework::{Result, Service};
//!
//! #[derive(Deserialize)]
//! struct Name { name: String }
//!
//! #[derive(Serialize)]
//! struct Greeting { text: String }
//!
//! fn greet(asked: Name) -> Result<Greeting> {
//!     Ok(Greeting { text: format!("Hello, {}", asked.name) })
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let hello = ConnectionModel::replyer("hello").requires("name", Type::Str).returns("text", Type::Str);
//!     service_framework::run(Service::new("greeter").replyer(hello, greet))
//! }
//! ```
//!
//! `greeter -a addresses.json` serves, `greeter describe` prints the model, `greeter check -a addresses.json` lists what
//! is wrong before a start, `greeter --help` teaches the rest.
//!
//! - [`Service`] is what one writes: connections, handlers, hooks.
//! - [`service`] has what handlers ask for ([`service::ToSend`], [`service::Config`], …) and the errors they meet.
//! - [`state`] has what is seen of a replicated state: [`state::View`], [`state::Status`].
//! - [`model`] says of which types arguments are, and checks them as bytes.
//! - [`value`] has the values that MessagePack has no types for: decimals, UUIDs, sets, dates.
//! - [`wire`] is what stands around the arguments in a frame.
//! - [`run`] is the command line of a service's own program.
//!
//! What happens to a message, what must stay true and why is in the repository's `ARCHITECTURE.md`.

// Dependencies run one way: value, model, wire, connection, state, service, launcher. `tests/direction.rs` holds this.
mod connection;
pub mod launcher;
pub mod model;
pub mod service;
pub mod state;
pub mod value;
pub mod wire;

pub use launcher::{Services, run};
pub use service::{Result, Service};
pub use value::Value;

/// The samples of the documents, compiled.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/guide.md")]
    struct Guide;
    #[doc = include_str!("../../docs/services.md")]
    struct Services;
    #[doc = include_str!("../../docs/states.md")]
    struct States;
}
