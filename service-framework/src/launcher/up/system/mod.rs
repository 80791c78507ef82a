//! The system file: which services a system has and what each is started with.
//! Every problem of the file is collected; what this version would not act on is refused, never ignored.

mod shared;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::launcher::{arguments, files, schemas};
use crate::model::{Problem, Table, child, describe, element};
use shared::SharedAddresses;

const SYSTEM_KEYS: &[&str] = &["$schema", "services", "addresses"];

const SERVICE_KEYS: &[&str] =
    &["service", "addresses", "config", "args", "main_mode", "environment", "grace"];

/// Keys with a meaning that this version does not act on yet.
const LATER_KEYS: &[&str] = &["replicas", "depends_on", "restart"];

/// What a system file says.
#[derive(Debug, PartialEq)]
pub(super) struct System {
    /// The services in the order of the file, which is the order they are started in.
    pub(super) services: Vec<Entry>,
    /// What is wrong with the file, but for what is wrong with one of `services`.
    pub(super) problems: Vec<Problem>,
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
    /// How long it may take to end when asked, if the entry says so.
    pub(super) grace: Option<Duration>,
    /// What is wrong with the entry. What the wrong parts would have held is unknown, not missing.
    pub(super) problems: Vec<Problem>,
    /// Whether there is such a service, as far as its path tells.
    pub(super) is_found: bool,
}

/// Where a service's addresses or config come from.
#[derive(Debug, PartialEq)]
pub(super) enum Source {
    /// A file, by a path from the root.
    File(PathBuf),
    /// What stands in the system file itself.
    Inline(Json),
}

impl System {
    /// Reads and checks the system file at `path`. What is wrong with it stands beside what could be read.
    ///
    /// # Errors
    /// It cannot be read, or is no JSON.
    pub(super) fn load(path: &Path) -> Result<System, Problem> {
        let file = path.display().to_string();
        let json = files::read_json(path)?;
        let mut system = System::from_json(&json, &folder_of(path));
        if system.all_problems().next().is_none() {
            system.problems = schemas::SYSTEM.problems(&json, &file);
        }
        let of_entries = system.services.iter_mut().map(|entry| &mut entry.problems);
        for problems in [&mut system.problems].into_iter().chain(of_entries) {
            *problems = std::mem::take(problems).into_iter().map(|problem| problem.in_file(&file)).collect();
        }
        Ok(system)
    }

    fn all_problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().chain(self.services.iter().flat_map(|entry| &entry.problems))
    }

    /// The names of the services.
    pub(super) fn names(&self) -> Vec<String> {
        self.services.iter().map(|entry| entry.name.clone()).collect()
    }

    /// Checks `json`; paths in it are relative to `folder`.
    fn from_json(json: &Json, folder: &Path) -> System {
        let mut problems = Vec::new();
        let services = read_services(json, folder, &mut problems);
        System { services, problems }
    }
}

/// The folder of the file at `path`, from the root.
fn folder_of(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.parent().map(Path::to_owned).unwrap_or_default()
}

fn read_services(json: &Json, folder: &Path, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let Some(mut system) = Table::open(json, "", problems) else { return Vec::new() };
    system.refuse_others(SYSTEM_KEYS);
    let shared = SharedAddresses::read(system.table("addresses"));
    let Some(services) = system.table("services") else {
        if system.get("services").is_none() {
            system.problems.push(Problem::missing("services", "a table of services"));
        }
        return Vec::new();
    };
    if services.entries().next().is_none() {
        services.problems.push(Problem::new("services", "at least one service", "none"));
    }
    let reader = Reader { folder, shared: &shared };
    services.entries().filter_map(|(name, json)| reader.entry(name, json, services.problems)).collect()
}

/// What every entry is read with.
struct Reader<'a> {
    folder: &'a Path,
    shared: &'a SharedAddresses,
}

impl Reader<'_> {
    /// The entry `name`; what is missing or wrong in it is added to `problems`.
    fn entry(&self, name: &str, json: &Json, problems: &mut Vec<Problem>) -> Option<Entry> {
        let path = child("services", name);
        let before = problems.len();
        check_name(name, &path, problems);
        let mut table = Table::open(json, &path, problems)?;
        table.refuse_others_but(SERVICE_KEYS, later);
        let service = table.text("service");
        if table.get("service").is_none() {
            table.problems.push(Problem::missing(table.path_of("service"), "a service: its name or path"));
        }
        let addresses = self.addresses(&mut table);
        let (service, is_found) = self.service(service?, &mut table);
        let mut entry = Entry {
            name: name.to_owned(),
            service,
            addresses,
            config: self.source("config", &mut table),
            args: read_args(&mut table),
            main_mode: table.flag("main_mode").unwrap_or_default(),
            environment: read_environment(&mut table),
            grace: table.read("grace", "a duration: seconds, or text such as \"5s\"", duration),
            problems: Vec::new(),
            is_found,
        };
        entry.problems = problems.split_off(before);
        Some(entry)
    }

    /// `path` from the root, without `.` in it.
    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path).components().collect()
    }

    /// The addresses, unless one of them is a name that nobody knows.
    fn addresses(&self, table: &mut Table<'_, '_>) -> Option<Source> {
        let mut addresses = self.source("addresses", table)?;
        let before = table.problems.len();
        if let Source::Inline(json) = &mut addresses {
            self.shared.put_into(json, &table.path_of("addresses"), table.problems);
        }
        (table.problems.len() == before).then_some(addresses)
    }

    /// The service as the launcher takes it: a name as it is, a path from the root. Whether there is such a path.
    fn service(&self, service: String, table: &mut Table<'_, '_>) -> (String, bool) {
        if !service.contains('/') {
            return (service, true);
        }
        let full = self.path(&service);
        // `PATH:NAME` picks one service of a program that has several.
        let program = service.rsplit_once(':').map(|(program, _)| self.path(program));
        let is_found = full.exists() || program.is_some_and(|program| program.exists());
        if !is_found {
            table.problems.push(no_file(table.path_of("service"), &full));
        }
        (full.display().to_string(), is_found)
    }

    /// What stands under `key`: the path of a file, or the table itself.
    fn source(&self, key: &str, table: &mut Table<'_, '_>) -> Option<Source> {
        let source = table.read(key, "the path of a file, or a table", |json| match json {
            Json::String(path) => Some(Source::File(self.path(path))),
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
}

fn no_file(path: String, file: &Path) -> Problem {
    Problem::new(path, "a file, by a path relative to the system file", format!("no file {}", file.display()))
}

/// Names stand before every line and in file names.
fn check_name(name: &str, path: &str, problems: &mut Vec<Problem>) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        problems.push(Problem::new(path, "a name of letters, digits, `_`, `-` and `.`", format!("{name:?}")));
    }
}

/// What to say of a key that has a meaning, but none that this version acts on yet.
fn later(key: &str) -> Option<String> {
    let hint = "this version does not act on it: it starts each service once, in the order of the file";
    LATER_KEYS.contains(&key).then(|| hint.to_owned())
}

fn read_args(table: &mut Table<'_, '_>) -> Vec<String> {
    let path = table.path_of("args");
    let args = table.read("args", "a list of strings", |json| json.as_array().cloned()).unwrap_or_default();
    let texts = args.iter().enumerate().filter_map(|(index, arg)| text_at(arg, element(&path, index), table));
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

/// A number of seconds, or text as on the command line.
fn duration(json: &Json) -> Option<Duration> {
    match json {
        Json::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok(),
        Json::String(text) => arguments::duration(text).ok(),
        _ => None,
    }
}
