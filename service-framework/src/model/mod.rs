//! Models: what a service takes, sends, keeps and is told, as data.
//!
//! A [`Type`] says what a value may be and [`Arguments`] are a table of them; a [`ConnectionModel`], a [`StateModel`]
//! and a [`ConfigModel`] are made of those, and a [`ServiceModel`] of these. All of them are written in Rust or read
//! from JSON, and each is printed as the JSON from which it can be read. A [`Checker`] is compiled from arguments and
//! checks MessagePack bytes; what is wrong with a value is a [`Mismatch`], what is wrong with a file, a model or a
//! command line is a [`Problem`].
//!
//! Nothing here reads a file, the environment or a clock.

mod accepts;
mod arguments;
mod checker;
mod compare;
mod compare_states;
mod config;
mod connection;
mod connection_json;
mod creation;
#[cfg(test)]
mod generate;
mod grammar;
mod json_schema;
mod json_text;
#[cfg(test)]
mod mangle;
mod mismatch;
mod problem;
mod read;
mod schema;
mod service;
mod state;
mod state_build;
mod typed;
mod types;

pub use arguments::Arguments;
pub use checker::Checker;
pub use compare::compare;
pub use compare_states::compare_states;
#[cfg(feature = "programs")]
pub(crate) use config::duration;
pub use config::{Config, ConfigError, ConfigModel, ENVIRONMENT_PREFIX, Source};
pub use connection::{ConnectionModel, ConnectionType, Side};
pub use creation::DEFAULT_WAIT_AFTER_CREATION;
pub(crate) use json_text::parse_json;
pub use mismatch::{MAX_MISMATCHES, Mismatch};
pub use problem::{Problem, near_miss};
pub(crate) use problem::{child, element};
pub(crate) use read::{Table, describe};
pub(crate) use service::NO_VERSION;
pub use service::ServiceModel;
pub use state::{StateModel, StateType};
#[doc(hidden)]
pub use typed::unless_within_itself;
pub use typed::{ConfigType, Message, Misfit, OwnedMessage, Read, Typed};
pub(crate) use typed::{fields, record, settings};
pub use types::{MAX_TYPE_DEPTH, Type};
