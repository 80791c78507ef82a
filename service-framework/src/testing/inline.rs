//! A service under test in the test's own thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::board::Board;
use super::world::World;
use super::{Mode, SetupFailed, log};
use crate::connection::SendError;
use crate::model::{ServiceModel, Side};
use crate::service::{Hub, Inline, Opened, RunError, Service, Stop, ToSend};
use crate::value::Value;

/// The service and the test's side, inline.
pub(super) struct InThread {
    /// None once it is stopped.
    opened: RefCell<Option<Opened>>,
    stop: Stop,
    world: ToSend,
}

impl InThread {
    pub(super) fn start(
        service: Service,
        config: HashMap<String, Value>,
        board: &Arc<Board>,
    ) -> Result<(Box<dyn Mode>, ServiceModel), SetupFailed> {
        let _log = log::shown();
        let (stop, name) = (Stop::new(), service.model().name.clone());
        let group = config
            .into_iter()
            .fold(Inline::new(service).paused(), |group, (key, value)| group.config(&name, &key, value));
        let (opened, model) = group.open_against(&stop, |model| {
            let world = World::of(model);
            let relations = world.relations(model);
            (world.service(board), relations)
        })?;
        let world = opened.to_send(1);
        Ok((Box::new(Self { opened: RefCell::new(Some(opened)), stop, world }), model))
    }

    /// Does something where the service's handlers may be called.
    fn inside<T>(&self, does: impl FnOnce(&Hub) -> T) -> Result<T, SendError> {
        let hub = self.opened.borrow().as_ref().map(|opened| opened.hub.clone());
        let hub = hub.ok_or(SendError::Stopping)?;
        let _entered = hub.enter();
        let _log = log::shown();
        Ok(does(&hub))
    }
}

impl Mode for InThread {
    fn sends(&self, _connection: &str) -> &ToSend {
        &self.world
    }

    fn states(&self) -> Vec<&ToSend> {
        vec![&self.world]
    }

    fn own(&self) -> Option<ToSend> {
        self.opened.borrow().as_ref().map(|opened| opened.to_send(0))
    }

    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) -> Result<(), SendError> {
        self.inside(|hub| hub.block_on(future))
    }

    fn settle(&self) {
        // One that was stopped has settled.
        let _settled = self.inside(Hub::settle);
    }

    fn await_delivery(&self, _connection: &str) {}

    fn await_messages(&self, _connection: &str, _count: &dyn Fn() -> usize) {}

    fn await_state(&self, _owner: Side, _name: &str) {}

    fn advance(&self, time: Duration) {
        let _advanced = self.inside(|hub| hub.block_on(tokio::time::sleep(time)));
    }

    fn run_main(&self) -> Result<(), RunError> {
        match &mut *self.opened.borrow_mut() {
            Some(opened) if opened.has_main() => opened.lead(&self.stop),
            Some(_) => {
                Err(RunError::Hook { hook: "main", reason: "there is none, or it has run".to_owned() })
            }
            None => Ok(()),
        }
    }

    fn stop(&self) -> Result<(), RunError> {
        self.stop.stop();
        match self.opened.take() {
            Some(opened) => opened.end(&self.stop, Duration::from_secs(10)),
            None => Ok(()),
        }
    }
}
