//! A service under test on a thread of its own, over sockets of this machine.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::board::Board;
use super::world::World;
use super::{Mode, SetupFailed};
use crate::connection::SendError;
use crate::model::{Problem, ServiceModel, Side};
use crate::service::{RunError, Service, SetupError, Start, StartError, Started, ToSend};
use crate::value::Value;

/// How long the test waits for what it looks at.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits before it looks again.
const AGAIN: Duration = Duration::from_millis(1);

/// The service, and the test's side in two services: one that it connects to, and one that connects to it.
pub(super) struct Live {
    /// The service, what it is led to and what is led to it; none once it is stopped.
    started: RefCell<Vec<Started>>,
    own: ToSend,
    /// What listens, and what connects.
    worlds: [ToSend; 2],
}

impl Live {
    pub(super) fn start(
        service: Service,
        config: HashMap<String, Value>,
        board: &Arc<Board>,
    ) -> Result<(Box<dyn Mode>, ServiceModel), SetupFailed> {
        let model = service.model().clone();
        if model.main {
            let problem =
                Problem::new("main", "a service without a `main`, which can be tested live", "one with it");
            let error = SetupError::from(vec![problem.with_hint("test it by `testing::inline`")]);
            return Err(StartError::from(error).into());
        }
        let world = World::of(&model);
        let (listening, connecting) = (world.part(true), world.part(false));
        let names: Vec<String> = listening.connections().map(Into::into).collect();
        let states: Vec<_> =
            listening.states.iter().map(|(own, other)| (own.clone(), other.name.clone())).collect();
        let led_to = Start::new(listening.service(board)).watched().start()?;
        let start = config
            .into_iter()
            .fold(Start::new(service).watched(), |start, (key, value)| start.config(&key, value));
        let start = names.iter().fold(start, |start, name| start.connect(name, &led_to, name));
        let start = states.iter().fold(start, |start, (own, other)| start.connect(own, &led_to, other));
        let own = start.start()?;
        let connections: Vec<String> = connecting.connections().map(Into::into).collect();
        let states: Vec<String> = connecting.states.iter().map(|(own, _)| own.clone()).collect();
        let leads = Start::new(connecting.service(board));
        let leads =
            connections.iter().chain(&states).fold(leads, |leads, name| leads.connect(name, &own, name));
        let leads = leads.start()?;
        let live = Self {
            own: own.to_send(),
            worlds: [led_to.to_send(), leads.to_send()],
            started: RefCell::new(vec![own, led_to, leads]),
        };
        live.await_subscribers(&model);
        Ok((Box::new(live), model))
    }

    /// Waits until every publisher has its subscriber, on both sides.
    fn await_subscribers(&self, model: &ServiceModel) {
        use crate::model::ConnectionType::{Publisher, Subscriber};
        for connection in &model.connections {
            let publisher = match connection.kind {
                Publisher => &self.own,
                Subscriber => self.sends(&connection.name),
                _ => continue,
            };
            wait_until(|| {
                let asked = publisher.ask_subscribed(&connection.name);
                asked.is_none_or(|answer| answer.blocking_recv().unwrap_or(true))
            });
        }
    }
}

/// Waits for a condition, for a bounded time; what depends on it says more than a time-out would.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() && Instant::now() < end {
        thread::sleep(AGAIN);
    }
}

impl Mode for Live {
    fn sends(&self, connection: &str) -> &ToSend {
        let [first, second] = &self.worlds;
        if first.has_out(connection) { first } else { second }
    }

    fn states(&self) -> Vec<&ToSend> {
        self.worlds.iter().collect()
    }

    fn own(&self) -> Option<ToSend> {
        (!self.started.borrow().is_empty()).then(|| self.own.clone())
    }

    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) -> Result<(), SendError> {
        // A runtime of the test's own, for the timers of what it calls.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|_| SendError::Stopping)?.block_on(future);
        Ok(())
    }

    fn settle(&self) {
        if !self.started.borrow().is_empty() {
            settle(&self.own);
        }
    }

    fn await_delivery(&self, connection: &str) {
        // What is published is counted by the thread that sends it.
        settle(self.sends(connection));
        let (sent, _) = self.sends(connection).moved(&format!("out.{connection}"));
        wait_until(|| self.own.moved(&format!("in.{connection}")).1 >= sent);
    }

    fn await_messages(&self, connection: &str, count: &dyn Fn() -> usize) {
        let (sent, _) = self.own.moved(&format!("out.{connection}"));
        wait_until(|| count() as u64 >= sent);
    }

    fn await_state(&self, owner: Side, name: &str) {
        let other = |side| self.worlds.iter().find_map(|world| world.state_here(side, name));
        match owner {
            Side::In => wait_until(|| same(other(Side::Out), self.own.state_here(Side::In, name))),
            Side::Out => wait_until(|| same(self.own.state_here(Side::Out, name), other(Side::In))),
        }
    }

    fn advance(&self, time: Duration) {
        thread::sleep(time);
    }

    fn run_main(&self) -> Result<(), RunError> {
        Err(RunError::Hook {
            hook: "main",
            reason: "there is none in a service that is tested live".to_owned(),
        })
    }

    fn stop(&self) -> Result<(), RunError> {
        let started = self.started.take();
        let ends = started.into_iter().map(|service| {
            service.stop();
            service.join()
        });
        ends.fold(Ok(()), Result::and)
    }
}

/// Waits until a service has nothing to do that has come in; one that ended has settled too.
fn settle(service: &ToSend) {
    let mut settled = service.settled();
    wait_until(|| !matches!(settled.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
}

/// Whether a replica has what its owner has; what is not there at all need not be waited for.
fn same(owner: Option<(Value, Option<i64>)>, replica: Option<(Value, Option<i64>)>) -> bool {
    match (owner, replica) {
        (Some(owner), Some(replica)) => owner == replica || (owner.1 == Some(-1) && replica.1.is_none()),
        _ => true,
    }
}
