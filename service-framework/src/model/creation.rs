//! Creation arguments of connections and states: values in a model by which a socket is made. Hooks may override
//! them by name.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::connection::{ConnectionModel, ConnectionType};
use super::problem::{Problem, child};
use super::read::Table;

/// How long a publisher waits once it is made, where its model does not say.
pub const DEFAULT_WAIT_AFTER_CREATION: Duration = Duration::from_millis(150);

/// The tables in which creation arguments stand. The originals merge them, so any argument may stand in either.
pub(crate) const TABLES: [&str; 2] = ["required_creation_arguments", "optional_creation_arguments"];

const HANDLER_OF_REPLYER: &str = "on_new_request";
const HANDLER_OF_SUBSCRIBER: &str = "on_new_message";
const HANDLER: &str = "connection_function";
const FUNCTION: &str = "func_to_call";

/// Every creation argument of a connection of this type.
fn keys_of(kind: ConnectionType) -> &'static [&'static str] {
    match kind {
        ConnectionType::Replyer => &[HANDLER, HANDLER_OF_REPLYER],
        ConnectionType::Subscriber => &[HANDLER, HANDLER_OF_SUBSCRIBER, "topic", "is_binder"],
        ConnectionType::Requester => &[],
        ConnectionType::Publisher => &["topic", "is_x_pub", "wait_after_creation_s"],
        ConnectionType::ExternalRequest => &[FUNCTION],
    }
}

/// Whether any connection has a creation argument of this name.
pub(crate) fn is_creation_argument(key: &str) -> bool {
    ConnectionType::ALL.into_iter().any(|kind| keys_of(kind).contains(&key))
}

/// The table in which a creation argument is written: functions are required, all others optional.
pub(crate) fn table_of(key: &str) -> &'static str {
    let is_function = [HANDLER, HANDLER_OF_REPLYER, HANDLER_OF_SUBSCRIBER, FUNCTION].contains(&key);
    TABLES[usize::from(!is_function)]
}

impl ConnectionModel {
    /// Overrides creation arguments by name, as `setup_connections` may: `{"topic": "eu"}`. Null takes one away, but
    /// never a function.
    ///
    /// # Errors
    /// All problems; nothing is overridden then.
    pub fn override_creation(&mut self, arguments: &Map<String, Json>) -> Result<(), Vec<Problem>> {
        *self = overridden(
            self,
            &child("setup_connections", &self.name),
            arguments,
            ConnectionModel::read_creation,
        )?;
        Ok(())
    }

    /// Takes over the creation arguments of the model `table`.
    pub(crate) fn read_creation_tables(&mut self, table: &mut Table<'_, '_>) {
        refuse_twice(table, keys_of(self.kind));
        if self.kind == ConnectionType::ExternalRequest
            && !given(table).iter().any(|(_, name)| *name == FUNCTION)
        {
            table.problems.push(no_function(&table.path, FUNCTION));
        }
        for key in TABLES {
            if let Some(mut creation) = table.table(key) {
                self.read_creation(&mut creation);
            }
        }
    }

    /// Takes over the creation arguments in `table`.
    fn read_creation(&mut self, table: &mut Table<'_, '_>) {
        let known = keys_of(self.kind);
        for (key, _) in table.entries() {
            match key {
                _ if !known.contains(&key) => {
                    let problem = Problem::unknown_key(&table.path, key, known.iter().copied());
                    table.problems.push(with_name_here(problem, key, self.kind));
                }
                "topic" => self.topic = read_topic(table),
                "is_x_pub" => self.is_x_pub = table.flag(key).unwrap_or_default(),
                "is_binder" => self.is_binder = table.flag(key).unwrap_or_default(),
                "wait_after_creation_s" => self.wait_after_creation = read_wait(table),
                FUNCTION => self.func_to_call = read_name(table, key).or(self.func_to_call.take()),
                _ => self.handler = read_name(table, key).or(self.handler.take()),
            }
        }
    }

    /// Writes the creation arguments into the tables of a model, an empty table not at all.
    pub(crate) fn write_creation(&self, into: &mut Map<String, Json>) {
        let mut required = Map::new();
        insert(&mut required, HANDLER, self.handler.as_ref().map(|name| json!(name)));
        insert(&mut required, FUNCTION, self.func_to_call.as_ref().map(|name| json!(name)));
        let mut optional = Map::new();
        insert(&mut optional, "topic", self.topic.as_ref().map(|topic| json!(topic)));
        insert(&mut optional, "is_x_pub", self.is_x_pub.then(|| json!(true)));
        insert(&mut optional, "is_binder", self.is_binder.then(|| json!(true)));
        insert(&mut optional, "wait_after_creation_s", self.wait_after_creation.map(wait_to_json));
        write_tables(into, required, optional);
    }

    /// Creation arguments that a connection of this type does not have, or that it lacks.
    pub(crate) fn creation_problems(&self, path: &str) -> Vec<Problem> {
        let set = [
            (HANDLER, self.handler.is_some()),
            (FUNCTION, self.func_to_call.is_some()),
            ("topic", self.topic.is_some()),
            ("is_x_pub", self.is_x_pub),
            ("is_binder", self.is_binder),
            ("wait_after_creation_s", self.wait_after_creation.is_some()),
        ];
        let known = keys_of(self.kind);
        let extra = set.iter().filter(|(key, set)| *set && !known.contains(key));
        let problem = |key| Problem::unknown_key(&child(path, table_of(key)), key, known.iter().copied());
        let mut problems: Vec<Problem> = extra.map(|(key, _)| problem(key)).collect();
        let functions = [(HANDLER, &self.handler), (FUNCTION, &self.func_to_call)];
        let lacking = functions.into_iter().filter(|(key, name)| name.is_none() && known.contains(key));
        problems.extend(lacking.map(|(key, _)| no_function(path, key)));
        problems
    }
}

/// `model` with the creation arguments that `read` takes from `arguments`, which stand at `path`; or all problems.
pub(crate) fn overridden<M: Clone>(
    model: &M,
    path: &str,
    arguments: &Map<String, Json>,
    read: impl FnOnce(&mut M, &mut Table<'_, '_>),
) -> Result<M, Vec<Problem>> {
    let mut model = model.clone();
    let mut problems = Vec::new();
    read(&mut model, &mut Table::of(arguments, path, &mut problems));
    if problems.is_empty() { Ok(model) } else { Err(problems) }
}

fn no_function(path: &str, key: &str) -> Problem {
    Problem::missing(child(&child(path, TABLES[0]), key), "the name of a function")
}

/// Names that are right elsewhere: the seed calls the function of an external request its target.
fn with_name_here(problem: Problem, key: &str, kind: ConnectionType) -> Problem {
    let name = match (key, kind) {
        ("target", ConnectionType::ExternalRequest) => FUNCTION,
        (HANDLER_OF_REPLYER, ConnectionType::Subscriber) => HANDLER_OF_SUBSCRIBER,
        (HANDLER_OF_SUBSCRIBER, ConnectionType::Replyer) => HANDLER_OF_REPLYER,
        _ => return problem,
    };
    problem.with_hint(format!("did you mean `{name}`?"))
}

/// Every creation argument that the model `table` gives, with the path of its table.
fn given<'a>(table: &Table<'a, '_>) -> Vec<(String, &'a str)> {
    let entries =
        |key| table.get(key).and_then(Json::as_object).into_iter().flatten().map(move |entry| (key, entry));
    let given = TABLES.into_iter().flat_map(entries).filter(|(_, (_, json))| !json.is_null());
    given.map(|(key, (name, _))| (table.path_of(key), name.as_str())).collect()
}

/// Problems for creation arguments that the model `table` gives twice: in both tables, or under two names.
pub(crate) fn refuse_twice(table: &mut Table<'_, '_>, known: &[&str]) {
    let mut seen = Vec::new();
    for (path, name) in given(table).into_iter().filter(|(_, name)| known.contains(name)) {
        let meaning =
            if [HANDLER_OF_REPLYER, HANDLER_OF_SUBSCRIBER].contains(&name) { HANDLER } else { name };
        if seen.contains(&meaning) {
            let problem =
                Problem::new(child(&path, name), "each creation argument once", "one that is given twice");
            table.problems.push(problem);
        }
        seen.push(meaning);
    }
}

/// The topic; an empty one is none, as in the originals.
pub(crate) fn read_topic(table: &mut Table<'_, '_>) -> Option<String> {
    table.text("topic").filter(|topic| !topic.is_empty())
}

/// How long to wait after creation.
pub(crate) fn read_wait(table: &mut Table<'_, '_>) -> Option<Duration> {
    table.read("wait_after_creation_s", "seconds as a number, 0 or more", |json| {
        Duration::try_from_secs_f64(json.as_f64()?).ok()
    })
}

pub(crate) fn wait_to_json(wait: Duration) -> Json {
    json!(wait.as_secs_f64())
}

fn read_name(table: &mut Table<'_, '_>, key: &str) -> Option<String> {
    table.read(key, "the name of a function", |json| {
        json.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
    })
}

pub(crate) fn insert(table: &mut Map<String, Json>, key: &str, value: Option<Json>) {
    if let Some(value) = value {
        table.insert(key.to_owned(), value);
    }
}

pub(crate) fn write_tables(
    into: &mut Map<String, Json>,
    required: Map<String, Json>,
    optional: Map<String, Json>,
) {
    for (key, table) in TABLES.into_iter().zip([required, optional]) {
        insert(into, key, (!table.is_empty()).then_some(Json::Object(table)));
    }
}
