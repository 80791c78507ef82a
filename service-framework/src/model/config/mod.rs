//! Config: what a service is told at its start. The model of its keys, the values, and their assembly from defaults,
//! file, environment, command line and hook. Reads no file and no environment itself.

mod assemble;
mod fit;
mod text;
mod typed;
mod values;

use serde_json::{Map, Value as Json};

use super::arguments::Arguments;
use super::checker::Checker;
use super::mismatch::Mismatch;
use super::problem::{Problem, child};
use super::read::{Table, read_value};
use super::types::Type;
use crate::value::Value;

pub use self::assemble::{ENVIRONMENT_PREFIX, Source};
pub use self::values::{Config, ConfigError};

/// The keys of a config: those that there must be, those that there may be, and what they are if nobody says.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct ConfigModel {
    /// The keys and their types.
    pub arguments: Arguments,
    /// Values of keys that are not given, each of its key's type. A required key with a default is never missing.
    pub defaults: Vec<(String, Value)>,
}

impl ConfigModel {
    /// No keys.
    pub fn new() -> Self {
        ConfigModel::default()
    }

    /// Adds a key that must be given.
    pub fn requires(mut self, key: impl Into<String>, of: Type) -> Self {
        self.arguments = self.arguments.requires(key, of);
        self
    }

    /// Adds a key that may be given, and is `default` if it is not. As in a config file, text may stand for what JSON
    /// does not have: `"5s"` for a timedelta.
    pub fn optional(mut self, key: impl Into<String>, of: Type, default: impl Into<Value>) -> Self {
        let key = key.into();
        self.defaults.push((key.clone(), fit::fit(default.into(), &of)));
        self.optional_without_default(key, of)
    }

    /// Adds a key that may be given, and is absent if it is not.
    pub fn optional_without_default(mut self, key: impl Into<String>, of: Type) -> Self {
        self.arguments = self.arguments.optional(key, of);
        self
    }

    /// Reads `{"required": {key: type}, "optional": {key: type}, "defaults": {key: value}}`; a default in JSON may
    /// be written as in a config file.
    ///
    /// # Errors
    /// All problems, each with its path below `path`.
    pub fn from_json(json: &Json, path: &str) -> Result<ConfigModel, Vec<Problem>> {
        let mut problems = Vec::new();
        let read = Table::open(json, path, &mut problems).map(|mut table| ConfigModel::read(&mut table));
        problems.extend(read.iter().flat_map(|model| model.problems(path)));
        read.filter(|_| problems.is_empty()).ok_or(problems)
    }

    pub(crate) fn read(table: &mut Table<'_, '_>) -> ConfigModel {
        table.refuse_others(&["required", "optional", "defaults"]);
        let arguments = Arguments::read(table, "required", "optional");
        let broken = broken_keys(table, &arguments);
        let mut defaults = Vec::new();
        if let Some(table) = table.table("defaults") {
            // The type of a broken key is not known, and that is said already.
            for (key, json) in table.entries().filter(|(key, _)| !broken.contains(key)) {
                match read_value(json, &table.path_of(key)) {
                    Ok(value) => defaults.push((key.to_owned(), fit::fit_entry(value, arguments.get(key)))),
                    Err(problem) => table.problems.push(problem),
                }
            }
        }
        ConfigModel { arguments, defaults }
    }

    /// The model as it stands under `config_model`, types in long form, empty tables left out.
    pub fn to_json(&self) -> Json {
        let mut table = Map::new();
        self.arguments.write(&mut table, "required", "optional");
        if !self.defaults.is_empty() {
            let defaults = self.defaults.iter().map(|(key, value)| (key.clone(), value.to_json()));
            table.insert("defaults".to_owned(), Json::Object(defaults.collect()));
        }
        Json::Object(table)
    }

    /// What breaks the rules: keys declared twice, defaults of other keys or of another type.
    pub(crate) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = self.arguments.problems(&child(path, "required"));
        let path = child(path, "defaults");
        for (key, value) in &self.defaults {
            match self.arguments.get(key) {
                Some(of) => problems.extend(mismatches(value, of, &child(&path, key))),
                None => problems.push(Problem::unknown_key(&path, key, self.arguments.names())),
            }
        }
        problems
    }
}

/// The keys that are declared, but not with a type that could be read.
fn broken_keys<'a>(table: &Table<'a, '_>, arguments: &Arguments) -> Vec<&'a str> {
    let declared = ["required", "optional"].into_iter().filter_map(|key| table.get(key)?.as_object());
    let keys = declared.flat_map(Map::keys).map(String::as_str);
    keys.filter(|key| arguments.get(key).is_none()).collect()
}

/// What of `value`, which stands at `path`, is not of type `of`.
fn mismatches(value: &Value, of: &Type, path: &str) -> Vec<Problem> {
    let checker = match Checker::of_type(of, path) {
        Ok(checker) => checker,
        Err(problems) => return problems,
    };
    let found = checker.check_named(path, &value.to_msgpack()).err().unwrap_or_default();
    let problem = |found: Mismatch| {
        let problem = Problem::new(found.path, found.expected, found.found);
        if problem.path == path { with_example(problem, of) } else { problem }
    };
    found.into_iter().map(problem).collect()
}

/// Adds how a value of type `of` is written, where its name does not say it.
fn with_example(problem: Problem, of: &Type) -> Problem {
    match text::example(of) {
        Some(example) => problem.with_hint(example),
        None => problem,
    }
}

#[cfg(test)]
mod tests;
