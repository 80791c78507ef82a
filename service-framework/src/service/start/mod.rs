//! A service as an object: started in this process on a thread of its own, stopped and joined by whoever holds it.
//!
//! Sockets that bind listen at 127.0.0.1, each at a port that the system chooses, unless an address is given; those that
//! connect are led to services that were started before. Nothing is read from files, environment or command line.

mod started;
#[cfg(test)]
mod tests;
mod wiring;

use std::time::Duration;

use serde_json::{Map, Value as Json};

pub use self::started::Started;
use self::wiring::Wiring;
use super::builder::Service;
use super::error::{RunError, SetupError};
use super::prepare::{Prepared, Setup};
use crate::model::Source;
use crate::value::Value;

/// A service on its way to run in this process.
///
/// ```
/// use service_framework::prelude::*;
/// use service_framework::service::Start;
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
///     assert_eq!(others.squares.request(Number { number: 12 }).wait()?.number, 144);
///     Ok(())
/// }
///
/// let squarer = Service::new("squarer").replyer("square", square).start()?;
/// let asker = Service::new("asker").main(main_of_asker);
/// let asker = Start::new(asker).connect("squares", &squarer, "square").main_mode().start()?;
/// asker.join()?;
/// assert!(squarer.address("square").is_some_and(|address| address.starts_with("tcp://127.0.0.1:")));
/// squarer.stop();
/// squarer.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a service does nothing until it is started"]
pub struct Start {
    service: Service,
    wiring: Wiring,
    config: Json,
    main_mode: bool,
    grace: Duration,
    is_watched: bool,
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Models, config or addresses are wrong, or a setup hook failed. Nothing was opened.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A socket could not be opened, or `init_function` failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Service {
    /// Starts it in this process on a thread of its own; see [`Start`], which also leads it to others.
    ///
    /// # Errors
    /// As [`StartError`] says.
    pub fn start(self) -> Result<Started, StartError> {
        Start::new(self).start()
    }
}

#[cfg(feature = "flows")]
impl Prepared {
    /// Starts it in this process on a thread of its own. Returns once it is ready.
    ///
    /// # Errors
    /// A socket could not be opened, or `init_function` failed.
    pub(crate) fn start(self) -> Result<Started, RunError> {
        let grace = self.grace;
        Started::run(self, grace)
    }
}

impl Start {
    /// Without config; all sockets that bind listen at 127.0.0.1 at ports that the system chooses.
    pub fn new(service: Service) -> Self {
        let grace = Setup::default().grace;
        let config = Json::Object(Map::new());
        Self { service, wiring: Wiring::default(), config, main_mode: false, grace, is_watched: false }
    }

    /// Sets a key of the config; text may stand for what JSON does not have, as in a file.
    pub fn config(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config[key] = value.into().to_json();
        self
    }

    /// Leads a connection or state that connects to the one of another service that it goes with, by the name that it
    /// has there: a requester to a replyer, a subscriber to a publisher, an in state to its owner. Their models are
    /// compared. Several calls lead to several services.
    pub fn connect(mut self, name: &str, other: &Started, name_there: &str) -> Self {
        self.wiring.connect(name, other.face(), name_there);
        self
    }

    /// Says where a socket connects or, if it binds, listens: `tcp://HOST:PORT`, `ipc://PATH`, `inproc://NAME`. Of a
    /// delta state each socket has an address: `prices.subscriber` and `prices.requester`, or `prices.publisher` and
    /// `prices.replyer`. Several calls name several addresses.
    pub fn address(mut self, name: &str, address: impl Into<String>) -> Self {
        self.wiring.address(name, address.into());
        self
    }

    /// Runs `main` instead of serving; the service ends when it returns.
    pub fn main_mode(mut self) -> Self {
        self.main_mode = true;
        self
    }

    /// How long handlers may go on after a stop; 10 s by default.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Starts it. Returns once its sockets are open and `init_function` is through. Subscribers may need some more
    /// milliseconds until their publishers know of them.
    ///
    /// # Errors
    /// As [`StartError`] says; what is wrong with models, config and addresses is said at once.
    pub fn start(self) -> Result<Started, StartError> {
        let grace = self.grace;
        Ok(Started::run(self.prepare()?, grace)?)
    }

    /// Lets publishers hear of their subscribers.
    #[cfg(feature = "testing")]
    pub(crate) fn watched(mut self) -> Self {
        self.is_watched = true;
        self
    }

    fn prepare(self) -> Result<Prepared, SetupError> {
        let (addresses, unwired) = self.wiring.addresses(&self.service);
        let setup = Setup {
            config: vec![Source::File { name: "the config", content: &self.config }],
            addresses: Some(addresses),
            grace: self.grace,
            main_mode: self.main_mode,
            ..Setup::default()
        };
        if !unwired.is_empty() {
            let mut problems = self.service.problems_but_addresses(&setup);
            problems.extend(unwired);
            return Err(problems.into());
        }
        let prepared = self.service.prepare(&setup)?.look_up_hosts()?;
        Ok(Prepared { is_watched: self.is_watched, ..prepared })
    }
}
