//! Waiting for futures where functions may block: in `main`, plain hooks, workers and threads of the user's own.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::inline::Hub;
use super::reactor::Reactor;
use super::request::{Pending, Request};
use super::scope::Scope;
use super::to_send::ToSend;
use crate::connection::{SendError, after};
use crate::model::ConnectionType;
use crate::value::Value;

thread_local! {
    /// What moves the bytes on this thread while `main` or a plain hook runs there.
    static MOVER: RefCell<Option<Mover>> = const { RefCell::new(None) };
}

/// What goes on while a function waits.
#[derive(Clone)]
pub(super) enum Mover {
    /// The sockets of one service.
    Sockets(Rc<Reactor>),
    /// All services of an inline group.
    Inside(Rc<Hub>),
}

impl Mover {
    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::Sockets(reactor) => reactor.block_on(future),
            Self::Inside(hub) => hub.block_on(future),
        }
    }

    pub(super) fn block_on_until_stop<F: Future>(&self, future: F) -> Option<F::Output> {
        match self {
            Self::Sockets(reactor) => reactor.block_on_until_stop(future),
            Self::Inside(hub) => hub.block_on_until_stop(future),
        }
    }

    fn sleep(&self, time: Duration, scope: &Scope) -> Result<(), SendError> {
        match self {
            Self::Sockets(reactor) => reactor.sleep(after(Instant::now(), time), scope),
            Self::Inside(hub) => hub.sleep(time, scope.ends_at_stop),
        }
    }
}

/// Lets a function on this thread wait, until the guard goes.
pub(super) fn may_block(mover: &Mover) -> Before {
    Before(MOVER.replace(Some(mover.clone())))
}

/// Lets no function on this thread wait, until the guard goes.
pub(super) fn may_not_block() -> Before {
    Before(MOVER.take())
}

/// The time in which something else holds than before.
pub(super) struct Before(Option<Mover>);

impl Drop for Before {
    fn drop(&mut self) {
        MOVER.set(self.0.take());
    }
}

fn mover() -> Option<Mover> {
    MOVER.with_borrow(Clone::clone)
}

/// Waits for a future that belongs to a request of this connection, if it does to one.
pub(super) fn wait_for<F: Future>(
    to_send: &ToSend,
    connection: Option<usize>,
    future: F,
) -> Result<F::Output, SendError> {
    match mover() {
        Some(mover) if to_send.scope.ends_at_stop => {
            mover.block_on_until_stop(future).ok_or(SendError::Stopping)
        }
        Some(mover) => Ok(mover.block_on(future)),
        None => {
            unless_it_holds_up(to_send, connection)?;
            Ok(sleep_until_ready(future))
        }
    }
}

/// Refuses to wait on a thread that everything else of the service needs.
pub(super) fn unless_it_holds_up(to_send: &ToSend, connection: Option<usize>) -> Result<(), SendError> {
    if MOVER.with_borrow(Option::is_some) || !to_send.shared.link.is_local() {
        return Ok(());
    }
    let entry = connection.and_then(|connection| to_send.shared.outs.get(connection));
    Err(SendError::WouldBlock { connection: entry.map(|entry| entry.name.clone()) })
}

/// Keeps a clock that moves by itself where it is, as long as somebody works.
pub(super) struct StandStill {
    runtime: tokio::runtime::Handle,
    working: Option<std::sync::mpsc::Sender<()>>,
}

impl StandStill {
    pub(super) fn new(runtime: tokio::runtime::Handle) -> Self {
        let mut still = Self { runtime, working: None };
        still.hold();
        still
    }

    fn hold(&mut self) {
        let (working, over) = std::sync::mpsc::channel();
        // Such a clock does not move while the runtime has a thread that blocks.
        self.runtime.spawn_blocking(move || over.recv());
        self.working = Some(working);
    }
}

thread_local! {
    /// The clock that stands still for the work of this thread.
    static STILL: RefCell<Option<StandStill>> = const { RefCell::new(None) };
}

/// The time in which a clock stands still for the work of a thread.
pub(super) struct StandsStill;

impl StandsStill {
    pub(super) fn begin(still: Option<StandStill>) -> Self {
        STILL.set(still);
        Self
    }
}

impl Drop for StandsStill {
    fn drop(&mut self) {
        STILL.set(None);
    }
}

/// How long a thread may wait before a clock that stands still for it moves on: answers come sooner, unless they need
/// time to pass.
const STILL_FOR: Duration = Duration::from_millis(50);

/// Sleeps until a future is ready that another thread drives.
fn sleep_until_ready<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    let (mut still, began) = (STILL.take(), Instant::now());
    let output = loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            break output;
        }
        match still.as_mut().filter(|still| still.working.is_some()) {
            Some(still) if began.elapsed() >= STILL_FOR => still.working = None,
            Some(_) => thread::park_timeout(STILL_FOR),
            None => thread::park(),
        }
    };
    if let Some(still) = still.as_mut().filter(|still| still.working.is_none()) {
        still.hold();
    }
    STILL.set(still);
    output
}

/// `to_send` for code that may block: `main`, hooks and workers. Stays on its thread.
pub struct BlockingToSend {
    pub(super) inner: ToSend,
    pub(super) stays: PhantomData<*const ()>,
}

impl BlockingToSend {
    /// A request; see [`ToSend::request`]. It leaves with [`Request::wait`] or [`Request::start`].
    pub fn request<R: DeserializeOwned>(&self, connection: &str, args: impl Serialize) -> Request<R> {
        self.inner.request(connection, args)
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
        match mover() {
            Some(mover) => mover.sleep(time, &self.inner.scope),
            None => {
                thread::sleep(time);
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
        wait_for(&self.inner, None, future)
    }

    /// Whether the service was asked to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.inner.shared.stop.is_requested()
    }

    /// Whether a stop is to end what uses this: `main` and `init_function`, but not a handler.
    pub(crate) fn ends_at_stop(&self) -> bool {
        self.inner.scope.ends_at_stop
    }
}

/// A request on its way whose answer blocking code will wait for.
pub type BlockingPending<R> = Pending<R>;
