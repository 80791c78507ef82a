//! Programs as a service: every program a replyer, and hooks that are out connections.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::builder::Service;
use super::error::{HandlerError, OwnRefusal, Result};
use super::to_send::ToSend;
use crate::connection::SendError;
use crate::model::{ConnectionModel, Problem, Side, Type};
use crate::program::spec::{Arg, ArgType, Hook, Program};
use crate::program::{
    Answer, Bound, CANCELLED, Call, End, Engine, EngineError, HookError, Hooks, LAST_FAILED, Pool, Refusal,
    Request, Settings, Spec,
};
use crate::store::Store;
use crate::value::Value;
use crate::wire::{ErrorReply, codes};

/// An argument that a hook may have, without a default and not required: if the pool has none, what is sent is the idempotency key of
/// this step of this run.
const KEY_ARG: &str = "idempotency_key";
/// How long a request waits whose hook has no timeout.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The programs of a spec, with what is behind their hooks.
///
/// ```
/// use service_framework::program::{HookError, Hooks, Pool, Settings, Spec};
/// use service_framework::service::Programs;
/// use service_framework::store::Store;
///
/// fn greet(pool: &mut Pool) -> Result<(), HookError> {
///     pool.set("greeting", "hello");
///     Ok(())
/// }
///
/// let spec = Spec::from_text(
///     r#"{"name": "hello", "programs": {"hello": {
///         "hooks": ["greet"], "args": {}, "outputs": {"greeting": {"type": "str", "required": true}}
///     }}, "hooks": {"greet": {"reference": "hello.greet", "args": {}}}}"#,
/// )
/// .expect("it has no problems");
/// let programs = Programs::new(spec, Hooks::new().hook("greet", greet));
/// let (service, engine) = programs.service(Store::in_memory(), Settings::default())?;
/// assert_eq!(service.model().connections[0].name, "hello");
/// # assert!(engine.stop(std::time::Duration::from_secs(10)));
/// # Ok::<(), service_framework::program::EngineError>(())
/// ```
pub struct Programs {
    /// As it was read: what is wrong with it is told where it is needed.
    spec: std::result::Result<Spec, Vec<Problem>>,
    hooks: Hooks,
    connections: BTreeMap<String, String>,
    when_started: Option<WhenStarted>,
}

type WhenStarted = Box<dyn FnOnce(&Engine) -> Result + Send>;

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.spec.as_ref().map(Spec::name);
        f.debug_struct("Programs").field("spec", &name).finish_non_exhaustive()
    }
}

impl Programs {
    /// Programs whose hooks are functions.
    #[must_use]
    pub fn new(spec: Spec, hooks: Hooks) -> Self {
        Self { spec: Ok(spec), hooks, connections: BTreeMap::new(), when_started: None }
    }

    /// Programs whose spec is the text of its file, such as `include_str!("../ryu_spec.json")`. What is wrong with it is told
    /// with everything else, when the programs are made a service.
    #[must_use]
    pub fn from_text(spec: &str, hooks: Hooks) -> Self {
        Self { spec: Spec::from_text(spec), hooks, connections: BTreeMap::new(), when_started: None }
    }

    /// The same hooks for another spec, such as one that was read at the start.
    #[must_use]
    pub fn with_spec(mut self, spec: Spec) -> Self {
        self.spec = Ok(spec);
        self
    }

    /// The spec.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn spec(&self) -> std::result::Result<&Spec, Vec<Problem>> {
        self.spec.as_ref().map_err(Clone::clone)
    }

    /// Whether a hook asks another service, which takes addresses.
    #[must_use]
    pub fn has_connections(&self) -> bool {
        !self.connections.is_empty()
    }

    /// Spec and hooks without a service. A hook that asks another one fails with `unreachable`.
    #[cfg(feature = "testing")]
    pub(crate) fn alone(self, unreachable: &'static str) -> std::result::Result<(Spec, Hooks), Vec<Problem>> {
        let fail = move |_: &mut Pool| Err(HookError::new(unreachable));
        let hooks = self.connections.keys().fold(self.hooks, |hooks, name| hooks.or_else(name, fail));
        Ok((self.spec?, hooks))
    }

    /// Has a hook ask another service: over the out connection of this name, with the hook's arguments; what returns is put
    /// into the pool. A hook with an optional argument `idempotency_key` sends the key of the step there, the same for every
    /// attempt and for no other step, unless the pool has a value of this name.
    #[must_use]
    pub fn connection(mut self, hook: &str, connection: &str) -> Self {
        self.connections.insert(hook.to_owned(), connection.to_owned());
        self
    }

    /// Has something done once the service has started and hooks can ask.
    #[must_use]
    pub fn when_started(mut self, does: impl FnOnce(&Engine) -> Result + Send + 'static) -> Self {
        self.when_started = Some(Box::new(does));
        self
    }

    /// A service with a replyer for each program and a requester for each connection that a hook asks, and the engine that
    /// runs the programs. To stop both, stop the engine first: its hooks may still have to ask.
    ///
    /// A program that failed is refused with the code `program_failed`, with the masked pool as its details; one that
    /// could not run at all with `invalid_arguments`, `overloaded`, `stopping` or `handler_failed`.
    ///
    /// # Errors
    /// Hooks are missing or too many, or the store cannot be used.
    pub fn service(self, store: Store, settings: Settings) -> Result<(Service, Engine), EngineError> {
        let spec = self.spec().map_err(EngineError::Problems)?;
        let service = Service::new(spec.module_name());
        let programs: Vec<ConnectionModel> = spec.programs().iter().map(replyer).collect();
        let mut this = self;
        let (when_started, reach) = (this.when_started.take(), Arc::new(OnceLock::new()));
        let (mut service, engine) = this.asking(service, &reach, store, settings)?;
        for program in programs {
            let (engine, name) = (engine.clone(), program.name.clone());
            service = service.receives(program, move |args: Value| run(engine.clone(), name.clone(), args));
        }
        let started = engine.clone();
        let service = service.init_function(async move |to_send: ToSend| {
            // There is one start of a service.
            let _ = reach.set(to_send);
            started.recover()?;
            when_started.map_or(Ok(()), |does| does(&started))
        });
        Ok((service, engine))
    }

    /// The engine that runs the programs, whose hooks ask over the connections of this service: it gets a requester for each
    /// that it does not have. Runs that did not end are taken up by [`Engine::recover`], once the service has started.
    ///
    /// # Errors
    /// As for [`Programs::service`].
    #[cfg(feature = "flows")]
    pub(crate) fn through(
        self,
        service: Service,
        store: Store,
        settings: Settings,
    ) -> Result<(Service, Engine), EngineError> {
        let reach = Arc::new(OnceLock::new());
        let (service, engine) = self.asking(service, &reach, store, settings)?;
        let service = service.first(move |to_send| {
            // There is one start of a service.
            let _ = reach.set(to_send);
        });
        Ok((service, engine))
    }

    fn asking(
        self,
        mut service: Service,
        reach: &Arc<OnceLock<ToSend>>,
        store: Store,
        settings: Settings,
    ) -> Result<(Service, Engine), EngineError> {
        let spec = self.spec.map_err(EngineError::Problems)?;
        let own: Vec<String> = out_names(&service);
        let mut hooks = self.hooks;
        let mut problems = Vec::new();
        let mut asked: BTreeMap<&str, &Hook> = BTreeMap::new();
        for (name, connection) in &self.connections {
            let Some(hook) = spec.hook(name) else {
                let known = spec.hooks().iter().map(|hook| hook.name.as_str());
                let problem = Problem::new(format!("hooks.{name}"), "a hook of the spec", "a connection");
                problems.push(problem.with_near_miss(name, known));
                continue;
            };
            hooks = hooks.hook(name, asking(connection, hook, reach.clone()));
            match asked.insert(connection, hook) {
                None if own.contains(connection) => {}
                None => service = service.connection(requester(connection, hook, &spec)),
                Some(other) if names(&other.args) == names(&hook.args) => {}
                Some(other) => problems.push(shared(name, connection, hook, other)),
            }
        }
        if !problems.is_empty() {
            return Err(EngineError::Problems(problems));
        }
        let engine = Engine::start(spec, &hooks, store, settings)?;
        Ok((service, engine))
    }
}

/// The names of a service's own out connections.
fn out_names(service: &Service) -> Vec<String> {
    let out = service.model().connections.iter().filter(|connection| connection.side == Side::Out);
    out.map(|connection| connection.name.clone()).collect()
}

fn shared(name: &str, connection: &str, hook: &Hook, other: &Hook) -> Problem {
    let expected = format!("the arguments of {:?}, which asks {connection:?} too", other.name);
    Problem::new(format!("hooks.{name}.args"), expected, names(&hook.args).join(", "))
}

fn names(args: &[Arg]) -> Vec<&str> {
    args.iter().map(|arg| arg.name.as_str()).collect()
}

/// The function of a hook that asks over a connection.
fn asking(connection: &str, hook: &Hook, reach: Arc<OnceLock<ToSend>>) -> Bound {
    let connection = connection.to_owned();
    let args: Vec<String> = hook.args.iter().map(|arg| arg.name.clone()).collect();
    Bound::keeping_time(move |pool: &mut Pool, call: &Call| {
        let to_send = reach.get().ok_or_else(|| HookError::new("the service has not started"))?;
        let value = |name: &String| match pool.get(name) {
            None if *name == KEY_ARG => Some(Value::from(call.idempotency_key.as_str())),
            value => value.cloned(),
        };
        let args = args.iter().filter_map(|name| Some((name.as_str(), value(name)?)));
        let within = call.until.map_or(PATIENCE, |until| until.saturating_duration_since(Instant::now()));
        let request = to_send.request::<Value>(&connection, args.collect::<Value>());
        match request.within(within).wait().map_err(|error| unanswered(&error))? {
            Value::Nil => Ok(()),
            returned => pool.merge(returned),
        }
    })
}

/// Whether the other end has done what it was asked to do is not known of every error.
pub(super) fn unanswered(error: &SendError) -> HookError {
    let text = error.to_string();
    match error {
        SendError::Timeout { no_peer: true, .. } | SendError::NoInstance { .. } => HookError::certain(text),
        SendError::Refused { error, .. } if error.code != codes::INVALID_RETURN => HookError::certain(text),
        SendError::Timeout { .. }
        | SendError::NoPeer { .. }
        | SendError::Stopping
        | SendError::InvalidReply { .. }
        | SendError::Refused { .. } => HookError::in_doubt(text),
        _ => HookError::new(text),
    }
}

/// Asks with a hook's arguments, and takes back whatever name the spec knows.
fn requester(connection: &str, hook: &Hook, spec: &Spec) -> ConnectionModel {
    let model = with_args(ConnectionModel::requester(connection), &hook.args);
    known_names(spec).into_iter().fold(model, |model, name| model.optionally_returns(name, Type::Any))
}

fn known_names(spec: &Spec) -> Vec<&str> {
    let of_hooks = spec.hooks().iter().flat_map(|hook| &hook.args);
    let of_programs = spec.programs().iter().flat_map(|program| program.args.iter().chain(&program.outputs));
    let mut names: Vec<&str> = of_hooks.chain(of_programs).map(|arg| arg.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn replyer(program: &Program) -> ConnectionModel {
    let model = with_args(ConnectionModel::replyer(&program.name), &program.args);
    program.outputs.iter().fold(model, |model, output| match output.required || output.default.is_some() {
        true => model.returns(&output.name, Type::Any),
        false => model.optionally_returns(&output.name, Type::Any),
    })
}

fn with_args(model: ConnectionModel, args: &[Arg]) -> ConnectionModel {
    args.iter().fold(model, |model, arg| match arg.required && arg.default.is_none() {
        true => model.requires(&arg.name, type_of(arg.kind)),
        false => model.optional(&arg.name, type_of(arg.kind)),
    })
}

fn type_of(kind: ArgType) -> Type {
    match kind {
        ArgType::Str => Type::Str,
        ArgType::Int => Type::Int,
        ArgType::Float => Type::Float,
        ArgType::Bool => Type::Bool,
        ArgType::List => Type::list(Type::Any),
        ArgType::Dict => Type::map(Type::Any, Type::Any),
    }
}

async fn run(engine: Engine, program: String, args: Value) -> Result<Value> {
    let pool = Pool::from_value(args).map_err(|error| refused(codes::INVALID_ARGUMENTS, error.text()))?;
    match engine.ask(Request::new(&program, pool)).await {
        Answer::Ran { end: End::Done, pool, .. } => Ok(pool.to_value()),
        Answer::Ran { pool, .. } => Err(failed(&pool).into()),
        Answer::Refused(refusal) => Err(refused(code_of(&refusal), &refusal.to_string())),
    }
}

fn failed(pool: &Pool) -> OwnRefusal {
    let failed = pool.get(LAST_FAILED).and_then(Value::as_str);
    let message = match failed {
        _ if pool.is_true(CANCELLED) => "the program was cancelled".to_owned(),
        Some(hook) => format!("{hook} failed"),
        None => "the program was undone".to_owned(),
    };
    OwnRefusal(ErrorReply { code: codes::PROGRAM_FAILED.into(), message, details: pool.to_value() })
}

fn code_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Request(_) | Refusal::Lock(_) => codes::INVALID_ARGUMENTS,
        Refusal::Busy(_) => codes::OVERLOADED,
        Refusal::Stopping | Refusal::Left { .. } => codes::STOPPING,
        Refusal::Journal(_) | Refusal::Held { .. } => codes::HANDLER_FAILED,
    }
}

fn refused(code: &str, text: &str) -> HandlerError {
    OwnRefusal(ErrorReply { code: code.into(), message: text.to_owned(), details: Value::Nil }).into()
}
