//! Inline mode: several services in one thread, without sockets.
//!
//! A request is a function call: the handler at the other end runs there and then, and where it does not wait, the answer
//! is there when the call returns. Models, checks, errors, deadlines and workflow ids are those of services apart.

mod host;
mod hub;
mod open;
mod relate;
#[cfg(test)]
mod tests;
mod ways;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, Value as Json};

pub(super) use self::host::{Asked, Message, Settled};
pub(crate) use self::hub::Hub;
#[cfg(feature = "testing")]
pub(crate) use self::open::Opened;
pub(super) use self::ways::Ways;
use super::error::{RunError, SetupError};
use super::{Service, Stop};
use crate::value::Value;

/// Services that run together in one thread, without sockets: a main one, which leads, and others that it and they
/// themselves reach by relations.
///
/// ```
/// use service_framework::prelude::*;
/// use service_framework::service::Inline;
///
/// #[derive(Message)]
/// struct Number { number: i64 }
///
/// #[derive(Links)]
/// struct Others { squares: Requester<Number, Number> }
///
/// fn square(asked: Number) -> Result<Number> {
///     Ok(Number { number: asked.number * asked.number })
/// }
///
/// fn main_of_asker(others: Others) -> Result {
///     let answer = others.squares.request(Number { number: 12 }).wait()?;
///     assert_eq!(answer.number, 144);
///     Ok(())
/// }
///
/// Inline::new(Service::new("asker").main(main_of_asker))
///     .service(Service::new("squarer").replyer("square", square))
///     .relate(("asker", "squares"), ("squarer", "square"))
///     .run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "services do nothing until they run"]
pub struct Inline {
    pub(crate) services: Vec<Service>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) configs: HashMap<String, Json>,
    pub(crate) grace: Duration,
    pub(crate) is_paused: bool,
}

/// From an out connection or state of one service to an in one of another.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) from: End,
    pub(crate) to: End,
}

/// A connection or a state of a service, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) service: String,
    pub(crate) name: String,
}

impl From<(&str, &str)> for End {
    fn from((service, name): (&str, &str)) -> Self {
        Self { service: service.to_owned(), name: name.to_owned() }
    }
}

/// When a time is over that began then.
pub(super) fn deadline(began: tokio::time::Instant, within: Duration) -> tokio::time::Instant {
    began.checked_add(within).unwrap_or(began + hub::FAR)
}

/// Why services did not run inline, or not to a good end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InlineError {
    /// Models, relations or configs are wrong. Nothing ran.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A hook or `main` failed, or not everything ended in time.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Inline {
    /// The service that leads: its `main` runs, and the others with it until it ends.
    pub fn new(main: Service) -> Self {
        Self {
            services: vec![main],
            relations: Vec::new(),
            configs: HashMap::new(),
            grace: Duration::from_secs(10),
            is_paused: false,
        }
    }

    /// Adds another service. The `init_function`s run in the order in which services were added, the main one's last; one
    /// that asks a service added later calls it before its own.
    pub fn service(mut self, service: Service) -> Self {
        self.services.push(service);
        self
    }

    /// Leads an out connection or state of one service to an in connection or state of another, each given by the
    /// service's name and its own. A requester leads to one replyer, a publisher to any number of subscribers, an
    /// own state to any number of replicas.
    pub fn relate(mut self, from: (&str, &str), to: (&str, &str)) -> Self {
        self.relations.push(Relation { from: from.into(), to: to.into() });
        self
    }

    /// Sets a key of the config of one of the services; text may stand for what JSON does not have, as in a file.
    pub fn config(mut self, service: &str, key: &str, value: impl Into<Value>) -> Self {
        let config = self.configs.entry(service.to_owned()).or_insert_with(|| Json::Object(Map::new()));
        config[key] = value.into().to_json();
        self
    }

    /// How long handlers may go on after a stop or the end of `main`; 10 s by default.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Lets time pass only when nothing else is left to do.
    #[cfg(feature = "testing")]
    pub(crate) fn paused(mut self) -> Self {
        self.is_paused = true;
        self
    }

    /// Runs the main service's `main` to its end, on this thread. A `main` that asks for an own value has it to itself
    /// until it returns.
    ///
    /// # Errors
    /// As [`InlineError`] says.
    pub fn run(self) -> Result<(), InlineError> {
        self.run_until(&Stop::new())
    }

    /// As [`Inline::run`], until a stop is asked for: requests of `main` then end with `Stopping`, an async `main` is
    /// dropped at its next await. Without a `main` the services go on until the stop.
    ///
    /// # Errors
    /// As [`InlineError`] says.
    pub fn run_until(self, stop: &Stop) -> Result<(), InlineError> {
        let grace = self.grace;
        let mut opened = self.open(stop)?;
        let led = opened.lead(stop);
        let ended = opened.end(stop, grace);
        led.and(ended).map_err(Into::into)
    }
}
