//! Opening the states of a prepared service.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::answer::Agreement;
use super::error::RunError;
use super::input::{InSocket, Input};
use super::open::{Opener, wrong_model};
use super::prepare::Prepared;
use super::state_sockets::{AnyReplica, ChangeQueue, OwnerSockets, ReplicaSocket};
use super::state_table::{InState, OutState, StateTable};
use crate::connection::{
    Counters, Place, Publisher, Replyer, Requester, SocketError, Sockets, Throttle, UpdateSource, Wake,
};
use crate::model::{Arguments, Checker, DEFAULT_WAIT_AFTER_CREATION, Side, StateModel, StateType};
use crate::state::{
    Cell, DeltaOwner, DeltaReplica, DeltaRules, DeltaServer, FullCopy, FullOwner, FullReplica, FullServer,
    Replica, StateSocket,
};

impl Prepared {
    /// Every state by name, without sockets yet. Each owner has an epoch of its own, from `epoch` on.
    pub(super) fn state_table(&self, wake: &Arc<Wake>, epoch: u64) -> Result<StateTable, RunError> {
        let ins = self.model.states_on(Side::In).map(|model| (model.name.clone(), in_state(model)));
        let outs = self.model.states_on(Side::Out).zip(epoch..);
        let outs = outs.map(|(model, epoch)| Ok((model.name.clone(), out_state(model, wake, epoch)?)));
        Ok(StateTable { ins: ins.collect(), outs: outs.collect::<Result<_, _>>()? })
    }
}

fn in_state(model: &StateModel) -> InState {
    match model.kind {
        StateType::DeltaUpdate => {
            InState::Delta(Arc::new(Cell::new(&model.name, Replica::new(model.on_change.is_some()))))
        }
        StateType::FullUpdate => {
            // Of any id half a second's worth of its random bits.
            let jitter = Duration::from_millis(u64::from(uuid::Uuid::new_v4().as_bytes()[0]) * 2);
            InState::Full(Arc::new(Cell::new(&model.name, FullCopy::new(jitter))))
        }
    }
}

fn out_state(model: &StateModel, wake: &Arc<Wake>, epoch: u64) -> Result<OutState, RunError> {
    Ok(match model.kind {
        StateType::DeltaUpdate => {
            let (rules, wake) = (delta_rules(model)?, wake.clone());
            OutState::Delta(Arc::new(DeltaOwner::new(&model.name, rules, epoch, model.is_standby, wake)))
        }
        StateType::FullUpdate => {
            let rules = update_checker(model)?;
            OutState::Full(Arc::new(FullOwner::new(&model.name, rules, model.conflates, wake.clone())))
        }
    })
}

/// Models were checked when the service was prepared, but for what needs compiling.
fn delta_rules(model: &StateModel) -> Result<DeltaRules, RunError> {
    DeltaRules::compile(model).map_err(|problems| wrong_model("setup_state_models", &problems))
}

fn update_checker(model: &StateModel) -> Result<Checker, RunError> {
    Checker::of_update(model).map_err(|problems| wrong_model("setup_state_models", &problems))
}

impl Opener {
    /// Opens the out states; also how long to wait before the first update.
    pub(super) fn owners(&self, sockets: &Sockets) -> Result<(OwnerSockets, Duration), RunError> {
        let mut owners = OwnerSockets::default();
        let mut wait = Duration::ZERO;
        let models = self.prepared.model.states_on(Side::Out);
        for ((model, (_, state)), epoch) in models.zip(&self.shared.states.outs).zip(super::open::epoch()..) {
            let failed =
                |source| RunError::Socket { connection: format!("states.out.{}", model.name), source };
            owners.0.push(self.owner(sockets, model, state, epoch).map_err(failed)?);
            wait = wait.max(model.wait_after_creation.unwrap_or(DEFAULT_WAIT_AFTER_CREATION));
        }
        Ok((owners, wait))
    }

    fn owner(
        &self,
        sockets: &Sockets,
        model: &StateModel,
        state: &OutState,
        epoch: u64,
    ) -> Result<Box<dyn StateSocket + Send>, SocketError> {
        let counters = self.shared.counters(&format!("states.out.{}", model.name));
        let place = match model.is_x_pub {
            true => Place::Connect(self.state_addresses(model, "publisher")),
            false => Place::Bind(self.state_bind(model, "publisher")),
        };
        let topic = model.topic.as_deref();
        Ok(match state {
            OutState::Delta(owner) => {
                let name = format!("{} (state)", model.name);
                owner.open(Publisher::open(sockets, &name, &place, topic, epoch, counters.clone())?);
                let replyer =
                    Replyer::bind(sockets, &name, &self.state_bind(model, "replyer"), counters.clone())?;
                tracing::info!(state = model.name, address = replyer.endpoint, "listening for replicas");
                Box::new(DeltaServer::new(owner.clone(), replyer, counters, self.states_wake.clone()))
            }
            OutState::Full(owner) => {
                let name = format!("{} (state)", model.name);
                let publisher = Publisher::open_watched(sockets, &name, &place, topic, epoch, counters)?;
                let fd = owner.open(publisher)?;
                Box::new(FullServer::new(owner.clone(), fd))
            }
        })
    }

    /// Opens a replica; with a handler of its changes it also is an input.
    pub(super) fn replica(
        &mut self,
        sockets: &Sockets,
        model: &StateModel,
        state: &InState,
    ) -> Result<(ReplicaSocket, Option<Input>), RunError> {
        let counters = self.shared.counters(&format!("states.in.{}", model.name));
        let failed = |source| RunError::Socket { connection: format!("states.in.{}", model.name), source };
        let replica = match state {
            InState::Delta(cell) => {
                let rules = delta_rules(model)?;
                let (updates, requesters) = self.delta_sockets(sockets, model, &counters).map_err(failed)?;
                let mut replica = DeltaReplica::new(cell.clone(), rules, updates, requesters, counters);
                if let Some(path) = &model.local_copy {
                    replica = replica.with_local_copy(Path::new(path));
                }
                AnyReplica::Delta(Box::new(replica))
            }
            InState::Full(cell) => {
                let rules = update_checker(model)?;
                let updates = self.updates(sockets, model).map_err(failed)?;
                let tells = model.on_change.is_some();
                AnyReplica::Full(Box::new(FullReplica::new(cell.clone(), rules, updates, counters, tells)))
            }
        };
        let Some(handler) = &model.on_change else {
            return Ok((ReplicaSocket { replica, changes: None }, None));
        };
        let changes = ChangeQueue::default();
        let agreement = self.changes_agreement(model)?;
        let handler = self.handler(handler, &model.name)?;
        let input = Input { agreement, socket: InSocket::Changes(changes.clone()), handler };
        Ok((ReplicaSocket { replica, changes: Some(changes) }, Some(input)))
    }

    fn delta_sockets(
        &self,
        sockets: &Sockets,
        model: &StateModel,
        counters: &Arc<Counters>,
    ) -> Result<(UpdateSource, Vec<Requester>), SocketError> {
        let updates = self.updates(sockets, model)?;
        let addresses = self.state_addresses(model, "requester");
        let requester = |address: &String| {
            Requester::connect(sockets, &model.name, std::slice::from_ref(address), counters.clone())
        };
        Ok((updates, addresses.iter().map(requester).collect::<Result<_, _>>()?))
    }

    fn updates(&self, sockets: &Sockets, model: &StateModel) -> Result<UpdateSource, SocketError> {
        let addresses = self.state_addresses(model, "subscriber");
        UpdateSource::connect(sockets, &addresses, model.topic.as_deref())
    }

    fn changes_agreement(&self, model: &StateModel) -> Result<Arc<Agreement>, RunError> {
        let nothing = Checker::compile(&Arguments::new());
        Ok(Arc::new(Agreement {
            name: model.name.clone(),
            args: update_checker(model)?,
            returns: nothing.map_err(|problems| wrong_model("setup_state_models", &problems))?,
            returns_nothing: true,
            counters: self.shared.counters(&format!("states.in.{} (changes)", model.name)),
            not_understood: Throttle::default(),
            invalid: Throttle::default(),
        }))
    }

    fn state_bind(&self, model: &StateModel, socket: &str) -> String {
        let endpoints = self.prepared.resolved.state(model.side, &model.name, socket).unwrap_or_default();
        endpoints.first().map(|endpoint| endpoint.bind_text(self.prepared.bind_all)).unwrap_or_default()
    }

    fn state_addresses(&self, model: &StateModel, socket: &str) -> Vec<String> {
        let endpoints = self.prepared.resolved.state(model.side, &model.name, socket).unwrap_or_default();
        endpoints.iter().map(ToString::to_string).collect()
    }
}
