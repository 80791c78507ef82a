//! The checks before a start: every service of a system, with all it is to be started with, as `check` sees it.
//!
//! Programs are asked for their models all at the same time. Starts nothing else.

use std::io;
use std::path::Path;
use std::thread::{self, Scope, ScopedJoinHandle};

use super::command::further_arguments;
use super::system::{Entry, Source, System};
use crate::launcher::arguments::{self, Options};
use crate::launcher::check::check;
use crate::launcher::inputs::{Inputs, NamedJson};
use crate::launcher::program;
use crate::launcher::resolve::{self, Places, Target};
use crate::launcher::run::read_command_model;
use crate::launcher::services::Services;
use crate::model::{Problem, ServiceModel};

/// All that is wrong with the services of the `system` that the file at `path` describes, in its order, each problem
/// with the name of its service in front. `services` are those of this program.
pub(super) fn problems(
    system: &System,
    path: &Path,
    services: &Services,
    for_all: &[String],
) -> Vec<Problem> {
    let file = path.display().to_string();
    thread::scope(|scope| {
        // All are asked before the first answer is waited for.
        let asked: Vec<_> =
            system.services.iter().map(|entry| (entry, Answer::ask(entry, services, scope))).collect();
        let of_entry = |(entry, answer): (&Entry, Answer<'_>)| {
            let found = entry_problems(entry, &file, answer, for_all);
            found.into_iter().map(|problem| of_service(&entry.name, problem)).collect::<Vec<_>>()
        };
        asked.into_iter().flat_map(of_entry).collect()
    })
}

fn of_service(name: &str, problem: Problem) -> Problem {
    let file = problem.file.as_ref().map_or_else(|| name.to_owned(), |file| format!("{name}: {file}"));
    problem.in_file(&file)
}

type Model = Result<ServiceModel, Vec<Problem>>;

/// A model that is known already, or that a program is being asked for.
enum Answer<'a> {
    Known(Box<Model>),
    Awaited(ScopedJoinHandle<'a, Model>),
}

impl<'a> Answer<'a> {
    /// The model of `entry`, found as its process will find it.
    fn ask<'env>(entry: &'env Entry, services: &Services, scope: &'a Scope<'a, 'env>) -> Self {
        let places = Places::of_child(&entry.environment);
        match resolve::resolve(Some(&entry.service), &services.names(), &places) {
            Err(problem) => Self::known(Err(vec![problem])),
            Ok(Target::Registered(place)) => {
                Self::known(Ok(services.model(place).cloned().unwrap_or_default()))
            }
            Ok(Target::Command(path)) => Self::known(read_command_model(&path)),
            Ok(Target::Program { path, service }) => {
                let describe = move || program::describe(&path, service.as_deref(), &entry.environment);
                match thread::Builder::new().name("describe".to_owned()).spawn_scoped(scope, describe) {
                    Ok(thread) => Self::Awaited(thread),
                    Err(error) => Self::known(Err(vec![unasked(&error)])),
                }
            }
        }
    }

    fn known(model: Model) -> Self {
        Self::Known(Box::new(model))
    }

    fn get(self) -> Model {
        match self {
            Self::Known(model) => *model,
            Self::Awaited(thread) => {
                thread.join().unwrap_or_else(|_| Err(vec![unasked(&io::Error::other("it panicked"))]))
            }
        }
    }
}

fn unasked(error: &io::Error) -> Problem {
    Problem::new("describe --json", "a thread that asks the program", error.to_string())
}

/// What is wrong with `entry`: its arguments, its service, and each with the other.
fn entry_problems(entry: &Entry, file: &str, answer: Answer<'_>, for_all: &[String]) -> Vec<Problem> {
    let (asked, model) = (arguments::parse(&words(entry, for_all)), answer.get());
    match (asked, model) {
        // It would say something and end, whatever its files are.
        (Ok(asked), Ok(_)) if asked.help.is_some() || asked.version => Vec::new(),
        (Ok(asked), Ok(model)) => {
            check(&model, &inputs(entry, file, &asked.options), asked.options.main_mode).problems
        }
        (asked, model) => asked.err().into_iter().chain(model.err()).flatten().collect(),
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
    inputs.set_variables(&entry.environment);
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
