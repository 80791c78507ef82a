//! `to_send`: how a handler, a hook or `main` reaches the out connections of its service.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::link::{MOST_COMMANDS, NotTaken};
use super::outs::Command;
use super::scope::Scope;
use super::shared::{OutEntry, Shared};
use crate::connection::{Answer, Outgoing, SendError, after, list};
use crate::model::ConnectionType;
use crate::value::{self, Limits, Value};
use crate::wire::{Envelope, ErrorReply, WorkflowId};

/// Sends to the out connections of the service, from async code. Cheap to clone, may go to any thread.
///
/// The first message out of a handler carries the id of the message that came in, later ones the id with `_1`, `_2`
/// and so on.
#[derive(Clone)]
pub struct ToSend {
    pub(super) shared: Arc<Shared>,
    pub(super) scope: Arc<Scope>,
}

impl ToSend {
    /// A request to the replyer at the other end of a requester, or to the function of an external request.
    ///
    /// Nothing happens until it is awaited. `R` is what the return arguments are read into: a type of your own, or
    /// [`Value`]. Without [`Request::within`] the connection's deadline holds (5 s unless it says otherwise).
    ///
    /// # Errors
    /// Awaiting it gives a [`SendError`]; it always ends.
    pub fn request<R: DeserializeOwned>(&self, connection: &str, args: impl Serialize) -> Request<R> {
        let prepared = self.prepare(connection, &args);
        Request { prepared, returns: PhantomData }
    }

    /// A message to every subscriber of a publisher. Returns at once.
    ///
    /// # Errors
    /// The connection's name or type, or the arguments, are wrong; or the service stops.
    pub fn publish(&self, connection: &str, args: impl Serialize) -> Result<(), SendError> {
        let (index, entry) = self.shared.outs.find(connection)?;
        if entry.kind != ConnectionType::Publisher {
            return Err(wrong_type(entry, "publish"));
        }
        self.refuse_when_stopping()?;
        let args = encode(entry, &args)?;
        let workflow = self.scope.next_id();
        let link = &self.shared.link;
        match link.with_local(|outs| outs.publish(index, &args, &workflow)) {
            Some(sent) => sent.map_err(|source| SendError::Socket { connection: connection.into(), source }),
            None => link
                .send(Command::Publish { connection: index, args, workflow })
                .map_err(|reason| not_taken(connection, &reason)),
        }
    }

    /// Sends whatever the connection is for: a request's return arguments, or nil for a published message.
    ///
    /// # Errors
    /// As [`ToSend::request`] and [`ToSend::publish`].
    pub async fn connection(&self, connection: &str, args: impl Serialize) -> Result<Value, SendError> {
        match self.shared.outs.find(connection)?.1.kind {
            ConnectionType::Publisher => self.publish(connection, args).map(|()| Value::Nil),
            _ => self.request(connection, args).await,
        }
    }

    fn prepare(&self, connection: &str, args: impl Serialize) -> Result<Prepared, SendError> {
        let (index, entry) = self.shared.outs.find(connection)?;
        if !matches!(entry.kind, ConnectionType::Requester | ConnectionType::ExternalRequest) {
            return Err(wrong_type(entry, "request"));
        }
        self.refuse_when_stopping()?;
        let args = encode(entry, args)?;
        Ok(Prepared {
            to_send: self.clone(),
            connection: index,
            args,
            workflow: self.scope.next_id(),
            within: entry.within,
            idempotent: entry.idempotent,
        })
    }

    fn refuse_when_stopping(&self) -> Result<(), SendError> {
        if self.scope.ends_at_stop && self.shared.stop.is_requested() {
            return Err(SendError::Stopping);
        }
        Ok(())
    }
}

/// One request, checked and ready to leave.
struct Prepared {
    to_send: ToSend,
    connection: usize,
    args: Vec<u8>,
    workflow: WorkflowId,
    within: Duration,
    idempotent: bool,
}

/// A request that has not left yet: `.await` it, from a handler or an async `main`.
#[must_use = "a request leaves when it is awaited"]
pub struct Request<R> {
    prepared: Result<Prepared, SendError>,
    returns: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> Request<R> {
    /// How long this request may take, instead of the connection's own deadline.
    pub fn within(mut self, deadline: Duration) -> Self {
        if let Ok(prepared) = &mut self.prepared {
            prepared.within = deadline;
        }
        self
    }

    /// Says that asking twice does no harm: when the peer is lost, the request goes to the next one, within its
    /// deadline.
    pub fn idempotent(mut self) -> Self {
        if let Ok(prepared) = &mut self.prepared {
            prepared.idempotent = true;
        }
        self
    }

    /// Sends it now; the answer can be awaited later.
    pub fn start(self) -> Pending<R> {
        let state = match self.prepared {
            Ok(prepared) => prepared.start(),
            Err(error) => State::Failed(Some(error)),
        };
        Pending { state, returns: PhantomData }
    }
}

impl<R: DeserializeOwned> IntoFuture for Request<R> {
    type Output = Result<R, SendError>;
    type IntoFuture = Pending<R>;

    fn into_future(self) -> Pending<R> {
        self.start()
    }
}

impl Prepared {
    fn start(self) -> State {
        let Self { to_send, connection, args, workflow, within, idempotent } = self;
        let (answer, answered) = oneshot::channel();
        let began = Instant::now();
        let request = Outgoing { args, workflow, began, within, snapshot: None, idempotent, answer };
        match to_send.shared.link.send(Command::Request { connection, request }) {
            Ok(()) => State::Sent { to_send, connection, answered },
            Err(reason) => {
                let name = to_send.shared.outs.get(connection).map_or("", |entry| &entry.name);
                State::Failed(Some(not_taken(name, &reason)))
            }
        }
    }
}

fn not_taken(connection: &str, reason: &NotTaken) -> SendError {
    match reason {
        NotTaken::Full => SendError::Overloaded { connection: connection.into(), open: MOST_COMMANDS },
        NotTaken::Closed => SendError::Stopping,
    }
}

/// A request on its way: a future of its return arguments.
#[must_use = "the answer comes to whoever awaits it"]
pub struct Pending<R> {
    state: State,
    returns: PhantomData<fn() -> R>,
}

enum State {
    Sent { to_send: ToSend, connection: usize, answered: oneshot::Receiver<Answer> },
    Failed(Option<SendError>),
}

impl<R: DeserializeOwned> Future for Pending<R> {
    type Output = Result<R, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Failed(error) => Poll::Ready(Err(error.take().unwrap_or(SendError::Stopping))),
            State::Sent { to_send, connection, answered } => Pin::new(answered).poll(context).map(|answer| {
                // An owner that is gone without an answer has ended with its service.
                let body = answer.unwrap_or(Err(SendError::Stopping))?;
                match to_send.shared.outs.get(*connection) {
                    Some(entry) => read_reply(entry, &body),
                    None => Err(SendError::Stopping),
                }
            }),
        }
    }
}

/// `to_send` for code that may block: `main`, hooks and workers. Stays on its thread.
pub struct BlockingToSend {
    pub(super) inner: ToSend,
    pub(super) wait: Wait,
    pub(super) stays: PhantomData<*const ()>,
}

/// How a thread waits for an answer.
#[derive(Clone)]
pub(super) enum Wait {
    /// It owns the sockets and moves the bytes itself.
    Reactor(std::rc::Rc<super::reactor::Reactor>),
    /// The owner thread does; this one sleeps.
    Sleep,
}

impl BlockingToSend {
    /// A request; see [`ToSend::request`]. It leaves with [`BlockingRequest::wait`] or [`BlockingRequest::start`].
    pub fn request<R: DeserializeOwned>(
        &self,
        connection: &str,
        args: impl Serialize,
    ) -> BlockingRequest<'_, R> {
        BlockingRequest { request: self.inner.request(connection, args), by: self }
    }

    /// A message to every subscriber; see [`ToSend::publish`].
    ///
    /// # Errors
    /// As [`ToSend::publish`].
    pub fn publish(&self, connection: &str, args: impl Serialize) -> Result<(), SendError> {
        self.inner.publish(connection, args)
    }

    /// Sends whatever the connection is for; see [`ToSend::connection`].
    ///
    /// # Errors
    /// As [`ToSend::connection`].
    pub fn connection(&self, connection: &str, args: impl Serialize) -> Result<Value, SendError> {
        match self.inner.shared.outs.find(connection)?.1.kind {
            ConnectionType::Publisher => self.publish(connection, args).map(|()| Value::Nil),
            _ => self.request(connection, args).wait(),
        }
    }

    /// Sleeps, in `main` only until the service is asked to stop.
    ///
    /// # Errors
    /// [`SendError::Stopping`] when it was woken for that.
    pub fn sleep(&self, time: Duration) -> Result<(), SendError> {
        match &self.wait {
            Wait::Reactor(reactor) => reactor.sleep(after(Instant::now(), time), &self.inner.scope),
            Wait::Sleep => {
                std::thread::sleep(time);
                Ok(())
            }
        }
    }

    /// Waits for a future, such as [`States::wait_until_current`](super::States::wait_until_current), in `main` only
    /// until the service is asked to stop.
    ///
    /// # Errors
    /// [`SendError::Stopping`] when it was dropped for that.
    pub fn wait_for<F: Future>(&self, future: F) -> Result<F::Output, SendError> {
        match &self.wait {
            Wait::Reactor(reactor) if self.ends_at_stop() => {
                reactor.block_on_until_stop(future).ok_or(SendError::Stopping)
            }
            Wait::Reactor(reactor) => Ok(reactor.block_on(future)),
            Wait::Sleep => Ok(sleep_until_ready(future)),
        }
    }

    /// Whether the service was asked to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.inner.shared.stop.is_requested()
    }
}

impl BlockingToSend {
    /// Whether a stop is to end what uses this: `main` and `init_function`, but not a handler.
    pub(crate) fn ends_at_stop(&self) -> bool {
        self.inner.scope.ends_at_stop
    }
}

/// A request that blocking code has not sent yet.
#[must_use = "a request leaves with `wait` or `start`"]
pub struct BlockingRequest<'a, R> {
    request: Request<R>,
    by: &'a BlockingToSend,
}

impl<'a, R: DeserializeOwned> BlockingRequest<'a, R> {
    /// See [`Request::within`].
    pub fn within(mut self, deadline: Duration) -> Self {
        self.request = self.request.within(deadline);
        self
    }

    /// See [`Request::idempotent`].
    pub fn idempotent(mut self) -> Self {
        self.request = self.request.idempotent();
        self
    }

    /// Sends it and waits for the answer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn wait(self) -> Result<R, SendError> {
        self.start().wait()
    }

    /// Sends it now; several can be on their way at once.
    pub fn start(self) -> BlockingPending<'a, R> {
        BlockingPending { pending: self.request.start(), by: self.by }
    }
}

/// A request on its way whose answer blocking code will wait for.
#[must_use = "the answer comes to whoever waits"]
pub struct BlockingPending<'a, R> {
    pending: Pending<R>,
    by: &'a BlockingToSend,
}

impl<R: DeserializeOwned> BlockingPending<'_, R> {
    /// Waits for the answer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn wait(self) -> Result<R, SendError> {
        self.by.wait_for(self.pending)?
    }
}

/// Sleeps until a future is ready that another thread drives.
fn sleep_until_ready<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

fn wrong_type(entry: &OutEntry, wanted: &'static str) -> SendError {
    SendError::WrongType { name: entry.name.clone(), is: entry.kind.as_str(), wanted }
}

/// Arguments as bytes that the model agrees with.
fn encode(entry: &OutEntry, args: impl Serialize) -> Result<Vec<u8>, SendError> {
    let encoding = |error: value::EncodeError| SendError::Encoding {
        connection: entry.name.clone(),
        reason: error.to_string(),
    };
    let bytes = value::encode(&args).map_err(encoding)?;
    SendError::unless_they_fit(&entry.name, bytes.len())?;
    entry
        .args
        .check(&bytes)
        .map_err(|mismatches| SendError::InvalidArguments { connection: entry.name.clone(), mismatches })?;
    Ok(bytes)
}

fn read_reply<R: DeserializeOwned>(entry: &OutEntry, body: &[u8]) -> Result<R, SendError> {
    let invalid = |reason: String| SendError::InvalidReply { connection: entry.name.clone(), reason };
    let envelope = Envelope::split(body, &Limits::default()).map_err(|error| invalid(error.to_string()))?;
    if let Some(error) = envelope.error {
        let error = ErrorReply::from_msgpack(error).map_err(|error| invalid(error.to_string()))?;
        return Err(SendError::Refused { connection: entry.name.clone(), error });
    }
    let nothing: &[u8] = &[0x80];
    let returns = match envelope.return_args {
        None | Some([0xc0]) if entry.returns_nothing => nothing,
        None | Some([0xc0]) => return Err(invalid("no return arguments".into())),
        Some(returns) => returns,
    };
    entry.returns.check(returns).map_err(|mismatches| invalid(list(&mismatches)))?;
    let read = value::decode_checked(returns).or_else(|error| match returns {
        // Nothing may be read into `()` as well as into a type without fields.
        [0x80] => value::decode_checked(&[0xc0]).map_err(|_| error),
        _ => Err(error),
    });
    read.map_err(|error| invalid(error.to_string()))
}
