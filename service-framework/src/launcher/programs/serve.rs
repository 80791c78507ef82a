//! `program serve`: a server of the programs of a spec, until a signal asks it to end.

use std::net::{SocketAddr, ToSocketAddrs};
#[cfg(feature = "flows")]
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use super::{bindings, command_hook, spec_file, store};
use crate::launcher::arguments::Options;
use crate::launcher::store::{location, process_name};
use crate::launcher::{exit, report, run, signals};
use crate::model::Problem;
use crate::program::{Engine, EngineError, Keep, ServeSettings, Server, Settings, Spec};
use crate::service::{Programs, Service};
use crate::store::{Location, Store};

/// How long those who ask get to take the answer that their runs have not ended.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often it is looked whether they have.
const LOOK: Duration = Duration::from_millis(5);
/// How many runs that ended a store in memory keeps.
const KEPT_IN_MEMORY: usize = 1000;

/// Serves until a signal comes.
///
/// # Errors
/// All that is wrong with the files and the command line. Nothing was started.
pub(super) fn serve(options: &Options, own: Option<Programs>) -> Result<ExitCode, Vec<Problem>> {
    let (programs, address) = prepare(options, own)?;
    let store = store::open_or_make(options)?;
    let settings = ServeSettings { address, ..ServeSettings::default() };
    if options.addresses.is_some() {
        return serve_as_service(programs, store, settings, options);
    }
    let (_service, engine) = start(programs, store, own_settings(options))?;
    run::start_logs(engine.spec().name(), options)?;
    Ok(serve_alone(&engine, settings, options))
}

/// Everything that is wrong before anything is opened.
fn prepare(options: &Options, own: Option<Programs>) -> Result<(Programs, SocketAddr), Vec<Problem>> {
    let programs = read(options, own, options.addresses.is_some());
    report::both(programs, address(options).map_err(|problem| vec![problem]))
}

/// The programs of the spec with the hooks of the bindings, or a program's own where the line says no others.
pub(super) fn read(
    options: &Options,
    own: Option<Programs>,
    has_addresses: bool,
) -> Result<Programs, Vec<Problem>> {
    let named = &options.programs;
    let programs = match own.filter(|_| !named.names_hooks) {
        Some(own) if named.names_spec => own.with_spec(spec_file::read(&named.spec)?),
        Some(own) => own,
        None => {
            let spec: Spec = spec_file::read(&named.spec)?;
            bindings::read(&named.hooks, &spec)?.programs(spec)
        }
    };
    if programs.has_connections() && !has_addresses {
        let expected = "an addresses file for `program serve`, because hooks ask other services";
        return Err(vec![Problem::missing("-a", expected)]);
    }
    Ok(programs)
}

/// The programs of a spec at this path, or a program's own; none if there are neither.
///
/// # Errors
/// All that is wrong with the files.
#[cfg(feature = "flows")]
pub(in crate::launcher) fn named(
    spec: Option<&Path>,
    options: &Options,
    own: Option<Programs>,
    has_addresses: bool,
) -> Result<Option<Programs>, Vec<Problem>> {
    let programs = match (spec, own.filter(|_| !options.programs.names_hooks)) {
        (Some(spec), Some(own)) => own.with_spec(spec_file::read(spec)?),
        (Some(spec), None) => {
            let spec: Spec = spec_file::read(spec)?;
            bindings::read(&options.programs.hooks, &spec)?.programs(spec)
        }
        (None, Some(own)) => own,
        (None, None) if options.programs.names_hooks => {
            return Err(vec![Problem::missing("--programs", "the spec to which --hooks belongs")]);
        }
        (None, None) => return Ok(None),
    };
    if programs.has_connections() && !has_addresses {
        let expected = "an addresses file, because hooks of programs ask other services";
        return Err(vec![Problem::missing("-a", expected)]);
    }
    Ok(Some(programs))
}

/// The engine of programs whose hooks ask over the connections of this service, and the service with those that they need.
///
/// # Errors
/// As for [`start`].
#[cfg(feature = "flows")]
pub(in crate::launcher) fn through(
    programs: Programs,
    service: Service,
    store: Store,
    options: &Options,
) -> Result<(Service, Engine), Vec<Problem>> {
    programs.through(service, store, own_settings(options)).map_err(problems_of)
}

/// # Errors
/// Hooks and spec do not agree, or the store cannot be used.
pub(super) fn start(
    programs: Programs,
    store: Store,
    settings: Settings,
) -> Result<(Service, Engine), Vec<Problem>> {
    programs.service(store, settings).map_err(problems_of)
}

fn problems_of(error: EngineError) -> Vec<Problem> {
    match error {
        EngineError::Problems(problems) => problems,
        other => vec![Problem::new("--store", "a store that can be used", other.to_string())],
    }
}

fn address(options: &Options) -> Result<SocketAddr, Problem> {
    let refused = |found: String| Problem::new("--host", "an address of this machine", found);
    let mut found = (options.programs.host.as_str(), options.programs.port)
        .to_socket_addrs()
        .map_err(|error| refused(format!("{:?}: {error}", options.programs.host)))?;
    found.next().ok_or_else(|| refused(format!("{:?}", options.programs.host)))
}

/// Listens, and says where.
fn listen(engine: &Engine, settings: ServeSettings) -> Result<Server, ExitCode> {
    let failed = |error: &dyn std::error::Error| {
        tracing::error!("{}", report::chain(error));
        ExitCode::from(exit::FAILED)
    };
    // Where it cannot listen it touches no run.
    let server = Server::start(engine.clone(), settings).map_err(|error| failed(&error))?;
    let taken_up = engine.recover().map_err(|error| failed(&error))?;
    if taken_up > 0 {
        tracing::info!(runs = taken_up, "taking up runs that did not end");
    }
    let programs: Vec<&str> = engine.spec().programs().iter().map(|program| program.name.as_str()).collect();
    tracing::info!(address = %server.address(), programs = programs.join(", "), "serving programs");
    Ok(server)
}

/// The clients that are connected get their answers, and the runs that have begun come to their ends. Whether they did.
fn stop(server: Option<Server>, engine: &Engine, grace: Duration) -> bool {
    // It waits for answers, which come while the engine ends.
    let closing = server.map(|server| thread::spawn(move || server.stop()));
    let has_ended = engine.stop(grace);
    if !has_ended {
        let runs = engine.unfinished().join(", ");
        tracing::error!(runs, "runs have not ended; the next server on this store takes them up");
        command_hook::kill_all();
        engine.abandon();
    }
    if let Some(closing) = closing {
        let until = Instant::now() + FAREWELL;
        while !closing.is_finished() && (has_ended || Instant::now() < until) {
            thread::sleep(LOOK);
        }
    }
    has_ended
}

fn serve_alone(engine: &Engine, settings: ServeSettings, options: &Options) -> ExitCode {
    let (asked, asking) = channel();
    let first = move |signal| {
        // Nobody else listens.
        let _ = asked.send(signal);
    };
    if let Err(error) = signals::on_stop_or_hangup(first, command_hook::kill_all) {
        tracing::error!("cannot watch for signals: {error}");
        return ExitCode::from(exit::FAILED);
    }
    let server = match listen(engine, settings) {
        Ok(server) => server,
        Err(code) => {
            stop(None, engine, options.grace);
            return code;
        }
    };
    let _ = asking.recv();
    tracing::info!("stopping");
    ExitCode::from(if stop(Some(server), engine, options.grace) { exit::OK } else { exit::FAILED })
}

/// The engine ends before the service does, whose connections its hooks may need to the end.
fn serve_as_service(
    programs: Programs,
    store: Store,
    settings: ServeSettings,
    options: &Options,
) -> Result<ExitCode, Vec<Problem>> {
    let (send, server) = channel();
    let programs = programs.when_started(move |engine| match listen(engine, settings) {
        Ok(server) => {
            // Whoever waits for it is there until the service ends.
            let _ = send.send(server);
            Ok(())
        }
        Err(_) => Err(std::io::Error::other("programs are not served").into()),
    });
    let (service, engine) = start(programs, store, own_settings(options))?;
    let grace = options.grace;
    let before_stop = move || stop(server.try_recv().ok(), &engine, grace);
    let at_once = Box::new(command_hook::kill_all);
    let ends = run::Ends { before_stop: Box::new(before_stop), at_once, at_hangup: true };
    run::start_with(service, options, ends)
}

/// Which runs that ended are kept.
fn keep(options: &Options) -> Keep {
    let programs = &options.programs;
    // Whatever names the store: a place that is none has been refused before.
    let is_in_memory = matches!(location(options.store.as_deref()), Ok(Location::Memory));
    let most = programs.keep.or(is_in_memory.then_some(KEPT_IN_MEMORY));
    Keep { most, time: Some(programs.keep_for), forgets_keys: programs.forget_keys }
}

fn own_settings(options: &Options) -> Settings {
    // Shorter ones would be renewed all the time.
    let lease = options.programs.lease.max(Duration::from_millis(100));
    let when_lost = Some(when_lost());
    Settings { name: process_name(), lease, keep: keep(options), when_lost, ..Settings::default() }
}

/// What the commands do that run under a lease which is lost, another server undoes.
pub(super) fn when_lost() -> Arc<dyn Fn() + Send + Sync> {
    Arc::new(command_hook::kill_running)
}
