//! From services and relations to a group that runs.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "testing")]
use super::Relation;
use super::host::{Host, Input};
use super::hub::{Hub, Member, Told};
use super::relate::{Related, related};
use super::ways::{Way, Ways};
use super::{Inline, InlineError};
use crate::connection::Wake;
#[cfg(feature = "testing")]
use crate::model::ServiceModel;
use crate::model::{ConnectionType, Side};
use crate::service::Service;
use crate::service::blocking::Mover;
use crate::service::error::RunError;
use crate::service::hook::ErasedHook;
use crate::service::link::Link;
use crate::service::open::{Opener, epoch};
use crate::service::prepare::{Prepared, Setup};
use crate::service::run::{StopHooks, run_hook, unless_stopping};
use crate::service::shared::Shared;
use crate::service::state_table::{InState, OutState, StateTable};
use crate::service::stop::Stop;
use crate::state::{Changes, Outlet};

/// A group that runs.
pub(crate) struct Opened {
    pub(crate) hub: Rc<Hub>,
    pub(crate) services: Vec<Running>,
}

/// One service of it.
pub(crate) struct Running {
    pub(crate) shared: Arc<Shared>,
    hooks: Hooks,
}

struct Hooks {
    init: Option<ErasedHook>,
    main: Option<ErasedHook>,
    on_stop: StopHooks,
}

/// A service on its way: its tables, before others lead to them.
struct Half {
    opener: Opener,
    hooks: Hooks,
    /// Updates of states that its handlers are told, by state.
    changes: ByState,
}

impl Inline {
    /// Checks everything, opens it and calls the `init_function`s, the main service's last.
    pub(crate) fn open(mut self, stop: &Stop) -> Result<Opened, InlineError> {
        let services = std::mem::take(&mut self.services);
        let prepared = self.prepare(services)?;
        self.open_prepared(prepared, stop)
    }

    /// As [`Inline::open`], together with a service that is made for the model of the main one, as its hooks left it;
    /// also that model.
    #[cfg(feature = "testing")]
    pub(crate) fn open_against(
        mut self,
        stop: &Stop,
        make: impl FnOnce(&ServiceModel) -> (Service, Vec<Relation>),
    ) -> Result<(Opened, ServiceModel), InlineError> {
        let services = std::mem::take(&mut self.services);
        let mut prepared = self.prepare(services)?;
        let model = prepared.first().map(|service| service.model.clone()).unwrap_or_default();
        let (service, relations) = make(&model);
        prepared.extend(self.prepare(vec![service])?);
        self.relations.extend(relations);
        Ok((self.open_prepared(prepared, stop)?, model))
    }

    /// Every service, checked and its setup hooks run; all their problems at once.
    fn prepare(&self, services: Vec<Service>) -> Result<Vec<Prepared>, InlineError> {
        let (mut prepared, mut wrong) = (Vec::new(), Vec::new());
        for service in services {
            let name = service.model().name.clone();
            match service.prepare(&Setup::inline(self.configs.get(&name))) {
                Ok(service) => prepared.push(service),
                Err(error) => wrong.extend(error.problems.into_iter().map(|problem| problem.in_file(&name))),
            }
        }
        if wrong.is_empty() { Ok(prepared) } else { Err(InlineError::Setup(wrong.into())) }
    }

    fn open_prepared(self, prepared: Vec<Prepared>, stop: &Stop) -> Result<Opened, InlineError> {
        let models: Vec<_> = prepared.iter().map(|service| &service.model).collect();
        let related = related(&models, &self.relations).map_err(|wrong| InlineError::Setup(wrong.into()))?;
        let hub = Hub::new(stop, self.is_paused)?;
        let mut opened = Opened::new(hub, prepared, &related, stop)?;
        opened.hub.start_pump();
        opened.init(stop)?;
        Ok(opened)
    }
}

impl Opened {
    fn new(hub: Rc<Hub>, prepared: Vec<Prepared>, related: &Related, stop: &Stop) -> Result<Self, RunError> {
        let _entered = hub.enter();
        let halves = prepare_states(prepared, related, &hub, stop)?;
        let mut inputs = HashMap::new();
        let (mut hosts, mut running) = (Vec::new(), Vec::new());
        for (index, half) in halves.into_iter().enumerate() {
            let Half { mut opener, hooks, changes } = half;
            let shared = opener.shared.clone();
            let host = Host::new(shared.clone(), Rc::downgrade(&hub));
            let told = open_inputs(&mut opener, index, &host, changes, &mut inputs)?;
            hosts.push((opener, host, told));
            running.push(Running { shared, hooks });
        }
        for (index, (opener, host, told)) in hosts.into_iter().enumerate() {
            let ways = ways(&opener, index, related, &inputs)?;
            let ways = Rc::new(Ways { ways, hub: Rc::downgrade(&hub) });
            let owned = host.shared.link.own_inside(ways.clone());
            hub.members.borrow_mut().push(Member { host, ways, told, _owned: owned });
        }
        Ok(Self { hub, services: running })
    }

    fn init(&mut self, stop: &Stop) -> Result<(), RunError> {
        let (hub, mover) = (self.hub.clone(), Mover::Inside(self.hub.clone()));
        let _entered = hub.enter();
        let (main, others) = match self.services.split_first_mut() {
            Some((main, others)) => (main, others),
            None => return Ok(()),
        };
        for service in others.iter_mut().chain(std::iter::once(main)) {
            if let Some(init) = service.hooks.init.take() {
                let ran = run_hook("init_function", init, &service.shared, &mover, true);
                unless_stopping("init_function", ran, stop)?;
            }
        }
        Ok(())
    }

    /// Whether the main service has a `main` that has not run.
    #[cfg(feature = "testing")]
    pub(crate) fn has_main(&self) -> bool {
        self.services.first().is_some_and(|leading| leading.hooks.main.is_some())
    }

    /// Runs the main service's `main` to its end; one without goes on until the stop.
    pub(crate) fn lead(&mut self, stop: &Stop) -> Result<(), RunError> {
        let (hub, mover) = (self.hub.clone(), Mover::Inside(self.hub.clone()));
        let _entered = hub.enter();
        let Some(leading) = self.services.first_mut() else { return Ok(()) };
        match leading.hooks.main.take() {
            Some(main) => {
                let ran = run_hook("main", main, &leading.shared, &mover, true);
                unless_stopping("main", ran, stop)
            }
            None => {
                self.hub.block_on_until_stop(std::future::pending::<()>());
                Ok(())
            }
        }
    }

    /// Runs the services' own handlers of signals, lets handlers come to their end and ends the group.
    pub(crate) fn end(self, stop: &Stop, grace: Duration) -> Result<(), RunError> {
        let mover = Mover::Inside(self.hub.clone());
        let mut ended = Ok(());
        let entered = self.hub.enter();
        for service in self.services {
            ended = ended.and(service.hooks.on_stop.run(stop, &service.shared, &mover));
            service.shared.end();
        }
        drop((mover, entered));
        let in_time = self.hub.drain(grace);
        Hub::close(self.hub);
        ended.and(if in_time { Ok(()) } else { Err(RunError::GraceOver(grace)) })
    }
}

/// Makes every service's tables, and lets replicas show what the owners have.
fn prepare_states(
    prepared: Vec<Prepared>,
    related: &Related,
    hub: &Hub,
    stop: &Stop,
) -> Result<Vec<Half>, RunError> {
    let table = |service: &Prepared| service.state_table(&hub.wake, epoch());
    let mut tables = prepared.iter().map(table).collect::<Result<Vec<StateTable>, _>>()?;
    let mut changes: Vec<ByState> = prepared.iter().map(|_| ByState::new()).collect();
    for (state, followers) in &related.states {
        let (_, owner) = &tables[state.service].outs[state.index];
        let owner = owner.clone();
        let topic = owner_topic(&prepared[state.service], state.index);
        let mut told = Vec::new();
        for follower in followers {
            let model = prepared[follower.service].model.states_on(Side::In).nth(follower.index);
            let Some(model) = model else { continue };
            let entries = tables[follower.service].ins.iter_mut();
            for entry in entries.filter(|entry| entry.name == model.name) {
                if entry.topic.is_none() || entry.topic == topic {
                    entry.state = InState::Here(owner.clone());
                }
            }
            if model.on_change.is_some() {
                let topic = topic.clone().filter(|_| !model.topics.is_empty());
                let queue = Changes::default();
                changes[follower.service].push((model.name.clone(), topic, queue.clone()));
                told.push(queue);
            }
        }
        open_owner(&owner, told, &hub.wake);
    }
    let halves = prepared.into_iter().zip(tables).zip(changes);
    halves.map(|((service, states), changes)| Half::new(service, states, changes, hub, stop)).collect()
}

fn owner_topic(service: &Prepared, index: usize) -> Option<String> {
    service.model.states_on(Side::Out).nth(index).and_then(|model| model.topic.clone())
}

fn open_owner(owner: &OutState, told: Vec<Changes>, wake: &Arc<Wake>) {
    let outlet = Outlet::Inside { told, wake: wake.clone() };
    match owner {
        OutState::Delta(owner) => owner.open(outlet),
        OutState::Full(owner) => owner.open_inside(outlet),
    }
}

impl Half {
    fn new(
        mut service: Prepared,
        states: StateTable,
        changes: ByState,
        hub: &Hub,
        stop: &Stop,
    ) -> Result<Self, RunError> {
        let hooks = Hooks {
            init: service.hooks.init_function.take(),
            main: service.hooks.main.take(),
            on_stop: StopHooks::take(&mut service),
        };
        let link = Arc::new(Link::new(hub.wake.clone()));
        let opener = Opener::with(service, stop, link, states, hub.wake.clone())?;
        Ok(Self { opener, hooks, changes })
    }
}

/// Updates for handlers, by the name of the state and, of several owners, the topic.
type ByState = Vec<(String, Option<String>, Changes)>;

/// Inputs by the number of their service and their name.
type Inputs = HashMap<(usize, String), Rc<Input>>;

/// Makes a service's inputs; those that are told changes come back.
fn open_inputs(
    opener: &mut Opener,
    service: usize,
    host: &Rc<Host>,
    changes: ByState,
    inputs: &mut Inputs,
) -> Result<Vec<Told>, RunError> {
    let models: Vec<_> = opener.prepared.models(Side::In).cloned().collect();
    for model in models {
        let (agreement, handler) = opener.receiver(&model)?;
        let input = Rc::new(Input { host: host.clone(), agreement: Arc::new(agreement), handler });
        inputs.insert((service, model.name), input);
    }
    let mut told = Vec::new();
    let models: Vec<_> = opener.prepared.model.states_on(Side::In).cloned().collect();
    for model in models {
        let Some(handler) = &model.on_change else { continue };
        let agreement = opener.changes_agreement(&model)?;
        let handler = opener.handler(handler, &model.name)?;
        let input = Rc::new(Input { host: host.clone(), agreement, handler });
        for (_, topic, changes) in changes.iter().filter(|(state, _, _)| *state == model.name) {
            told.push(Told { changes: changes.clone(), input: input.clone(), topic: topic.clone() });
        }
    }
    Ok(told)
}

/// Where the out connections of a service lead.
fn ways(opener: &Opener, service: usize, related: &Related, inputs: &Inputs) -> Result<Vec<Way>, RunError> {
    let way = |(index, model): (usize, &crate::model::ConnectionModel)| {
        let ends =
            related.connections.iter().filter(|(from, _)| (from.service, from.index) == (service, index));
        let mut ends = ends.filter_map(|(_, to)| inputs.get(&(to.service, to.name.clone())).cloned());
        Ok(match model.kind {
            ConnectionType::ExternalRequest => {
                let counters = opener.shared.counters(&format!("out.{}", model.name));
                Way::External(RefCell::new(opener.external(model, counters)?))
            }
            ConnectionType::Requester => ends.next().map_or(Way::Tell(Vec::new()), Way::Ask),
            _ => Way::Tell(ends.collect()),
        })
    };
    opener.prepared.models(Side::Out).enumerate().map(way).collect()
}
