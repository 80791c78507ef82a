//! What a process does for flows: read from its command line, and started.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;

use super::deliveries::Deliveries;
use super::own_service::{Named, OwnService, Working};
use super::process;
use crate::flow::connect::callbacks::{CallbackSettings, Callbacks, ListenError, PublicUrl};
use crate::flow::connect::http::{Http, HttpError, HttpSettings, Secrets};
use crate::flow::connect::{Connector, OtherFlows};
use crate::flow::engine::{Checks, Monty};
use crate::flow::worker::{Pool, TurnLimits};
use crate::flow::{FlowError, Flows, Host, HostSettings, Presence};
use crate::launcher::Services;
use crate::launcher::arguments::Options;
use crate::launcher::cluster::NotJoined;
use crate::launcher::resolve::Places;
use crate::launcher::store::process_name;
use crate::model::Problem;
use crate::service::RunError;
use crate::store::Error as StoreError;

/// Variables that begin so are secrets.
pub(super) const SECRET_PREFIX: &str = "SERVICE_FRAMEWORK_SECRET_";
/// Where callbacks come in if nobody says.
const LISTEN: &str = "127.0.0.1:60857";
/// Shorter leases would be renewed all the time.
const SHORTEST_LEASE: Duration = Duration::from_millis(100);
/// What an interpreter takes before it runs anything, in bytes.
const LEAST_MEMORY: u64 = 32 << 20;

/// What a process does.
pub(super) struct Plan {
    has_interpreter: bool,
    has_requests: bool,
    has_callbacks: bool,
    listen: SocketAddr,
    /// Whether another port is as good.
    may_move: bool,
    public_url: Option<PublicUrl>,
    http: HttpSettings,
    workers: usize,
    limits: TurnLimits,
    lease: Duration,
    /// What is known of a service and of programs, until they are made.
    named: Option<Named>,
    /// The same, until they are started.
    own: Mutex<Option<OwnService>>,
}

/// Why it could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Flow(#[from] FlowError),
    #[error(transparent)]
    Service(#[from] RunError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("threads cannot be started: {0}")]
    System(#[from] std::io::Error),
    #[error("{0}")]
    Cluster(String),
}

impl From<NotJoined> for StartError {
    fn from(reason: NotJoined) -> Self {
        Self::Cluster(match reason {
            NotJoined::Failed(error) => error,
            NotJoined::Wrong(problems) => {
                problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
        })
    }
}

/// A process that serves.
pub(super) struct Serving {
    pub(super) host: Option<Host>,
    callbacks: Option<(Runtime, Callbacks)>,
    own: Option<Working>,
    /// Given up last.
    _presence: Presence,
}

impl Plan {
    /// What the command line says.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn read(options: &Options, own: Services, places: &Places) -> Result<Self, Vec<Problem>> {
        let flows = &options.flows;
        let mut problems = Vec::new();
        let listen = listen_address(flows.listen.as_deref().unwrap_or(LISTEN))
            .map_err(|problem| problems.push(problem))
            .ok();
        let public_url = one("--public_url", flows.public_url.as_deref(), &mut problems);
        let http = HttpSettings {
            allow_hosts: many("--allow_host", &flows.allow_hosts, &mut problems),
            allow_private: flows.allow_private,
            resolve: many("--resolve", &flows.resolve, &mut problems),
            secrets: secrets(&flows.secrets, &mut problems),
            ..HttpSettings::default()
        };
        let does = |part: &str| flows.only.is_empty() || flows.only.iter().any(|only| only == part);
        let named = match does("requests") {
            true => Named::read(options, own, places).unwrap_or_else(|wrong| {
                problems.extend(wrong);
                None
            }),
            false => {
                problems.extend(only_with_requests(options));
                None
            }
        };
        problems.extend(too_little(options));
        let Some(listen) = listen.filter(|_| problems.is_empty()) else { return Err(problems) };
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            has_interpreter: does("interpreter"),
            has_requests: does("requests"),
            has_callbacks: does("callbacks"),
            listen,
            may_move: flows.listen.is_none() && public_url.is_none(),
            public_url,
            http,
            workers: flows.workers.unwrap_or(processors).max(1),
            limits: TurnLimits { cpu: flows.cpu_limit, memory: flows.memory_limit, ..TurnLimits::default() },
            lease: options.programs.lease.max(SHORTEST_LEASE),
            named,
            own: Mutex::default(),
        })
    }

    /// Makes what it has of a service and of programs, and opens nothing of it yet.
    ///
    /// # Errors
    /// All that is wrong with models and files.
    pub(super) fn prepare(mut self, flows: &Flows, options: &Options) -> Result<Self, Vec<Problem>> {
        if let Some(named) = self.named.take() {
            self.own = Mutex::new(Some(named.prepare(flows.store(), options)?));
        }
        Ok(self)
    }

    /// One that takes its callbacks where they were said to come in, or not at all.
    pub(super) fn fixed(self) -> Self {
        Self { may_move: false, ..self }
    }

    /// Starts all of it.
    ///
    /// # Errors
    /// Nothing can listen there, or the store or the system says no. Nothing of it runs then.
    pub(super) fn start(&self, flows: &Flows, role: &str) -> Result<Serving, StartError> {
        let deliveries = Arc::new(Deliveries::to(flows));
        let callbacks = match self.has_callbacks {
            true => Some(self.listen(&deliveries)?),
            false => None,
        };
        let public_url = match (&self.public_url, &callbacks) {
            (Some(url), _) => url.clone(),
            (None, Some((_, callbacks))) => callbacks.public_url().clone(),
            (None, None) => PublicUrl::of(self.listen),
        };
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner).take();
        let own = own.map(OwnService::start).transpose()?;
        let host = match self.has_interpreter || self.has_requests {
            true => Some(self.host(flows, &public_url, own.as_ref())?),
            false => None,
        };
        if let Some(host) = &host {
            deliveries.tell(host);
            own.iter().for_each(|own| own.serves(host));
        }
        let role = if self.has_interpreter { role } else { CONNECTORS };
        let presence = Presence::announce(flows, &process_name(), role, self.lease)?;
        Ok(Serving { host, callbacks, own, _presence: presence })
    }

    fn listen(&self, deliveries: &Arc<Deliveries>) -> Result<(Runtime, Callbacks), StartError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("callbacks")
            .enable_all()
            .build()?;
        let at = |listen| {
            let public_url = self.public_url.clone();
            let settings = CallbackSettings { listen, public_url, ..CallbackSettings::default() };
            runtime.block_on(Callbacks::listen(settings, deliveries.clone()))
        };
        let callbacks = match at(self.listen) {
            Err(error) if self.may_move && error.source.kind() == std::io::ErrorKind::AddrInUse => {
                let elsewhere = at(SocketAddr::new(self.listen.ip(), 0))?;
                tracing::warn!(
                    address = %elsewhere.address(),
                    "{} is taken: callbacks come in here, and only as long as this process runs; --listen says where else",
                    self.listen
                );
                elsewhere
            }
            done => done?,
        };
        Ok((runtime, callbacks))
    }

    fn host(&self, flows: &Flows, public_url: &PublicUrl, own: Option<&Working>) -> Result<Host, StartError> {
        let engine: Arc<dyn Checks> = Arc::new(Monty);
        let mut connectors: Vec<Arc<dyn Connector>> = Vec::new();
        if self.has_requests {
            connectors.push(Arc::new(Http::new(self.http.clone())?));
        }
        connectors.extend(own.into_iter().flat_map(Working::connectors));
        let mut pool = None;
        if self.has_interpreter {
            connectors.push(Arc::new(OtherFlows::new(flows, engine.clone())));
            pool = Some(Pool::new(self.workers, self.limits, process::opener(self.limits.memory))?);
        }
        let settings = HostSettings {
            name: process_name(),
            lease: self.lease,
            public_url: public_url.to_string(),
            ..HostSettings::default()
        };
        Ok(Host::start(flows, engine, pool, connectors, settings)?)
    }

    /// What it does, for those who read logs.
    pub(super) fn parts(&self) -> String {
        let parts = [
            (self.has_interpreter, "interpreter"),
            (self.has_requests, "requests"),
            (self.has_callbacks, "callbacks"),
        ];
        parts.iter().filter_map(|(does, part)| does.then_some(*part)).collect::<Vec<_>>().join(", ")
    }
}

/// The role of a process that has no interpreter.
const CONNECTORS: &str = "connectors";
/// That of one that has, until it is told to end.
pub(super) const SERVE: &str = "serve";
/// That of one that has until its own flow has ended.
pub(super) const RUN: &str = "run";

impl Serving {
    /// What it has of a service and of programs, in words; empty if nothing.
    pub(super) fn own(&self) -> String {
        self.own.as_ref().map(Working::words).unwrap_or_default()
    }

    /// Where callbacks come in, if they do here, and what their URLs begin with.
    pub(super) fn callbacks(&self) -> Option<(SocketAddr, &PublicUrl)> {
        self.callbacks.as_ref().map(|(_, callbacks)| (callbacks.address(), callbacks.public_url()))
    }

    /// Takes nothing more, and lets what runs come to a place where it can go on; false if it did not within this time.
    pub(super) fn stop(self, grace: Duration) -> bool {
        let Self { host, callbacks, own, _presence } = self;
        let mut has_ended = host.is_none_or(|host| host.stop(grace));
        has_ended &= own.is_none_or(|own| own.stop(grace));
        if let Some((runtime, callbacks)) = callbacks {
            runtime.block_on(callbacks.stop());
            runtime.shutdown_timeout(Duration::from_millis(200));
        }
        has_ended
    }
}

/// Less than with which anything runs.
fn too_little(options: &Options) -> Vec<Problem> {
    let flows = &options.flows;
    let least = [
        ("--workers", flows.workers == Some(0), "1 or more"),
        ("--cpu_limit", flows.cpu_limit.is_zero(), "some time, such as 5s"),
        ("--memory_limit", flows.memory_limit < LEAST_MEMORY, "32MiB or more: an interpreter takes as much"),
        ("--lease", options.programs.lease.is_zero(), "some time, such as 10s"),
    ];
    let less = least.into_iter().filter(|(_, is_less, _)| *is_less);
    less.map(|(flag, _, expected)| Problem::new(flag, expected, "less")).collect()
}

/// What leaves a process belongs to where requests leave.
fn only_with_requests(options: &Options) -> Option<Problem> {
    let said = [
        ("--service_path", options.service.is_some()),
        ("--addresses_path", options.addresses.is_some()),
        ("--programs", options.flows.programs.is_some()),
    ];
    let (flag, _) = said.into_iter().find(|(_, is_said)| *is_said)?;
    let problem = Problem::new(flag, "a process that sends what flows ask for", "one that does not");
    Some(problem.with_hint("add --only requests"))
}

fn listen_address(text: &str) -> Result<SocketAddr, Problem> {
    let problem = |found: String| {
        Problem::new("--listen", "an address of this machine and a port, such as 127.0.0.1:60857", found)
    };
    let mut found = text.to_socket_addrs().map_err(|error| problem(format!("{text:?}: {error}")))?;
    found.next().ok_or_else(|| problem(format!("{text:?}")))
}

fn one<T: std::str::FromStr>(flag: &str, text: Option<&str>, problems: &mut Vec<Problem>) -> Option<T>
where
    T::Err: std::fmt::Display,
{
    match text?.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            problems.push(Problem::new(flag, error.to_string(), format!("{:?}", text.unwrap_or_default())));
            None
        }
    }
}

fn many<T: std::str::FromStr>(flag: &str, texts: &[String], problems: &mut Vec<Problem>) -> Vec<T>
where
    T::Err: std::fmt::Display,
{
    texts.iter().filter_map(|text| one(flag, Some(text), problems)).collect()
}

/// Those of the environment, and over them those of the command line. Their values stand in no problem.
fn secrets(said: &[String], problems: &mut Vec<Problem>) -> Secrets {
    let mut secrets = Secrets::default();
    let environment = std::env::vars()
        .filter_map(|(name, value)| Some((name.strip_prefix(SECRET_PREFIX)?.to_owned(), value, name)));
    for (name, value, from) in environment {
        if let Err(error) = secrets.insert(&name, &value) {
            problems.push(Problem::new(from, "a secret", error.to_string()));
        }
    }
    for text in said {
        let Some((name, value)) = text.split_once('=') else {
            problems.push(Problem::new("--secret", "NAME=VALUE", "no `=`"));
            continue;
        };
        if let Err(error) = secrets.insert(name, value) {
            problems.push(Problem::new("--secret", "NAME=VALUE", error.to_string()));
        }
    }
    secrets
}
