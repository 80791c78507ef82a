//! Opening the states of a prepared service.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::answer::Agreement;
use super::error::RunError;
use super::input::{InSocket, Input};
use super::open::{Opener, wrong_model};
use super::prepare::Prepared;
use super::shared::Listening;
use super::state_sockets::{AnyReplica, ChangeQueue, OwnerSockets, ReplicaSocket, StateSockets};
use super::state_table::{InEntry, InState, OutState, StateTable};
use crate::connection::{
    Endpoint, Of, Place, Publisher, Replyer, Requester, Role, SocketError, Sockets, Throttle, UpdateSource,
    Wake,
};
use crate::model::{Arguments, Checker, DEFAULT_WAIT_AFTER_CREATION, Side, StateModel, StateType, Type};
use crate::state::{
    Cell, DeltaOwner, DeltaReplica, DeltaRules, DeltaServer, FullCopy, FullOwner, FullReplica, FullServer,
    Outlet, Replica, StateSocket,
};

impl Prepared {
    /// Every state by name, without sockets yet. Each owner has an epoch of its own, from `epoch` on.
    pub(super) fn state_table(&self, wake: &Arc<Wake>, epoch: u64) -> Result<StateTable, RunError> {
        let ins = self.model.states_on(Side::In).flat_map(in_entries);
        let outs = self.model.states_on(Side::Out).zip(epoch..);
        let outs = outs.map(|(model, epoch)| Ok((model.name.clone(), out_state(model, wake, epoch)?)));
        Ok(StateTable { ins: ins.collect(), outs: outs.collect::<Result<_, _>>()? })
    }
}

/// One replica, or one for each owner.
fn in_entries(model: &StateModel) -> Vec<InEntry> {
    let entry = |topic: Option<&String>| {
        let name = topic.map_or(model.name.clone(), |topic| format!("{} ({topic})", model.name));
        InEntry { name: model.name.clone(), topic: topic.cloned(), state: in_state(model, &name) }
    };
    match model.topics.is_empty() {
        true => vec![entry(None)],
        false => model.topics.iter().map(|topic| entry(Some(topic))).collect(),
    }
}

/// A replica that the log knows as `name`.
fn in_state(model: &StateModel, name: &str) -> InState {
    match model.kind {
        StateType::DeltaUpdate => {
            InState::Delta(Arc::new(Cell::new(name, Replica::new(model.on_change.is_some()))))
        }
        StateType::FullUpdate => {
            // Of any id half a second's worth of its random bits.
            let jitter = Duration::from_millis(u64::from(uuid::Uuid::new_v4().as_bytes()[0]) * 2);
            InState::Full(Arc::new(Cell::new(name, FullCopy::new(jitter))))
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
            true => {
                Place::Connect(self.targets(self.state_endpoints(model, "publisher"), Of::State, "publisher"))
            }
            false => Place::Bind(self.state_bind(model, "publisher")),
        };
        let topic = model.topic.as_deref();
        Ok(match state {
            OutState::Delta(owner) => {
                let name = format!("{} (state)", model.name);
                let publisher =
                    Publisher::open(sockets, Role::Publish, &name, &place, topic, epoch, counters.clone())?;
                self.state_listens(model, "publisher", publisher.endpoint.as_ref());
                owner.open(Outlet::Socket(publisher));
                if let Some(backing) = self.prepared.backings.get(&model.name)
                    && let Err(error) = owner.share(backing.clone())
                {
                    tracing::error!(state = model.name, %error, "what others have of the state is of no use");
                }
                let replyer = Replyer::bind_for_large(
                    sockets,
                    &name,
                    &self.state_bind(model, "replyer"),
                    counters.clone(),
                )?;
                tracing::info!(state = model.name, address = replyer.endpoint, "listening for replicas");
                self.state_listens(model, "replyer", Some(&replyer.endpoint));
                Box::new(DeltaServer::new(owner.clone(), replyer, counters, self.states_wake.clone()))
            }
            OutState::Full(owner) => {
                let name = format!("{} (state)", model.name);
                let publisher =
                    Publisher::open(sockets, Role::PublishWatched, &name, &place, topic, epoch, counters)?;
                self.state_listens(model, "publisher", publisher.endpoint.as_ref());
                let fd = owner.open(publisher)?;
                Box::new(FullServer::new(owner.clone(), fd))
            }
        })
    }

    fn state_listens(&self, model: &StateModel, socket: &'static str, endpoint: Option<&String>) {
        let (side, name) = (model.side, model.name.clone());
        if let Some(endpoint) = endpoint.cloned() {
            self.shared.listens(Listening { of: Of::State, side, name, socket, endpoint });
        }
    }

    /// Opens the replicas of a state; with a handler of their changes they also are an input.
    pub(super) fn replicas(
        &mut self,
        sockets: &Sockets,
        model: &StateModel,
        states: &mut StateSockets,
    ) -> Result<Option<Input>, RunError> {
        let changes = model.on_change.is_some().then(ChangeQueue::default);
        let shared = self.shared.clone();
        let entries = shared.states.ins.iter().filter(|entry| entry.name == model.name);
        for (index, entry) in entries.enumerate() {
            let replica = self.replica(sockets, model, (index, entry))?;
            states.add(ReplicaSocket { replica, changes: changes.clone(), topic: entry.topic.clone() });
        }
        let (Some(handler), Some(changes)) = (&model.on_change, changes) else { return Ok(None) };
        let agreement = self.changes_agreement(model)?;
        let handler = self.handler(handler, &model.name)?;
        Ok(Some(Input { agreement, socket: InSocket::Changes(changes), handler, asks_caller: false }))
    }

    /// Opens one replica: that of the owner at `index`, if there are several.
    fn replica(
        &self,
        sockets: &Sockets,
        model: &StateModel,
        (index, entry): (usize, &InEntry),
    ) -> Result<AnyReplica, RunError> {
        let name = entry.topic.as_ref().map_or(model.name.clone(), |topic| format!("{}.{topic}", model.name));
        let counters = self.shared.counters(&format!("states.in.{name}"));
        let failed = |source| RunError::Socket { connection: format!("states.in.{name}"), source };
        let owner = entry.topic.as_ref().map(|_| index);
        let topic = entry.topic.as_deref().or(model.topic.as_deref());
        let targets = |socket| self.targets(self.endpoints_of_owner(model, socket, owner), Of::State, socket);
        let updates = UpdateSource::connect(sockets, targets("subscriber"), topic).map_err(failed)?;
        Ok(match &entry.state {
            InState::Delta(cell) => {
                let requesters = targets("requester")
                    .each()
                    .into_iter()
                    .map(|targets| Requester::connect(sockets, &name, targets, counters.clone()));
                let requesters = requesters.collect::<Result<_, _>>();
                let (rules, requesters) = (delta_rules(model)?, requesters.map_err(failed)?);
                let mut replica = DeltaReplica::new(cell.clone(), rules, updates, requesters, counters);
                if let Some(path) = &model.local_copy {
                    let path = entry.topic.as_ref().map_or(path.clone(), |topic| format!("{path}.{topic}"));
                    replica = replica.with_local_copy(Path::new(&path));
                }
                AnyReplica::Delta(Box::new(replica))
            }
            // Only inline, where nothing is opened.
            InState::Here(_) => return Err(wrong_model("setup_state_models", &[])),
            InState::Full(cell) => {
                let (rules, tells) = (update_checker(model)?, model.on_change.is_some());
                AnyReplica::Full(Box::new(FullReplica::new(cell.clone(), rules, updates, counters, tells)))
            }
        })
    }

    fn endpoints_of_owner(&self, model: &StateModel, socket: &str, owner: Option<usize>) -> &[Endpoint] {
        let all = self.state_endpoints(model, socket);
        match owner {
            Some(owner) => all.get(owner..=owner).unwrap_or_default(),
            None => all,
        }
    }

    pub(super) fn changes_agreement(&self, model: &StateModel) -> Result<Arc<Agreement>, RunError> {
        let nothing = Checker::compile(&Arguments::new());
        // Of several owners the handler is told which.
        let told =
            if model.topics.is_empty() { model.clone() } else { model.clone().optional("topic", Type::Str) };
        Ok(Arc::new(Agreement {
            name: model.name.clone(),
            args: update_checker(&told)?,
            returns: nothing.map_err(|problems| wrong_model("setup_state_models", &problems))?,
            returns_nothing: true,
            reading_checks: false,
            writing_fits: false,
            counters: self.shared.counters(&format!("states.in.{} (changes)", model.name)),
            not_understood: Throttle::default(),
            invalid: Throttle::default(),
        }))
    }

    fn state_bind(&self, model: &StateModel, socket: &str) -> String {
        let endpoints = self.prepared.resolved.state(model.side, &model.name, socket).unwrap_or_default();
        endpoints.first().map(|endpoint| endpoint.bind_text(self.prepared.bind_all)).unwrap_or_default()
    }

    fn state_endpoints(&self, model: &StateModel, socket: &str) -> &[Endpoint] {
        self.prepared.resolved.state(model.side, &model.name, socket).unwrap_or_default()
    }
}
