//! The plan of a system, and all that is wrong with it before anything is started: every instance with all it is to be
//! started with, as `check` sees it, and each with those it talks to.
//!
//! Programs are asked for their models all at the same time. Starts nothing else.

use std::io;
use std::path::PathBuf;
use std::thread::{self, Scope, ScopedJoinHandle};

use super::command::further_arguments;
use super::system::{Entry, Source, System, Wired, wire};
use crate::connection::{Resolved, ResolvedSocket};
use crate::launcher::arguments::{self, Options};
use crate::launcher::check::check;
use crate::launcher::helpers::Helpers;
use crate::launcher::inputs::{Inputs, NamedJson};
use crate::launcher::logs;
use crate::launcher::pairs::{self, Pair};
use crate::launcher::program;
use crate::launcher::resolve::{self, Places, Target};
use crate::launcher::run::{command_problem, read_command_model};
use crate::launcher::services::Services;
use crate::model::{Problem, ServiceModel};

/// A system that could be read, with what it is made of.
pub(super) struct Plan {
    pub(super) system: System,
    pub(super) instances: Vec<Instance>,
    /// The models of the services, in the order of the file, as far as they are known.
    pub(super) models: Vec<Option<ServiceModel>>,
    /// What is wrong with all of it.
    pub(super) problems: Vec<Problem>,
}

/// One service, or one of several instances of it.
pub(super) struct Instance {
    /// The place of its entry.
    pub(super) entry: usize,
    pub(super) name: String,
    pub(super) addresses: Option<Source>,
    /// Where its sockets go.
    pub(super) resolved: Resolved,
}

impl Plan {
    /// The plan of the system that the command line names.
    ///
    /// # Errors
    /// Its files cannot be read, or are no system.
    pub(super) fn of_files(options: &Options, services: &Services) -> Result<Self, Vec<Problem>> {
        let files = options.positional.iter().map(Into::into).chain(options.overrides.iter().cloned());
        let mut system = System::load(&files.collect::<Vec<_>>());
        if system.services.is_empty() {
            return Err(system.problems);
        }
        system.is_told = true;
        Ok(Self::make(system, services, &[], &Helpers::of_process()))
    }

    /// Asks for models and checks everything. `services` are those of this program.
    pub(super) fn make(system: System, services: &Services, for_all: &[String], helpers: &Helpers) -> Self {
        let answers = ask_all(&system, services, helpers);
        let models: Vec<Option<ServiceModel>> =
            answers.iter().map(|(model, _)| model.as_ref().ok().cloned()).collect();
        let known: Vec<Option<&ServiceModel>> = models.iter().map(Option::as_ref).collect();
        let (wired, unused) = wire(&system, &known);
        let mut problems = system.problems.clone();
        problems.extend(unused);
        let mut instances: Vec<Instance> = Vec::with_capacity(wired.len());
        for wired in wired {
            let (entry, answer) = (&system.services[wired.entry], &answers[wired.entry]);
            let is_first = instances.last().is_none_or(|last| last.entry != wired.entry);
            let (found, resolved) = check_instance(entry, &wired, &system, answer, for_all);
            let name = if is_first { &entry.name } else { &wired.name };
            let instance = Instance {
                entry: wired.entry,
                name: wired.name.clone(),
                addresses: wired.addresses,
                resolved,
            };
            // What is wrong with all instances is said of the first.
            let found = if is_first { found } else { Vec::new() };
            let clashes = clashes(&instance.resolved, &instances);
            problems.extend(found.into_iter().chain(clashes).map(|problem| of_service(name, problem)));
            instances.push(instance);
        }
        let mut plan = Self { system, instances, models, problems };
        plan.problems.extend(plan.mismatches());
        plan
    }

    /// A plan of instances that nothing is known of but what the file says.
    #[cfg(test)]
    pub(super) fn unchecked(system: System) -> Self {
        let models = vec![None; system.services.len()];
        let instance = |wired: Wired| Instance {
            entry: wired.entry,
            name: wired.name,
            addresses: wired.addresses,
            resolved: Resolved::default(),
        };
        let instances = wire(&system, &vec![None; models.len()]).0.into_iter().map(instance).collect();
        Self { system, instances, models, problems: Vec::new() }
    }

    /// The names of all instances.
    pub(super) fn names(&self) -> Vec<String> {
        self.instances.iter().map(|instance| instance.name.clone()).collect()
    }

    /// The places of all instances, each behind those that it waits for.
    pub(super) fn order(&self) -> Vec<usize> {
        self.system.in_order().into_iter().flat_map(|entry| self.places(entry)).collect()
    }

    /// The places of those that `instance` waits for.
    pub(super) fn waits_for(&self, instance: &Instance) -> Vec<usize> {
        self.system.waits_for(instance.entry).into_iter().flat_map(|entry| self.places(entry)).collect()
    }

    /// The places of all instances of an entry.
    pub(super) fn places(&self, entry: usize) -> impl Iterator<Item = usize> {
        let places = self.instances.iter().enumerate();
        places.filter(move |(_, instance)| instance.entry == entry).map(|(place, _)| place)
    }

    /// The first instance of each service whose model is known, with that.
    fn firsts(&self) -> impl Iterator<Item = (&Instance, &ServiceModel)> {
        let is_first = |(index, instance): &(usize, &Instance)| {
            *index == 0 || self.instances[index - 1].entry != instance.entry
        };
        let firsts = self.instances.iter().enumerate().filter(is_first);
        firsts.filter_map(|(_, instance)| Some((instance, self.models[instance.entry].as_ref()?)))
    }

    /// What `make` makes of each connection and state between two services, of which it is given the places.
    pub(super) fn meetings<T>(&self, make: impl Fn((usize, usize), &Pair<'_>) -> T) -> Vec<T> {
        let firsts: Vec<_> = self.firsts().collect();
        let mut made = Vec::new();
        for (index, (ours, our_model)) in firsts.iter().enumerate() {
            for (theirs, their_model) in &firsts[index + 1..] {
                let pairs = pairs::find((our_model, &ours.resolved), (their_model, &theirs.resolved));
                let meeting = pairs.iter().filter(|pair| pair.meets());
                made.extend(meeting.map(|pair| make((ours.entry, theirs.entry), pair)));
            }
        }
        made
    }

    /// What two services that talk to each other do not agree on.
    fn mismatches(&self) -> Vec<Problem> {
        let found = self.meetings(|(ours, theirs), pair| {
            let names = [ours, theirs].map(|place| &self.system.services[place].name);
            let between = format!("{} with {}", names[0], names[1]);
            pair.problems().into_iter().map(|problem| problem.in_file(&between)).collect::<Vec<_>>()
        });
        found.concat()
    }

    /// The names of the ends of the service at this place, such as `in.ask`.
    pub(super) fn ends(&self, service: usize) -> Vec<String> {
        self.models[service].as_ref().map(pairs::all_ends).unwrap_or_default()
    }
}

/// Sockets that would bind what one of an earlier instance binds.
fn clashes(resolved: &Resolved, before: &[Instance]) -> Vec<Problem> {
    let clash = |socket: &ResolvedSocket| {
        let (name, other) = before.iter().find_map(|earlier| {
            let sockets = &earlier.resolved.sockets;
            Some((&earlier.name, sockets.iter().find(|other| socket.excludes(other))?))
        })?;
        let found =
            format!("{}, but `{name}` binds {} at {}", socket.endpoints[0], other.endpoints[0], other.place);
        let problem = Problem::new(&socket.place, "an address that no other service binds", found);
        Some(match &socket.file {
            Some(file) => problem.in_file(file),
            None => problem,
        })
    };
    resolved.sockets.iter().filter_map(clash).collect()
}

fn of_service(name: &str, problem: Problem) -> Problem {
    let file = problem.file.as_ref().map_or_else(|| name.to_owned(), |file| format!("{name}: {file}"));
    problem.in_file(&file)
}

type Model = Result<ServiceModel, Vec<Problem>>;

/// What is known of a service: its model, and the file of one with a command.
type Known = (Model, Option<PathBuf>);

fn ask_all(system: &System, services: &Services, helpers: &Helpers) -> Vec<Known> {
    thread::scope(|scope| {
        // All are asked before the first answer is waited for.
        let ask = |entry| Answer::ask(entry, services, helpers, scope);
        let asked: Vec<_> = system.services.iter().map(ask).collect();
        asked.into_iter().map(Answer::get).collect()
    })
}

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

    fn get(self) -> Known {
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

/// What is wrong with an instance: what stands in the system file, its arguments, its service, and each with the other;
/// and where its sockets go.
fn check_instance(
    entry: &Entry,
    wired: &Wired,
    system: &System,
    (model, command_file): &Known,
    for_all: &[String],
) -> (Vec<Problem>, Resolved) {
    let of_file = || entry.problems.iter().chain(&wired.problems).cloned();
    match (arguments::parse(&words(entry, wired, for_all)), model) {
        // It would say something and end, whatever its files are.
        (Ok(asked), Ok(_)) if asked.help.is_some() || asked.version => {
            (of_file().collect(), Resolved::default())
        }
        (Ok(asked), Ok(service)) => {
            let mut inputs = inputs(entry, wired, system, &asked.options);
            let command = |path: &PathBuf| command_problem(service, path, &entry.environment);
            inputs.further.extend(command_file.as_ref().and_then(command));
            let found = check(service, &inputs, asked.options.main_mode);
            (found.problems, found.resolved)
        }
        (asked, model) => {
            let further = asked.err().into_iter().chain(model.clone().err()).flatten();
            (of_file().chain(further).collect(), Resolved::default())
        }
    }
}

/// The command line of an instance without what stands in the system file itself.
fn words(entry: &Entry, wired: &Wired, for_all: &[String]) -> Vec<String> {
    let mut words = vec!["-s".to_owned(), entry.service.clone()];
    for (flag, source) in [("-a", &wired.addresses), ("-c", &entry.config)] {
        if let Some(Source::File(path)) = source {
            words.extend([flag.to_owned(), path.display().to_string()]);
        }
    }
    words.extend(further_arguments(entry, for_all));
    words
}

/// What an instance is told: its files and arguments, its part of the environment, and what stands in the system file,
/// which a file among the arguments replaces.
fn inputs(entry: &Entry, wired: &Wired, system: &System, options: &Options) -> Inputs {
    let mut inputs = Inputs::read(options);
    inputs.problems.splice(..0, entry.problems.iter().chain(&wired.problems).cloned());
    inputs.set_variables(&entry.environment);
    inputs.further.extend(options.log_folder.as_deref().and_then(logs::folder_problem));
    if options.addresses.is_none() {
        inputs.addresses = inline(wired.addresses.as_ref(), entry, "addresses", system);
    }
    if options.config_file.is_none() {
        inputs.config = inline(entry.config.as_ref(), entry, "config", system);
    }
    inputs
}

fn inline(source: Option<&Source>, entry: &Entry, key: &str, system: &System) -> Option<NamedJson> {
    let Some(Source::Inline(content)) = source else { return None };
    let place = format!("services.{}.{key}", entry.name);
    let file = system.place(Problem::missing(&place, "")).file.unwrap_or_default();
    Some(NamedJson { name: format!("{file}: {place}"), content: content.clone() })
}
