//! The owner of a full state with its publisher: whoever subscribes is sent what there is.

use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::outlet::Outlet;
use super::raw::Raw;
use super::replica::Status;
use super::socket::StateSocket;
use super::view::FullView;
use crate::connection::{PollItem, Publisher, SendError, SocketError, Wake, readable};
use crate::model::Checker;
use crate::wire::WorkflowId;

/// Subscribers that come within this time are sent the last value together.
const TOGETHER: Duration = Duration::from_millis(20);
/// Of values that are set within this time only the newest is sent, if they are to be conflated.
const CONFLATED: Duration = Duration::from_millis(10);

/// A full state where it belongs. Any thread may set it.
pub(crate) struct FullOwner {
    name: String,
    rules: Checker,
    conflates: bool,
    inner: Mutex<Inner>,
    /// Rung when the thread that keeps the times has a new one.
    wake: Arc<Wake>,
}

#[derive(Default)]
struct Inner {
    value: Option<Raw>,
    /// None before the socket is open and after it is closed.
    publisher: Option<Outlet>,
    /// The value's workflow, if it is still to be sent.
    unsent: Option<WorkflowId>,
    /// When something was sent last.
    sent: Option<Instant>,
    /// When to send the value, for the first time or again.
    send_at: Option<Instant>,
}

impl FullOwner {
    pub(crate) fn new(name: &str, rules: Checker, conflates: bool, wake: Arc<Wake>) -> Self {
        Self { name: name.into(), rules, conflates, inner: Mutex::default(), wake }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes from now on; the descriptor tells of subscribers.
    pub(crate) fn open(&self, publisher: Publisher) -> Result<RawFd, SocketError> {
        let fd = publisher.fd()?;
        self.lock().publisher = Some(Outlet::Socket(publisher));
        Ok(fd)
    }

    /// Publishes to handlers of the same thread from now on.
    pub(crate) fn open_inside(&self, outlet: Outlet) {
        self.lock().publisher = Some(outlet);
    }

    /// Sets the state.
    pub(crate) fn set(&self, value: &[u8], workflow: &WorkflowId) -> Result<(), SendError> {
        let name = || self.name.clone();
        self.rules
            .check(value)
            .map_err(|mismatches| SendError::InvalidArguments { connection: name(), mismatches })?;
        SendError::unless_they_fit(&self.name, value.len())?;
        let mut inner = self.lock();
        if inner.publisher.is_none() {
            return Err(SendError::Stopping);
        }
        inner.value = Some(value.into());
        inner.unsent = Some(workflow.clone());
        let before = inner.send_at;
        let sent = match inner.sent.filter(|_| self.conflates) {
            Some(sent) if sent.elapsed() < CONFLATED => {
                inner.send_at.get_or_insert(sent + CONFLATED);
                Ok(())
            }
            _ => inner.send(Instant::now()),
        };
        if inner.send_at.is_some() && inner.send_at != before {
            self.wake.ring();
        }
        sent.map_err(|source| SendError::Socket { connection: name(), source })
    }

    pub(crate) fn view(&self) -> FullView {
        FullView::new(self.lock().value.clone(), (None, None), Status::Current)
    }
}

impl Inner {
    /// Sends the value, and notes whether somebody has subscribed who may have come too late for that.
    fn send(&mut self, now: Instant) -> Result<(), SocketError> {
        let (Some(value), Some(publisher)) = (&self.value, &mut self.publisher) else { return Ok(()) };
        self.send_at = None;
        self.sent = Some(now);
        match self.unsent.take() {
            Some(workflow) => publisher.publish(value, &workflow)?,
            None => publisher.publish_again()?,
        }
        self.greet(now)
    }

    /// Has the value sent to whoever has subscribed meanwhile.
    fn greet(&mut self, now: Instant) -> Result<(), SocketError> {
        let Some(publisher) = &self.publisher else { return Ok(()) };
        if publisher.take_subscriptions()? && self.value.is_some() {
            let soon = self.sent.map_or(now, |sent| (sent + TOGETHER).max(now));
            self.send_at = Some(self.send_at.map_or(soon, |at| at.min(soon)));
        }
        Ok(())
    }
}

/// The end of a full state that hears of subscribers.
pub(crate) struct FullServer {
    owner: Arc<FullOwner>,
    fd: RawFd,
}

impl FullServer {
    pub(crate) fn new(owner: Arc<FullOwner>, fd: RawFd) -> Self {
        Self { owner, fd }
    }
}

impl StateSocket for FullServer {
    fn poll_items<'a>(&'a self, items: &mut Vec<PollItem<'a>>) {
        items.push(readable(self.fd));
    }

    fn places(&self) -> usize {
        1
    }

    fn turn(&mut self, ready: &[bool], now: Instant) -> Result<(), SocketError> {
        let mut inner = self.owner.lock();
        if ready == [true] {
            inner.greet(now)?;
        }
        if inner.send_at.is_some_and(|at| at <= now) {
            inner.send(now)?;
        }
        Ok(())
    }

    fn next_time(&self) -> Option<Instant> {
        let inner = self.owner.lock();
        inner.send_at.filter(|_| inner.publisher.is_some())
    }

    fn close(&mut self) {
        let mut inner = self.owner.lock();
        // What was set last is not lost for having been set too fast.
        if inner.unsent.is_some()
            && let Err(error) = inner.send(Instant::now())
        {
            tracing::error!(state = self.owner.name, %error, "the last value was not sent");
        }
        inner.publisher = None;
    }
}
