//! Connection models read from JSON and written to it, and the rules that hold for every connection.

use serde_json::{Map, Value as Json, json};

use super::arguments::Arguments;
use super::connection::{ConnectionModel, ConnectionType, Side};
use super::creation::{self, is_creation_argument, table_of};
use super::problem::{Problem, child, shortened};
use super::read::{Table, describe};

const MESSAGE: (&str, &str) = ("required_arguments", "optional_arguments");
const RETURNS: (&str, &str) = ("required_return_arguments", "optional_return_arguments");
const CONNECTION: (&str, &str) = ("required_connection_arguments", "optional_connection_arguments");

const KEYS: [&str; 9] = [
    "connection_type",
    creation::TABLES[0],
    creation::TABLES[1],
    CONNECTION.0,
    CONNECTION.1,
    MESSAGE.0,
    MESSAGE.1,
    RETURNS.0,
    RETURNS.1,
];

impl ConnectionModel {
    /// Reads the connection `name` of one side; None if it has problems that leave no model.
    pub(crate) fn read(name: &str, side: Side, table: &mut Table<'_, '_>) -> Option<ConnectionModel> {
        table.refuse_others_but(&KEYS, |key| {
            is_creation_argument(key).then(|| format!("`{key}` belongs in `{}`", table_of(key)))
        });
        let connection_arguments = Arguments::read(table, CONNECTION.0, CONNECTION.1);
        let arguments = Arguments::read(table, MESSAGE.0, MESSAGE.1);
        let returns = Arguments::read(table, RETURNS.0, RETURNS.1);
        let kind = read_kind(table, side)?;
        let mut model =
            ConnectionModel { connection_arguments, arguments, returns, ..ConnectionModel::new(name, kind) };
        model.read_creation_tables(table);
        Some(model)
    }

    /// The model as it stands under its name.
    pub fn to_json(&self) -> Json {
        let mut table = Map::new();
        table.insert("connection_type".to_owned(), json!(self.kind.as_str()));
        self.write_creation(&mut table);
        self.connection_arguments.write(&mut table, CONNECTION.0, CONNECTION.1);
        self.arguments.write(&mut table, MESSAGE.0, MESSAGE.1);
        self.returns.write(&mut table, RETURNS.0, RETURNS.1);
        Json::Object(table)
    }

    /// What breaks the rules of connections, in models from JSON and from Rust alike.
    pub(crate) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = self.creation_problems(path);
        if self.name.is_empty() {
            problems.push(Problem::missing(path, "a name"));
        }
        if self.side != self.kind.side() {
            problems.push(wrong_side(&child(path, "connection_type"), self.kind, self.side));
        }
        problems.extend(self.message().problems(&child(path, MESSAGE.0)));
        problems.extend(self.returns.problems(&child(path, RETURNS.0)));
        if !self.kind.returns() && !self.returns.is_empty() {
            let key = if self.returns.required.is_empty() { RETURNS.1 } else { RETURNS.0 };
            let found = shortened(&self.returns.names().collect::<Vec<_>>().join(", "), 60);
            let expected = format!("none, as nothing comes back from a {}", self.kind.other_end_name());
            problems.push(Problem::new(child(path, key), expected, found));
        }
        problems
    }
}

impl ConnectionType {
    fn other_end_name(self) -> &'static str {
        self.other_end().map_or("function", ConnectionType::as_str)
    }
}

/// The type of the connection, which must stand on `side`.
fn read_kind(table: &mut Table<'_, '_>, side: Side) -> Option<ConnectionType> {
    let path = table.path_of("connection_type");
    let expected = names_on(side).join(", ");
    let problem = match table.get("connection_type") {
        None => Problem::missing(path, format!("one of {expected}")),
        Some(Json::String(name)) => {
            match ConnectionType::ALL.into_iter().find(|kind| kind.as_str() == name) {
                Some(kind) if kind.side() == side => return Some(kind),
                Some(kind) => wrong_side(&path, kind, side),
                None => unknown_kind(&path, name, side),
            }
        }
        Some(other) => Problem::new(path, format!("one of {expected}"), describe(other)),
    };
    table.problems.push(problem);
    None
}

fn names_on(side: Side) -> Vec<&'static str> {
    ConnectionType::ALL.into_iter().filter(|kind| kind.side() == side).map(ConnectionType::as_str).collect()
}

fn unknown_kind(path: &str, name: &str, side: Side) -> Problem {
    let problem = Problem::new(path, format!("one of {}", names_on(side).join(", ")), describe(&json!(name)));
    match name {
        "external_target" => problem.with_hint("did you mean `external_request`?"),
        _ => problem.with_near_miss(name, ConnectionType::ALL.map(ConnectionType::as_str)),
    }
}

fn wrong_side(path: &str, kind: ConnectionType, side: Side) -> Problem {
    let article = if kind == ConnectionType::ExternalRequest { "an" } else { "a" };
    Problem::new(
        path,
        format!("one of {}", names_on(side).join(", ")),
        format!("{kind:?}", kind = kind.as_str()),
    )
    .with_hint(format!("{article} {kind} stands under `{}`", kind.side()))
}
