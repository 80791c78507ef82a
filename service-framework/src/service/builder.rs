//! `Service`: a model, the functions behind it, and the hooks.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::error::Result;
use super::handler::{Blocking, Erased, ErasedHook, Handler, Hook, Kind, workers};
use crate::model::{Config, ConfigModel, ConnectionModel, NO_VERSION, ServiceModel, StateModel};

/// A service: what it takes in and gives out, and what it does with it.
///
/// Made with [`Service::new`] or, where the model comes as data, with [`Service::from_model`]; run with
/// [`crate::run`].
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use service_framework::model::{ConnectionModel, Type};
/// use service_framework::service::Service;
///
/// #[derive(Deserialize)]
/// struct Name { name: String }
///
/// #[derive(Serialize)]
/// struct Greeting { text: String }
///
/// fn greet(asked: Name) -> service_framework::Result<Greeting> {
///     Ok(Greeting { text: format!("Hello, {}", asked.name) })
/// }
///
/// let hello = ConnectionModel::replyer("hello").requires("name", Type::Str).returns("text", Type::Str);
/// let service = Service::new("greeter").replyer(hello, greet);
/// # assert_eq!(service.model().name, "greeter");
/// ```
#[must_use = "a service does nothing until it runs"]
pub struct Service {
    pub(super) model: ServiceModel,
    pub(super) handlers: HashMap<String, Erased>,
    pub(super) functions: HashMap<String, Blocking>,
    pub(super) requests: HashMap<String, RequestOptions>,
    pub(super) hooks: Hooks,
}

/// How requests of one out connection are treated unless a call says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestOptions {
    pub(super) within: Duration,
    pub(super) idempotent: bool,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self { within: Duration::from_secs(5), idempotent: false }
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
        }
    }

    /// Sets the version that `describe` prints.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.model.version = version.into();
        self
    }

    /// Sets what the configuration may and must hold.
    pub fn config(mut self, model: ConfigModel) -> Self {
        self.model.config = Some(model);
        self
    }

    /// Answers requests.
    pub fn replyer<M>(self, model: ConnectionModel, handler: impl Handler<M>) -> Self {
        self.receiver(model, handler)
    }

    /// Takes published messages.
    pub fn subscriber<M>(self, model: ConnectionModel, handler: impl Handler<M>) -> Self {
        self.receiver(model, handler)
    }

    fn receiver<M>(mut self, model: ConnectionModel, handler: impl Handler<M>) -> Self {
        let name = model.handler.clone().unwrap_or_else(|| model.name.clone());
        self.model.connections.push(model);
        self.handler(name, handler)
    }

    /// Registers the function that a model names as a handler.
    pub fn handler<M>(mut self, name: impl Into<String>, handler: impl Handler<M>) -> Self {
        self.handlers.insert(name.into(), handler.erase());
        self
    }

    /// Asks a replyer elsewhere.
    pub fn requester(mut self, model: ConnectionModel) -> Self {
        self.model.connections.push(model);
        self
    }

    /// Tells subscribers.
    pub fn publisher(mut self, model: ConnectionModel) -> Self {
        self.model.connections.push(model);
        self
    }

    /// Owns a state, or follows that of another service. Handlers change an own one by
    /// [`ToSend::delta`](super::ToSend::delta) and [`ToSend::full`](super::ToSend::full), and see one that is followed
    /// in [`States`](super::States).
    pub fn state(mut self, model: StateModel) -> Self {
        self.model.states.push(model);
        self
    }

    /// Follows the state of another service and is called with what changes in it: arguments as of an update on the
    /// wire. Of a delta state these are `state`, the keys that changed with their values, nil for those that are gone;
    /// `current_num`; `is_snapshot`; and what else travels with the update. Of a full state they are the state.
    ///
    /// Changes come in order, and the state that a handler sees has the one that it is called with, perhaps later ones
    /// too.
    pub fn on_change<M>(mut self, model: StateModel, handler: impl Handler<M>) -> Self {
        let name = model.on_change.clone().unwrap_or_else(|| format!("on_{}", model.name));
        self.model.states.push(model.on_change(&name));
        self.handler(name, handler)
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
        if let Kind::Workers { call, .. } = workers(1, function).erase().0 {
            self.functions.insert(name.into(), call);
        }
        self
    }

    /// How long requests of an out connection may take unless a call says otherwise; 5 s by default.
    pub fn request_deadline(mut self, connection: impl Into<String>, deadline: Duration) -> Self {
        self.requests.entry(connection.into()).or_default().within = deadline;
        self
    }

    /// Says of an out connection that asking twice does no harm: a request whose peer is lost goes to the next one.
    pub fn idempotent(mut self, connection: impl Into<String>) -> Self {
        self.requests.entry(connection.into()).or_default().idempotent = true;
        self
    }

    /// What runs in main mode (`-m`); the service ends when it returns.
    pub fn main<M>(mut self, main: impl Hook<M>) -> Self {
        self.model.main = true;
        self.hooks.main = Some(main.erase());
        self
    }

    /// What runs once the sockets are open, before the first message is handled or `main` begins.
    pub fn init_function<M>(mut self, hook: impl Hook<M>) -> Self {
        self.hooks.init_function = Some(hook.erase());
        self
    }

    /// What runs on Ctrl-C, before handlers that still run are waited for.
    pub fn sigint_handler<M>(mut self, hook: impl Hook<M>) -> Self {
        self.hooks.sigint_handler = Some(hook.erase());
        self
    }

    /// What runs on SIGTERM, before handlers that still run are waited for.
    pub fn sigterm_handler<M>(mut self, hook: impl Hook<M>) -> Self {
        self.hooks.sigterm_handler = Some(hook.erase());
        self
    }

    /// Changes the configuration before it is used; what it returns is checked.
    pub fn setup_config(mut self, hook: impl FnOnce(Config) -> Result<Config> + Send + 'static) -> Self {
        self.hooks.setup_config = Some(Box::new(hook));
        self
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
