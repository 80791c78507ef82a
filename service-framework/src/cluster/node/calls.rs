//! What an application does with its node.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::super::engine::{Call, Counts, Engine, Member};
use super::super::events::requests::{Request, Target};
use super::super::events::{CallError, Delivery, Payload, Policy, RequestError, Ticket};
use super::super::identity::NodeId;
use super::super::record::Instance;
use super::super::registry::Located;
use super::super::time::Now;
use super::super::transport::{Connections, Undelivered};
use super::handlers::{Asked, Event, HandlerError};
use super::shared::Core;
use super::{Happening, Node};

/// Outputs that may wait before those who make more must wait too.
const OUTPUTS: usize = 20_000;

/// How long the thread of the node may take, beyond what was asked for.
const SLACK: Duration = Duration::from_secs(5);

/// What became of an acknowledged event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Whether as many acknowledged as were asked for.
    pub is_met: bool,
    /// What became of it at each node.
    pub nodes: Vec<(NodeId, Delivery)>,
}

/// Something that is being waited for. Dropping it takes nothing back.
#[must_use = "without it nothing is known of how the call ends"]
#[derive(Debug)]
pub struct Waiting<T> {
    receiver: Receiver<T>,
    patience: Duration,
}

impl<T> Waiting<T> {
    pub(super) fn new(receiver: Receiver<T>, patience: Duration) -> Self {
        Self { receiver, patience: patience + SLACK }
    }

    /// Waits until it is there; nothing if the node has ended first.
    #[must_use]
    pub fn wait(self) -> Option<T> {
        self.receiver.recv_timeout(self.patience).ok()
    }

    /// What is there, if it is.
    #[must_use]
    pub fn now(&self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl Node {
    /// Does something with the machine, which may have something to do then.
    pub(super) fn with<T>(&self, call: impl FnOnce(&mut Core, Now) -> T) -> T {
        let now = self.shared.clock.now();
        let result = call(&mut self.shared.core(), now);
        (self.shared.bell)();
        result
    }

    /// The same once not too much waits.
    fn with_room<T>(&self, call: impl FnOnce(&mut Engine, Now) -> T) -> T {
        let mut core = self.shared.core();
        while core.engine.waiting() > OUTPUTS && !core.is_over {
            core = self.shared.wait(core, Duration::from_millis(20));
        }
        let result = call(&mut core.engine, self.shared.clock.now());
        drop(core);
        (self.shared.bell)();
        result
    }

    /// Calls `handler` at each event of this name, in the order of their sending. There may be several of one name.
    pub fn on(
        &self,
        name: &str,
        handler: impl Fn(&Self, &Event) -> Result<(), HandlerError> + Send + Sync + 'static,
    ) {
        self.shared.handlers.on(name, Arc::new(handler));
    }

    /// Answers requests of this name, from now on by this handler.
    pub fn on_request(
        &self,
        name: &str,
        handler: impl Fn(&Self, &Asked) -> Result<Payload, HandlerError> + Send + Sync + 'static,
    ) {
        self.shared.handlers.on_request(name, Arc::new(handler));
        self.with(|core, _| core.engine.serve([name.to_owned()]));
    }

    /// Everything that happens from now on. Whoever does not take it in time misses some: 10,000 wait.
    #[must_use]
    pub fn happenings(&self) -> Receiver<Happening> {
        self.shared.follow()
    }

    /// Sends an event to all members of this node's view, at most once each; how many they are. With `to_self` it comes here too.
    ///
    /// # Errors
    /// Nothing was sent.
    pub fn emit(&self, name: &str, payload: &Payload, to_self: bool) -> Result<usize, CallError> {
        self.with_room(|engine, now| engine.emit(now, name, payload, to_self))
    }

    /// Sends an event to all members of this node's view until they acknowledge it or `patience` is over.
    ///
    /// # Errors
    /// Nothing was sent.
    pub fn emit_acked(
        &self,
        name: &str,
        payload: &Payload,
        policy: Policy,
        patience: Duration,
    ) -> Result<Waiting<Outcome>, CallError> {
        self.outcome(patience, |engine, now| engine.emit_acked(now, name, payload, policy, patience))
    }

    /// Sends an event to one member, at most once.
    ///
    /// # Errors
    /// Nothing was sent: nobody has this id, or the node is down.
    pub fn send(&self, to: NodeId, name: &str, payload: &Payload) -> Result<(), CallError> {
        self.with_room(|engine, now| engine.send_event(now, to, name, payload))
    }

    /// Sends an event to one member until it acknowledges it or `patience` is over. Where the queue for it is full and may not
    /// drop, this waits for room first.
    ///
    /// # Errors
    /// Nothing was sent.
    pub fn send_acked(
        &self,
        to: NodeId,
        name: &str,
        payload: &Payload,
        patience: Duration,
    ) -> Result<Waiting<Outcome>, CallError> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let sent = self.outcome(left, |engine, now| engine.send_acked(now, to, name, payload, left));
            match sent {
                Err(CallError::Full(_)) if !left.is_zero() => {
                    drop(self.shared.wait(self.shared.core(), Duration::from_millis(20).min(left)));
                }
                sent => return sent,
            }
        }
    }

    fn outcome(
        &self,
        patience: Duration,
        call: impl FnOnce(&mut Engine, Now) -> Result<Ticket, CallError>,
    ) -> Result<Waiting<Outcome>, CallError> {
        self.with(|core, now| {
            let ticket = call(&mut core.engine, now)?;
            let (sender, receiver) = channel();
            core.outcomes.insert(ticket, sender);
            Ok(Waiting::new(receiver, patience))
        })
    }

    /// Asks a node, and waits for its reply. It is executed at most once.
    ///
    /// # Errors
    /// There is no reply, and why.
    pub fn request(
        &self,
        to: NodeId,
        name: &str,
        payload: Payload,
        patience: Duration,
    ) -> Result<Payload, RequestError> {
        let (target, name) = (Target::Node(to), name.to_owned());
        self.ask(Request { target, name, payload, patience, idempotent: false })
    }

    /// Asks any ready instance of a service, and waits for its reply. With `idempotent` another is asked where one is lost.
    ///
    /// # Errors
    /// There is no reply, and why.
    pub fn request_service(
        &self,
        service: &str,
        name: &str,
        payload: Payload,
        patience: Duration,
        idempotent: bool,
    ) -> Result<Payload, RequestError> {
        let (target, name) = (Target::Service(service.to_owned()), name.to_owned());
        self.ask(Request { target, name, payload, patience, idempotent })
    }

    /// Asks, and waits for the reply.
    ///
    /// # Errors
    /// There is no reply, and why.
    pub fn ask(&self, request: Request) -> Result<Payload, RequestError> {
        self.begin(request)?.wait().unwrap_or(Err(RequestError::Deadline))
    }

    /// Asks, without waiting for the reply.
    ///
    /// # Errors
    /// Nothing was sent.
    pub fn begin(&self, request: Request) -> Result<Waiting<Result<Payload, RequestError>>, CallError> {
        let patience = request.patience;
        self.with(|core, now| {
            let ticket = core.engine.request(now, request)?;
            let (sender, receiver) = channel();
            core.replies.insert(ticket, sender);
            Ok(Waiting::new(receiver, patience))
        })
    }

    pub(super) fn reply(&self, to: NodeId, call: Call, result: Result<Payload, String>) {
        self.with(|core, now| core.engine.reply(now, to, call, result));
    }

    /// All members that are known, this node first, also those who are gone.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        self.shared.core().engine.view()
    }

    /// Waits until so many members are there, this node counted; false if they are not within `patience`.
    #[must_use]
    pub fn wait_for(&self, members: usize, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut core = self.shared.core();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if core.engine.size() == members || left.is_zero() || core.is_over {
                return core.engine.size() == members;
            }
            core = self.shared.wait(core, left);
        }
    }

    /// Says which services run here, instead of what was said before.
    ///
    /// # Errors
    /// It is more than a node may say of itself.
    pub fn register(&self, services: Vec<Instance>) -> Result<(), CallError> {
        self.with(|core, now| core.engine.register(now, services))
    }

    /// All instances of services that are known: those of members that are there, this node's first, then those that were last
    /// seen at members that are down.
    #[must_use]
    pub fn instances(&self) -> Vec<Located> {
        let core = self.shared.core();
        core.registry.instances(&core.engine.view())
    }

    /// What has been refused or lost, since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.core().engine.counts()
    }

    /// What its transport has not delivered, since the start.
    #[must_use]
    pub fn undelivered(&self) -> Undelivered {
        self.shared.counted().0
    }

    /// Who is connected to it.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.shared.counted().1
    }

    /// Takes leave: takes no requests any more, waits for what was sent to be acknowledged, says goodbye, ends. Returns when
    /// that is done.
    pub fn leave(&self) {
        self.begin_to_leave();
        let mut core = self.shared.core();
        while !core.is_over {
            core = self.shared.wait(core, Duration::from_millis(200));
        }
        drop(core);
        if let Some(running) = &self.running {
            running.end();
        }
    }

    /// Begins to take leave, without waiting.
    pub(crate) fn begin_to_leave(&self) {
        self.with(|core, now| core.engine.leave(now));
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.shared.core().is_over
    }
}

impl From<CallError> for RequestError {
    /// Nothing was sent, which is what the errors of both have in common.
    fn from(error: CallError) -> Self {
        match error {
            CallError::NoResponders(name) => Self::NoResponders(name),
            other => Self::Refused(other),
        }
    }
}
