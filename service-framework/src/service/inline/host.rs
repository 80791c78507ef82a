//! One service of an inline group: its handlers, called like functions.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::hub::Hub;
use crate::service::answer::{Agreement, error};
use crate::service::blocking::{StandsStill, may_not_block};
use crate::service::extract::Run;
use crate::service::handler::{Fault, InlineCall, Rest, Step};
use crate::service::input::{InHandler, call_blocking, overloaded, panic_text, too_late};
use crate::service::scope::{Scope, enter};
use crate::service::shared::Shared;
use crate::wire::{ErrorReply, WorkflowId, codes};

/// Handlers within handlers, each called by the one before; deeper, calls wait for their turn.
const DEEPEST: usize = 32;
/// Handlers that wait at the same time; beyond, requests are refused and published messages lost.
const MOST_WAITING: usize = 10_000;
/// Messages that wait for their turn with one service.
const MOST_QUEUED: usize = 100_000;
/// Messages that one service handles before others have their turn.
const MOST_TURNS: usize = 64;

/// Return arguments that have been checked, or an error reply.
pub(in crate::service) type Settled = Result<Vec<u8>, ErrorReply>;

/// What a request led to.
pub(in crate::service) enum Asked {
    /// Its answer.
    Now(Settled),
    /// Its answer comes.
    Later(oneshot::Receiver<Settled>),
}

/// One service.
pub(super) struct Host {
    pub(super) shared: Arc<Shared>,
    pub(super) hub: Weak<Hub>,
    /// Whether a plain handler of it runs.
    is_busy: Cell<bool>,
    /// What came meanwhile, in order.
    queue: RefCell<VecDeque<Delivery>>,
}

/// One in connection.
pub(in crate::service) struct Input {
    pub(super) host: Rc<Host>,
    pub(super) agreement: Arc<Agreement>,
    pub(super) handler: InHandler,
}

/// A message for a handler.
struct Delivery {
    input: Rc<Input>,
    message: Message,
    answer: Option<oneshot::Sender<Settled>>,
}

/// Arguments on their way, with the workflow that they belong to.
pub(in crate::service) struct Message {
    pub(in crate::service) args: Vec<u8>,
    pub(in crate::service) workflow: WorkflowId,
    pub(in crate::service) deadline: Option<Instant>,
}

/// What calling a handler led to.
enum Outcome {
    Settled(Settled),
    Waits(Task),
    /// A worker has it.
    Given(oneshot::Receiver<Settled>),
}

/// A handler that waits.
struct Task {
    input: Rc<Input>,
    rest: Rest,
    args: Vec<u8>,
    workflow: Vec<u8>,
    is_asked: bool,
}

impl Host {
    pub(super) fn new(shared: Arc<Shared>, hub: Weak<Hub>) -> Rc<Self> {
        Rc::new(Self { shared, hub, is_busy: Cell::new(false), queue: RefCell::default() })
    }

    /// Whether a handler may be called right now.
    fn is_free(&self, hub: &Hub) -> bool {
        !self.is_busy.get() && self.queue.borrow().is_empty() && hub.depth.get() < DEEPEST
    }

    pub(super) fn has_queued(&self) -> bool {
        !self.queue.borrow().is_empty()
    }

    /// Calls the handlers of what came while one ran, for as long as none of them runs.
    pub(super) fn take_turns(&self, hub: &Hub) {
        for _ in 0..MOST_TURNS {
            if self.is_busy.get() || hub.depth.get() >= DEEPEST {
                break;
            }
            let Some(delivery) = self.next(hub) else { return };
            let Delivery { input, message, answer } = delivery;
            let outcome = input.run(hub, message, answer.is_some());
            hub.conclude(outcome, answer);
        }
        // Somebody above in the stack, or the pump, goes on.
        hub.wake.ring();
    }

    /// The next delivery, unless it is a message that has to wait for room: nobody is told when one is refused.
    fn next(&self, hub: &Hub) -> Option<Delivery> {
        let mut queue = self.queue.borrow_mut();
        let must_wait = queue.front().is_some_and(|next| next.answer.is_none() && !next.input.has_room(hub));
        if must_wait { None } else { queue.pop_front() }
    }

    /// Lets a message wait for its turn; whether there is room for that.
    fn queue(&self, delivery: Delivery) -> bool {
        let mut queue = self.queue.borrow_mut();
        let has_room = queue.len() < MOST_QUEUED;
        if has_room {
            queue.push_back(delivery);
        }
        has_room
    }
}

impl Input {
    /// Asks: the handler runs at once if it may, and if it does not wait that is all.
    pub(in crate::service) fn ask(self: &Rc<Self>, message: Message) -> Asked {
        let Some(hub) = self.host.hub.upgrade() else { return Asked::Now(Err(stopping())) };
        if !self.host.is_free(&hub) {
            let (answer, answered) = oneshot::channel();
            if !self.host.queue(Delivery { input: self.clone(), message, answer: Some(answer) }) {
                return Asked::Now(Err(too_many()));
            }
            self.host.take_turns(&hub);
            return Asked::Later(answered);
        }
        let outcome = self.run(&hub, message, true);
        let asked = match outcome {
            Outcome::Settled(settled) => Asked::Now(settled),
            Outcome::Given(answered) => Asked::Later(answered),
            Outcome::Waits(task) => {
                let (answer, answered) = oneshot::channel();
                hub.spawn(task, Some(answer));
                Asked::Later(answered)
            }
        };
        self.host.take_turns(&hub);
        asked
    }

    /// Tells: nobody waits for an answer.
    pub(super) fn tell(self: &Rc<Self>, message: Message) {
        let Some(hub) = self.host.hub.upgrade() else { return };
        if self.host.is_free(&hub) && self.has_room(&hub) {
            let outcome = self.run(&hub, message, false);
            hub.conclude(outcome, None);
        } else if !self.host.queue(Delivery { input: self.clone(), message, answer: None }) {
            self.agreement.counters.dropped.add_one();
            if self.agreement.not_understood.allows() {
                let (connection, dropped) = (&self.agreement.name, self.agreement.counters.dropped.get());
                tracing::warn!(
                    connection,
                    dropped,
                    "messages are lost: they come faster than they are handled"
                );
            }
        }
        self.host.take_turns(&hub);
    }

    /// Whether one more message would be handled, now or by a worker.
    fn has_room(&self, hub: &Hub) -> bool {
        let has_worker = !matches!(&self.handler, InHandler::Workers { pool, .. } if !pool.has_room());
        has_worker && hub.waiting.get() < MOST_WAITING
    }

    /// Calls the handler.
    fn run(self: &Rc<Self>, hub: &Hub, message: Message, is_asked: bool) -> Outcome {
        let Message { args, workflow, deadline } = message;
        if let Some(refused) = self.refusal(hub, &args, deadline) {
            return Outcome::Settled(self.settle(Err(refused), &args, is_asked));
        }
        let raw = raw(&workflow);
        match &self.handler {
            InHandler::Inline(call) => {
                self.run_inline(hub, &**call, (args, workflow, raw), deadline, is_asked)
            }
            InHandler::Workers { pool, .. } if !pool.has_room() => {
                Outcome::Settled(self.settle(Err(overloaded()), &args, is_asked))
            }
            InHandler::Workers { call, pool } => {
                let (call, agreement, shared) =
                    (call.clone(), self.agreement.clone(), self.host.shared.clone());
                let (answer, answered) = oneshot::channel();
                let scope = Arc::new(Scope::of_workflow(workflow, deadline.map(Instant::into_std)));
                let active = hub.keep_time_still();
                let job = move || {
                    let _active = StandsStill::begin(active);
                    let mut returned = Vec::new();
                    let outcome = call_blocking(&call, &shared, &args, &scope, &mut returned);
                    let outcome =
                        outcome.map(|()| &returned[..]).map_err(|fault| agreement.explain(fault, &args));
                    let _ = answer.send(agreement.settle(outcome, is_asked).map(<[u8]>::to_vec));
                    shared.link.wake.ring();
                };
                let _queued = pool.submit(Box::new(job));
                Outcome::Given(answered)
            }
        }
    }

    fn run_inline(
        self: &Rc<Self>,
        hub: &Hub,
        call: &InlineCall,
        (args, workflow, raw): (Vec<u8>, WorkflowId, Vec<u8>),
        deadline: Option<Instant>,
        is_asked: bool,
    ) -> Outcome {
        let _entered = enter(Some(&raw));
        let made = OnceCell::new();
        let make = || Arc::new(Scope::of_workflow(workflow.clone(), deadline.map(Instant::into_std)));
        let scope = || made.get_or_init(make).clone();
        let run = Run { shared: &self.host.shared, scope: &scope };
        let mut returned = Vec::new();
        let step = {
            let _alone = may_not_block();
            let _deeper = Deeper::enter(&hub.depth);
            self.host.is_busy.set(true);
            let step = catch_unwind(AssertUnwindSafe(|| call(&run, &args, &mut returned)));
            self.host.is_busy.set(false);
            step.unwrap_or_else(|panic| Step::Done(Err(Fault::Panic(panic_text(&*panic)))))
        };
        match step {
            Step::Done(outcome) => {
                Outcome::Settled(self.settle(outcome.map(|()| &returned[..]), &args, is_asked))
            }
            Step::Later(rest) => {
                let mut task = Task { input: self.clone(), rest, args, workflow: raw, is_asked };
                let _deeper = Deeper::enter(&hub.depth);
                match task.poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(settled) => Outcome::Settled(settled),
                    Poll::Pending => Outcome::Waits(task),
                }
            }
        }
    }

    fn refusal(&self, hub: &Hub, args: &[u8], deadline: Option<Instant>) -> Option<Fault> {
        if let Err(error) = self.agreement.check_arguments(args) {
            return Some(Fault::Ready(error));
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Some(too_late());
        }
        (hub.waiting.get() >= MOST_WAITING).then(|| Fault::Ready(too_many()))
    }

    fn settle(&self, returned: Result<&[u8], Fault>, args: &[u8], is_asked: bool) -> Settled {
        let returned = returned.map_err(|fault| self.agreement.explain(fault, args));
        self.agreement.settle(returned, is_asked).map(<[u8]>::to_vec)
    }
}

impl Task {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Settled> {
        let _entered = enter(Some(&self.workflow));
        let _alone = may_not_block();
        // What it tells or asks meanwhile waits with its own service, as it would over sockets.
        let was_busy = self.input.host.is_busy.replace(true);
        let polled = catch_unwind(AssertUnwindSafe(|| self.rest.as_mut().poll(context)));
        self.input.host.is_busy.set(was_busy);
        let returned = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(returned)) => returned,
            Err(panic) => Err(Fault::Panic(panic_text(&*panic))),
        };
        let settled = match returned {
            Ok(returned) => self.input.settle(Ok(&returned), &self.args, self.is_asked),
            Err(fault) => self.input.settle(Err(fault), &self.args, self.is_asked),
        };
        Poll::Ready(settled)
    }
}

impl Hub {
    fn conclude(&self, outcome: Outcome, answer: Option<oneshot::Sender<Settled>>) {
        match (outcome, answer) {
            (Outcome::Settled(settled), Some(answer)) => drop(answer.send(settled)),
            (Outcome::Settled(_), None) => {}
            (Outcome::Waits(task), answer) => self.spawn(task, answer),
            (Outcome::Given(answered), answer) => self.pass_on(answered, answer),
        }
    }

    fn spawn(&self, mut task: Task, answer: Option<oneshot::Sender<Settled>>) {
        let counted = self.count_waiting();
        let hub = task.input.host.hub.clone();
        self.local.spawn_local(async move {
            let _counted = counted;
            let settled = std::future::poll_fn(|context| {
                let polled = task.poll(context);
                if let Some(hub) = hub.upgrade() {
                    task.input.host.take_turns_if_any(&hub);
                }
                polled
            });
            let settled = settled.await;
            if let Some(answer) = answer {
                let _ = answer.send(settled);
            }
        });
    }

    fn pass_on(&self, answered: oneshot::Receiver<Settled>, answer: Option<oneshot::Sender<Settled>>) {
        let counted = self.count_waiting();
        self.local.spawn_local(async move {
            let _counted = counted;
            if let (Ok(settled), Some(answer)) = (answered.await, answer) {
                let _ = answer.send(settled);
            }
        });
    }
}

/// One level of handlers within handlers.
struct Deeper<'a>(&'a Cell<usize>);

impl<'a> Deeper<'a> {
    fn enter(depth: &'a Cell<usize>) -> Self {
        depth.set(depth.get() + 1);
        Self(depth)
    }
}

impl Drop for Deeper<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

fn too_many() -> ErrorReply {
    error(codes::OVERLOADED, "too many requests are being handled")
}

fn stopping() -> ErrorReply {
    error(codes::STOPPING, "the service is stopping")
}

fn raw(id: &WorkflowId) -> Vec<u8> {
    let mut raw = Vec::new();
    id.write(&mut raw);
    raw
}
