//! Service models: everything about a service but its code. Read from JSON with all problems at once, and written as
//! `describe` prints it.

use serde_json::{Map, Value as Json, json};

use super::config::ConfigModel;
use super::connection::{ConnectionModel, Side};
use super::problem::{Problem, child, element};
use super::read::{Table, describe};
use super::state::StateModel;

/// The model of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceModel {
    /// Its name; never empty.
    pub name: String,
    /// Its version, as its author counts them.
    pub version: String,
    /// Whether it has a main function and can run in main mode.
    pub main: bool,
    /// The keys of its config; None keeps all keys, unchecked.
    pub config: Option<ConfigModel>,
    /// Its connections, the in ones first.
    pub connections: Vec<ConnectionModel>,
    /// Its states, the in ones first.
    pub states: Vec<StateModel>,
    /// The command that runs its handlers, program first, where they are not in Rust.
    pub command: Option<Vec<String>>,
}

/// `$schema` is for editors and means nothing here.
const KEYS: [&str; 8] =
    ["$schema", "name", "version", "main", "command", "config_model", "connection_models", "state_models"];

/// The version of a service that has none.
pub(crate) const NO_VERSION: &str = "0.0.0";

impl ServiceModel {
    /// Reads a model as [`ServiceModel::to_json`] writes it; types may be in short form.
    ///
    /// `file` is named in the problems.
    ///
    /// # Errors
    /// All problems, each with its path.
    pub fn from_json(json: &Json, file: Option<&str>) -> Result<ServiceModel, Vec<Problem>> {
        let mut problems = Vec::new();
        let read = Table::open(json, "", &mut problems).map(|mut table| read_service(&mut table));
        problems.extend(read.iter().flat_map(ServiceModel::problems));
        match (read, file) {
            (Some(model), _) if problems.is_empty() => Ok(model),
            (_, Some(file)) => Err(problems.into_iter().map(|problem| problem.in_file(file)).collect()),
            (_, None) => Err(problems),
        }
    }

    /// What `describe` prints: types in long form, handlers by name, empty tables left out.
    pub fn to_json(&self) -> Json {
        let mut table = Map::new();
        table.insert("name".to_owned(), json!(self.name));
        table.insert("version".to_owned(), json!(self.version));
        table.insert("main".to_owned(), json!(self.main));
        if let Some(command) = &self.command {
            table.insert("command".to_owned(), json!(command));
        }
        if let Some(config) = &self.config {
            table.insert("config_model".to_owned(), config.to_json());
        }
        let connections = self.connections.iter().map(|model| (model.side, &model.name, model.to_json()));
        insert_sides(&mut table, "connection_models", connections.collect());
        let states = self.states.iter().map(|model| (model.side, &model.name, model.to_json()));
        insert_sides(&mut table, "state_models", states.collect());
        Json::Object(table)
    }

    /// A connection by its side and name.
    pub fn connection(&self, side: Side, name: &str) -> Option<&ConnectionModel> {
        self.connections.iter().find(|model| model.side == side && model.name == name)
    }

    /// A state by its side and name.
    pub fn state(&self, side: Side, name: &str) -> Option<&StateModel> {
        self.states.iter().find(|model| model.side == side && model.name == name)
    }

    /// The connections of one side.
    pub fn connections_on(&self, side: Side) -> impl Iterator<Item = &ConnectionModel> {
        self.connections.iter().filter(move |model| model.side == side)
    }

    /// The states of one side.
    pub fn states_on(&self, side: Side) -> impl Iterator<Item = &StateModel> {
        self.states.iter().filter(move |model| model.side == side)
    }

    /// What breaks the rules of models; for models written in Rust, as those from JSON have been checked.
    ///
    /// Types are checked where they are compiled.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.name.is_empty() {
            problems.push(Problem::missing("name", "the name of the service"));
        }
        problems.extend(self.config.iter().flat_map(|config| config.problems("config_model")));
        for model in &self.connections {
            problems.extend(model.problems(&path_of("connection_models", model.side, &model.name)));
        }
        for model in &self.states {
            problems.extend(model.problems(&path_of("state_models", model.side, &model.name)));
        }
        let connections =
            self.connections.iter().map(|model| ("connection_models", model.side, &*model.name));
        let states = self.states.iter().map(|model| ("state_models", model.side, &*model.name));
        problems.extend(declared_twice(connections.chain(states)));
        problems
    }
}

fn path_of(models: &str, side: Side, name: &str) -> String {
    child(&child(models, side.as_str()), name)
}

fn declared_twice<'a>(models: impl Iterator<Item = (&'a str, Side, &'a str)>) -> Vec<Problem> {
    let mut seen = std::collections::HashSet::new();
    let twice = models.filter(|model| !seen.insert(*model));
    twice
        .map(|(models, side, name)| {
            Problem::new(path_of(models, side, name), "each name once on a side", "a name declared twice")
        })
        .collect()
}

fn insert_sides(table: &mut Map<String, Json>, key: &str, models: Vec<(Side, &String, Json)>) {
    let mut sides = Map::new();
    for (side, name, json) in models {
        let models = sides.entry(side.as_str()).or_insert_with(|| json!({}));
        if let Json::Object(models) = models {
            models.insert(name.clone(), json);
        }
    }
    if !sides.is_empty() {
        table.insert(key.to_owned(), Json::Object(sides));
    }
}

fn read_service(table: &mut Table<'_, '_>) -> ServiceModel {
    table.refuse_others(&KEYS);
    ServiceModel {
        name: read_name(table),
        version: table.text("version").unwrap_or_else(|| NO_VERSION.to_owned()),
        main: table.flag("main").unwrap_or_default(),
        command: read_command(table),
        config: table.table("config_model").map(|mut config| ConfigModel::read(&mut config)),
        connections: read_sides(table, "connection_models", ConnectionModel::read),
        states: read_sides(table, "state_models", StateModel::read),
    }
}

/// The name; one that is missing is left to the rules, a wrong one is a problem here and replaced.
fn read_name(table: &mut Table<'_, '_>) -> String {
    let wrong = table.get("name").is_some_and(|name| !name.is_string());
    let name = table.text("name");
    if wrong { "unnamed".to_owned() } else { name.unwrap_or_default() }
}

fn read_command(table: &mut Table<'_, '_>) -> Option<Vec<String>> {
    let json = table.get("command")?;
    let words = json.as_array().map(Vec::as_slice).unwrap_or_default();
    let path = table.path_of("command");
    let mut command = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match word.as_str() {
            Some(word) => command.push(word.to_owned()),
            None => table.problems.push(Problem::new(element(&path, index), "a string", describe(word))),
        }
    }
    if words.is_empty() {
        let problem = Problem::new(path, "a list of a program and its arguments", describe(json));
        table.problems.push(match json.as_str() {
            Some(program) => problem.with_hint(format!("did you mean `[{program:?}]`?")),
            None => problem,
        });
    }
    Some(command)
}

/// Reads `{"in": {name: model}, "out": {name: model}}` under `key` with `read`.
fn read_sides<M>(
    table: &mut Table<'_, '_>,
    key: &str,
    read: impl Fn(&str, Side, &mut Table<'_, '_>) -> Option<M>,
) -> Vec<M> {
    let Some(mut sides) = table.table(key) else { return Vec::new() };
    sides.refuse_others(&Side::ALL.map(Side::as_str));
    let mut models = Vec::new();
    for side in Side::ALL {
        let Some(named) = sides.table(side.as_str()) else { continue };
        for (name, json) in named.entries() {
            let model = Table::open(json, &named.path_of(name), named.problems);
            models.extend(model.and_then(|mut model| read(name, side, &mut model)));
        }
    }
    models
}

#[cfg(test)]
#[path = "service_tests.rs"]
pub(super) mod tests;
