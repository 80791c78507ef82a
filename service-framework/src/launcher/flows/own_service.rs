//! What a process of flows has besides: a service over whose connections scripts ask and through which others reach flows, and
//! programs that scripts run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::plan::StartError;
use crate::flow::Host;
use crate::flow::connect::{Connector, RunPrograms};
use crate::launcher::arguments::Options;
use crate::launcher::cluster::{self, Beside};
use crate::launcher::inputs::Inputs;
use crate::launcher::resolve::{self, Places, Target};
use crate::launcher::{Services, command, program, programs, report, run};
use crate::model::{Problem, ServiceModel};
use crate::program::Engine;
use crate::service::{
    Cause, HostReach, Prepared, Programs, Service, ServiceRequests, Started, Stop, side_of, with_flows,
};
use crate::store::Store;

/// What a service is called that is there for flows alone.
const NAME: &str = "flows";

/// What the command line says of it, read and not yet made.
pub(super) struct Named {
    service: Option<Service>,
    /// Whether scripts ask over its connections.
    is_asked: bool,
    command: Option<Command>,
    programs: Option<Programs>,
    inputs: Inputs,
}

/// The command behind a service in any language.
struct Command {
    host: command::Host,
    stop: Stop,
}

impl Named {
    /// What the command line says; none if it says nothing of it.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn read(
        options: &Options,
        own: Services,
        places: &Places,
    ) -> Result<Option<Self>, Vec<Problem>> {
        let (services, own_programs) = own.split();
        let has_addresses = options.addresses.is_some();
        let programs =
            programs::named(options.flows.programs.as_deref(), options, own_programs, has_addresses);
        let found = found(options, services, places);
        let (programs, found) = report::both(programs, found)?;
        if found.is_none() && programs.is_none() {
            return Ok(None);
        }
        let (service, command) = found.unwrap_or_default();
        Ok(Some(Self { is_asked: has_addresses, service, command, programs, inputs: Inputs::read(options) }))
    }

    /// Makes it, and opens nothing yet.
    ///
    /// # Errors
    /// All that is wrong with models and files.
    pub(super) fn prepare(self, store: &Store, options: &Options) -> Result<OwnService, Vec<Problem>> {
        let Self { service, is_asked, command, programs, mut inputs } = self;
        let (reach, requests) = (HostReach::default(), ServiceRequests::new());
        let has_service = service.is_some() || is_asked;
        let mut service = service.unwrap_or_else(|| Service::new(NAME));
        let mut engine = None;
        if let Some(programs) = programs {
            let (with, made) = programs::through(programs, service, store.clone(), options)?;
            (service, engine) = (with, Some(made));
        }
        let mut prepared = None;
        if has_service {
            let addresses = inputs.addresses.as_ref().map(|file| file.content.clone()).unwrap_or_default();
            let wants = |name: &str| is_there(&addresses, name);
            let service = with_flows(service, &reach, wants);
            if let Some(Command { .. }) = &command
                && let Some(path) = options.service.as_deref()
            {
                inputs.further.extend(run::command_problem(service.model(), Path::new(path), &[]));
            }
            prepared = Some(run::prepare(requests.through(service), &inputs, options)?);
        }
        let addresses = options.addresses.clone();
        Ok(OwnService { prepared, addresses, command, requests, reach, engine })
    }
}

/// A service, and its command if it has one; no service if there is one for flows alone.
type Found = (Option<Service>, Option<Command>);

/// The service that is named, or the only one of this program; none if the line names none and no addresses. This process becomes
/// the program whose service it is.
fn found(
    options: &Options,
    mut services: Vec<Service>,
    places: &Places,
) -> Result<Option<Found>, Vec<Problem>> {
    let names: Vec<String> = services.iter().map(|service| service.model().name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let named = options.service.as_deref();
    // One that a launcher has become was named to it.
    let is_named = named.is_some() || places.execed;
    if !is_named && (services.len() != 1 || options.addresses.is_none()) {
        return Ok(options.addresses.is_some().then_some((None, None)));
    }
    match resolve::resolve(named, &names, places).map_err(|problem| vec![problem])? {
        Target::Registered(place) => Ok(Some((Some(services.swap_remove(place)), None))),
        Target::Command(path) => of_a_model(&path).map(Some),
        Target::Program { path, service } => {
            Err(vec![program::exec(&path, service.as_deref(), &options.forwarded)])
        }
    }
}

/// A service from the file with its model, and its command if it has one.
fn of_a_model(path: &Path) -> Result<Found, Vec<Problem>> {
    let model: ServiceModel = run::read_model(path)?;
    if model.command.is_none() {
        return Ok((Some(Service::from_model(model)), None));
    }
    let stop = Stop::new();
    let (service, host) = command::host(model, &run::folder_of(path), &stop);
    Ok((Some(service), Some(Command { host, stop })))
}

/// Whether an addresses file has an entry for a connection through which flows are reached.
fn is_there(addresses: &serde_json::Value, name: &str) -> bool {
    let side = side_of(name).to_string();
    addresses["connections"][side].get(name).is_some()
}

/// A service and programs that are in order.
pub(super) struct OwnService {
    prepared: Option<Prepared>,
    /// The addresses file.
    addresses: Option<PathBuf>,
    command: Option<Command>,
    requests: ServiceRequests,
    reach: HostReach,
    engine: Option<Engine>,
}

/// The same, at work.
pub(super) struct Working {
    service: Option<Started>,
    beside: Option<Beside>,
    command: Option<Command>,
    requests: ServiceRequests,
    reach: HostReach,
    engine: Option<Engine>,
}

impl OwnService {
    /// Opens its sockets, and takes up programs that did not end.
    ///
    /// # Errors
    /// A socket cannot be opened, or the service or the store says no.
    pub(super) fn start(self) -> Result<Working, StartError> {
        let Self { prepared, addresses, command, requests, reach, engine } = self;
        let (service, beside) = match prepared {
            Some(prepared) => {
                let (prepared, beside) = cluster::join(prepared, addresses.as_deref())?;
                (Some(prepared.start()?), beside)
            }
            None => (None, None),
        };
        if let Some(engine) = &engine {
            let runs = engine.recover()?;
            if runs > 0 {
                tracing::info!(runs, "taking up runs of programs that did not end");
            }
        }
        Ok(Working { service, beside, command, requests, reach, engine })
    }
}

impl Working {
    /// Does what flows ask of it.
    pub(super) fn connectors(&self) -> Vec<Arc<dyn Connector>> {
        let mut connectors: Vec<Arc<dyn Connector>> = Vec::new();
        if self.service.is_some() {
            connectors.push(Arc::new(self.requests.clone()));
        }
        if let Some(engine) = &self.engine {
            connectors.push(Arc::new(RunPrograms::new(engine.clone())));
        }
        connectors
    }

    /// From now on others reach the flows of this host.
    pub(super) fn serves(&self, host: &Host) {
        self.reach.set(host);
    }

    /// What it has, for those who read logs.
    pub(super) fn words(&self) -> String {
        let service = self.service.as_ref().map(|service| format!("service {}", service.name()));
        let programs = self.engine.as_ref().map(|engine| {
            let names: Vec<&str> =
                engine.spec().programs().iter().map(|program| program.name.as_str()).collect();
            format!("programs {}", names.join(", "))
        });
        service.into_iter().chain(programs).collect::<Vec<_>>().join("; ")
    }

    /// Runs of programs come to their ends within this time, then the service does; whether all did.
    pub(super) fn stop(self, grace: Duration) -> bool {
        self.beside.iter().for_each(Beside::drain);
        let has_ended = self.engine.is_none_or(|engine| engine.stop(grace));
        if !has_ended {
            tracing::error!(
                "programs have not ended within the grace period; whoever serves the store takes them up"
            );
            programs::kill_hooks();
        }
        let ended = self.service.map(|service| {
            service.stop_because(Cause::Terminate);
            service.join()
        });
        if let Some(beside) = self.beside {
            beside.leave();
        }
        if let Some(Command { host, stop }) = self.command {
            stop.stop();
            host.end();
        }
        if let Some(Err(error)) = &ended {
            tracing::error!(%error, "the service did not end well");
        }
        has_ended && !matches!(ended, Some(Err(_)))
    }
}
