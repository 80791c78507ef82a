//! Launcher: command line, files, signals, processes, logs and exit codes. Nothing else touches these.
//!
//! [`run`] is the whole of it: the binary `service_framework` calls it with no services, a program that is a
//! service with its own.

#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]

mod arguments;
mod asyncapi;
mod check;
mod cluster;
mod columns;
mod command;
mod completions;
mod control;
mod dashboard;
mod describe;
pub mod exit;
#[cfg(any(
    test,
    not(all(feature = "flows", feature = "cluster", feature = "dashboard", feature = "recording"))
))]
mod features;
mod files;
mod flows;
mod helpers;
mod inputs;
mod keys;
mod limits;
mod logs;
mod look;
mod new;
mod pairs;
mod program;
mod programs;
mod recordings;
mod report;
mod resolve;
mod run;
mod say;
mod schemas;
mod services;
mod show;
mod signals;
mod store;
mod talk;
mod terminal;
mod up;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use arguments::{Asked, COMMANDS, Command, Help, Name, Options, ProgramCommand, RUN, Reader};
use check::Other;
use helpers::Helpers;
use inputs::Inputs;
use keys::Key;
use resolve::{Places, Target};
use terminal::Color;
use up::UpOptions;

use crate::model::{Problem, ServiceModel};

pub use services::Services;

/// Does what the command line of this process says, for a program that has these services: starts one of them or
/// another program's, or describes, checks, and whatever else `--help` lists.
///
/// Returns the exit code of the process, one of those in [`exit`].
///
/// ```no_run
/// # use std::process::ExitCode;
/// # use service_framework::Service;
/// # fn service() -> Service { Service::new("order_desk") }
/// fn main() -> ExitCode {
///     service_framework::run(service())
/// }
/// ```
pub fn run(services: impl Into<Services>) -> ExitCode {
    up::end_with_parent();
    limits::outlive_file_size();
    let mut words = std::env::args_os();
    let program = words.next().map(|path| program_name(&path)).unwrap_or_default();
    let (services, places) = (services.into(), Places::of_process());
    let launcher = Launcher { program, services, places, helpers: OnceCell::new() };
    match texts(words) {
        Ok(words) => flows::interpret(&words).unwrap_or_else(|| launcher.run(&words)),
        Err(problem) => refuse(&[problem], Color::Auto),
    }
}

fn program_name(path: &OsString) -> String {
    let name = Path::new(path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn texts(words: impl Iterator<Item = OsString>) -> Result<Vec<String>, Problem> {
    let text = |word: OsString| {
        word.into_string().map_err(|word| {
            Problem::new("command line", "text in UTF-8", format!("{:?}", word.to_string_lossy()))
        })
    };
    words.map(text).collect()
}

/// Says what is wrong with what came from outside.
fn refuse(problems: &[Problem], color: Color) -> ExitCode {
    report::problems(problems, color, "nothing was started");
    ExitCode::from(exit::WRONG_INPUT)
}

/// One process of the launcher.
struct Launcher {
    /// As it was called, without its folder.
    program: String,
    services: Services,
    places: Places,
    /// The programs that are asked for their models, once one is.
    helpers: OnceCell<Helpers>,
}

impl Launcher {
    fn run(self, words: &[String]) -> ExitCode {
        let asked = match arguments::parse(&self.spelt_out(words)) {
            Ok(asked) => asked,
            Err(problems) => return refuse(&problems, Color::Auto),
        };
        let color = asked.options.color;
        self.act(&asked).unwrap_or_else(|problems| refuse(&problems, color))
    }

    fn act(self, asked: &Asked) -> Result<ExitCode, Vec<Problem>> {
        let options = &asked.options;
        if let Some(help) = asked.help {
            return self.help(asked.command, help, options);
        }
        if asked.version {
            return Ok(report::print(&self.version(), exit::OK));
        }
        match asked.command.name {
            Name::Run => self.start(options),
            Name::New => Ok(new::new(options)),
            Name::Describe if options.asyncapi && asyncapi::is_system(options) => {
                up::asyncapi(options, &self.services)
            }
            Name::Describe if options.positional.is_some() => look::describe(options),
            Name::Describe => self.describe(options),
            Name::Check => self.check(options),
            Name::State => show::show(options),
            Name::Call => {
                let known =
                    options.service.as_deref().map(|service| self.model(Some(service))).transpose()?;
                talk::call(options, known.as_ref())
            }
            Name::Listen => talk::listen(options),
            Name::Publish => talk::publish(options),
            Name::Store => store::act(options),
            Name::Graph => up::graph(options, &self.services),
            Name::Look(command) => look::act(command, options),
            Name::Dashboard => dashboard::act(options),
            Name::Recording(command) => recordings::act(command, options),
            Name::Up => Ok(up::up(&up_options(options)?, &self.services)),
            Name::Program(command) => self.program(command, options),
            Name::Cluster(command) => cluster::act(command, options),
            Name::Flow(command) => flows::act(command, options, self.services, &self.places),
            Name::Completions => Ok(self.completions(options)),
            // Its line is wrong, which has been said, or asks for help.
            Name::Group => Ok(self.print_help(asked.command, Help::Short, options, &[])),
            Name::Help => {
                let word = options.positional.as_deref().unwrap_or_default();
                let command = COMMANDS.iter().find(|command| command.word == word).unwrap_or(&RUN);
                Ok(self.print_help(command, Help::Long, options, &[]))
            }
        }
    }

    #[cfg(feature = "programs")]
    fn spelt_out<'a>(&self, words: &'a [String]) -> std::borrow::Cow<'a, [String]> {
        match self.services.are_only_programs() {
            true => arguments::of_program(words).into(),
            false => words.into(),
        }
    }

    #[cfg(not(feature = "programs"))]
    fn spelt_out<'a>(&self, words: &'a [String]) -> &'a [String] {
        words
    }

    #[cfg(feature = "programs")]
    fn program(self, command: ProgramCommand, options: &Options) -> Result<ExitCode, Vec<Problem>> {
        programs::act(command, options, self.services.into_programs())
    }

    #[cfg(not(feature = "programs"))]
    fn program(self, command: ProgramCommand, options: &Options) -> Result<ExitCode, Vec<Problem>> {
        programs::act(command, options)
    }

    fn target(&self, value: Option<&str>) -> Result<Target, Vec<Problem>> {
        resolve::resolve(value, &self.services.names(), &self.places).map_err(|problem| vec![problem])
    }

    fn start(self, options: &Options) -> Result<ExitCode, Vec<Problem>> {
        match self.target(options.service.as_deref())? {
            Target::Registered(place) => match self.services.take(place) {
                Some(service) => run::start(service, options),
                None => Ok(ExitCode::from(exit::FAILED)),
            },
            Target::Program { path, service } => {
                Err(vec![program::exec(&path, service.as_deref(), &options.forwarded)])
            }
            Target::Command(path) => run::start_command(&path, options),
        }
    }

    /// The model of any service, wherever it is.
    fn model(&self, value: Option<&str>) -> Result<ServiceModel, Vec<Problem>> {
        match self.target(value)? {
            Target::Registered(place) => Ok(self.services.model(place).cloned().unwrap_or_default()),
            Target::Program { path, service } => {
                let helpers = self.helpers.get_or_init(Helpers::of_process);
                program::describe(helpers, &path, service.as_deref(), &[])
            }
            Target::Command(path) => run::read_model_of(&path),
        }
    }

    fn describe(&self, options: &Options) -> Result<ExitCode, Vec<Problem>> {
        Ok(describe::describe(&self.model(options.service.as_deref())?, options))
    }

    fn check(&self, options: &Options) -> Result<ExitCode, Vec<Problem>> {
        let mut inputs = Inputs::read(options);
        inputs.further.extend(options.log_folder.as_deref().and_then(logs::folder_problem));
        let other_addresses = inputs.file(options.with_addresses.as_deref());
        let model = self.model(options.service.as_deref())?;
        if let Target::Command(path) = self.target(options.service.as_deref())? {
            inputs.further.extend(run::command_problem(&model, &path, &[]));
        }
        let mut findings = check::check(&model, &inputs, options.main_mode);
        if let Some(other) = &options.with {
            let other = Other { model: self.model(Some(other))?, addresses: other_addresses };
            check::compare(&model, &inputs, &other, &mut findings);
        }
        Ok(check::conclude(&model, &findings, options))
    }

    fn completions(&self, options: &Options) -> ExitCode {
        let shell = options.positional.as_deref().unwrap_or_default();
        report::print(&completions::script(shell, &self.program).unwrap_or_default(), exit::OK)
    }

    fn version(&self) -> String {
        let framework = format!("service_framework {}", env!("CARGO_PKG_VERSION"));
        match self.services.models().collect::<Vec<_>>().as_slice() {
            [model] => format!("{} {} ({framework})\n", model.name, model.version),
            _ => format!("{framework}\n"),
        }
    }

    /// Help of a service that is another program is that program's to give: it knows its config.
    fn help(&self, command: &Command, help: Help, options: &Options) -> Result<ExitCode, Vec<Problem>> {
        let target = self.target(options.service.as_deref()).ok().filter(|_| command.name == Name::Run);
        let config = match target {
            Some(Target::Program { path, service }) => {
                return Err(vec![program::exec(&path, service.as_deref(), &options.forwarded)]);
            }
            Some(_) => self.model(options.service.as_deref()).ok().and_then(|model| model.config),
            None => None,
        };
        let keys = config.as_ref().map(keys::keys).unwrap_or_default();
        Ok(self.print_help(command, help, options, &keys))
    }

    fn print_help(&self, command: &Command, help: Help, options: &Options, config: &[Key]) -> ExitCode {
        let reader = Reader {
            program: &self.program,
            has_service: self.services.models().len() == 1,
            config,
            palette: options.color.palette(&std::io::stdout()),
        };
        report::print(&arguments::render_help(command, help, reader), exit::OK)
    }
}

fn up_options(options: &Options) -> Result<UpOptions, Vec<Problem>> {
    Ok(UpOptions {
        files: options.positional.iter().map(Into::into).chain(options.overrides.iter().cloned()).collect(),
        seconds: options.seconds,
        is_watched: options.watch,
        is_developed: options.dev,
        is_detached: options.detach,
        dashboard: dashboard::beside_up(options)?,
        record: options.recordings.record.clone(),
        color: options.color,
        json: options.log_format == logs::Format::Json,
        for_all: options.run_flags.clone(),
        words: options.forwarded.clone(),
    })
}
