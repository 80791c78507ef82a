//! A thread that owns the out connections and runs one thing at a time: `main`, `init_function`, signal handlers.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::link::{Link, Owned};
use super::outs::Outs;
use super::scope::Scope;
use super::shared::Shared;
use super::state_sockets::StateSockets;
use crate::connection::is_ready;
use crate::connection::{PollItem, SendError, SocketError, poll, readable};

/// The number under which the one thing that runs is woken; tasks of the owner loop count from 0.
const ONLY_TASK: u64 = u64::MAX;

/// The out connections of one service on this thread.
pub(crate) struct Reactor {
    shared: Arc<Shared>,
    pub(crate) outs: Rc<RefCell<Outs>>,
    pub(crate) states: RefCell<StateSockets>,
    waker: Waker,
    _owned: Owned,
}

/// Wakes a task wherever it is called from.
pub(crate) struct TaskWaker {
    pub(crate) link: Arc<Link>,
    pub(crate) task: u64,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.link.wake_task(self.task);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.link.wake_task(self.task);
    }
}

impl Reactor {
    /// Makes this thread the owner.
    pub(crate) fn new(shared: Arc<Shared>, outs: Outs, states: StateSockets) -> Rc<Self> {
        let outs = Rc::new(RefCell::new(outs));
        let owned = shared.link.own(outs.clone());
        let waker = Waker::from(Arc::new(TaskWaker { link: shared.link.clone(), task: ONLY_TASK }));
        Rc::new(Self { shared, outs, states: RefCell::new(states), waker, _owned: owned })
    }

    /// Runs a future to its end.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        loop {
            if let Some(output) = self.poll_once(future.as_mut()) {
                return output;
            }
        }
    }

    /// Runs a future until it ends or the service is asked to stop, which drops it where it waits.
    pub(crate) fn block_on_until_stop<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        while !self.shared.stop.is_requested() {
            if let Some(output) = self.poll_once(future.as_mut()) {
                return Some(output);
            }
        }
        None
    }

    /// Polls once, and if that is not the end waits for a reason to poll again, or for a stop.
    fn poll_once<F: Future>(&self, future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        if let Poll::Ready(output) = future.poll(&mut Context::from_waker(&self.waker)) {
            return Some(output);
        }
        let stopping_before = self.shared.stop.is_requested();
        while !self.shared.link.take_woken(ONLY_TASK) && self.shared.stop.is_requested() == stopping_before {
            self.turn(None);
        }
        None
    }

    /// Moves bytes until a time has come.
    pub(crate) fn sleep(&self, until: Instant, scope: &Scope) -> Result<(), SendError> {
        while Instant::now() < until {
            if scope.ends_at_stop && self.shared.stop.is_requested() {
                return Err(SendError::Stopping);
            }
            self.turn(Some(until));
        }
        Ok(())
    }

    /// Waits for something to do, at most until a time, and does it.
    fn turn(&self, until: Option<Instant>) {
        if let Err(error) = self.try_turn(until) {
            // Only a destroyed context gets here; nothing will come from it any more.
            tracing::error!(%error, "the sockets are gone");
            self.outs.borrow_mut().stop();
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn try_turn(&self, until: Option<Instant>) -> Result<(), SocketError> {
        let ready = {
            let (outs, states) = (self.outs.borrow(), self.states.borrow());
            let mut items: Vec<PollItem<'_>> = vec![readable(self.shared.link.wake.fd())];
            outs.poll_items(&mut items);
            states.poll_items(&mut items);
            let until = [until, outs.next_deadline(), states.next_time()].into_iter().flatten().min();
            poll(&mut items, until.map(|until| until.saturating_duration_since(Instant::now())))?;
            items.iter().map(is_ready).collect::<Vec<_>>()
        };
        self.take_in(&ready)
    }

    /// Carries out what other threads asked for and takes in what a poll found ready of the bell, the out connections
    /// and the states.
    pub(crate) fn take_in(&self, ready: &[bool]) -> Result<(), SocketError> {
        let (bell, ready) = ready.split_at(1);
        self.shared.link.wake.clear(bell == [true]);
        let now = Instant::now();
        let mut states = self.states.borrow_mut();
        let (ready, of_states) = ready.split_at(ready.len() - states.places());
        states.turn(of_states, now)?;
        drop(states);
        let mut outs = self.outs.borrow_mut();
        for command in self.shared.link.commands() {
            outs.carry_out(command, now);
        }
        outs.on_ready(ready, now)?;
        outs.expire(now);
        Ok(())
    }
}
