//! Opening what a prepared service needs: tables, checkers, sockets, workers.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::answer::{Agreement, Concluded};
use super::error::{RunError, SetupError};
use super::external::{External, Function};
use super::handler::{Blocking, Erased, Fault, InlineCall, Kind};
use super::input::{InHandler, InSocket, Input, call_blocking};
use super::link::Link;
use super::outs::{Out, Outs};
use super::pool::Pool;
use super::prepare::Prepared;
use super::run::bell;
use super::scope::{Scope, enter};
use super::shared::{Listening, OutEntry, OutTable, Shared};
use super::state_sockets::StateSockets;
use super::state_table::StateTable;
use super::stop::Stop;
use crate::connection::tap::Direction;
use crate::connection::{
    Counters, Endpoint, Of, Place, Publisher, Replyer, Requester, Role, SocketError, Sockets, Sought, Source,
    Subscriber, Targets, Throttle, Wake, hosts,
};
use crate::model::{
    Arguments, Checker, ConnectionModel, ConnectionType, DEFAULT_WAIT_AFTER_CREATION, Problem, Side, Type,
};

/// Calls that wait for the workers of one connection.
const MOST_QUEUED: usize = 1_000;

/// A prepared service on its way to run.
pub(super) struct Opener {
    pub(super) prepared: Prepared,
    handlers: HashMap<String, Shareable>,
    pools: HashMap<u64, Rc<Pool>>,
    pub(super) shared: Arc<Shared>,
    pub(super) states_wake: Arc<Wake>,
}

/// A handler that several connections may name.
#[derive(Clone)]
struct Shareable {
    call: ShareableCall,
    arguments: Option<Arguments>,
    returns: Option<Arguments>,
    reads_exactly: bool,
    asks_caller: bool,
}

#[derive(Clone)]
enum ShareableCall {
    Inline(Rc<InlineCall>),
    Workers { call: Blocking, count: usize, group: Option<u64> },
}

impl From<Erased> for Shareable {
    fn from(handler: Erased) -> Self {
        let Erased { kind, arguments, returns, reads_exactly, asks, .. } = handler;
        let call = match kind {
            Kind::Inline(call) => ShareableCall::Inline(Rc::from(call)),
            Kind::Workers { call, count, group } => ShareableCall::Workers { call, count, group },
        };
        Self { call, arguments, returns, reads_exactly, asks_caller: asks.caller }
    }
}

impl Opener {
    /// `serves_states` is rung for the thread that serves the out states, if that is another one.
    pub(super) fn new(
        prepared: Prepared,
        stop: &Stop,
        serves_states: Option<Arc<Wake>>,
    ) -> Result<Self, RunError> {
        let link = Arc::new(Link::new(Arc::new(bell()?)));
        let states_wake = serves_states.unwrap_or_else(|| link.wake.clone());
        let states = prepared.state_table(&states_wake, epoch())?;
        Self::with(prepared, stop, link, states, states_wake)
    }

    pub(super) fn with(
        mut prepared: Prepared,
        stop: &Stop,
        link: Arc<Link>,
        states: StateTable,
        states_wake: Arc<Wake>,
    ) -> Result<Self, RunError> {
        let outs =
            prepared.models(Side::Out).map(|model| prepared.out_entry(model)).collect::<Result<_, _>>()?;
        let outs = OutTable::new(outs);
        let (asked, values) = (std::mem::take(&mut prepared.asked), std::mem::take(&mut prepared.values));
        let shared = Shared {
            found: asked.found(values, &prepared.config, &outs, &states),
            config: prepared.config.clone(),
            outs,
            states,
            link,
            stop: stop.clone(),
            tap: prepared.tap.clone(),
            counters: std::sync::Mutex::default(),
            listening: std::sync::Mutex::default(),
            activity: super::shared::Activity::default(),
        };
        prepared.directory.listen(shared.link.wake.clone());
        let handlers = std::mem::take(&mut prepared.handlers).into_iter();
        let handlers = handlers.map(|(name, handler)| (name, handler.into())).collect();
        Ok(Self { prepared, handlers, pools: HashMap::new(), shared: Arc::new(shared), states_wake })
    }

    /// Opens the out connections, in the order of the table; also how long to wait before the first message.
    pub(super) fn outs(&self, sockets: &Sockets) -> Result<(Outs, Duration), RunError> {
        let models: Vec<_> = self.prepared.models(Side::Out).collect();
        // Each publisher has an epoch of its own, for each counts for itself and one subscriber may hear several.
        let numbered = models.iter().zip(epoch()..);
        let outs =
            numbered.map(|(model, epoch)| self.out(sockets, model, epoch)).collect::<Result<_, _>>()?;
        let publishers = models.iter().filter(|model| model.kind == ConnectionType::Publisher);
        let wait =
            publishers.map(|model| model.wait_after_creation.unwrap_or(DEFAULT_WAIT_AFTER_CREATION)).max();
        Ok((Outs::new(outs), wait.unwrap_or_default()))
    }

    fn out(&self, sockets: &Sockets, model: &ConnectionModel, epoch: u64) -> Result<Out, RunError> {
        let (name, counters) = (model.name.as_str(), self.shared.counters(&format!("out.{}", model.name)));
        let failed = |source| RunError::Socket { connection: format!("out.{name}"), source };
        Ok(match model.kind {
            ConnectionType::Requester => {
                let targets = self.connect_to(model);
                Out::Requester(Requester::connect(sockets, name, targets, counters).map_err(failed)?)
            }
            ConnectionType::Publisher => {
                let place = match model.is_x_pub {
                    true => Place::Connect(self.connect_to(model)),
                    false => Place::Bind(self.bind_to(model)),
                };
                let topic = model.topic.as_deref();
                let role = if self.prepared.is_watched { Role::PublishWatched } else { Role::Publish };
                let publisher = Publisher::open(sockets, role, name, &place, topic, epoch, counters);
                let publisher = publisher.map_err(failed)?;
                self.listens(model, publisher.endpoint.as_ref());
                Out::Publisher(publisher)
            }
            _ => Out::External(self.external(model, counters)?),
        })
    }

    pub(super) fn external(
        &self,
        model: &ConnectionModel,
        counters: Arc<Counters>,
    ) -> Result<External, RunError> {
        let name = model.func_to_call.as_deref().unwrap_or(&model.name);
        let call = self.prepared.functions.get(name).cloned().ok_or_else(|| missing(name))?;
        let agreement = self.prepared.agreement(model, counters.clone())?;
        let function = function(call, Arc::new(agreement), self.shared.clone());
        External::start_workers(&model.name, function, counters)
            .map_err(|source| RunError::System { what: "start threads for external requests", source })
    }

    /// Opens the in connections and the replicas, which go to the sockets of states.
    pub(super) fn inputs(
        mut self,
        sockets: &Sockets,
        states: &mut StateSockets,
    ) -> Result<Vec<Input>, RunError> {
        let models: Vec<_> = self.prepared.models(Side::In).cloned().collect();
        let mut inputs: Vec<_> =
            models.iter().map(|model| self.input(sockets, model)).collect::<Result<_, _>>()?;
        let models: Vec<_> = self.prepared.model.states_on(Side::In).cloned().collect();
        for model in &models {
            inputs.extend(self.replicas(sockets, model, states)?);
        }
        Ok(inputs)
    }

    fn input(&mut self, sockets: &Sockets, model: &ConnectionModel) -> Result<Input, RunError> {
        let (agreement, handler) = self.receiver(model)?;
        let socket = self
            .in_socket(sockets, model, agreement.counters.clone())
            .map_err(|source| RunError::Socket { connection: format!("in.{}", model.name), source })?;
        let name = model.handler.as_deref().unwrap_or(&model.name);
        let asks_caller = self.handlers.get(name).is_some_and(|handler| handler.asks_caller);
        Ok(Input { agreement: Arc::new(agreement), socket, handler, asks_caller })
    }

    /// What an in connection agreed to, and its function.
    pub(super) fn receiver(&mut self, model: &ConnectionModel) -> Result<(Agreement, InHandler), RunError> {
        let counters = self.shared.counters(&format!("in.{}", model.name));
        let name = model.handler.as_deref().unwrap_or(&model.name);
        let handler = self.handlers.get(name).ok_or_else(|| missing(name))?;
        let agreement = self.prepared.agreement(model, counters)?.with(model, handler);
        Ok((agreement, self.handler(name, &model.name)?))
    }

    /// The function `name`, with its workers if it has some.
    pub(super) fn handler(&mut self, name: &str, connection: &str) -> Result<InHandler, RunError> {
        Ok(match self.handlers.get(name).cloned().ok_or_else(|| missing(name))?.call {
            ShareableCall::Inline(call) => InHandler::Inline(call),
            ShareableCall::Workers { call, count, group } => {
                InHandler::Workers { call, pool: self.pool(connection, count, group)? }
            }
        })
    }

    fn pool(&mut self, name: &str, count: usize, group: Option<u64>) -> Result<Rc<Pool>, RunError> {
        if let Some(pool) = group.and_then(|group| self.pools.get(&group)) {
            return Ok(pool.clone());
        }
        let pool = Pool::start(name, count, MOST_QUEUED)
            .map_err(|source| RunError::System { what: "start worker threads", source })?;
        let pool = Rc::new(pool);
        if let Some(group) = group {
            self.pools.insert(group, pool.clone());
        }
        Ok(pool)
    }

    fn in_socket(
        &self,
        sockets: &Sockets,
        model: &ConnectionModel,
        counters: Arc<Counters>,
    ) -> Result<InSocket, SocketError> {
        if model.kind == ConnectionType::Replyer {
            let replyer = Replyer::bind(sockets, &model.name, &self.bind_to(model), counters)?;
            tracing::info!(connection = model.name, address = replyer.endpoint, "listening");
            self.listens(model, Some(&replyer.endpoint));
            return Ok(InSocket::Replyer(replyer));
        }
        let source = match model.is_binder {
            true => Source::Bind(self.bind_to(model)),
            false => Source::Connect(self.connect_to(model)),
        };
        let topic = model.topic.as_deref();
        let subscriber = Subscriber::open(sockets, &model.name, &source, topic, counters)?;
        self.listens(model, subscriber.endpoint.as_ref());
        Ok(InSocket::Subscriber(subscriber))
    }

    fn listens(&self, model: &ConnectionModel, endpoint: Option<&String>) {
        let (side, name, socket) = (model.side, model.name.clone(), model.kind.as_str());
        if let Some(endpoint) = endpoint.cloned() {
            self.shared.listens(Listening { of: Of::Connection, side, name, socket, endpoint });
        }
    }

    fn bind_to(&self, model: &ConnectionModel) -> String {
        let endpoints = self.prepared.resolved.connection(model.side, &model.name).unwrap_or_default();
        endpoints.first().map(|endpoint| endpoint.bind_text(self.prepared.bind_all)).unwrap_or_default()
    }

    fn connect_to(&self, model: &ConnectionModel) -> Targets {
        let endpoints = self.prepared.resolved.connection(model.side, &model.name).unwrap_or_default();
        self.targets(endpoints, Of::Connection, model.kind.as_str())
    }

    /// Where a socket of this name connects to.
    pub(super) fn targets(&self, endpoints: &[Endpoint], of: Of, socket: &str) -> Targets {
        let fixed = endpoints.iter().filter(|endpoint| endpoint.discovered().is_none());
        let sought = endpoints.iter().filter_map(Endpoint::discovered);
        let sought = sought.map(|named| (Sought::by(of, socket, named), named.to_string()));
        Targets::new(fixed.map(ToString::to_string).collect(), sought.collect(), &self.prepared.directory)
    }
}

impl Prepared {
    /// Looks up the host names among the addresses; those that nobody knows are problems where sockets bind, and
    /// warnings where they connect.
    pub(crate) fn look_up_hosts(mut self) -> Result<Self, SetupError> {
        let settled = hosts::settle(&mut self.resolved, self.bind_all);
        self.warnings.extend(settled.warnings);
        if settled.problems.is_empty() { Ok(self) } else { Err(settled.problems.into()) }
    }

    pub(super) fn models(&self, side: Side) -> impl Iterator<Item = &ConnectionModel> {
        self.model.connections.iter().filter(move |model| model.side == side)
    }

    fn agreement(&self, model: &ConnectionModel, counters: Arc<Counters>) -> Result<Agreement, RunError> {
        Ok(Agreement {
            name: model.name.clone(),
            args: checker(model, &model.message())?,
            returns: checker(model, &model.returns)?,
            returns_nothing: !model.takes_anything && model.returns.required.is_empty(),
            reading_checks: false,
            writing_fits: false,
            counters,
            not_understood: Throttle::default(),
            invalid: Throttle::default(),
        })
    }

    fn out_entry(&self, model: &ConnectionModel) -> Result<OutEntry, RunError> {
        let options = self.requests.get(&model.name).copied().unwrap_or_default();
        Ok(OutEntry {
            name: model.name.clone(),
            kind: model.kind,
            args: checker(model, &model.message())?,
            returns: checker(model, &model.returns)?,
            models: (model.message(), model.returns.clone()),
            returns_nothing: !model.takes_anything && model.returns.required.is_empty(),
            within: options.within(),
            idempotent: options.idempotent,
        })
    }
}

impl Agreement {
    /// Leaves to the types of a handler what they see to, where the model is still theirs.
    fn with(self, model: &ConnectionModel, handler: &Shareable) -> Self {
        let reading_checks = handler.reads_exactly && handler.arguments.as_ref() == Some(&model.message());
        let writing_fits = handler.returns.as_ref() == Some(&model.returns);
        Self { reading_checks, writing_fits, ..self }
    }
}

/// Names were checked when the service was prepared.
fn missing(function: &str) -> RunError {
    RunError::Hook { hook: "setup_connection_models", reason: format!("there is no function {function:?}") }
}

/// Models were checked when the service was prepared, so this fails only if a hook of the user's own says one thing
/// then and another now.
fn checker(model: &ConnectionModel, arguments: &Arguments) -> Result<Checker, RunError> {
    let compiled = match model.takes_anything {
        true => Checker::of_type(&Type::map(Type::Str, Type::Any), ""),
        false => Checker::compile(arguments),
    };
    compiled.map_err(|problems| wrong_model("setup_connection_models", &problems))
}

pub(super) fn wrong_model(hook: &'static str, problems: &[Problem]) -> RunError {
    let reason = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    RunError::Hook { hook, reason }
}

/// A function of the program behind the same checks, errors and log lines as a handler.
fn function(call: Blocking, agreement: Arc<Agreement>, shared: Arc<Shared>) -> Function {
    Arc::new(move |body| {
        let (mut returned, mut reply, arrived) = (Vec::new(), Vec::new(), Instant::now());
        let message =
            |workflow_id| Concluded { replies: Direction::In, ..Concluded::new(true, workflow_id, arrived) };
        let admitted = agreement.open(body).and_then(|message| agreement.admit(&message, arrived));
        match admitted {
            Err(error) => agreement.conclude(Err(Fault::Ready(error)), &message(None), &mut reply),
            Ok(admitted) => {
                let _entered = enter(admitted.workflow_id);
                let scope = Arc::new(Scope::of_message(admitted.workflow_id, admitted.deadline, None));
                let outcome = call_blocking(&call, &shared, admitted.args, &scope, &mut returned);
                let outcome = outcome.map(|()| &returned[..]);
                let outcome = outcome.map_err(|fault| agreement.explain(fault, admitted.args));
                agreement.conclude(outcome, &message(admitted.workflow_id), &mut reply);
            }
        }
        reply
    })
}

/// Tells this run of a service from those before: microseconds since 1970.
pub(super) fn epoch() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
