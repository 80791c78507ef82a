//! `Service`: a model, the functions behind it, and the hooks.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::asked::{Asked, Parts, Values};
use super::codec::{BySerde, ByType};
use super::declare::{Declarations, Need};
use super::error::Result;
use super::handler::{Blocking, Erased, Handler, Kind, OnWorkers, Signature, workers};
use super::hook::{ErasedHook, Hook, HookSignature};
use crate::model::{
    Config, ConfigModel, ConfigType, ConnectionModel, ConnectionType, Message, NO_VERSION, Problem,
    ServiceModel, StateModel,
};

/// A service: what it takes in and gives out, and what it does with it.
///
/// Made with [`Service::new`] or, where the model comes as data, with [`Service::from_model`]; run with
/// [`crate::run`].
///
/// ```
/// use service_framework::prelude::*;
///
/// #[derive(Message)]
/// struct Name { name: String }
///
/// #[derive(Message)]
/// struct Greeting { text: String }
///
/// fn greet(asked: Name) -> Result<Greeting> {
///     Ok(Greeting { text: format!("Hello, {}", asked.name) })
/// }
///
/// let service = Service::new("greeter").replyer("hello", greet);
/// # assert_eq!(service.model().name, "greeter");
/// ```
#[must_use = "a service does nothing until it runs"]
pub struct Service {
    pub(super) model: ServiceModel,
    pub(super) handlers: HashMap<String, Erased>,
    pub(super) functions: HashMap<String, Blocking>,
    pub(super) requests: HashMap<String, RequestOptions>,
    pub(super) hooks: Hooks,
    pub(super) asked: Asked,
    pub(super) values: Values,
}

/// How requests of one out connection are treated unless a call says otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RequestOptions {
    /// What `Service::request_deadline` says, before what links say.
    pub(super) said: Option<Duration>,
    pub(super) by_links: Option<Duration>,
    pub(super) idempotent: bool,
}

impl RequestOptions {
    pub(super) fn within(&self) -> Duration {
        self.said.or(self.by_links).unwrap_or(Duration::from_secs(5))
    }
}

/// What a connection is called, or what else is said of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no name of a connection",
    note = "the first parameter is the connection's name, or a `ConnectionModel` where more is to be said of it"
)]
pub trait Named {
    /// The model, as far as it does not come from the handler's types.
    fn into_model(self, kind: ConnectionType) -> ConnectionModel;
}

impl Named for &str {
    fn into_model(self, kind: ConnectionType) -> ConnectionModel {
        ConnectionModel::new(self, kind)
    }
}

impl Named for String {
    fn into_model(self, kind: ConnectionType) -> ConnectionModel {
        ConnectionModel::new(self, kind)
    }
}

impl Named for ConnectionModel {
    fn into_model(self, _kind: ConnectionType) -> ConnectionModel {
        self
    }
}

type SetupConfig = Box<dyn FnOnce(Config) -> Result<Config> + Send>;
type SetupAddresses = Box<dyn FnOnce(Json, &Config) -> Result<Json> + Send>;
type SetupConnections = Box<dyn FnOnce(&Config) -> Result<Map<String, Json>> + Send>;
type SetupStateModels = Box<dyn FnOnce(Vec<StateModel>, &Config) -> Result<Vec<StateModel>> + Send>;
type SetupConnectionModels =
    Box<dyn FnOnce(Vec<ConnectionModel>, &Config) -> Result<Vec<ConnectionModel>> + Send>;

/// The functions that are called around the service's work.
#[derive(Default)]
pub(super) struct Hooks {
    pub(super) setup_config: Option<SetupConfig>,
    pub(super) setup_addresses: Option<SetupAddresses>,
    pub(super) setup_connections: Option<SetupConnections>,
    pub(super) setup_connection_models: Option<SetupConnectionModels>,
    pub(super) setup_states: Option<SetupConnections>,
    pub(super) setup_state_models: Option<SetupStateModels>,
    pub(super) init_function: Option<ErasedHook>,
    pub(super) main: Option<ErasedHook>,
    pub(super) sigint_handler: Option<ErasedHook>,
    pub(super) sigterm_handler: Option<ErasedHook>,
}

impl Service {
    /// A service without connections.
    pub fn new(name: impl Into<String>) -> Self {
        let (name, version) = (name.into(), NO_VERSION.to_owned());
        Self::from_model(ServiceModel { name, version, ..ServiceModel::default() })
    }

    /// A service whose model is given as data; register its handlers by name with [`Service::handler`].
    pub fn from_model(model: ServiceModel) -> Self {
        Self {
            model,
            handlers: HashMap::new(),
            functions: HashMap::new(),
            requests: HashMap::new(),
            hooks: Hooks::default(),
            asked: Asked::default(),
            values: Values::default(),
        }
    }

    /// Sets the version that `describe` prints.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.model.version = version.into();
        self
    }

    /// Sets what the configuration may and must hold.
    pub fn config(mut self, model: ConfigModel) -> Self {
        match &mut self.model.config {
            Some(known) => self.asked.problems.extend(known.add(&model, "Service::config")),
            None => self.model.config = Some(model),
        }
        self
    }

    /// Answers requests: the handler's first parameter is what is asked, and what it returns is the answer. Both are
    /// types with `#[derive(Message)]`, which are the model.
    ///
    /// `named` is the connection's name, or a [`ConnectionModel`] where more is to be said of it.
    pub fn replyer<M>(self, named: impl Named, handler: impl Signature<M> + Handler<ByType, M>) -> Self {
        self.receiver(named.into_model(ConnectionType::Replyer), ConnectionType::Replyer, handler.erase())
    }

    /// Takes published messages: the handler's first parameter, a type with `#[derive(Message)]`, is the model.
    ///
    /// ```
    /// use service_framework::prelude::*;
    /// use service_framework::model::ConnectionModel;
    ///
    /// #[derive(Message)]
    /// struct Tick { price: f64 }
    ///
    /// fn on_tick(tick: Tick) -> Result {
    ///     tracing::info!(tick.price);
    ///     Ok(())
    /// }
    ///
    /// let ticks = ConnectionModel::subscriber("ticks").topic("X");
    /// let service = Service::new("follower").subscriber(ticks, on_tick);
    /// # assert_eq!(service.model().connections[0].topic.as_deref(), Some("X"));
    /// ```
    pub fn subscriber<M>(self, named: impl Named, handler: impl Signature<M> + Handler<ByType, M>) -> Self {
        self.receiver(
            named.into_model(ConnectionType::Subscriber),
            ConnectionType::Subscriber,
            handler.erase(),
        )
    }

    /// An in connection with its handler, whose arguments are those of the model if it has some.
    fn receiver(mut self, mut model: ConnectionModel, wanted: ConnectionType, handler: Erased) -> Self {
        if model.kind != wanted {
            let path = format!("connection_models.{}.{}.connection_type", model.side, model.name);
            self.asked.problems.push(Problem::new(path, wanted.as_str(), model.kind.as_str()));
        }
        if model.arguments.is_empty() && model.returns.is_empty() {
            model.arguments = handler.arguments.clone().unwrap_or_default();
            // What the connection asks for is a part of the handler's type, and said already.
            let said = |name: &str| model.connection_arguments.get(name).is_some();
            model.arguments.required.retain(|(name, _)| !said(name));
            model.arguments.optional.retain(|(name, _)| !said(name));
            if wanted.returns() {
                model.returns = handler.returns.clone().unwrap_or_default();
            }
        }
        let name = model.handler.clone().unwrap_or_else(|| model.name.clone());
        self.model.connections.push(model);
        self.add_handler(name, handler)
    }

    /// Registers a function under a name that no other function has.
    fn add_handler(mut self, name: String, mut handler: Erased) -> Self {
        self.take_in(&name, &mut handler.asks);
        let function = handler.function;
        if let Some(before) =
            self.handlers.insert(name.clone(), handler).filter(|before| before.function != function)
        {
            self.asked.problems.push(two_functions(&name, before.function, function));
        }
        self
    }

    /// Adds what something asks for that is no function of the service.
    #[cfg(feature = "testing")]
    pub(super) fn asking(mut self, by: &str, mut asks: Declarations) -> Self {
        self.take_in(by, &mut asks);
        self
    }

    /// Adds what a function asks for to the model.
    fn take_in(&mut self, by: &str, asks: &mut Declarations) {
        let caller = asks.caller;
        let parts =
            Parts { model: &mut self.model, requests: &mut self.requests, functions: &mut self.functions };
        self.asked.take_in(by, std::mem::take(asks), parts);
        asks.caller = caller;
    }

    /// Adds a connection whose model is given as data. What is sent over it goes through
    /// [`ToSend`](super::ToSend) by its name; an in connection needs its function by [`Service::handler`].
    pub fn connection(mut self, model: ConnectionModel) -> Self {
        self.model.connections.push(model);
        self
    }

    /// An in connection whose model is given as data, with its function; see [`Service::handler`].
    pub fn receives<M>(
        self,
        model: ConnectionModel,
        handler: impl Signature<M> + Handler<BySerde, M>,
    ) -> Self {
        let name = model.handler.clone().unwrap_or_else(|| model.name.clone());
        self.connection(model).handler(name, handler)
    }

    /// An in state whose model is given as data, with the function that is told its changes: arguments as of an update on
    /// the wire. Of a delta state these are `state`, the keys that changed with their values, nil for those that are
    /// gone; `current_num`; `is_snapshot`; and what else travels with the update. Of a full state they are the state.
    pub fn follows<M>(self, model: StateModel, handler: impl Signature<M> + Handler<BySerde, M>) -> Self {
        let name = model.on_change.clone().unwrap_or_else(|| format!("on_{}", model.name));
        self.state(model.on_change(&name)).handler(name, handler)
    }

    /// Registers a function that a model names as a handler: of any types that serde reads and writes, or of
    /// [`Value`](crate::Value)s.
    pub fn handler<M>(
        self,
        name: impl Into<String>,
        handler: impl Signature<M> + Handler<BySerde, M>,
    ) -> Self {
        self.add_handler(name.into(), handler.erase())
    }

    /// A value that this service keeps between messages: plain handlers and hooks ask for `&mut S`, async ones for
    /// [`Own<S>`](super::Own). One of each type.
    pub fn owns<S: Send + 'static>(mut self, value: S) -> Self {
        self.values.owned.push((Need::of::<S>(), Box::new(value)));
        self
    }

    /// A value that all functions of this service share, workers too: they ask for `Arc<T>`. One of each type.
    pub fn shares<T: Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.values.shared.push((Need::of::<T>(), value));
        self
    }

    /// Owns a state, or follows that of another service. Handlers change an own one by
    /// [`ToSend::delta`](super::ToSend::delta) and [`ToSend::full`](super::ToSend::full), and see one that is followed
    /// in [`States`](super::States).
    pub fn state(mut self, model: StateModel) -> Self {
        self.model.states.push(model);
        self
    }

    /// Follows the state of another service and is called with what changes in it: of a delta state with a
    /// [`DeltaChange`](super::DeltaChange), of a full state with the state.
    ///
    /// Changes come in order, and the state that a handler sees has the one that it is called with, perhaps later ones
    /// too.
    pub fn on_change<A: Message, M: TakesFirst<A>>(
        mut self,
        state: &str,
        handler: impl Signature<M> + Handler<ByType, M>,
    ) -> Self {
        let name = format!("on_{state}");
        self.asked.add_state(A::state(state).on_change(&name), &name, &mut self.model);
        self.add_handler(name, handler.erase())
    }

    /// Calls a function of this program like a replyer: its arguments and what it returns are checked, it may block,
    /// and requests to it have deadlines.
    pub fn external_request<A, R>(
        mut self,
        model: ConnectionModel,
        function: impl Fn(A) -> Result<R> + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + 'static,
        R: Serialize + 'static,
    {
        let name = model.func_to_call.clone().unwrap_or_else(|| model.name.clone());
        self.model.connections.push(model);
        self.function(name, function)
    }

    /// Registers the function that a model names as `func_to_call`.
    pub fn function<A, R>(
        mut self,
        name: impl Into<String>,
        function: impl Fn(A) -> Result<R> + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + 'static,
        R: Serialize + 'static,
    {
        let function = Handler::<BySerde, (OnWorkers, A, R)>::erase(workers(1, function));
        if let Kind::Workers { call, .. } = function.kind {
            self.functions.insert(name.into(), call);
        }
        self
    }

    /// How long requests of an out connection may take unless a call says otherwise; 5 s by default.
    pub fn request_deadline(mut self, connection: impl Into<String>, deadline: Duration) -> Self {
        self.requests.entry(connection.into()).or_default().said = Some(deadline);
        self
    }

    /// Says of an out connection that asking twice does no harm: a request whose peer is lost, or
    /// says that it stops, goes to the next one.
    pub fn idempotent(mut self, connection: impl Into<String>) -> Self {
        self.requests.entry(connection.into()).or_default().idempotent = true;
        self
    }

    /// What runs in main mode (`-m`); the service ends when it returns.
    pub fn main<M>(mut self, main: impl HookSignature<M> + Hook<M>) -> Self {
        self.model.main = true;
        self.hooks.main = Some(self.hook("main", main.erase()));
        self
    }

    fn hook(&mut self, by: &str, mut hook: ErasedHook) -> ErasedHook {
        self.take_in(by, &mut hook.asks);
        hook
    }

    /// What runs once the sockets are open, before the first message is handled or `main` begins.
    pub fn init_function<M>(mut self, hook: impl HookSignature<M> + Hook<M>) -> Self {
        self.hooks.init_function = Some(self.hook("init_function", hook.erase()));
        self
    }

    /// Has something done before `init_function`, whether there is one or not.
    #[cfg(feature = "flows")]
    pub(super) fn first(mut self, does: impl FnOnce(super::ToSend) + Send + 'static) -> Self {
        self.hooks.init_function = Some(ErasedHook::after(self.hooks.init_function.take(), does));
        self
    }

    /// What runs on Ctrl-C, before handlers that still run are waited for.
    pub fn sigint_handler<M>(mut self, hook: impl HookSignature<M> + Hook<M>) -> Self {
        self.hooks.sigint_handler = Some(self.hook("sigint_handler", hook.erase()));
        self
    }

    /// What runs on SIGTERM, before handlers that still run are waited for.
    pub fn sigterm_handler<M>(mut self, hook: impl HookSignature<M> + Hook<M>) -> Self {
        self.hooks.sigterm_handler = Some(self.hook("sigterm_handler", hook.erase()));
        self
    }

    /// Changes the configuration before it is used; what it returns is checked. It takes and returns a type with
    /// `#[derive(Config)]`, or a [`model::Config`](Config).
    pub fn setup_config<T: ConfigType>(mut self, hook: impl FnOnce(T) -> Result<T> + Send + 'static) -> Self {
        self.declare_config::<T>("setup_config");
        self.hooks.setup_config = Some(Box::new(|mut config| {
            hook(T::from_config(&config)?)?.to_config(&mut config);
            Ok(config)
        }));
        self
    }

    fn declare_config<T: ConfigType>(&mut self, by: &str) {
        let mut asks = Declarations::default();
        asks.config::<T>();
        self.take_in(by, &mut asks);
    }

    /// Changes the addresses, as JSON, before they are used; what it returns is checked.
    pub fn setup_addresses(
        mut self,
        hook: impl FnOnce(Json, &Config) -> Result<Json> + Send + 'static,
    ) -> Self {
        self.hooks.setup_addresses = Some(Box::new(hook));
        self
    }

    /// Gives creation arguments, such as a topic, by connection; they overwrite those of the models.
    pub fn setup_connections(
        mut self,
        hook: impl FnOnce(&Config) -> Result<Map<String, Json>> + Send + 'static,
    ) -> Self {
        self.hooks.setup_connections = Some(Box::new(hook));
        self
    }

    /// Changes the connection models before they are used; what it returns is checked.
    pub fn setup_connection_models(
        mut self,
        hook: impl FnOnce(Vec<ConnectionModel>, &Config) -> Result<Vec<ConnectionModel>> + Send + 'static,
    ) -> Self {
        self.hooks.setup_connection_models = Some(Box::new(hook));
        self
    }

    /// Gives creation arguments, such as a topic, by state; they overwrite those of the models.
    pub fn setup_states(
        mut self,
        hook: impl FnOnce(&Config) -> Result<Map<String, Json>> + Send + 'static,
    ) -> Self {
        self.hooks.setup_states = Some(Box::new(hook));
        self
    }

    /// Changes the state models before they are used; what it returns is checked.
    pub fn setup_state_models(
        mut self,
        hook: impl FnOnce(Vec<StateModel>, &Config) -> Result<Vec<StateModel>> + Send + 'static,
    ) -> Self {
        self.hooks.setup_state_models = Some(Box::new(hook));
        self
    }

    /// What the service takes in and gives out, as data.
    #[must_use]
    pub fn model(&self) -> &ServiceModel {
        &self.model
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("model", &self.model).finish_non_exhaustive()
    }
}

/// Two functions under one name.
pub(super) fn two_functions(name: &str, first: &str, second: &str) -> Problem {
    Problem::new(
        format!("functions.{name}"),
        "one function of each name",
        format!("two: {first} and {second}"),
    )
}

/// A shape of handlers whose first parameter is `A`.
pub trait TakesFirst<A> {}
