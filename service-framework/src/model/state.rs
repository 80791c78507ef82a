//! State models as data. What a state does with them is not known here.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::arguments::Arguments;
use super::connection::Side;
use super::creation::{self, insert};
use super::problem::{Problem, child, near_miss, shortened};
use super::read::{Table, describe};
use super::types::Type;
use crate::value::Value;

/// How a state is kept current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateType {
    /// By its changes, numbered, after a snapshot.
    DeltaUpdate,
    /// By the whole state each time.
    FullUpdate,
}

impl StateType {
    /// The name in the vocabulary: `delta_update` or `full_update`.
    pub fn as_str(self) -> &'static str {
        match self {
            StateType::DeltaUpdate => "delta_update",
            StateType::FullUpdate => "full_update",
        }
    }

    /// The value of `state_type`, which names the side too, such as `delta_update_in`.
    pub fn on(self, side: Side) -> &'static str {
        match (self, side) {
            (StateType::DeltaUpdate, Side::In) => "delta_update_in",
            (StateType::DeltaUpdate, Side::Out) => "delta_update_out",
            (StateType::FullUpdate, Side::In) => "full_update_in",
            (StateType::FullUpdate, Side::Out) => "full_update_out",
        }
    }
}

impl fmt::Display for StateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One state of a service: an own one (out) or a replica of another service's (in).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct StateModel {
    /// Unique on its side of the service; the key in models and addresses.
    pub name: String,
    /// In is a replica, out is the owner.
    pub side: Side,
    /// How it is kept current.
    pub kind: StateType,
    /// The topic of its updates; None means none.
    pub topic: Option<String>,
    /// The topics of several owners of one state, of each of which a replica has a view; empty for one owner.
    pub topics: Vec<String>,
    /// Whether an owner's publisher connects instead of binding.
    pub is_x_pub: bool,
    /// How long an owner's publisher waits once it is made; None means the default.
    pub wait_after_creation: Option<Duration>,
    /// The name of the function that a replica calls with what has changed; None calls none.
    pub on_change: Option<String>,
    /// The file in which the replica of a delta state keeps a copy to begin with after a restart; None keeps none.
    pub local_copy: Option<String>,
    /// Whether the owner of a delta state only stands by for another one, until it takes over.
    pub is_standby: bool,
    /// Whether the owner of a full state sends only the newest of values that are set within 10 ms.
    pub conflates: bool,
    /// Whether it takes whatever its owner sends. Only for tools that show states of which they know nothing; no model
    /// that is written or read says so.
    pub(crate) takes_anything: bool,
    /// Of a full update the state itself. Of a delta update `state`, a map or a record of which an update may hold
    /// some keys, and arguments that travel with each update.
    pub arguments: Arguments,
}

/// The argument of a delta update that holds the changed keys.
const STATE: &str = "state";

/// The state arguments of every delta update, in the order in which they are written.
fn delta_arguments() -> Vec<(String, Type)> {
    vec![("current_num".to_owned(), Type::Int), ("is_snapshot".to_owned(), Type::Bool)]
}

const STATE_ARGUMENTS: &str = "required_state_arguments";
const OPTIONAL_STATE_ARGUMENTS: &str = "optional_state_arguments";
const ARGUMENTS: (&str, &str) = ("required_arguments", "optional_arguments");
const RETURNS: [&str; 2] = ["required_return_arguments", "optional_return_arguments"];

const KEYS: [&str; 9] = [
    "state_type",
    creation::TABLES[0],
    creation::TABLES[1],
    STATE_ARGUMENTS,
    OPTIONAL_STATE_ARGUMENTS,
    ARGUMENTS.0,
    ARGUMENTS.1,
    RETURNS[0],
    RETURNS[1],
];

impl StateModel {
    /// Whether it says no more than name, side, kind and arguments, which are those of another one.
    pub(crate) fn is_bare_of(&self, other: &Self) -> bool {
        let bare = Self::new(&self.name, self.side, self.kind);
        let (mine, own) = (Self { arguments: bare.arguments.clone(), ..self.clone() }, &self.arguments);
        mine == bare && own == &other.arguments && self.kind == other.kind
    }
}

impl StateModel {
    /// A state without topic and arguments.
    pub fn new(name: impl Into<String>, side: Side, kind: StateType) -> Self {
        StateModel {
            name: name.into(),
            side,
            kind,
            topic: None,
            topics: Vec::new(),
            is_x_pub: false,
            wait_after_creation: None,
            on_change: None,
            local_copy: None,
            is_standby: false,
            conflates: false,
            takes_anything: false,
            arguments: Arguments::new(),
        }
    }

    /// Reads the state `name` of one side; None if it has problems that leave no model.
    pub(crate) fn read(name: &str, side: Side, table: &mut Table<'_, '_>) -> Option<StateModel> {
        table.refuse_others(&KEYS);
        let arguments = Arguments::read(table, ARGUMENTS.0, ARGUMENTS.1);
        let state_arguments = Arguments::read(table, STATE_ARGUMENTS, OPTIONAL_STATE_ARGUMENTS);
        for key in RETURNS {
            refuse_entries(table, key);
        }
        let kind = read_kind(table, side)?;
        check_state_arguments(table, kind, &state_arguments);
        let mut model = StateModel { arguments, ..StateModel::new(name, side, kind) };
        creation::refuse_twice(table, model.creation_keys());
        for key in creation::TABLES {
            if let Some(mut creation) = table.table(key) {
                model.read_creation(&mut creation);
            }
        }
        Some(model)
    }

    fn creation_keys(&self) -> &'static [&'static str] {
        match (self.side, self.kind) {
            (Side::In, StateType::DeltaUpdate) => &["topic", "topics", "on_change", "local_copy"],
            (Side::In, StateType::FullUpdate) => &["topic", "topics", "on_change"],
            (Side::Out, StateType::DeltaUpdate) => {
                &["topic", "is_x_pub", "wait_after_creation_s", "is_standby"]
            }
            (Side::Out, StateType::FullUpdate) => {
                &["topic", "is_x_pub", "wait_after_creation_s", "conflates"]
            }
        }
    }

    fn read_creation(&mut self, table: &mut Table<'_, '_>) {
        let known = self.creation_keys();
        table.refuse_others(known);
        for (key, _) in table.entries().filter(|(key, _)| known.contains(key)) {
            match key {
                "topic" => self.topic = creation::read_topic(table),
                "topics" => self.topics = read_topics(table),
                "on_change" => self.on_change = table.text(key).filter(|name| !name.is_empty()),
                "local_copy" => self.local_copy = table.text(key).filter(|path| !path.is_empty()),
                "is_x_pub" => self.is_x_pub = table.flag(key).unwrap_or_default(),
                "is_standby" => self.is_standby = table.flag(key).unwrap_or_default(),
                "conflates" => self.conflates = table.flag(key).unwrap_or_default(),
                _ => self.wait_after_creation = creation::read_wait(table),
            }
        }
    }

    /// Overrides creation arguments by name, as `setup_states` may: `{"topic": "eu"}`. Null takes one away.
    ///
    /// # Errors
    /// All problems; nothing is overridden then.
    pub fn override_creation(&mut self, arguments: &Map<String, Json>) -> Result<(), Vec<Problem>> {
        *self = creation::overridden(
            self,
            &child("setup_states", &self.name),
            arguments,
            StateModel::read_creation,
        )?;
        Ok(())
    }

    /// The model as it stands under its name. The state arguments are implied and left out.
    pub fn to_json(&self) -> Json {
        let mut table = Map::new();
        table.insert("state_type".to_owned(), json!(self.kind.on(self.side)));
        let mut optional = Map::new();
        insert(&mut optional, "topic", self.topic.as_ref().map(|topic| json!(topic)));
        insert(&mut optional, "topics", (!self.topics.is_empty()).then(|| json!(self.topics)));
        insert(&mut optional, "is_x_pub", self.is_x_pub.then(|| json!(true)));
        insert(&mut optional, "wait_after_creation_s", self.wait_after_creation.map(creation::wait_to_json));
        insert(&mut optional, "on_change", self.on_change.as_ref().map(|name| json!(name)));
        insert(&mut optional, "local_copy", self.local_copy.as_ref().map(|path| json!(path)));
        insert(&mut optional, "is_standby", self.is_standby.then(|| json!(true)));
        insert(&mut optional, "conflates", self.conflates.then(|| json!(true)));
        creation::write_tables(&mut table, Map::new(), optional);
        self.arguments.write(&mut table, ARGUMENTS.0, ARGUMENTS.1);
        Json::Object(table)
    }

    /// What breaks the rules of states, in models from JSON and from Rust alike.
    pub(crate) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = self.arguments.problems(&child(path, ARGUMENTS.0));
        if self.name.is_empty() {
            problems.push(Problem::missing(path, "a name"));
        }
        let set = [
            ("topics", !self.topics.is_empty()),
            ("is_x_pub", self.is_x_pub),
            ("wait_after_creation_s", self.wait_after_creation.is_some()),
            ("on_change", self.on_change.is_some()),
            ("local_copy", self.local_copy.is_some()),
            ("is_standby", self.is_standby),
            ("conflates", self.conflates),
        ];
        for (key, _) in set.into_iter().filter(|(key, set)| *set && !self.creation_keys().contains(key)) {
            let path = child(path, creation::table_of(key));
            problems.push(Problem::unknown_key(&path, key, self.creation_keys().iter().copied()));
        }
        if self.kind == StateType::DeltaUpdate {
            problems.extend(self.delta_problems(path));
        }
        problems.extend(self.topics_problem(path));
        problems
    }

    fn topics_problem(&self, path: &str) -> Option<Problem> {
        let path = child(&child(path, creation::table_of("topics")), "topics");
        let twice = (1..self.topics.len()).any(|index| self.topics[..index].contains(&self.topics[index]));
        if !self.topics.is_empty() && self.topic.is_some() {
            return Some(Problem::new(path, "either a topic or several", "both"));
        }
        if self.topics.iter().any(String::is_empty) || twice {
            return Some(Problem::new(path, "names that are different and not empty", "others"));
        }
        let is_taken = !self.topics.is_empty() && self.arguments.get("topic").is_some();
        is_taken.then(|| {
            let problem = Problem::new(path, "no argument `topic`", "one");
            problem.with_hint("handlers of changes are told the topic under that name")
        })
    }

    fn delta_problems(&self, path: &str) -> Vec<Problem> {
        let reserved = delta_arguments();
        let tables = [(ARGUMENTS.0, &self.arguments.required), (ARGUMENTS.1, &self.arguments.optional)];
        let entries = tables
            .into_iter()
            .flat_map(|(key, table)| table.iter().map(move |(name, of)| (key, name.as_str(), of)));
        let problem = |(key, name, of): (&str, &str, &Type)| {
            let path = child(&child(path, key), name);
            match name {
                STATE if key == ARGUMENTS.0 => state_problem(&path, of),
                STATE => Some(Problem::new(path, format!("`state` under `{}`", ARGUMENTS.0), of.to_string())),
                _ if reserved.iter().any(|(word, _)| word == name) => {
                    Some(Problem::new(path, "no state argument, as these are implied", of.to_string()))
                }
                _ => None,
            }
        };
        entries.filter_map(problem).collect()
    }
}

/// What is wrong with `of` as the type of a delta state; nil deletes a key, so no value may be nil.
fn state_problem(path: &str, of: &Type) -> Option<Problem> {
    let found = shortened(&of.to_string(), 60);
    let may_hold_nil = match of {
        Type::Any => false,
        Type::Map(_, values) => holds_nil(values),
        Type::Record(fields) => fields.iter().any(|(_, of)| holds_nil(of)),
        _ => return Some(Problem::new(path, r#"["map", K, V], a record or any"#, found)),
    };
    let problem = || Problem::new(path, "values that are never None", found);
    may_hold_nil.then(|| problem().with_hint("a nil in an update deletes its key"))
}

fn holds_nil(of: &Type) -> bool {
    match of {
        Type::None | Type::Optional(_) => true,
        Type::Union(members) => members.iter().any(holds_nil),
        Type::Literal(values) => values.contains(&Value::Nil),
        _ => false,
    }
}

fn refuse_entries(table: &mut Table<'_, '_>, key: &str) {
    if let Some(json) = table.get(key).filter(|json| json.as_object().is_none_or(|table| !table.is_empty())) {
        table.problems.push(Problem::new(
            table.path_of(key),
            "none, as a state returns nothing",
            describe(json),
        ));
    }
}

/// State arguments are implied; where they are written they must be those that are implied.
fn check_state_arguments(table: &mut Table<'_, '_>, kind: StateType, written: &Arguments) {
    let (expected, text) = match kind {
        StateType::DeltaUpdate => (delta_arguments(), r#"{"current_num": "int", "is_snapshot": "bool"}"#),
        StateType::FullUpdate => (Vec::new(), "no state arguments for a full update"),
    };
    let as_implied = written.required.len() == expected.len()
        && expected.iter().all(|argument| written.required.contains(argument));
    if !(written.required.is_empty() || as_implied) || !written.optional.is_empty() {
        let key = if written.optional.is_empty() { STATE_ARGUMENTS } else { OPTIONAL_STATE_ARGUMENTS };
        let found = written.names().collect::<Vec<_>>().join(", ");
        let expected = if key == STATE_ARGUMENTS { text } else { "no optional state arguments" };
        table.problems.push(Problem::new(table.path_of(key), expected, shortened(&found, 60)));
    }
}

fn read_topics(table: &mut Table<'_, '_>) -> Vec<String> {
    let text = |json: &Json| json.as_str().map(str::to_owned);
    let topics = table.read("topics", "a list of topics", |json| json.as_array()?.iter().map(text).collect());
    topics.unwrap_or_default()
}

/// The type of the state: as the originals write it, with its side, or without.
fn read_kind(table: &mut Table<'_, '_>, side: Side) -> Option<StateType> {
    let path = table.path_of("state_type");
    let kinds = [StateType::DeltaUpdate, StateType::FullUpdate];
    let names = kinds.map(|kind| kind.on(side));
    let expected = format!("{} or {}", names[0], names[1]);
    let Some(json) = table.get("state_type") else {
        table.problems.push(Problem::missing(path, expected));
        return None;
    };
    let name = json.as_str().unwrap_or_default();
    let found = kinds.into_iter().find(|kind| name == kind.as_str() || name == kind.on(side));
    if found.is_none() {
        let problem = Problem::new(path, expected, describe(json));
        // The seed writes `local_variable_delta_update`.
        let meant = kinds.into_iter().find(|kind| name.contains(kind.as_str())).map(|kind| kind.on(side));
        table.problems.push(match meant.or_else(|| near_miss(name, names)) {
            Some(name) => problem.with_hint(format!("did you mean `{name}`?")),
            None => problem,
        });
    }
    found
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
