//! Addresses: which socket binds or connects where, as a file says it. Pure; opens nothing, looks nothing up.
//!
//! [`Addresses`] is the file, checked by itself. [`Addresses::resolve`] lays it beside a service's model and
//! gives each of its sockets its endpoints.

mod cluster;
mod discovered;
mod endpoint;
mod resolve;
mod states;

use serde_json::Value as Json;

pub(crate) use cluster::ClusterSection;
pub(crate) use discovered::Discovered;
pub(crate) use endpoint::{Endpoint, Host};
pub(crate) use resolve::{Need, Resolution, Resolved, ResolvedSocket, needs};
pub(crate) use states::StateEntry;

use crate::model::{Problem, ServiceModel, Side, Table, describe};

/// The keys of a file's upper level; `$schema` is for editors.
const UPPER_KEYS: [&str; 4] = ["connections", "states", cluster::KEY, "$schema"];

/// The keys of the older form, which knows connections only.
const SIDE_KEYS: [&str; 3] = ["in", "out", "$schema"];

/// The same at the top of a file.
const OLDER_KEYS: [&str; 4] = ["in", "out", cluster::KEY, "$schema"];

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    /// A connection.
    Connection,
    /// A state.
    State,
}

impl Of {
    /// The key under which the names stand: `connections` or `states`.
    #[must_use]
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Connection => "connections",
            Self::State => "states",
        }
    }

    /// What one of them is called.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::State => "state",
        }
    }
}

/// The addresses of one file, or those that a setup function returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Addresses {
    /// As messages name it.
    file: Option<String>,
    /// Whether names stand right below `in` and `out`.
    is_older_form: bool,
    entries: Vec<Entry>,
    /// The cluster that is asked for what is found by its name.
    cluster: Option<ClusterSection>,
}

/// The sockets of one connection or state.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    of: Of,
    side: Side,
    name: String,
    sockets: Vec<Socket>,
}

#[derive(Clone, Debug, PartialEq)]
struct Socket {
    name: String,
    endpoints: Vec<Endpoint>,
    is_list: bool,
}

impl Addresses {
    /// Reads `{"connections": {"in": {NAME: {SOCKET: ADDRESS}}, "out": …}, "states": …}`, or the older form
    /// `{"in": …, "out": …}`, either with `"cluster": {…}` beside. An address is a string, or a list of them.
    ///
    /// # Errors
    /// All problems. Whether names and sockets are those of a service is asked by [`resolve`](Self::resolve).
    pub(crate) fn from_json(json: &Json, file: Option<&str>) -> Result<Self, Vec<Problem>> {
        let (addresses, problems) = Self::read(json, file);
        if problems.is_empty() { Ok(addresses) } else { Err(problems) }
    }

    /// Reads a file and lays it beside a model; the problems are those of both, each place once.
    pub(crate) fn lay(json: &Json, file: Option<&str>, model: &ServiceModel) -> Resolution {
        let (addresses, mut problems) = Self::read(json, file);
        let mut resolution = addresses.resolve(model);
        let is_told = |path: &str| problems.iter().any(|problem: &Problem| problem.path.starts_with(path));
        resolution.problems.retain(|problem| !is_told(&problem.path));
        problems.append(&mut resolution.problems);
        Resolution { problems, ..resolution }
    }

    /// What can be read, and what is wrong with the rest.
    fn read(json: &Json, file: Option<&str>) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut entries = Vec::new();
        let is_older_form = is_older_form(json);
        let mut cluster = None;
        if let Some(mut table) = Table::open(json, "", &mut problems) {
            if is_older_form {
                read_sides(&mut table, Of::Connection, &OLDER_KEYS, &mut entries);
            } else {
                read_upper(&mut table, &mut entries);
            }
            cluster = ClusterSection::read(&mut table);
        }
        let problems = problems.into_iter().map(|problem| in_file(problem, file)).collect();
        (Self { file: file.map(str::to_owned), is_older_form, entries, cluster }, problems)
    }

    /// Where the addresses of one connection or state stand in the file.
    fn path(&self, of: Of, side: Side, name: &str) -> String {
        let side = crate::model::child(if self.is_older_form { "" } else { of.key() }, side.as_str());
        crate::model::child(&side, name)
    }
}

fn in_file(problem: Problem, file: Option<&str>) -> Problem {
    match file {
        Some(file) => problem.in_file(file),
        None => problem,
    }
}

/// The older form begins with a side, and with nothing of the newer one.
fn is_older_form(json: &Json) -> bool {
    let has = |key: &str| json.get(key).is_some();
    (has("in") || has("out")) && !has("connections") && !has("states")
}

fn read_upper(table: &mut Table<'_, '_>, entries: &mut Vec<Entry>) {
    table.refuse_others(&UPPER_KEYS);
    for of in [Of::Connection, Of::State] {
        if let Some(mut sides) = table.table(of.key()) {
            read_sides(&mut sides, of, &SIDE_KEYS, entries);
        }
    }
}

fn read_sides(table: &mut Table<'_, '_>, of: Of, keys: &[&str], entries: &mut Vec<Entry>) {
    table.refuse_others(keys);
    for side in Side::ALL {
        let Some(mut names) = table.table(side.as_str()) else { continue };
        for (name, _) in names.entries() {
            if let Some(mut sockets) = names.table(name) {
                let sockets = read_sockets(&mut sockets);
                entries.push(Entry { of, side, name: name.to_owned(), sockets });
            }
        }
    }
}

fn read_sockets(table: &mut Table<'_, '_>) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for (name, json) in table.entries() {
        let path = table.path_of(name);
        let is_list = json.is_array();
        let endpoints = match json {
            Json::Array(items) => read_list(items, &path, table.problems),
            one => read_one(one, &path, table.problems).into_iter().collect(),
        };
        sockets.push(Socket { name: name.to_owned(), endpoints, is_list });
    }
    sockets
}

fn read_list(items: &[Json], path: &str, problems: &mut Vec<Problem>) -> Vec<Endpoint> {
    if items.is_empty() {
        problems.push(Problem::new(path, "at least one address", "an empty list"));
    }
    let mut endpoints = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = crate::model::element(path, index);
        let Some(endpoint) = read_one(item, &path, problems) else { continue };
        if endpoints.contains(&endpoint) {
            problems.push(Problem::new(path, "each address once", format!("{endpoint} again")));
        }
        endpoints.push(endpoint);
    }
    endpoints
}

fn read_one(json: &Json, path: &str, problems: &mut Vec<Problem>) -> Option<Endpoint> {
    let Some(text) = json.as_str() else {
        problems.push(Problem::new(path, Endpoint::EXPECTED, describe(json)));
        return None;
    };
    match Endpoint::parse(text) {
        Ok(endpoint) => Some(endpoint),
        Err(error) => {
            let problem = Problem::new(path, Endpoint::EXPECTED, format!("{}: {error}", describe(json)));
            problems.push(match error.hint() {
                Some(hint) => problem.with_hint(hint),
                None => problem,
            });
            None
        }
    }
}

#[cfg(test)]
mod tests;
