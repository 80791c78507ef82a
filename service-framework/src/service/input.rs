//! One in connection: its socket, its handler, and how a message gets from one to the other.

use std::any::Any;
use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::answer::{Admitted, Agreement, Concluded, error};
use super::extract::Run;
use super::handler::{Blocking, Fault, InlineCall, Rest, Step};
use super::pool::{Job, Pool};
use super::scope::{Entered, Scope, enter};
use super::shared::Shared;
use super::state_sockets::ChangeQueue;
use crate::connection::tap::{Kind, Observed};
use crate::connection::{Frame, PollItem, Received, Replyer, Route, SocketError, Subscriber};
use crate::wire::{WorkflowId, codes};

/// One in connection, open.
pub(crate) struct Input {
    pub(crate) agreement: Arc<Agreement>,
    pub(crate) socket: InSocket,
    pub(crate) handler: InHandler,
    /// Whether the handler asks where messages come from.
    pub(crate) asks_caller: bool,
}

pub(crate) enum InSocket {
    Replyer(Replyer),
    Subscriber(Subscriber),
    /// What changes in a replica.
    Changes(ChangeQueue),
}

pub(crate) enum InHandler {
    Inline(Rc<InlineCall>),
    Workers { call: Blocking, pool: Rc<Pool> },
}

/// A message that came in: who waits for an answer, the frame, and where in it the payload begins.
pub(crate) struct Message {
    route: Option<Route>,
    frame: Frame,
    start: usize,
    pub(crate) arrived: Instant,
}

/// What became of a message on the owner thread.
pub(crate) enum Handled {
    /// It is through; the reply, if somebody waits for one, is in the buffer.
    Through(Option<Route>),
    /// Its handler waits.
    Waits(Waiting),
    /// A worker has it; what it makes of it comes as [`Finished`].
    Given,
}

/// A handler that waits, and whom its answer is for.
pub(crate) struct Waiting {
    rest: Rest,
    pub(crate) route: Option<Route>,
    pub(crate) workflow_id: Option<Box<[u8]>>,
    log_id: Option<Box<[u8]>>,
    pub(crate) arrived: Instant,
}

/// What workers have finished: who waits for it, and the reply.
#[derive(Default)]
pub(crate) struct Finished(Mutex<Vec<Reply>>);

/// One worker's reply, for the in connection of this number.
pub(crate) struct Reply {
    pub(crate) input: usize,
    pub(crate) route: Option<Route>,
    pub(crate) body: Vec<u8>,
}

impl Finished {
    pub(crate) fn take(&self) -> Vec<Reply> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, reply: Reply) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
    }
}

/// What handling a message needs besides its connection.
pub(crate) struct Hands<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) finished: &'a Arc<Finished>,
    /// The number of the in connection.
    pub(crate) input: usize,
    /// Why no handler is to be called, if none is: a code and a sentence.
    pub(crate) refuse: Option<(&'static str, &'static str)>,
}

/// Memory that is used again for every message.
#[derive(Default)]
pub(crate) struct Buffers {
    returned: Vec<u8>,
    pub(crate) reply: Vec<u8>,
}

impl Input {
    /// Its place in a poll set; changes of a replica have none.
    pub(crate) fn poll_item(&self) -> Option<PollItem<'_>> {
        match &self.socket {
            InSocket::Replyer(replyer) => Some(replyer.poll_item()),
            InSocket::Subscriber(subscriber) => Some(subscriber.poll_item()),
            InSocket::Changes(_) => None,
        }
    }

    /// Whether nobody waits for an answer.
    pub(crate) fn is_subscriber(&self) -> bool {
        !matches!(self.socket, InSocket::Replyer(_))
    }

    /// Whether changes of a replica wait for their handler.
    pub(crate) fn has_changes(&self) -> bool {
        matches!(&self.socket, InSocket::Changes(changes) if !changes.borrow().is_empty())
    }

    /// Whether its messages should stay where they are: nobody is told when a published one is refused.
    pub(crate) fn must_wait(&self, full: bool) -> bool {
        let no_worker = matches!(&self.handler, InHandler::Workers { pool, .. } if !pool.has_room());
        self.is_subscriber() && (full || no_worker)
    }

    /// Sends a reply to whoever waits for it; gives the memory of the body back if that is free again.
    pub(crate) fn reply(&mut self, route: Option<Route>, body: Vec<u8>) -> Result<Vec<u8>, SocketError> {
        match (&mut self.socket, route) {
            (InSocket::Replyer(replyer), Some(route)) => replyer.reply(route, body),
            _ => Ok(body),
        }
    }

    /// Sends replies again that had no room, if it is time for that, and follows publishers that come and go.
    pub(crate) fn flush(&mut self, now: Instant) -> Result<(), SocketError> {
        match &mut self.socket {
            InSocket::Replyer(replyer) => replyer.flush(now)?,
            InSocket::Subscriber(subscriber) => subscriber.follow(),
            InSocket::Changes(_) => {}
        }
        Ok(())
    }

    /// When replies that had no room are to be sent again.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        match &self.socket {
            InSocket::Replyer(replyer) => replyer.retry_at(),
            InSocket::Subscriber(_) | InSocket::Changes(_) => None,
        }
    }

    /// Gives up the replies that still wait for room; how many that are.
    pub(crate) fn give_up(&mut self) -> usize {
        match &mut self.socket {
            InSocket::Replyer(replyer) => replyer.give_up(),
            InSocket::Subscriber(_) | InSocket::Changes(_) => 0,
        }
    }

    /// The next message.
    pub(crate) fn receive(&mut self) -> Result<Received<Message>, SocketError> {
        let received = match &mut self.socket {
            InSocket::Replyer(replyer) => replyer.receive()?.map(|asked| (Some(asked.route), asked.body, 0)),
            InSocket::Subscriber(subscriber) => {
                subscriber.receive()?.map(|(frame, start)| (None, frame, start))
            }
            InSocket::Changes(changes) => match changes.borrow_mut().pop_front() {
                Some(change) => Received::Message((None, Frame::from(change.into_message()), 0)),
                None => Received::Nothing,
            },
        };
        if let Received::Junk(frame) = &received {
            let frame = frame.as_deref().unwrap_or_default();
            self.agreement.counters.tap.observe(|| Observed::came_in(Kind::Junk, frame));
            self.agreement.not_a_message(frame);
        }
        let arrived = Instant::now();
        Ok(received.map(|(route, frame, start)| Message { route, frame, start, arrived }))
    }

    /// Shows a message that came in to whoever looks.
    #[cold]
    fn observe(&self, frame: &mut Frame) {
        let kind = match &self.socket {
            InSocket::Replyer(_) => Kind::Request,
            InSocket::Subscriber(_) => Kind::Message,
            InSocket::Changes(_) => Kind::Change,
        };
        let peer = frame.peer_address().map(ToOwned::to_owned);
        let seen = || Observed::came_in(kind, frame).with_peer(peer.as_deref());
        self.agreement.counters.tap.observe(seen);
    }

    /// Gives a message to its handler, unless it or the service is in no state for that.
    pub(crate) fn handle(&mut self, message: Message, hands: &Hands<'_>, buffers: &mut Buffers) -> Handled {
        let Message { route, mut frame, start, arrived } = message;
        let caller = if self.asks_caller { frame.peer_address().map(Into::into) } else { None };
        let agreement = &self.agreement;
        if agreement.counters.tap.is_watched() {
            self.observe(&mut frame);
        }
        let is_asked = route.is_some();
        let envelope = match agreement.open(&frame[start..]) {
            Ok(envelope) => envelope,
            Err(error) => {
                let message = Concluded::new(is_asked, None, arrived);
                agreement.conclude(Err(Fault::Ready(error)), &message, &mut buffers.reply);
                return Handled::Through(route);
            }
        };
        let message = Concluded::new(is_asked, envelope.workflow_id, arrived);
        let _entered = enter(envelope.workflow_id);
        if let InSocket::Subscriber(subscriber) = &mut self.socket {
            subscriber.note_sequence(envelope.epoch, envelope.seq);
        }
        let admitted = match agreement.admit(&envelope, arrived) {
            Ok(admitted) => admitted,
            Err(error) => {
                agreement.conclude(Err(Fault::Ready(error)), &message, &mut buffers.reply);
                return Handled::Through(route);
            }
        };
        let returned = match (refusal(&admitted, arrived, hands.refuse), &self.handler) {
            (Some(fault), _) => Err(fault),
            (None, InHandler::Inline(call)) => {
                match call_inline(&**call, &admitted, caller, hands.shared, buffers) {
                    (Step::Done(returned), _) => returned,
                    (Step::Later(rest), log_id) => {
                        let workflow_id = admitted.workflow_id.map(Into::into);
                        return Handled::Waits(Waiting { rest, route, workflow_id, log_id, arrived });
                    }
                }
            }
            (None, InHandler::Workers { pool, .. }) if !pool.has_room() => Err(overloaded()),
            (None, InHandler::Workers { call, pool }) => {
                // There is room, and only this thread takes it.
                let _queued = pool.submit(job(
                    call.clone(),
                    agreement.clone(),
                    &admitted,
                    caller,
                    (route, arrived, hands),
                ));
                return Handled::Given;
            }
        };
        let returned = match returned {
            Ok(()) => Ok(&buffers.returned[..]),
            Err(fault) => Err(agreement.explain(fault, admitted.args)),
        };
        agreement.conclude(returned, &message, &mut buffers.reply);
        agreement.counters.took.note(arrived.elapsed());
        Handled::Through(route)
    }
}

fn refusal(admitted: &Admitted<'_>, now: Instant, refuse: Option<(&str, &str)>) -> Option<Fault> {
    if let Some((code, message)) = refuse {
        return Some(Fault::Ready(error(code, message)));
    }
    admitted.deadline.is_some_and(|deadline| deadline <= now).then(too_late)
}

pub(crate) fn too_late() -> Fault {
    Fault::Ready(error(codes::DEADLINE_EXCEEDED, "the deadline passed before the handler began"))
}

pub(crate) fn overloaded() -> Fault {
    Fault::Ready(error(codes::OVERLOADED, "too many calls wait for a worker"))
}

/// Calls a handler; if it is to go on later, also with the id that its log lines carry.
fn call_inline(
    call: &InlineCall,
    admitted: &Admitted<'_>,
    caller: Option<Arc<str>>,
    shared: &Arc<Shared>,
    buffers: &mut Buffers,
) -> (Step, Option<Box<[u8]>>) {
    buffers.returned.clear();
    let made = OnceCell::new();
    let make = || Scope::of_message(admitted.workflow_id, admitted.deadline, caller.clone());
    let scope = || made.get_or_init(|| Arc::new(make())).clone();
    let run = Run { shared, scope: &scope };
    let step = catch_unwind(AssertUnwindSafe(|| call(&run, admitted.args, &mut buffers.returned)))
        .unwrap_or_else(|panic| Step::Done(Err(Fault::Panic(panic_text(&*panic)))));
    if matches!(step, Step::Done(_)) {
        return (step, None);
    }
    let log_id = made.get().and_then(|scope| scope.id()).map(|id| raw(id).into());
    (step, log_id.or_else(|| admitted.workflow_id.map(Into::into)))
}

fn raw(id: &WorkflowId) -> Vec<u8> {
    let mut raw = Vec::new();
    id.write(&mut raw);
    raw
}

/// What a worker does with a message.
fn job(
    call: Blocking,
    agreement: Arc<Agreement>,
    admitted: &Admitted<'_>,
    caller: Option<Arc<str>>,
    (route, arrived, hands): (Option<Route>, Instant, &Hands<'_>),
) -> Job {
    let (args, deadline, input) = (admitted.args.to_vec(), admitted.deadline, hands.input);
    let workflow_id = admitted.workflow_id.map(<[u8]>::to_vec);
    let (shared, finished) = (hands.shared.clone(), hands.finished.clone());
    Box::new(move || {
        let (workflow_id, mut returned, mut body) = (workflow_id.as_deref(), Vec::new(), Vec::new());
        let _entered = enter(workflow_id);
        let outcome = if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            Err(too_late())
        } else {
            let scope = Scope::of_message(workflow_id, deadline, caller).into();
            call_blocking(&call, &shared, &args, &scope, &mut returned)
        };
        let outcome = outcome.map(|()| &returned[..]).map_err(|fault| agreement.explain(fault, &args));
        let message = Concluded::new(route.is_some(), workflow_id, arrived);
        agreement.conclude(outcome, &message, &mut body);
        agreement.counters.took.note(arrived.elapsed());
        finished.push(Reply { input, route, body });
        shared.link.wake.ring();
    })
}

/// Calls a handler that may block, on the thread for it.
pub(crate) fn call_blocking(
    call: &Blocking,
    shared: &Arc<Shared>,
    args: &[u8],
    scope: &Arc<Scope>,
    returned: &mut Vec<u8>,
) -> Result<(), Fault> {
    let id = scope.id().map(raw);
    let _entered = enter(id.as_deref());
    let run = Run { shared, scope: &|| scope.clone() };
    catch_unwind(AssertUnwindSafe(|| call(&run, args, returned)))
        .unwrap_or_else(|panic| Err(Fault::Panic(panic_text(&*panic))))
}

impl Waiting {
    /// Makes log lines carry its id until the guard goes.
    pub(crate) fn enter(&self) -> Entered {
        enter(self.log_id.as_deref())
    }

    /// Lets the handler go on; what it returned, once it is through.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Option<Result<Vec<u8>, Fault>> {
        let mut context = Context::from_waker(waker);
        match catch_unwind(AssertUnwindSafe(|| self.rest.as_mut().poll(&mut context))) {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(returned)) => Some(returned),
            Err(panic) => Some(Err(Fault::Panic(panic_text(&*panic)))),
        }
    }
}

/// What a panic was raised with, if that was text.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
