//! One service from its files to its end: the only place of the launcher that calls one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::SIGINT;

use super::arguments::Options;
use super::check;
use super::cluster::{self, Beside, NotJoined};
use super::control::place::Kind;
use super::control::{Control, ServiceHost, recorder};
use super::inputs::{Inputs, explained, flag_warnings};
use super::logs::{self, Files, Logs};
use super::recordings::{self, Beginning};
use super::{command, exit, files, limits, report, signals};
use crate::model::{Problem, ServiceModel, Side};
use crate::service::{Cause, Prepared, Service, Setup, Stop, write_current_workflow};

/// Starts `service` and stays until it has ended.
///
/// # Errors
/// All that is wrong with models, files and setup functions. No socket was opened then.
pub(super) fn start(service: Service, options: &Options) -> Result<ExitCode, Vec<Problem>> {
    start_until(service, None, &Stop::new(), options, Ends::default())
}

/// What is done when a service ends.
pub(super) struct Ends {
    /// At the first signal, while the service still runs. False if not all came to its end, which the exit code says then.
    pub(super) before_stop: Box<dyn FnOnce() -> bool + Send>,
    /// At the second: ends what would outlive a process that ends without waiting.
    pub(super) at_once: Box<dyn FnOnce() + Send>,
    /// Whether it also ends, as at SIGTERM, when its terminal is gone.
    pub(super) at_hangup: bool,
}

impl Default for Ends {
    fn default() -> Self {
        Self { before_stop: Box::new(|| true), at_once: Box::new(|| {}), at_hangup: false }
    }
}

/// The same for a service whose end takes more than its own.
#[cfg(feature = "programs")]
pub(super) fn start_with(service: Service, options: &Options, ends: Ends) -> Result<ExitCode, Vec<Problem>> {
    start_until(service, None, &Stop::new(), options, ends)
}

/// Begins to log for what is no service.
#[cfg(feature = "programs")]
pub(super) fn start_logs(name: &str, options: &Options) -> Result<(), Vec<Problem>> {
    logs_of(name, options).start().map_err(|problem| vec![problem])
}

/// The same for a service in any language, from the file with its model and its command.
///
/// # Errors
/// As for [`start`], and all that is wrong with the file.
pub(super) fn start_command(path: &Path, options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let model = read_command_model(path)?;
    let stop = Stop::new();
    let problem = command_problem(&model, path, &[]);
    let (service, host) = command::host(model, &folder_of(path), &stop);
    let killed = host.clone();
    let ends = Ends { at_once: Box::new(move || killed.kill()), ..Ends::default() };
    let ended = start_until(service, problem, &stop, options, ends);
    host.end();
    ended
}

pub(super) fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// What is wrong with the command of the model at `path`, to be started with these further variables.
pub(super) fn command_problem(
    model: &ServiceModel,
    path: &Path,
    environment: &[(String, String)],
) -> Option<Problem> {
    let given = environment.iter().rfind(|(name, _)| name == "PATH").map(|(_, folders)| folders.into());
    let folders = given.or_else(|| std::env::var_os("PATH"));
    let problem = command::problem(model.command.as_deref()?, &folder_of(path), folders.as_deref())?;
    Some(problem.in_file(&path.display().to_string()))
}

fn start_until(
    service: Service,
    problem: Option<Problem>,
    stop: &Stop,
    options: &Options,
    ends: Ends,
) -> Result<ExitCode, Vec<Problem>> {
    let mut inputs = Inputs::read(options);
    inputs.further.extend(problem);
    logs::set_workflow_source(|out| write_current_workflow(out).unwrap_or_default());
    inputs.further.extend(logs_of(&service.model().name, options).start().err());
    let prepared = prepare(service, &inputs, options)?;
    let recording = recordings::begin(options.recordings.record.as_deref())?;
    match cluster::join(prepared, options.addresses.as_deref()) {
        Ok((prepared, beside)) => Ok(run_recorded(prepared, beside, stop, ends, recording)),
        Err(NotJoined::Wrong(problems)) => Err(problems),
        Err(NotJoined::Failed(error)) => {
            tracing::error!("{error}");
            Ok(ExitCode::from(exit::FAILED))
        }
    }
}

fn run_recorded(
    prepared: Prepared,
    beside: Option<Beside>,
    stop: &Stop,
    ends: Ends,
    recording: Option<Beginning>,
) -> ExitCode {
    let code = run_beside(prepared, beside, stop, ends, recording.as_ref());
    ExitCode::from(recording.map_or(code, |recording| recording.end(code)))
}

/// Runs a service with the node beside it, which takes its leave in the end.
fn run_beside(
    prepared: Prepared,
    beside: Option<Beside>,
    stop: &Stop,
    ends: Ends,
    recording: Option<&Beginning>,
) -> u8 {
    let Some(beside) = beside else { return run(prepared, stop, ends, recording) };
    let (drain, before_stop) = (beside.drainer(), ends.before_stop);
    let before_stop = Box::new(move || {
        drain();
        before_stop()
    });
    let code = run(prepared, stop, Ends { before_stop, ..ends }, recording);
    beside.drain();
    beside.leave();
    code
}

/// How long those who look at messages may take to get the last ones.
const LAST_LOOK: Duration = Duration::from_secs(2);

fn logs_of(service: &str, options: &Options) -> Logs {
    let files = options.log_folder.clone().map(|folder| Files {
        folder,
        level: options.file_level,
        count: options.backup_count,
    });
    Logs {
        service: service.to_owned(),
        console_level: options.console_level,
        format: options.log_format,
        palette: options.color.palette(&std::io::stderr()),
        files,
    }
}

/// What is wrong with a file or with the log folder is listed together with everything else, but setup functions, which might act on
/// what they are given, are not called then.
pub(super) fn prepare(
    service: Service,
    inputs: &Inputs,
    options: &Options,
) -> Result<Prepared, Vec<Problem>> {
    if !(inputs.problems.is_empty() && inputs.further.is_empty()) {
        return Err(check::check(service.model(), inputs, options.main_mode).problems);
    }
    if service.model().config.is_none() {
        for warning in flag_warnings(inputs) {
            tracing::warn!("{warning}");
        }
    }
    let prepared = service.prepare(&setup(inputs, options)).and_then(Prepared::look_up_hosts);
    prepared.map_err(|error| error.problems.into_iter().map(|problem| explained(problem, inputs)).collect())
}

fn setup<'a>(inputs: &'a Inputs, options: &Options) -> Setup<'a> {
    Setup {
        config: inputs.sources(),
        addresses: inputs.addresses.as_ref().map(|file| file.content.clone()),
        addresses_file: inputs.addresses.as_ref().map(|file| file.name.clone()),
        bind_all: options.bind_all,
        min_wait: options.min_wait,
        grace: options.grace,
        main_mode: options.main_mode,
        ..Setup::default()
    }
}

fn run(prepared: Prepared, stop: &Stop, ends: Ends, recording: Option<&Beginning>) -> u8 {
    limits::raise_open_files();
    let stop_at_signal = stop.clone();
    let Ends { before_stop, at_once, at_hangup } = ends;
    let is_unfinished = Arc::new(AtomicBool::new(false));
    let unfinished = is_unfinished.clone();
    let asked = move |signal| {
        unfinished.store(!before_stop(), Ordering::SeqCst);
        stop_at_signal.stop_because(if signal == SIGINT { Cause::Interrupt } else { Cause::Terminate });
    };
    if let Err(error) = watch(at_hangup, asked, at_once) {
        tracing::error!("cannot watch for signals: {error}");
        return exit::FAILED;
    }
    let tap = prepared.tap().clone();
    let (model, main_mode) = (prepared.model().clone(), prepared.is_in_main_mode());
    let host = Arc::new(ServiceHost::new(model, main_mode, stop.clone(), tap.clone()));
    // Kept until the end of the service, and gone with it.
    let _control = open_control(&host);
    recorder::call(&host, &tap);
    if let Some(recording) = recording {
        recording.record(&host, &tap);
    }
    let ended = prepared.run_telling(stop, Box::new(move |shared| host.is_open(shared)));
    tap.close(LAST_LOOK);
    match ended {
        Ok(()) if is_unfinished.load(Ordering::SeqCst) => exit::FAILED,
        Ok(()) => exit::OK,
        Err(error) => {
            tracing::error!("{}", report::chain(&error));
            exit::FAILED
        }
    }
}

/// Without it the service runs as well, and is not seen from outside.
fn open_control(host: &Arc<ServiceHost>) -> Option<Control> {
    let opened = Control::open(Kind::Service, host.clone());
    opened.inspect_err(|error| tracing::warn!("no control socket: {error}")).ok()
}

fn watch(
    at_hangup: bool,
    first: impl FnOnce(i32) + Send + 'static,
    last: Box<dyn FnOnce() + Send>,
) -> std::io::Result<()> {
    #[cfg(feature = "programs")]
    if at_hangup {
        return signals::on_stop_or_hangup(first, last);
    }
    #[cfg(not(feature = "programs"))]
    let _ = at_hangup;
    signals::on_stop(first, last)
}

/// Reads the model of a service in any language: one with a command.
///
/// # Errors
/// All that is wrong with the file.
pub(super) fn read_command_model(path: &Path) -> Result<ServiceModel, Vec<Problem>> {
    let model = read_model(path)?;
    match model.command {
        Some(_) => Ok(model),
        None => Err(vec![no_command(&path.display().to_string())]),
    }
}

/// Reads the model of a service that is to be looked at: one that only asks needs no command, as `flow serve` takes it.
///
/// # Errors
/// As for [`read_command_model`].
pub(super) fn read_model_of(path: &Path) -> Result<ServiceModel, Vec<Problem>> {
    let model = read_model(path)?;
    let has_handlers = model.main || model.connections.iter().any(|connection| connection.side == Side::In);
    match has_handlers || !model.states.is_empty() {
        true => read_command_model(path),
        false => Ok(model),
    }
}

/// Reads the model of a service, whether it has a command or not.
///
/// # Errors
/// All that is wrong with the file.
pub(super) fn read_model(path: &Path) -> Result<ServiceModel, Vec<Problem>> {
    let json = files::read_json(path).map_err(|problem| vec![problem])?;
    ServiceModel::from_json(&json, Some(&path.display().to_string()))
}

fn no_command(file: &str) -> Problem {
    Problem::missing("command", "the program that runs the handlers and its arguments")
        .with_hint("for instance [\"python3\", \"desk.py\"], which is run in the folder of the file")
        .in_file(file)
}
