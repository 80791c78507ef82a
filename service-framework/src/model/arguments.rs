//! Argument tables: which arguments there must be and which there may be, each with its type.

use serde_json::{Map, Value as Json};

use super::grammar::read_types;
use super::problem::{Problem, child};
use super::read::Table;
use super::types::{Type, table_to_json};

/// The arguments of a message, of an answer or of a config. Names are unique over both tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// Arguments that must be there, in the order of the model.
    pub required: Vec<(String, Type)>,
    /// Arguments that may be there, in the order of the model.
    pub optional: Vec<(String, Type)>,
}

impl Arguments {
    /// No arguments.
    pub fn new() -> Self {
        Arguments::default()
    }

    /// Adds an argument that must be there.
    #[must_use]
    pub fn requires(mut self, name: impl Into<String>, of: Type) -> Self {
        self.required.push((name.into(), of));
        self
    }

    /// Adds an argument that may be there.
    #[must_use]
    pub fn optional(mut self, name: impl Into<String>, of: Type) -> Self {
        self.optional.push((name.into(), of));
        self
    }

    /// Reads `{"required": {name: type}, "optional": {name: type}}`, where either table may be left out.
    ///
    /// # Errors
    /// All problems, each with its path below `path`.
    pub fn from_json(json: &Json, path: &str) -> Result<Arguments, Vec<Problem>> {
        let mut problems = Vec::new();
        let read = Table::open(json, path, &mut problems).map(|mut table| {
            table.refuse_others(&["required", "optional"]);
            Arguments::read(&mut table, "required", "optional")
        });
        problems.extend(read.iter().flat_map(|arguments| arguments.problems(path)));
        read.filter(|_| problems.is_empty()).ok_or(problems)
    }

    /// Reads the tables under the two keys. Names in both tables are left to [`Arguments::problems`].
    pub(crate) fn read(table: &mut Table<'_, '_>, required: &str, optional: &str) -> Arguments {
        Arguments { required: read_under(table, required), optional: read_under(table, optional) }
    }

    /// Writes the tables under the two keys, an empty one not at all.
    pub(crate) fn write(&self, into: &mut Map<String, Json>, required: &str, optional: &str) {
        for (key, table) in [(required, &self.required), (optional, &self.optional)] {
            if !table.is_empty() {
                into.insert(key.to_owned(), table_to_json(table));
            }
        }
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.required.is_empty() && self.optional.is_empty()
    }

    /// The type of an argument.
    pub fn get(&self, name: &str) -> Option<&Type> {
        self.iter().find(|(known, _)| *known == name).map(|(_, of)| of)
    }

    /// Every argument, the required ones first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.required.iter().chain(&self.optional).map(|(name, of)| (name.as_str(), of))
    }

    /// Every name, the required ones first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// These arguments and then those of `other`.
    #[must_use]
    pub(crate) fn and(mut self, other: &Arguments) -> Self {
        self.required.extend_from_slice(&other.required);
        self.optional.extend_from_slice(&other.optional);
        self
    }

    /// What is wrong with the tables as a whole: names that are declared twice.
    pub(crate) fn problems(&self, path: &str) -> Vec<Problem> {
        let names: Vec<&str> = self.names().collect();
        let twice = |(index, name): (usize, &&str)| {
            names[..index].contains(name).then(|| {
                Problem::new(
                    child(path, name),
                    "each argument declared once",
                    format!("{name:?} declared twice"),
                )
            })
        };
        names.iter().enumerate().filter_map(twice).collect()
    }
}

fn read_under(table: &mut Table<'_, '_>, key: &str) -> Vec<(String, Type)> {
    let path = table.path_of(key);
    match table.get(key) {
        None => Vec::new(),
        Some(Json::Object(types)) => read_types(types, &path, table.problems),
        Some(other) => {
            let found = super::read::describe(other);
            table.problems.push(Problem::new(path, "a table of names and types", found));
            Vec::new()
        }
    }
}
