//! The test kit: a service as it is, without sockets, whose other side the test plays.
//!
//! The service's own `service()` runs in the test's thread. What it asks, the test answers; what it publishes, the test
//! reads; the states that it follows, the test sets; and time passes only when nothing else is left to do, so that a
//! timeout of an hour takes no time at all. Models, checks, errors and workflow ids are those of the real thing.
//!
//! ```
//! use service_framework::prelude::*;
//! use service_framework::testing;
//!
//! #[derive(Debug, Message, PartialEq)]
//! struct Order { id: String }
//!
//! #[derive(Links)]
//! struct Market { venue: Requester<Order, Order>, done: Publisher<Order> }
//!
//! async fn cancel(order: Order, market: Market) -> Result {
//!     let cancelled = market.venue.request(order).within(Duration::from_secs(5)).await?;
//!     Ok(market.done.publish(&cancelled)?)
//! }
//!
//! fn service() -> Service {
//!     Service::new("desk").replyer("cancel", cancel)
//! }
//!
//! let kit = testing::inline(service()).start()?;
//! let market = kit.links::<Market>();
//! market.venue.answers(|order: Order| order);
//! let () = kit.request("cancel", Order { id: "o-1".into() })?;
//! assert_eq!(market.done.published(), [Order { id: "o-1".into() }]);
//!
//! market.venue.never_answers();
//! let late = kit.request::<()>("cancel", Order { id: "o-2".into() }).unwrap_err();
//! assert_eq!(late.code(), Some("handler_failed"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With [`live`] in the place of [`inline`] the same test runs over real sockets, in real time.
//!
//! A handler is tested as the function that it is with links from `for_test`, which `#[derive(Links)]` writes while the
//! feature `testing` is on: `let (market, seen) = Market::for_test();`.

mod board;
mod inline;
mod links;
mod live;
mod log;
#[cfg(feature = "programs")]
mod programs;
#[cfg(feature = "recording")]
mod recording;
mod states;
#[cfg(test)]
mod tests;
mod world;

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use self::board::Board;
use self::inline::InThread;
pub use self::links::{HasTestSide, Heard, LinkForTest, LinksForTest, Played};
use self::live::Live;
#[cfg(feature = "programs")]
pub use self::programs::{ProgramsKit, TestRun, programs};
#[cfg(feature = "recording")]
pub use self::recording::{PlayError, Recording, Replied};
pub use self::states::{PlayedDelta, PlayedFull, PlayedRecord, SeenDelta, SeenFull, SeenRecord};
use crate::connection::SendError;
use crate::model::{Message, OwnedMessage, ServiceModel, Side};
use crate::service::{InlineError, Link, RunError, Service, StartError, ToSend, links_for_test};
use crate::value::Value;
use crate::value::msgpack::Reader;
use crate::wire::{ErrorReply, codes};

/// How long the test waits for an answer, in the time of the service.
const PATIENCE: Duration = Duration::from_secs(86_400);

/// A service to test in this thread, without sockets.
pub fn inline(service: Service) -> Setup {
    Setup { service, config: HashMap::new(), is_live: false }
}

/// A service to test on a thread of its own, over sockets of this machine and in real time: what the test looks at is
/// waited for, for at most 10 s. A leading-edge service, which has a `main`, can be tested inline only.
pub fn live(service: Service) -> Setup {
    Setup { is_live: true, ..inline(service) }
}

/// A service on its way to a test.
#[must_use = "nothing runs before `start`"]
pub struct Setup {
    service: Service,
    config: HashMap<String, Value>,
    is_live: bool,
}

/// Why a service could not be tested: what is wrong with it, in words also where a test unwraps it.
pub struct SetupFailed(InlineError);

impl fmt::Display for SetupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for SetupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for SetupFailed {}

impl From<InlineError> for SetupFailed {
    fn from(error: InlineError) -> Self {
        Self(error)
    }
}

impl From<StartError> for SetupFailed {
    fn from(error: StartError) -> Self {
        Self(match error {
            StartError::Setup(error) => error.into(),
            StartError::Run(error) => error.into(),
        })
    }
}

impl Setup {
    /// Sets a key of the config; text may stand for what JSON does not have, as in a config file: `"5s"`.
    pub fn config(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config.insert(key.to_owned(), value.into());
        self
    }

    /// Starts it, up to the end of its `init_function`.
    ///
    /// # Errors
    /// What is wrong with its models, hooks and config, all at once; or why it could not run.
    pub fn start(self) -> Result<Kit, SetupFailed> {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(InlineError::from(within_a_runtime()).into());
        }
        let board = Arc::<Board>::default();
        let (mode, model) = match self.is_live {
            true => Live::start(self.service, self.config, &board)?,
            false => InThread::start(self.service, self.config, &board)?,
        };
        Ok(Kit(Rc::new(Inner { mode, board, model })))
    }
}

/// The test runs inside of tokio, where nothing may wait as the kit does.
fn within_a_runtime() -> RunError {
    let reason = "a test with the kit is a plain `#[test]`, not `#[tokio::test]`: the kit brings its own runtime, and \
                  `kit.block_on` waits for futures of yours";
    RunError::System { what: "test kit", source: std::io::Error::other(reason) }
}

/// A service under test, and the test's side of everything that it is connected to.
#[derive(Clone)]
pub struct Kit(Rc<Inner>);

struct Inner {
    mode: Box<dyn Mode>,
    board: Arc<Board>,
    model: ServiceModel,
}

/// How a service under test runs.
trait Mode {
    /// Where the test sends from: whichever service has this connection.
    fn sends(&self, connection: &str) -> &ToSend;
    /// A link of the test's own to a state.
    fn states(&self) -> Vec<&ToSend>;
    /// The service's own side, while it runs.
    fn own(&self) -> Option<ToSend>;
    /// Waits for what something of the service's makes of it.
    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) -> Result<(), SendError>;
    /// Lets everything happen that can without time passing.
    fn settle(&self);
    /// Waits until a subscriber of the service has what was published for it.
    fn await_delivery(&self, connection: &str);
    /// Waits until so many messages have come as the service sent over a connection.
    fn await_messages(&self, connection: &str, count: &dyn Fn() -> usize);
    /// Waits until the test and the service have the same state, whose owner is on this side of the service.
    fn await_state(&self, owner: Side, name: &str);
    /// Lets time pass.
    fn advance(&self, time: Duration);
    fn run_main(&self) -> Result<(), RunError>;
    fn stop(&self) -> Result<(), RunError>;
}

impl Kit {
    /// Asks a replyer of the service, and lets time pass until it has answered.
    ///
    /// # Errors
    /// As any request; of a refusal [`SendError::code`] says which.
    pub fn request<R: OwnedMessage>(&self, connection: &str, args: impl Message) -> Result<R, SendError> {
        self.settle();
        let request = self.0.mode.sends(connection).request_bytes(connection, args.to_msgpack());
        // The service's own deadlines are to come first.
        let answer = self.wait_for(async { request.within(PATIENCE).await })?;
        self.settle();
        answer
    }

    /// Publishes a message to a subscriber of the service, and lets it be handled.
    ///
    /// # Errors
    /// There is no such subscriber, the message is not what it takes, or its handler failed.
    pub fn publish(&self, connection: &str, args: impl Message) -> Result<(), SendError> {
        self.publish_bytes(connection, args.to_msgpack())
    }

    fn publish_bytes(&self, connection: &str, args: Vec<u8>) -> Result<(), SendError> {
        let failed = || self.0.mode.own().map_or(0, |own| own.failed(&format!("in.{connection}")));
        let before = failed();
        self.wait_for(async { self.0.mode.sends(connection).publish_message(connection, args) })??;
        self.0.mode.await_delivery(connection);
        self.settle();
        if failed() > before {
            let message = "the handler failed; the log says why".to_owned();
            let error = ErrorReply { code: codes::HANDLER_FAILED.to_owned(), message, details: Value::Nil };
            return Err(SendError::Refused { connection: connection.to_owned(), error });
        }
        Ok(())
    }

    /// The test's side of a struct of links.
    ///
    /// # Panics
    /// The service has no such links: no function asks for them.
    #[must_use]
    pub fn links<L: LinksForTest>(&self) -> L::Seen {
        L::seen(self)
    }

    /// Runs `main` of a leading-edge service to its end.
    ///
    /// # Errors
    /// It failed or panicked.
    pub fn run_main(&self) -> Result<(), RunError> {
        self.0.mode.run_main()
    }

    /// Lets so much time pass for the service: everything happens that is due until then, in its order. Inline, every other
    /// step of the test takes a millisecond of the service's time besides.
    pub fn advance(&self, time: Duration) {
        self.0.mode.advance(time);
        self.settle();
    }

    /// Runs a future of the test's own, such as a handler that is called as a function.
    ///
    /// # Panics
    /// The service was stopped.
    #[expect(clippy::panic, reason = "a mistake of the test")]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self.wait_for(future) {
            Ok(output) => output,
            Err(error) => panic!("{error}"),
        }
    }

    /// What the service takes in and gives out, as data.
    #[must_use]
    pub fn model(&self) -> &ServiceModel {
        &self.0.model
    }

    /// Stops the service as Ctrl-C does, but for its handler of that, and waits until everything ended.
    ///
    /// # Errors
    /// Handlers that wait did not end within 10 s.
    pub fn stop(self) -> Result<(), RunError> {
        self.0.mode.stop()
    }

    fn wait_for<F: Future>(&self, future: F) -> Result<F::Output, SendError> {
        let mut output = None;
        {
            let future = std::pin::pin!(async { output = Some(future.await) });
            self.0.mode.block_on(future)?;
        }
        output.ok_or(SendError::Stopping)
    }

    fn settle(&self) {
        self.0.mode.settle();
    }
}

/// What the test's side of links needs of a kit.
impl Kit {
    fn board(&self) -> &Board {
        &self.0.board
    }

    /// Everything that came over a connection.
    #[expect(clippy::panic, reason = "what came was checked, so only a mistake of the test gets here")]
    fn came<A: OwnedMessage>(&self, connection: &str) -> Vec<A> {
        self.settle();
        self.0.mode.await_messages(connection, &|| self.0.board.in_all(connection));
        let read = |bytes: Vec<u8>| match A::read_owned(&mut Reader::new(&bytes)) {
            Ok(message) => message,
            Err(misfit) => panic!("{connection}: {}", misfit.into_mismatch("args")),
        };
        self.0.board.came(connection).into_iter().map(read).collect()
    }

    #[expect(clippy::panic, reason = "a mistake of the test")]
    fn expect_connection(&self, name: &str) {
        let model = &self.0.model;
        if !model.connections_on(Side::Out).any(|connection| connection.name == name) {
            panic!("{:?} has no out connection {name:?}: no function asks for these links", model.name);
        }
    }

    /// What a step of the test gave, once its consequences are through.
    #[expect(clippy::panic, reason = "a mistake of the test")]
    fn done<T, E: fmt::Display>(&self, result: Result<T, E>) -> T {
        self.settle();
        match result {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    /// A step of the test that changes a state of its own, which the service follows.
    fn play<E: fmt::Display>(&self, state: &str, step: impl FnOnce() -> Result<(), E>) {
        if let Ok(played) = self.wait_for(async { step() }) {
            self.0.mode.await_state(Side::In, state);
            self.done(played);
        }
    }

    /// Lets the test have what the service has of a state of its own.
    fn look(&self, state: &str) {
        self.settle();
        self.0.mode.await_state(Side::Out, state);
    }

    /// The test's own state of this name, or the first of one with several owners.
    #[expect(clippy::panic, reason = "a mistake of the test")]
    fn world_link<L: Link>(&self, side: Side, name: &str) -> L {
        let link = self.0.mode.states().into_iter().find_map(|world| world.link_to_state(side, name));
        match link {
            Some(link) => link,
            None => panic!("{:?} has no state {name:?}: no function asks for these links", self.0.model.name),
        }
    }
}

/// Links on their own, for a handler that is tested as a function, and the test's side of them.
///
/// # Panics
/// The struct of links declares what cannot be, such as one name twice.
#[expect(clippy::panic, reason = "a mistake in the program that every start would find")]
#[must_use]
pub fn links<L: LinksForTest>() -> (L, L::Seen) {
    let kit = match inline(links_for_test::<L>()).start() {
        Ok(kit) => kit,
        Err(error) => panic!("{error}"),
    };
    match kit.0.mode.own() {
        Some(own) => (own.links(), L::seen(&kit)),
        None => panic!("a kit that has just begun has ended"),
    }
}
