//! What the test kit needs of services besides what everybody may use.

use super::Service;
use std::sync::{Arc, PoisonError};

use tokio::sync::oneshot;

use super::ToSend;
use super::found::Place;
use super::handler::{Erased, Kind};
use super::inline::Opened;
use super::links::{Link, Links, Taker};
use super::outs::Command;
use super::request::{Request, Returned};
use super::scope::Scope;
use super::start::Started;
use super::state_table::{InState, Seen};
use super::to_send::check;
use crate::connection::SendError;
use crate::model::Side;
use crate::value::Value;

impl Erased {
    /// A handler without types.
    pub(crate) fn plain(kind: Kind) -> Self {
        Self {
            kind,
            arguments: None,
            returns: None,
            reads_exactly: false,
            function: "",
            asks: super::Declarations::default(),
        }
    }
}

impl Service {
    /// Registers a function that reads and writes bytes itself.
    pub(crate) fn erased(mut self, name: String, handler: Erased) -> Self {
        self.handlers.insert(name, handler);
        self
    }
}

/// A service that has these links and nothing else.
pub(crate) fn links_for_test<L: Links>() -> Service {
    let mut asks = super::Declarations::default();
    asks.links::<L>();
    Service::new("links").asking("test", asks)
}

impl Opened {
    /// Sends as one of the services, outside of any of its functions.
    pub(crate) fn to_send(&self, service: usize) -> ToSend {
        let shared = self.services[service].shared.clone();
        ToSend { shared, scope: Arc::new(Scope::of_hook(false)) }
    }
}

impl Started {
    /// Sends as the service, outside of any of its functions.
    pub(crate) fn to_send(&self) -> ToSend {
        ToSend { shared: self.shared().clone(), scope: Arc::new(Scope::of_hook(false)) }
    }
}

/// What a test knows of a service that runs, and its user does not.
impl ToSend {
    /// Whether an out connection is there.
    pub(crate) fn has_out(&self, connection: &str) -> bool {
        self.shared.outs.find(connection).is_ok()
    }

    /// What ends once the owner thread has nothing to do that has come in.
    pub(crate) fn settled(&self) -> oneshot::Receiver<()> {
        self.shared.link.settled()
    }

    /// Whether somebody has subscribed to a publisher since this was asked last.
    pub(crate) fn ask_subscribed(&self, connection: &str) -> Option<oneshot::Receiver<bool>> {
        let (connection, _) = self.shared.outs.find(connection).ok()?;
        let (answer, answered) = oneshot::channel();
        self.shared.link.send(Command::AskSubscribed { connection, answer }).ok()?;
        Some(answered)
    }

    /// How many messages a connection has sent and received, as `out.NAME` or `in.NAME`.
    pub(crate) fn moved(&self, connection: &str) -> (u64, u64) {
        let counters = self.shared.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let found = counters.iter().find(|(name, _)| name == connection);
        found.map_or((0, 0), |(_, counters)| (counters.sent.get(), counters.received.get()))
    }

    /// How often a connection's handler failed.
    pub(crate) fn failed(&self, connection: &str) -> u64 {
        let counters = self.shared.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let found = counters.iter().find(|(name, _)| name == connection);
        found.map_or(0, |(_, counters)| counters.failed.get())
    }

    /// A state as it is here, in bytes that are the same for the same state: an own one or a replica.
    pub(crate) fn state_here(&self, side: Side, name: &str) -> Option<(Value, Option<i64>)> {
        let seen = match side {
            Side::In => self.shared.states.ins.iter().find(|entry| entry.name == name)?.state.see(),
            Side::Out => InState::Here(self.shared.states.out(name).ok()?.clone()).see(),
        };
        let number = match &seen {
            Seen::Delta(view) => view.number(),
            Seen::Full(_) => None,
        };
        Some((seen.value(), number))
    }
}

impl ToSend {
    /// A struct of links that functions of the service ask for.
    pub(crate) fn links<L: Links>(&self) -> L {
        L::take(&mut Taker::new(self.clone(), self.shared.found.links_of::<L>()))
    }

    /// A link to a state of the service; of several with this name and a topic the first.
    pub(crate) fn link_to_state<L: Link>(&self, side: Side, name: &str) -> Option<L> {
        let is_it =
            |known: &str| known == name || known.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let states = &self.shared.states;
        let index = match side {
            Side::In => states.ins.iter().position(|entry| is_it(&entry.name)),
            Side::Out => states.outs.iter().position(|(known, _)| is_it(known)),
        };
        let places = [Place { index: index?, is_own_model: false }];
        Some(L::take(&mut Taker::new(self.clone(), &places)))
    }

    /// A request with arguments that are bytes already.
    pub(crate) fn request_bytes<R: Returned<C>, C>(&self, connection: &str, args: Vec<u8>) -> Request<R, C> {
        Request::new(self.shared.outs.find(connection).and_then(|(index, entry)| {
            check(entry, &args)?;
            self.prepare(index, entry, args, false)
        }))
    }

    /// A published message that is bytes already.
    pub(crate) fn publish_message(&self, connection: &str, args: Vec<u8>) -> Result<(), SendError> {
        let (index, entry) = self.shared.outs.find(connection)?;
        self.may_publish(entry)?;
        check(entry, &args)?;
        self.publish_bytes(index, entry, args)
    }
}
