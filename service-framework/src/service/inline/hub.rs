//! The one thread of an inline group: what waits there, and what moves it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use super::host::{Host, Input, Message};
use super::ways::Ways;
use crate::connection::{SendError, Wake};
use crate::service::blocking::StandStill;
use crate::service::error::RunError;
use crate::service::link::Owned;
use crate::service::state_table::OutState;
use crate::service::stop::Stop;
use crate::state::{Change, Changes};

/// A time that never comes.
pub(super) const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

/// Changes that one service is told before others have their turn.
const MOST_CHANGES: usize = 64;

/// The thread that all services of a group share.
pub(crate) struct Hub {
    runtime: Runtime,
    pub(super) local: LocalSet,
    pub(super) wake: Arc<Wake>,
    pub(super) depth: Cell<usize>,
    /// Handlers that wait.
    pub(super) waiting: Rc<Cell<usize>>,
    stop: Stop,
    stopped: Arc<Notify>,
    /// Whether time stands still unless nothing else is left to do.
    is_paused: bool,
    pub(super) members: RefCell<Vec<Member>>,
}

/// One service of the group.
pub(super) struct Member {
    pub(super) host: Rc<Host>,
    pub(super) ways: Rc<Ways>,
    pub(super) told: Vec<Told>,
    pub(super) _owned: Owned,
}

/// Changes of one state for the handler that is told them.
pub(super) struct Told {
    pub(super) changes: Changes,
    pub(super) input: Rc<Input>,
    /// Which of several owners they are of.
    pub(super) topic: Option<String>,
}

impl Hub {
    pub(super) fn new(stop: &Stop, is_paused: bool) -> Result<Rc<Self>, RunError> {
        let failed = |what| move |source| RunError::System { what, source };
        let runtime = runtime(is_paused).map_err(failed("start the async runtime"))?;
        let wake = Arc::new(Wake::new().map_err(failed("open an eventfd"))?);
        let stopped = Arc::new(Notify::new());
        let notify = stopped.clone();
        stop.listen(move || notify.notify_one());
        Ok(Rc::new(Self {
            runtime,
            local: LocalSet::new(),
            wake,
            depth: Cell::new(0),
            waiting: Rc::default(),
            stop: stop.clone(),
            stopped,
            is_paused,
            members: RefCell::default(),
        }))
    }

    /// Makes what handlers call of the runtime find it, for as long as the guard lives.
    pub(crate) fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Runs a future to its end.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        // Most requests have their answer when they return, and what is ready needs no runtime.
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => self.runtime.block_on(self.local.run_until(future)),
        }
    }

    /// Runs a future until it ends or the group is asked to stop, which drops it where it waits.
    pub(in crate::service) fn block_on_until_stop<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        let mut stopped = std::pin::pin!(self.stopped.notified());
        self.block_on(std::future::poll_fn(|context| {
            if self.stop.is_requested() {
                return Poll::Ready(None);
            }
            match future.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => stopped.as_mut().poll(context).map(|()| None),
            }
        }))
    }

    /// Lets the group go on for so long.
    pub(in crate::service) fn sleep(&self, time: Duration, ends_at_stop: bool) -> Result<(), SendError> {
        let sleep = async { tokio::time::sleep(time).await };
        match ends_at_stop {
            true => self.block_on_until_stop(sleep).ok_or(SendError::Stopping),
            false => {
                self.block_on(sleep);
                Ok(())
            }
        }
    }

    /// What keeps a clock that moves by itself where it is, while a thread works.
    pub(super) fn keep_time_still(&self) -> Option<StandStill> {
        self.is_paused.then(|| StandStill::new(self.runtime.handle().clone()))
    }

    pub(super) fn count_waiting(&self) -> Counted {
        self.waiting.set(self.waiting.get() + 1);
        Counted(self.waiting.clone(), self.wake.clone())
    }

    /// Starts what moves everything that other threads and clocks set going.
    pub(super) fn start_pump(self: &Rc<Self>) {
        let rung = Arc::new(Notify::new());
        let ring = rung.clone();
        self.wake.on_ring(move || ring.notify_one());
        let hub = Rc::downgrade(self);
        self.local.spawn_local(async move {
            while let Some(hub) = hub.upgrade() {
                let next = hub.turn();
                drop(hub);
                // Others have their turn too, however much there is to do.
                tokio::task::yield_now().await;
                match next {
                    Some(next) => drop(tokio::time::timeout_at(next.into(), rung.notified()).await),
                    None => rung.notified().await,
                }
            }
        });
    }

    /// Does what there is to do; when there is more.
    fn turn(&self) -> Option<Instant> {
        self.wake.clear(true);
        let now = tokio::time::Instant::now().into_std();
        let count = self.members.borrow().len();
        (0..count).filter_map(|index| self.turn_of(index, now)).min()
    }

    fn turn_of(&self, index: usize, now: Instant) -> Option<Instant> {
        let (host, ways) = {
            let members = self.members.borrow();
            let member = members.get(index)?;
            (member.host.clone(), member.ways.clone())
        };
        for command in host.shared.link.commands() {
            ways.carry_out(command);
        }
        host.take_turns_if_any(self);
        let states = host.shared.states.outs.iter().filter_map(|(_, state)| match state {
            OutState::Delta(owner) => {
                owner.on_time(now);
                owner.next_time()
            }
            OutState::Full(_) => None,
        });
        let next = states.chain(ways.expire(now)).min();
        self.tell_changes(index);
        next
    }

    /// Calls the handlers of changes of states.
    fn tell_changes(&self, index: usize) {
        for _ in 0..MOST_CHANGES {
            let next = {
                let members = self.members.borrow();
                let Some(member) = members.get(index) else { return };
                member.told.iter().find_map(|told| {
                    let mut changes = told.changes.lock().unwrap_or_else(PoisonError::into_inner);
                    changes.pop_front().map(|change| (told.input.clone(), told.topic.clone(), change))
                })
            };
            let Some((input, topic, (args, workflow))) = next else { return };
            let args = Change { args, workflow: None }.with_topic(topic.as_deref()).args;
            input.tell(Message { args, workflow, deadline: None });
        }
        self.wake.ring();
    }

    /// Lets everything go on until nothing is left that could without time passing; of a clock that stands still.
    #[cfg(feature = "testing")]
    pub(crate) fn settle(&self) {
        // Such a clock moves on only when all else is idle.
        self.block_on(tokio::time::sleep(Duration::from_millis(1)));
    }

    /// Ends it without waiting for threads that do not come back.
    pub(super) fn close(hub: Rc<Self>) {
        hub.members.take();
        if let Ok(hub) = Rc::try_unwrap(hub).map_err(drop) {
            drop(hub.local);
            hub.runtime.shutdown_background();
        }
    }

    /// Waits until nothing is left to do, at most for so long; whether that is so.
    pub(super) fn drain(&self, grace: Duration) -> bool {
        let _entered = self.enter();
        self.block_on(async {
            let now = tokio::time::Instant::now();
            let end = now.checked_add(grace).unwrap_or(now + FAR);
            while self.is_busy() && tokio::time::Instant::now() < end {
                self.wake.ring();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        !self.is_busy()
    }

    /// Whether a handler waits, or something for one.
    fn is_busy(&self) -> bool {
        let members = self.members.borrow();
        self.waiting.get() > 0 || members.iter().any(Member::has_work)
    }
}

impl Member {
    fn has_work(&self) -> bool {
        let is_told = |told: &Told| !told.changes.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        self.host.has_queued() || self.host.shared.link.has_commands() || self.told.iter().any(is_told)
    }
}

impl Host {
    pub(super) fn take_turns_if_any(&self, hub: &Hub) {
        if self.has_queued() {
            self.take_turns(hub);
        }
    }
}

#[cfg(feature = "testing")]
fn runtime(is_paused: bool) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(is_paused).build()
}

#[cfg(not(feature = "testing"))]
fn runtime(_is_paused: bool) -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// One handler that waits.
pub(super) struct Counted(Rc<Cell<usize>>, Arc<Wake>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
        // What waited for room may have it now.
        self.1.ring();
    }
}
