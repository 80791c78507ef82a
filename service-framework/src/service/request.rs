//! Requests on their way: checked, sent, awaited or waited for.

use std::any::type_name;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::blocking;
use super::codec::{BySerde, ByType};
use super::inline::{Asked, Message, Settled, Ways};
use super::link::{Local, MOST_COMMANDS, NotTaken};
use super::outs::Command;
use super::shared::OutEntry;
use super::to_send::ToSend;
use crate::connection::{Answer, Outgoing, SendError, list};
use crate::model::OwnedMessage;
use crate::value::msgpack::Reader;
use crate::value::{self, Limits};
use crate::wire::{Envelope, ErrorReply, WorkflowId};

/// One request, checked and ready to leave.
pub(super) struct Prepared {
    pub(super) to_send: ToSend,
    pub(super) connection: usize,
    pub(super) args: Vec<u8>,
    pub(super) workflow: WorkflowId,
    pub(super) within: Duration,
    pub(super) idempotent: bool,
    /// Whether what comes back is to be of the model of the type that it is read into.
    pub(super) is_own_model: bool,
}

/// A request that has not left yet: `.await` it in a handler or an async `main`; [`wait`](Request::wait) for it in
/// workers, plain hooks and a plain `main`.
#[must_use = "a request leaves when it is awaited"]
pub struct Request<R, C = BySerde> {
    prepared: Result<Prepared, SendError>,
    returns: PhantomData<fn() -> (R, C)>,
}

/// Return arguments as a type, read as `C` says.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a request returns",
    label = "cannot be read from a reply",
    note = "a `Requester<A, R>` returns a type with `#[derive(Message)]` that borrows nothing",
    note = "`to_send.request` returns any type that implements `serde::Deserialize`, or a `Value`"
)]
pub trait Returned<C>: Sized {
    /// Reads it; `is_own_model` says that the connection's model is that of this type.
    #[doc(hidden)]
    fn read_returned(entry: &OutEntry, returns: &[u8], is_own_model: bool) -> Result<Self, SendError>;
}

impl<R: OwnedMessage> Returned<ByType> for R {
    fn read_returned(entry: &OutEntry, returns: &[u8], is_own_model: bool) -> Result<Self, SendError> {
        if !is_own_model {
            check_returned(entry, returns)?;
        }
        R::read_owned(&mut Reader::new(returns)).map_err(|misfit| match check_returned(entry, returns) {
            Err(error) => error,
            Ok(()) if is_own_model => invalid(entry, misfit.into_mismatch("return_args").to_string()),
            Ok(()) => invalid(
                entry,
                format!("it is as the model says, but `{}` is not read from it", type_name::<R>()),
            ),
        })
    }
}

impl<R: DeserializeOwned> Returned<BySerde> for R {
    fn read_returned(entry: &OutEntry, returns: &[u8], _is_own_model: bool) -> Result<Self, SendError> {
        check_returned(entry, returns)?;
        let read = value::decode_checked(returns).or_else(|error| match returns {
            // Nothing may be read into `()` as well as into a type without fields.
            [0x80] => value::decode_checked(&[0xc0]).map_err(|_| error),
            _ => Err(error),
        });
        read.map_err(|error| invalid(entry, error.to_string()))
    }
}

fn check_returned(entry: &OutEntry, returns: &[u8]) -> Result<(), SendError> {
    entry.returns.check(returns).map_err(|mismatches| invalid(entry, list(&mismatches)))
}

fn invalid(entry: &OutEntry, reason: String) -> SendError {
    SendError::InvalidReply { connection: entry.name.clone(), reason }
}

impl<R: Returned<C>, C> Request<R, C> {
    pub(super) fn new(prepared: Result<Prepared, SendError>) -> Self {
        Self { prepared, returns: PhantomData }
    }

    /// How long this request may take, instead of the connection's own deadline.
    pub fn within(mut self, deadline: Duration) -> Self {
        if let Ok(prepared) = &mut self.prepared {
            prepared.within = deadline;
        }
        self
    }

    /// Says that asking twice does no harm: when the peer is lost, or says that it stops, the request goes to the next
    /// one, within its deadline.
    pub fn idempotent(mut self) -> Self {
        if let Ok(prepared) = &mut self.prepared {
            prepared.idempotent = true;
        }
        self
    }

    /// Sends it now; the answer can be awaited later, and several can be on their way at once.
    pub fn start(self) -> Pending<R, C> {
        let state = match self.prepared {
            Ok(prepared) => prepared.start(),
            Err(error) => State::Failed(Some(error)),
        };
        Pending { state, returns: PhantomData }
    }

    /// Sends it and waits for the answer: in workers, plain hooks and a plain `main`, or on a thread of your own.
    ///
    /// # Errors
    /// Why there is none; [`SendError::WouldBlock`] in a handler that shares its thread with the others.
    pub fn wait(self) -> Result<R, SendError> {
        if let Ok(Prepared { to_send, connection, .. }) = &self.prepared {
            blocking::unless_it_holds_up(to_send, Some(*connection))?;
        }
        self.start().wait()
    }
}

impl<R: Returned<C>, C> IntoFuture for Request<R, C> {
    type Output = Result<R, SendError>;
    type IntoFuture = Pending<R, C>;

    fn into_future(self) -> Pending<R, C> {
        self.start()
    }
}

impl Prepared {
    fn start(self) -> State {
        match self.to_send.shared.link.local() {
            Some(Local::Inside(ways)) => self.start_inside(&ways),
            _ => self.send(),
        }
    }

    fn start_inside(mut self, ways: &Ways) -> State {
        let deadline = super::inline::deadline(tokio::time::Instant::now(), self.within);
        let args = std::mem::take(&mut self.args);
        let message = Message { args, workflow: self.workflow.clone(), deadline: Some(deadline) };
        let (connection, within, is_own_model) = (self.connection, self.within, self.is_own_model);
        match ways.ask(connection, message) {
            Ok(Asked::Now(settled)) => {
                let settled = Some(Ok(settled));
                State::Settled { to_send: self.to_send, connection, is_own_model, settled }
            }
            Ok(Asked::Later(mut answered)) => {
                let (to_send, name) = (self.to_send, connection);
                // Most that wait for their turn have had it by now.
                if let Ok(settled) = answered.try_recv() {
                    return State::Settled { to_send, connection, is_own_model, settled: Some(Ok(settled)) };
                }
                let entry = to_send.shared.outs.get(name).map_or("", |entry| &entry.name).to_owned();
                let late = SendError::Timeout { connection: entry, after: within, no_peer: false };
                let wait = Box::pin(async move {
                    match tokio::time::timeout_at(deadline, answered).await {
                        Ok(Ok(settled)) => Ok(settled),
                        Ok(Err(_)) => Err(SendError::Stopping),
                        Err(_) => Err(late),
                    }
                });
                State::Inside { to_send, connection, is_own_model, wait }
            }
            Err(message) => {
                self.args = message.args;
                self.send()
            }
        }
    }

    fn send(self) -> State {
        let Self { to_send, connection, args, workflow, within, idempotent, is_own_model } = self;
        let (answer, answered) = oneshot::channel();
        let began = tokio::time::Instant::now().into_std();
        let request = Outgoing { args, workflow, began, within, snapshot: None, idempotent, answer };
        match to_send.shared.link.send(Command::Request { connection, request }) {
            Ok(()) => State::Sent { to_send, connection, is_own_model, answered },
            Err(reason) => {
                let name = to_send.shared.outs.get(connection).map_or("", |entry| &entry.name);
                State::Failed(Some(not_taken(name, &reason)))
            }
        }
    }
}

pub(super) fn not_taken(connection: &str, reason: &NotTaken) -> SendError {
    match reason {
        NotTaken::Full => SendError::Overloaded { connection: connection.into(), open: MOST_COMMANDS },
        NotTaken::Closed => SendError::Stopping,
    }
}

/// A request on its way: a future of its return arguments.
#[must_use = "the answer comes to whoever awaits it"]
pub struct Pending<R, C = BySerde> {
    state: State,
    returns: PhantomData<fn() -> (R, C)>,
}

enum State {
    Sent {
        to_send: ToSend,
        connection: usize,
        is_own_model: bool,
        answered: oneshot::Receiver<Answer>,
    },
    /// An answer from the same thread.
    Settled {
        to_send: ToSend,
        connection: usize,
        is_own_model: bool,
        settled: Option<Result<Settled, SendError>>,
    },
    /// One that comes.
    Inside {
        to_send: ToSend,
        connection: usize,
        is_own_model: bool,
        wait: Pin<Box<dyn Future<Output = Result<Settled, SendError>> + Send>>,
    },
    Failed(Option<SendError>),
}

impl State {
    fn connection(&self) -> Option<(&ToSend, usize)> {
        match self {
            Self::Sent { to_send, connection, .. }
            | Self::Settled { to_send, connection, .. }
            | Self::Inside { to_send, connection, .. } => Some((to_send, *connection)),
            Self::Failed(_) => None,
        }
    }
}

impl<R: Returned<C>, C> Pending<R, C> {
    /// Waits for the answer, where functions may block; see [`Request::wait`].
    ///
    /// # Errors
    /// As [`Request::wait`].
    pub fn wait(mut self) -> Result<R, SendError> {
        if matches!(self.state, State::Settled { .. } | State::Failed(_)) {
            let polled = Pin::new(&mut self).poll(&mut Context::from_waker(Waker::noop()));
            return if let Poll::Ready(answer) = polled { answer } else { Err(SendError::Stopping) };
        }
        let Some((to_send, connection)) = self.state.connection() else { return Err(SendError::Stopping) };
        let to_send = to_send.clone();
        blocking::wait_for(&to_send, Some(connection), self)?
    }
}

impl<R: Returned<C>, C> Future for Pending<R, C> {
    type Output = Result<R, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Failed(error) => Poll::Ready(Err(error.take().unwrap_or(SendError::Stopping))),
            State::Settled { to_send, connection, is_own_model, settled } => {
                let settled = settled.take().unwrap_or(Err(SendError::Stopping));
                Poll::Ready(read_settled(to_send, *connection, settled, *is_own_model))
            }
            State::Inside { to_send, connection, is_own_model, wait } => wait
                .as_mut()
                .poll(context)
                .map(|settled| read_settled(to_send, *connection, settled, *is_own_model)),
            State::Sent { to_send, connection, is_own_model, answered } => {
                Pin::new(answered).poll(context).map(|answer| {
                    // An owner that is gone without an answer has ended with its service.
                    let body = answer.unwrap_or(Err(SendError::Stopping))?;
                    let entry = to_send.shared.outs.get(*connection).ok_or(SendError::Stopping)?;
                    R::read_returned(entry, returned(entry, &body)?, *is_own_model)
                })
            }
        }
    }
}

fn read_settled<R: Returned<C>, C>(
    to_send: &ToSend,
    connection: usize,
    settled: Result<Settled, SendError>,
    is_own_model: bool,
) -> Result<R, SendError> {
    let entry = to_send.shared.outs.at(connection)?;
    match settled? {
        Ok(returns) => R::read_returned(entry, &returns, is_own_model),
        Err(error) => Err(SendError::Refused { connection: entry.name.clone(), error }),
    }
}

/// The return arguments in a reply.
fn returned<'a>(entry: &OutEntry, body: &'a [u8]) -> Result<&'a [u8], SendError> {
    let envelope =
        Envelope::split(body, &Limits::default()).map_err(|error| invalid(entry, error.to_string()))?;
    if let Some(error) = envelope.error {
        let error = ErrorReply::from_msgpack(error).map_err(|error| invalid(entry, error.to_string()))?;
        return Err(SendError::Refused { connection: entry.name.clone(), error });
    }
    let nothing: &[u8] = &[0x80];
    match envelope.return_args {
        None | Some([0xc0]) if entry.returns_nothing => Ok(nothing),
        None | Some([0xc0]) => Err(invalid(entry, "no return arguments".into())),
        Some(returns) => Ok(returns),
    }
}
