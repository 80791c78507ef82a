//! The system file: which services a system has and what each is started with.
//! Every problem of the file is collected; what is not understood is refused, never ignored.

mod addresses;
mod free;
mod layers;
mod order;
mod restart;
#[cfg(test)]
mod tests;
mod variables;
mod wiring;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value as Json};

pub(super) use self::layers::folder_of;
pub(super) use self::restart::{Next, Restart};
pub(super) use self::wiring::{Wired, wire};

use self::addresses::SharedAddresses;
use self::layers::Layers;
use crate::launcher::{arguments, schemas};
use crate::model::{Problem, Table, child, describe, element};

const SYSTEM_KEYS: &[&str] = &["$schema", "name", "services", "addresses"];

const SERVICE_KEYS: &[&str] = &[
    "service",
    "addresses",
    "config",
    "args",
    "main_mode",
    "environment",
    "replicas",
    "depends_on",
    "restart",
    "grace",
    "build",
    "watch",
];

/// More instances of one service are a mistake.
const MOST_REPLICAS: u64 = 1_000;

/// What a system file says.
#[derive(Debug)]
pub(super) struct System {
    pub(super) name: String,
    /// The services in the order of the file.
    pub(super) services: Vec<Entry>,
    /// What is wrong with the file, but for what is wrong with one of `services`.
    pub(super) problems: Vec<Problem>,
    shared: SharedAddresses,
    layers: Layers,
    /// What free ports follow from: two systems that are started at the same time have others.
    seed: String,
    /// Nothing of it is started, but told of.
    pub(super) is_told: bool,
}

/// One service of a system.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// A name, or a path from the root: what stands behind `-s`.
    pub(super) service: String,
    pub(super) addresses: Option<Source>,
    pub(super) config: Option<Source>,
    /// Further arguments, after all others.
    pub(super) args: Vec<String>,
    pub(super) main_mode: bool,
    pub(super) environment: Vec<(String, String)>,
    /// How many instances there are, at least one.
    pub(super) replicas: usize,
    /// The names of services that are to be ready before it starts.
    pub(super) depends_on: Vec<String>,
    pub(super) restart: Restart,
    /// How long it may take to end when asked, if the entry says so.
    pub(super) grace: Option<Duration>,
    /// With `--dev`: the program and arguments that build it; and the files and folders, by paths from the root, of which it is
    /// built, or with which it is started again.
    pub(super) build: Vec<String>,
    pub(super) watch: Vec<PathBuf>,
    /// What is wrong with the entry. What the wrong parts would have held is unknown, not missing.
    pub(super) problems: Vec<Problem>,
    /// Whether there is such a service, as far as its path tells.
    pub(super) is_found: bool,
}

/// Where a service's addresses or config come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// A file, by a path from the root.
    File(PathBuf),
    /// What stands in the system file itself.
    Inline(Json),
}

impl System {
    /// Reads and checks the system files at `paths`, each laid over those before it. What is wrong with them stands beside
    /// what could be read.
    pub(super) fn load(paths: &[PathBuf]) -> System {
        let layers = Layers::read(paths);
        let json = layers.merged();
        let mut system = System::from_json(&json);
        system.layers = layers;
        system.seed = paths.first().map(|path| layers::full(path).display().to_string()).unwrap_or_default();
        if system.name.is_empty() {
            system.name = paths.first().map(|path| name_of(path)).unwrap_or_default();
        }
        let has_problems = system.all_problems().next().is_some() || !system.layers.problems.is_empty();
        if !has_problems {
            system.problems = schemas::SYSTEM.problems(&json, "");
        }
        // If a file could not be read, nobody knows what is missing.
        let is_unread = system
            .layers
            .problems
            .iter()
            .any(|problem| problem.path.starts_with("line ") || problem.path.is_empty());
        if is_unread {
            system.services.clear();
            system.problems.clear();
        }
        system.put_problems_in_files();
        system
    }

    fn put_problems_in_files(&mut self) {
        let Self { services, problems, layers, .. } = self;
        let of_entries = services.iter_mut().map(|entry| &mut entry.problems);
        for problems in [&mut *problems].into_iter().chain(of_entries) {
            // What a variable would have held is unknown, not wrong.
            problems.retain(|problem| layers.problems.iter().all(|before| before.path != problem.path));
            *problems = std::mem::take(problems).into_iter().map(|problem| layers.place(problem)).collect();
        }
        problems.splice(..0, layers.problems.iter().cloned());
    }

    /// The problem with the file that its place is in.
    pub(super) fn place(&self, problem: Problem) -> Problem {
        self.layers.place(problem)
    }

    fn all_problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().chain(self.services.iter().flat_map(|entry| &entry.problems))
    }

    /// For each service the places of those that it waits for.
    pub(super) fn waits_for(&self, service: usize) -> Vec<usize> {
        order::places(&self.services, service)
    }

    /// The places of all services, each behind those that it waits for.
    pub(super) fn in_order(&self) -> Vec<usize> {
        order::in_order(&self.services)
    }

    /// Checks `json`, in which all paths are from the root.
    fn from_json(json: &Json) -> System {
        let mut problems = Vec::new();
        let mut system = System {
            name: String::new(),
            services: Vec::new(),
            problems: Vec::new(),
            shared: SharedAddresses::default(),
            layers: Layers::default(),
            seed: String::new(),
            is_told: false,
        };
        if let Some(mut table) = Table::open(json, "", &mut problems) {
            table.refuse_others(SYSTEM_KEYS);
            system.name = table.text("name").unwrap_or_default();
            if !system.name.is_empty() {
                check_name(&system.name, "name", table.problems);
            }
            let names: Vec<String> = names_of(table.get("services"));
            system.shared = SharedAddresses::read(table.table("addresses"), &names);
            system.services = read_services(&mut table, &system.shared);
        }
        problems.extend(order::problems(&system.services));
        system.problems = problems;
        system
    }
}

/// The name of a system that says none: that of its file, or of its folder if the file is called as all are.
fn name_of(path: &Path) -> String {
    let plain = |name: &str| {
        name.chars()
            .map(|c| if is_plain(c) { c } else { '_' })
            .collect::<String>()
            .trim_start_matches('.')
            .to_owned()
    };
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = layers::folder_of(path);
    match folder.file_name().filter(|_| stem == "system") {
        Some(folder) => plain(&folder.to_string_lossy()),
        None => plain(&stem),
    }
}

fn names_of(services: Option<&Json>) -> Vec<String> {
    services.and_then(Json::as_object).map(|services| services.keys().cloned().collect()).unwrap_or_default()
}

fn read_services(system: &mut Table<'_, '_>, shared: &SharedAddresses) -> Vec<Entry> {
    let Some(services) = system.table("services") else {
        if system.get("services").is_none() {
            system.problems.push(Problem::missing("services", "a table of services"));
        }
        return Vec::new();
    };
    if services.entries().next().is_none() {
        services.problems.push(Problem::new("services", "at least one service", "none"));
    }
    services.entries().filter_map(|(name, json)| read_entry(name, json, shared, services.problems)).collect()
}

/// The entry `name`; what is missing or wrong in it is added to `problems`.
fn read_entry(
    name: &str,
    json: &Json,
    shared: &SharedAddresses,
    problems: &mut Vec<Problem>,
) -> Option<Entry> {
    let path = child("services", name);
    let before = problems.len();
    check_name(name, &path, problems);
    let mut table = Table::open(json, &path, problems)?;
    table.refuse_others(SERVICE_KEYS);
    let service = table.text("service");
    if table.get("service").is_none() {
        table.problems.push(Problem::missing(table.path_of("service"), "a service: its name or path"));
    }
    let addresses = read_addresses(&mut table, shared);
    let service = service?;
    let is_found = is_found(&service, &mut table);
    let mut entry = Entry {
        name: name.to_owned(),
        service,
        addresses,
        config: read_source("config", &mut table),
        args: read_texts("args", &mut table),
        main_mode: table.read("main_mode", "true or false", flag).unwrap_or_default(),
        environment: read_environment(&mut table),
        replicas: table.read("replicas", "a whole number from 1 to 1000", replicas).unwrap_or(1),
        depends_on: read_texts("depends_on", &mut table),
        restart: Restart::read(table.table("restart")),
        grace: table.read("grace", DURATION, duration),
        build: read_texts("build", &mut table),
        watch: read_texts("watch", &mut table).into_iter().map(PathBuf::from).collect(),
        problems: Vec::new(),
        is_found,
    };
    if !entry.build.is_empty() && entry.watch.is_empty() {
        let expected = "files and folders of which it is built, since there is a `build`";
        problems.push(Problem::missing(child(&path, "watch"), expected));
    }
    entry.problems = problems.split_off(before);
    Some(entry)
}

/// The addresses, unless one of them is a name that nobody knows.
fn read_addresses(table: &mut Table<'_, '_>, shared: &SharedAddresses) -> Option<Source> {
    let addresses = read_source("addresses", table)?;
    let before = table.problems.len();
    if let Source::Inline(json) = &addresses {
        // What is said of a cluster are no addresses of sockets.
        let mut json = json.clone();
        json.as_object_mut().map(|json| json.shift_remove(wiring::CLUSTER));
        shared.check_names(&json, &table.path_of("addresses"), table.problems);
    }
    (table.problems.len() == before).then_some(addresses)
}

/// Whether there is such a service; a name may be one of many places, which are not looked at here.
fn is_found(service: &str, table: &mut Table<'_, '_>) -> bool {
    // `PATH:NAME` picks one service of a program that has several.
    let program = service.rsplit_once(':').map(|(program, _)| Path::new(program));
    let full = Path::new(service);
    let is_found = !service.contains('/') || full.exists() || program.is_some_and(Path::exists);
    if !is_found {
        table.problems.push(no_file(table.path_of("service"), full));
    }
    is_found
}

/// What stands under `key`: the path of a file, or the table itself.
fn read_source(key: &str, table: &mut Table<'_, '_>) -> Option<Source> {
    let source = table.read(key, "the path of a file, or a table", |json| match json {
        Json::String(path) => Some(Source::File(path.into())),
        Json::Object(_) => Some(Source::Inline(json.clone())),
        _ => None,
    })?;
    if let Source::File(path) = &source
        && !path.is_file()
    {
        table.problems.push(no_file(table.path_of(key), path));
        return None;
    }
    Some(source)
}

fn no_file(path: String, file: &Path) -> Problem {
    Problem::new(path, "a file, by a path relative to the system file", format!("no file {}", file.display()))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.".contains(c)
}

/// Names stand before every line and in file names.
fn check_name(name: &str, path: &str, problems: &mut Vec<Problem>) {
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
        problems.push(Problem::new(path, "a name of letters, digits, `_`, `-` and `.`", format!("{name:?}")));
    }
}

fn read_texts(key: &str, table: &mut Table<'_, '_>) -> Vec<String> {
    let path = table.path_of(key);
    let texts = table.read(key, "a list of strings", |json| json.as_array().cloned()).unwrap_or_default();
    let texts =
        texts.iter().enumerate().filter_map(|(index, text)| text_at(text, element(&path, index), table));
    texts.collect()
}

fn read_environment(table: &mut Table<'_, '_>) -> Vec<(String, String)> {
    let path = table.path_of("environment");
    let variables = table.read("environment", "a table of strings", |json| json.as_object().cloned());
    let read =
        |(name, json): (&String, &Json)| Some((name.clone(), text_at(json, child(&path, name), table)?));
    variables.as_ref().map(Map::iter).into_iter().flatten().filter_map(read).collect()
}

/// The string `json`; anything else is a problem that shows how to write it.
fn text_at(json: &Json, path: String, table: &mut Table<'_, '_>) -> Option<String> {
    if let Json::String(text) = json {
        return Some(text.clone());
    }
    let mut problem = Problem::new(path, "a string", describe(json));
    if json.is_number() || json.is_boolean() {
        problem = problem.with_hint(format!("write it as \"{json}\""));
    }
    table.problems.push(problem);
    None
}

/// True or false, also as the text that a variable gives.
fn flag(json: &Json) -> Option<bool> {
    match json {
        Json::Bool(flag) => Some(*flag),
        Json::String(text) if text == "true" => Some(true),
        Json::String(text) if text == "false" => Some(false),
        _ => None,
    }
}

/// A number of instances, also as the text that a variable gives.
fn replicas(json: &Json) -> Option<usize> {
    let number = whole(json).filter(|number| (1..=MOST_REPLICAS).contains(number))?;
    usize::try_from(number).ok()
}

/// A whole number, also as the text that a variable gives.
fn whole(json: &Json) -> Option<u64> {
    match json {
        Json::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        other => other.as_u64(),
    }
}

/// What is expected where a duration stands.
const DURATION: &str = "a duration: seconds, or text such as \"5s\"";

/// A number of seconds, or text as on the command line.
fn duration(json: &Json) -> Option<Duration> {
    match json {
        Json::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok(),
        Json::String(text) => arguments::duration(text).ok(),
        _ => None,
    }
}
