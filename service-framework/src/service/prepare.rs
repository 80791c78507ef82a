//! From a service and its files to something that can run: checks, hooks, checks again. Opens nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::asked::{Asked, Values};
use super::builder::{Hooks, RequestOptions, Service};
use super::error::{HandlerError, SetupError};
use super::handler::{Blocking, Erased};
use super::run::OnReady;
use crate::connection::tap::Hub;
use crate::connection::{Addresses, Directory, Resolution, Resolved};
use crate::model::{
    Config, ConnectionModel, ConnectionType, Problem, ServiceModel, Side, Source, StateModel, StateType,
    compare, near_miss,
};
use crate::state::Backing;

/// What a service is given to run with.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// Where configuration comes from, lowest precedence first.
    pub config: Vec<Source<'a>>,
    /// The addresses file's content, if there is one.
    pub addresses: Option<Json>,
    /// The addresses file's name, for messages.
    pub addresses_file: Option<String>,
    /// Whether sockets listen on every interface, whatever host their addresses name.
    pub bind_all: bool,
    /// The least time between two turns of the loop; zero by default.
    pub min_wait: Duration,
    /// How long handlers may go on after a stop; 10 s by default.
    pub grace: Duration,
    /// Whether `main` runs instead of the loop.
    pub main_mode: bool,
    /// Whether there are no sockets, and so no addresses; set by [`Inline`](super::Inline).
    #[doc(hidden)]
    pub is_inline: bool,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            config: Vec::new(),
            addresses: None,
            addresses_file: None,
            bind_all: false,
            min_wait: Duration::ZERO,
            grace: Duration::from_secs(10),
            main_mode: false,
            is_inline: false,
        }
    }
}

impl<'a> Setup<'a> {
    /// Without sockets, with this config.
    pub(crate) fn inline(config: Option<&'a Json>) -> Self {
        let config = config.map(|content| Source::File { name: "the config", content });
        Self { config: config.into_iter().collect(), is_inline: true, ..Self::default() }
    }
}

/// A service whose models, files and hooks are in order.
#[must_use = "a service does nothing until it runs"]
pub struct Prepared {
    pub(super) model: ServiceModel,
    pub(super) config: Config,
    pub(super) resolved: Resolved,
    pub(super) handlers: HashMap<String, Erased>,
    pub(super) functions: HashMap<String, Blocking>,
    pub(super) requests: HashMap<String, RequestOptions>,
    pub(super) hooks: Hooks,
    pub(super) asked: Asked,
    pub(super) values: Values,
    pub(super) bind_all: bool,
    pub(super) min_wait: Duration,
    pub(super) grace: Duration,
    pub(super) main_mode: bool,
    /// Whether publishers hear of their subscribers.
    pub(super) is_watched: bool,
    /// What is known of those that are found by their names.
    pub(super) directory: Arc<Directory>,
    /// Who looks at its messages.
    pub(super) tap: Arc<Hub>,
    /// Out states whose data are also elsewhere, by name.
    pub(super) backings: HashMap<String, Arc<dyn Backing>>,
    /// Told once the service is ready.
    pub(super) on_ready: Vec<OnReady>,
    /// What is not wrong but perhaps not meant.
    pub warnings: Vec<String>,
}

#[cfg(not(feature = "cluster"))]
impl Prepared {
    /// Whether its addresses name a cluster.
    pub(crate) fn names_cluster(&self) -> bool {
        self.resolved.cluster.is_some()
    }
}

impl Prepared {
    /// What the service takes in and gives out, setup hooks included.
    pub(crate) fn model(&self) -> &ServiceModel {
        &self.model
    }

    /// Where its messages can be seen, from before its first one on.
    pub(crate) fn tap(&self) -> &Arc<Hub> {
        &self.tap
    }

    pub(crate) fn is_in_main_mode(&self) -> bool {
        self.main_mode
    }
}

impl Service {
    /// Checks models and files, runs the setup hooks and checks what they made of them.
    ///
    /// # Errors
    /// All problems of the files and models at once; then the first hook that fails; then all problems of what the
    /// hooks returned.
    pub fn prepare(mut self, setup: &Setup<'_>) -> Result<Prepared, SetupError> {
        let mut problems = self.problems(setup);
        let config = collect(&mut problems, self.first_config(setup));
        let addresses = collect(&mut problems, self.first_addresses(setup));
        let (Some(config), Some(addresses), true) = (config, addresses, problems.is_empty()) else {
            return Err(problems.into());
        };
        let is_changed = self.hooks.setup_config.is_some();
        let config = self.run_setup_config(config)?;
        let addresses = self.run_setup_addresses(addresses, &config)?;
        let mut problems = self.run_setup_connections(&config)?;
        problems.extend(self.run_setup_states(&config)?);
        self.finish(setup, (config, is_changed), &addresses, problems)
    }

    /// Checks what the hooks returned, all of it at once.
    fn finish(
        self,
        setup: &Setup<'_>,
        (config, is_changed): (Config, bool),
        addresses: &Json,
        mut problems: Vec<Problem>,
    ) -> Result<Prepared, SetupError> {
        let config = match self.model.config.as_ref().filter(|_| is_changed) {
            Some(model) => collect(&mut problems, model.assemble(&[Source::Setup(&config)])),
            None => Some(config),
        };
        problems.extend(self.problems(setup));
        let resolution = match setup.is_inline {
            true => Resolution::default(),
            false => Addresses::lay(addresses, setup.addresses_file.as_deref(), &self.model),
        };
        problems.extend(resolution.problems);
        problems.extend(config.iter().flat_map(|config| self.asked.config_problems(config)));
        let (Some(config), true) = (config, problems.is_empty()) else { return Err(problems.into()) };
        Ok(Prepared {
            model: self.model,
            config,
            resolved: resolution.resolved,
            handlers: self.handlers,
            functions: self.functions,
            requests: self.requests,
            hooks: self.hooks,
            asked: self.asked,
            values: self.values,
            bind_all: setup.bind_all,
            min_wait: setup.min_wait,
            grace: setup.grace,
            main_mode: setup.main_mode,
            is_watched: false,
            directory: Arc::default(),
            tap: Arc::default(),
            backings: HashMap::new(),
            on_ready: Vec::new(),
            warnings: resolution.warnings,
        })
    }

    /// What is wrong before any hook has run, the addresses aside.
    pub(super) fn problems_but_addresses(&self, setup: &Setup<'_>) -> Vec<Problem> {
        let mut problems = self.problems(setup);
        problems.extend(self.first_config(setup).err().unwrap_or_default());
        problems
    }

    /// What is wrong with the model, and between it and the functions.
    fn problems(&self, setup: &Setup<'_>) -> Vec<Problem> {
        let mut problems = self.model.problems();
        problems
            .extend(self.model.connections.iter().filter_map(|connection| self.missing_function(connection)));
        problems.extend(self.model.connections.iter().filter_map(|model| self.misfit_of_handler(model)));
        problems.extend(self.model.states_on(Side::In).filter_map(|state| self.misfit_of_told(state)));
        problems.extend(self.asked.problems.iter().cloned());
        problems.extend(self.asked.missing(&self.values));
        problems.extend(self.main_mode_problems(setup.main_mode));
        problems.extend(self.model.states.iter().filter_map(|state| self.missing_on_change(state)));
        problems
    }

    fn missing_function(&self, connection: &ConnectionModel) -> Option<Problem> {
        let (wanted, key, registered): (_, _, Vec<&str>) = match (connection.side, connection.kind) {
            (Side::In, _) => {
                let names = self.handlers.keys().map(String::as_str).collect();
                (connection.handler.as_deref().unwrap_or(&connection.name), "connection_function", names)
            }
            (Side::Out, ConnectionType::ExternalRequest) => {
                let names = self.functions.keys().map(String::as_str).collect();
                (connection.func_to_call.as_deref().unwrap_or(&connection.name), "func_to_call", names)
            }
            _ => return None,
        };
        if registered.contains(&wanted) {
            return None;
        }
        let path = format!("connection_models.{}.{}.{key}", connection.side, connection.name);
        Some(missing(&path, wanted, &registered))
    }

    /// What a connection gives and the type of its function does not take.
    fn misfit_of_handler(&self, model: &ConnectionModel) -> Option<Problem> {
        let name = model.handler.as_deref().filter(|_| model.side == Side::In)?;
        let takes = self.handlers.get(name)?.arguments.as_ref()?;
        if *takes == model.message() {
            return None;
        }
        let given = ConnectionModel { arguments: model.message(), ..ConnectionModel::publisher(&model.name) };
        let taken = ConnectionModel { arguments: takes.clone(), ..ConnectionModel::subscriber(&model.name) };
        let wrong = compare(&given, &taken).into_iter().next()?;
        let path = format!("connection_models.in.{}", model.name);
        let expected = format!("arguments that the type of its function `{name}` takes");
        Some(Problem::new(path, expected, "others").with_hint(wrong.to_string()))
    }

    /// A type that cannot say of which of several owners a whole state is.
    fn misfit_of_told(&self, state: &StateModel) -> Option<Problem> {
        let handler = self.handlers.get(state.on_change.as_deref()?)?;
        let is_misfit =
            state.kind == StateType::FullUpdate && !state.topics.is_empty() && handler.reads_exactly;
        is_misfit.then(|| {
            let path = format!("state_models.in.{}.on_change", state.name);
            Problem::new(
                path,
                "a function that is told which of several owners a state is of",
                "one that is not",
            )
            .with_hint("follow it by `Service::follows`, whose function is told the `topic`")
        })
    }

    fn missing_on_change(&self, state: &StateModel) -> Option<Problem> {
        let wanted = state.on_change.as_deref().filter(|name| !self.handlers.contains_key(*name))?;
        let registered: Vec<&str> = self.handlers.keys().map(String::as_str).collect();
        Some(missing(&format!("state_models.in.{}.on_change", state.name), wanted, &registered))
    }

    fn main_mode_problems(&self, main_mode: bool) -> Vec<Problem> {
        if !main_mode {
            return Vec::new();
        }
        let mut problems = Vec::new();
        if self.hooks.main.is_none() {
            let problem = Problem::new("main", "a main function, for main mode was asked for (-m)", "none");
            problems.push(problem.with_hint("leave -m out, or give the service a `main`"));
        }
        for connection in self.model.connections.iter().filter(|connection| connection.side == Side::In) {
            let path = format!("connection_models.in.{}", connection.name);
            let problem = Problem::new(path, "no in connection in main mode (-m)", "one");
            problems.push(problem.with_hint("leave -m out: a service that is called does not lead"));
        }
        for state in self.model.states_on(Side::In) {
            let path = format!("state_models.in.{}", state.name);
            let problem = Problem::new(path, "no in state in main mode (-m)", "one");
            problems.push(problem.with_hint("leave -m out: nothing would keep the state current"));
        }
        problems
    }

    /// The configuration before its hook; checked here only if no hook may still complete it.
    fn first_config(&self, setup: &Setup<'_>) -> Result<Config, Vec<Problem>> {
        match (&self.model.config, &self.hooks.setup_config) {
            (Some(model), None) => model.assemble(&setup.config),
            (Some(model), Some(_)) => model.gather(&setup.config),
            (None, _) => Config::without_model(&setup.config),
        }
    }

    fn run_setup_config(&mut self, config: Config) -> Result<Config, SetupError> {
        let Some(hook) = self.hooks.setup_config.take() else { return Ok(config) };
        hook(config).map_err(|error| hook_failed("setup_config", &error))
    }

    fn first_addresses(&self, setup: &Setup<'_>) -> Result<Json, Vec<Problem>> {
        let json = setup.addresses.clone().unwrap_or_else(|| Json::Object(Map::new()));
        let file = setup.addresses_file.as_deref();
        let may_still_change = self.hooks.setup_addresses.is_some()
            || self.hooks.setup_connections.is_some()
            || self.hooks.setup_states.is_some()
            || self.hooks.setup_state_models.is_some()
            || self.hooks.setup_connection_models.is_some();
        let problems = if setup.is_inline {
            Vec::new()
        } else if may_still_change {
            Addresses::from_json(&json, file).err().unwrap_or_default()
        } else {
            Addresses::lay(&json, file, &self.model).problems
        };
        if problems.is_empty() { Ok(json) } else { Err(problems) }
    }

    fn run_setup_addresses(&mut self, addresses: Json, config: &Config) -> Result<Json, SetupError> {
        match self.hooks.setup_addresses.take() {
            Some(hook) => hook(addresses, config).map_err(|error| hook_failed("setup_addresses", &error)),
            None => Ok(addresses),
        }
    }

    /// Lets the hooks change the connections; what is wrong with what they returned.
    fn run_setup_connections(&mut self, config: &Config) -> Result<Vec<Problem>, SetupError> {
        if let Some(hook) = self.hooks.setup_connection_models.take() {
            let models = std::mem::take(&mut self.model.connections);
            self.model.connections =
                hook(models, config).map_err(|error| hook_failed("setup_connection_models", &error))?;
        }
        let Some(hook) = self.hooks.setup_connections.take() else { return Ok(Vec::new()) };
        let all = hook(config).map_err(|error| hook_failed("setup_connections", &error))?;
        let overriding = Overriding {
            hook: "setup_connections",
            expected: "a connection of the service",
            name: |model: &ConnectionModel| model.name.as_str(),
            apply: ConnectionModel::override_creation,
        };
        Ok(overriding.all(&mut self.model.connections, &all))
    }

    /// Lets the hooks change the states; what is wrong with what they returned.
    fn run_setup_states(&mut self, config: &Config) -> Result<Vec<Problem>, SetupError> {
        if let Some(hook) = self.hooks.setup_state_models.take() {
            let models = std::mem::take(&mut self.model.states);
            self.model.states =
                hook(models, config).map_err(|error| hook_failed("setup_state_models", &error))?;
        }
        let Some(hook) = self.hooks.setup_states.take() else { return Ok(Vec::new()) };
        let all = hook(config).map_err(|error| hook_failed("setup_states", &error))?;
        let overriding = Overriding {
            hook: "setup_states",
            expected: "a state of the service",
            name: |model: &StateModel| model.name.as_str(),
            apply: StateModel::override_creation,
        };
        Ok(overriding.all(&mut self.model.states, &all))
    }
}

/// Overrides creation arguments of a model by name.
type Override<M> = fn(&mut M, &Map<String, Json>) -> Result<(), Vec<Problem>>;

/// How a hook overrides creation arguments of the models that it names.
struct Overriding<M> {
    hook: &'static str,
    /// What a name stands for.
    expected: &'static str,
    name: fn(&M) -> &str,
    apply: Override<M>,
}

impl<M> Overriding<M> {
    /// Overrides all that a hook returned; what is wrong with it.
    fn all(&self, models: &mut [M], all: &Map<String, Json>) -> Vec<Problem> {
        let one = |(name, arguments): (&String, &Json)| self.one(models, name, arguments);
        all.iter().map(one).filter_map(Result::err).flatten().collect()
    }

    fn one(&self, models: &mut [M], name: &str, arguments: &Json) -> Result<(), Vec<Problem>> {
        let path = format!("{}.{name}", self.hook);
        let Json::Object(arguments) = arguments else {
            return Err(vec![Problem::new(path, "creation arguments by name", arguments.to_string())]);
        };
        let mut found = false;
        for model in models.iter_mut().filter(|model| (self.name)(model) == name) {
            (self.apply)(model, arguments)?;
            found = true;
        }
        if found {
            return Ok(());
        }
        let names: Vec<&str> = models.iter().map(self.name).collect();
        Err(vec![Problem::new(path, self.expected, format!("{name:?}")).with_near_miss(name, names)])
    }
}

/// A function that a model names and the service does not have.
fn missing(path: &str, wanted: &str, registered: &[&str]) -> Problem {
    let near = near_miss(wanted, registered.iter().copied());
    let hint = near.map_or_else(
        || format!("register it with `.handler({wanted:?}, function)`"),
        |near| format!("did you mean {near:?}?"),
    );
    Problem::new(path, "a function that the service has", format!("{wanted:?}")).with_hint(hint)
}

fn collect<T>(problems: &mut Vec<Problem>, result: Result<T, Vec<Problem>>) -> Option<T> {
    result.map_err(|found| problems.extend(found)).ok()
}

fn hook_failed(hook: &str, error: &HandlerError) -> SetupError {
    vec![Problem::new(hook, "a hook that succeeds", error.chain())].into()
}
