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
pub(crate) use self::fit::fit;
#[cfg(feature = "programs")]
pub(crate) use self::text::duration;
pub use self::values::{Config, ConfigError};

/// The keys of a config: those that there must be, those that there may be, and what they are if nobody says.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct ConfigModel {
    /// The keys and their types.
    pub arguments: Arguments,
    /// Values of keys that are not given, each of its key's type. A required key with a default is never missing.
    pub defaults: Vec<(String, Value)>,
    /// What keys are for, in words for people.
    pub help: Vec<(String, String)>,
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

    /// Says what a key is for. A text of several lines has a paragraph in each.
    pub fn help(mut self, key: impl Into<String>, text: impl Into<String>) -> Self {
        self.help.push((key.into(), text.into()));
        self
    }

    /// Adds the keys of another model, which `by` asks for; those that both have must be the same.
    pub(crate) fn add(&mut self, other: &ConfigModel, by: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let tables = [(true, &other.arguments.required), (false, &other.arguments.optional)];
        for (required, (key, of)) in
            tables.into_iter().flat_map(|(required, table)| table.iter().map(move |entry| (required, entry)))
        {
            if self.arguments.get(key).is_none() {
                let into = if required { &mut self.arguments.required } else { &mut self.arguments.optional };
                into.push((key.clone(), of.clone()));
                self.defaults.extend(other.defaults.iter().filter(|(known, _)| known == key).cloned());
            } else if !self.has_as(key, other) {
                let problem =
                    Problem::new(child("config_model", key), "each key declared once", "two that differ");
                problems.push(problem.with_hint(format!("`{by}` declares it otherwise than another config")));
            }
        }
        for (key, text) in &other.help {
            if !self.help.iter().any(|(known, _)| known == key) {
                self.help.push((key.clone(), text.clone()));
            }
        }
        problems
    }

    /// Whether a key is the same in both models.
    fn has_as(&self, key: &str, other: &ConfigModel) -> bool {
        fn find<'a, T>(table: &'a [(String, T)], key: &str) -> Option<&'a T> {
            table.iter().find(|(known, _)| known == key).map(|(_, value)| value)
        }
        find(&self.arguments.required, key) == find(&other.arguments.required, key)
            && find(&self.arguments.optional, key) == find(&other.arguments.optional, key)
            && find(&self.defaults, key) == find(&other.defaults, key)
    }

    /// Reads `{"required": {key: type}, "optional": {key: type}, "defaults": {key: value}, "help": {key: text}}`; a
    /// default in JSON may be written as in a config file.
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
        table.refuse_others(&["required", "optional", "defaults", "help"]);
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
        let help = read_help(table, &broken);
        ConfigModel { arguments, defaults, help }
    }

    /// The model as it stands under `config_model`, types in long form, empty tables left out.
    pub fn to_json(&self) -> Json {
        let mut table = Map::new();
        self.arguments.write(&mut table, "required", "optional");
        if !self.defaults.is_empty() {
            let defaults = self.defaults.iter().map(|(key, value)| (key.clone(), value.to_json()));
            table.insert("defaults".to_owned(), Json::Object(defaults.collect()));
        }
        if !self.help.is_empty() {
            let help = self.help.iter().map(|(key, text)| (key.clone(), text.as_str().into()));
            table.insert("help".to_owned(), Json::Object(help.collect()));
        }
        Json::Object(table)
    }

    /// What breaks the rules: keys declared twice, defaults or help of other keys, defaults of another type.
    pub(crate) fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = self.arguments.problems(&child(path, "required"));
        let help = child(path, "help");
        for (key, _) in self.help.iter().filter(|(key, _)| self.arguments.get(key).is_none()) {
            problems.push(Problem::unknown_key(&help, key, self.arguments.names()));
        }
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

/// What is said of the keys; of broken ones nothing.
fn read_help(table: &mut Table<'_, '_>, broken: &[&str]) -> Vec<(String, String)> {
    let Some(mut table) = table.table("help") else { return Vec::new() };
    let keys: Vec<&str> = table.entries().map(|(key, _)| key).filter(|key| !broken.contains(key)).collect();
    keys.into_iter().filter_map(|key| Some((key.to_owned(), table.text(key)?))).collect()
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
