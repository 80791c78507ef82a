//! The checks before a start: every service of a system, with all it is to be started with, as `check` sees it.
//!
//! Programs are asked for their models all at the same time. Starts nothing else.

use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, Scope, ScopedJoinHandle};

use super::command::further_arguments;
use super::system::{Entry, Source, System};
use crate::connection::ResolvedSocket;
use crate::launcher::arguments::{self, Options};
use crate::launcher::check::{Findings, check};
use crate::launcher::helpers::Helpers;
use crate::launcher::inputs::{Inputs, NamedJson};
use crate::launcher::logs;
use crate::launcher::program;
use crate::launcher::resolve::{self, Places, Target};
use crate::launcher::run::{command_problem, read_command_model};
use crate::launcher::services::Services;
use crate::model::{Problem, ServiceModel};

/// All that is wrong with the services of the `system` that the file at `path` describes, in its order, each problem
/// with the name of its service in front. `services` are those of this program.
pub(super) fn problems(
    system: &System,
    path: &Path,
    services: &Services,
    for_all: &[String],
    helpers: &Helpers,
) -> Vec<Problem> {
    let file = path.display().to_string();
    thread::scope(|scope| {
        // All are asked before the first answer is waited for.
        let ask = |entry| (entry, Answer::ask(entry, services, helpers, scope));
        let asked: Vec<_> = system.services.iter().map(ask).collect();
        let checked: Vec<_> = asked
            .into_iter()
            .map(|(entry, answer)| (entry.name.as_str(), check_entry(entry, &file, answer, for_all)))
            .collect();
        let mut problems = system.problems.clone();
        for (index, (name, found)) in checked.iter().enumerate() {
            let clashes = clashes(found, &checked[..index]);
            let all = found.problems.iter().cloned().chain(clashes);
            problems.extend(all.map(|problem| of_service(name, problem)));
        }
        problems
    })
}

/// Sockets that would bind what one of an earlier service binds.
fn clashes(found: &Findings, before: &[(&str, Findings)]) -> Vec<Problem> {
    let clash = |socket: &ResolvedSocket| {
        let (name, other) = before.iter().find_map(|(name, earlier)| {
            let sockets = &earlier.resolved.sockets;
            Some((name, sockets.iter().find(|other| socket.excludes(other))?))
        })?;
        let found =
            format!("{}, but `{name}` binds {} at {}", socket.endpoints[0], other.endpoints[0], other.place);
        let problem = Problem::new(&socket.place, "an address that no other service binds", found);
        Some(match &socket.file {
            Some(file) => problem.in_file(file),
            None => problem,
        })
    };
    found.resolved.sockets.iter().filter_map(clash).collect()
}

fn of_service(name: &str, problem: Problem) -> Problem {
    let file = problem.file.as_ref().map_or_else(|| name.to_owned(), |file| format!("{name}: {file}"));
    problem.in_file(&file)
}

type Model = Result<ServiceModel, Vec<Problem>>;

/// A model that is known already, or that a program is being asked for, and the file of one with a command.
enum Answer<'a> {
    Known(Box<Model>, Option<PathBuf>),
    Awaited(ScopedJoinHandle<'a, Model>),
}

impl<'a> Answer<'a> {
    /// The model of `entry`, found as its process will find it.
    fn ask<'env>(
        entry: &'env Entry,
        services: &Services,
        helpers: &'env Helpers,
        scope: &'a Scope<'a, 'env>,
    ) -> Self {
        let places = Places::of_child(&entry.environment);
        if !entry.is_found {
            return Self::known(Err(Vec::new()));
        }
        match resolve::resolve(Some(&entry.service), &services.names(), &places) {
            Err(problem) => Self::known(Err(vec![problem])),
            Ok(Target::Registered(place)) => {
                Self::known(Ok(services.model(place).cloned().unwrap_or_default()))
            }
            Ok(Target::Command(path)) => Self::Known(Box::new(read_command_model(&path)), Some(path)),
            Ok(Target::Program { path, service }) => {
                let describe =
                    move || program::describe(helpers, &path, service.as_deref(), &entry.environment);
                match thread::Builder::new().name("describe".to_owned()).spawn_scoped(scope, describe) {
                    Ok(thread) => Self::Awaited(thread),
                    Err(error) => Self::known(Err(vec![unasked(&error)])),
                }
            }
        }
    }

    fn known(model: Model) -> Self {
        Self::Known(Box::new(model), None)
    }

    fn get(self) -> (Model, Option<PathBuf>) {
        match self {
            Self::Known(model, file) => (*model, file),
            Self::Awaited(thread) => {
                let panicked = |_| Err(vec![unasked(&io::Error::other("it panicked"))]);
                (thread.join().unwrap_or_else(panicked), None)
            }
        }
    }
}

fn unasked(error: &io::Error) -> Problem {
    Problem::new("describe --json", "a thread that asks the program", error.to_string())
}

/// What is wrong with `entry`: what stands in the system file, its arguments, its service, and each with the other.
fn check_entry(entry: &Entry, file: &str, answer: Answer<'_>, for_all: &[String]) -> Findings {
    let (model, command_file) = answer.get();
    match (arguments::parse(&words(entry, for_all)), model) {
        // It would say something and end, whatever its files are.
        (Ok(asked), Ok(_)) if asked.help.is_some() || asked.version => {
            Findings { problems: entry.problems.clone(), ..Findings::default() }
        }
        (Ok(asked), Ok(model)) => {
            let mut inputs = inputs(entry, file, &asked.options);
            let command = |path: &PathBuf| command_problem(&model, path, &entry.environment);
            inputs.further.extend(command_file.as_ref().and_then(command));
            check(&model, &inputs, asked.options.main_mode)
        }
        (asked, model) => {
            let further = asked.err().into_iter().chain(model.err()).flatten();
            Findings {
                problems: entry.problems.iter().cloned().chain(further).collect(),
                ..Findings::default()
            }
        }
    }
}

/// The command line of `entry` without what stands in the system file itself.
fn words(entry: &Entry, for_all: &[String]) -> Vec<String> {
    let mut words = vec!["-s".to_owned(), entry.service.clone()];
    for (flag, source) in [("-a", &entry.addresses), ("-c", &entry.config)] {
        if let Some(Source::File(path)) = source {
            words.extend([flag.to_owned(), path.display().to_string()]);
        }
    }
    words.extend(further_arguments(entry, for_all));
    words
}

/// What `entry` is told: its files and arguments, its part of the environment, and what stands in the system file,
/// which a file among the arguments replaces.
fn inputs(entry: &Entry, file: &str, options: &Options) -> Inputs {
    let mut inputs = Inputs::read(options);
    inputs.problems.splice(..0, entry.problems.iter().cloned());
    inputs.set_variables(&entry.environment);
    inputs.further.extend(options.log_folder.as_deref().and_then(logs::folder_problem));
    if options.addresses.is_none() {
        inputs.addresses =
            inline(entry.addresses.as_ref(), || format!("{file}: services.{}.addresses", entry.name));
    }
    if options.config_file.is_none() {
        inputs.config = inline(entry.config.as_ref(), || format!("{file}: services.{}.config", entry.name));
    }
    inputs
}

fn inline(source: Option<&Source>, name: impl FnOnce() -> String) -> Option<NamedJson> {
    match source {
        Some(Source::Inline(content)) => Some(NamedJson { name: name(), content: content.clone() }),
        _ => None,
    }
}
