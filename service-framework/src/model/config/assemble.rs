//! Assembling a config from its sources.

use serde_json::{Map, Value as Json};

use super::fit::fit_entry;
use super::text::from_text;
use super::{Config, ConfigModel, mismatches, with_example};
use crate::model::problem::{Problem, child, near_miss, shortened};
use crate::model::read::{describe, read_value};
use crate::model::types::Type;
use crate::value::Value;

/// What the names of environment variables that set config keys begin with; the key follows in upper case.
pub const ENVIRONMENT_PREFIX: &str = "SERVICE_FRAMEWORK_CONFIG_";

/// Where config values come from, beside the defaults of the model.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A config file, flat or with the sections `required` and `optional`.
    File {
        /// The file, as the user named it.
        name: &'a str,
        /// What is in it.
        content: &'a Json,
    },
    /// Environment variables by name and text; those that name no key are ignored.
    Environment(&'a [(String, String)]),
    /// Keys, without the dashes in front, and texts of a command line.
    CommandLine(&'a [(String, String)]),
    /// What `setup_config` returned.
    Setup(&'a Config),
}

impl ConfigModel {
    /// The config that the sources make; each one overwrites those before it, and all of them the defaults.
    ///
    /// # Errors
    /// All problems: values of another type, keys that are not declared, required keys that nobody gives.
    pub fn assemble(&self, sources: &[Source<'_>]) -> Result<Config, Vec<Problem>> {
        let mut assembly = Assembly::new(Some(self));
        sources.iter().for_each(|source| assembly.add(source));
        assembly.refuse_missing();
        assembly.finish()
    }

    /// As [`ConfigModel::assemble`], but required keys may be missing: `setup_config` is yet to give them.
    ///
    /// # Errors
    /// All other problems.
    pub fn gather(&self, sources: &[Source<'_>]) -> Result<Config, Vec<Problem>> {
        let mut assembly = Assembly::new(Some(self));
        sources.iter().for_each(|source| assembly.add(source));
        assembly.finish()
    }
}

impl Config {
    /// The config that the sources make of a service without a config model: every key is kept as it is, text
    /// stays text.
    ///
    /// # Errors
    /// A file that is no table.
    pub fn without_model(sources: &[Source<'_>]) -> Result<Config, Vec<Problem>> {
        let mut assembly = Assembly::new(None);
        sources.iter().for_each(|source| assembly.add(source));
        assembly.finish()
    }
}

struct Assembly<'m> {
    model: Option<&'m ConfigModel>,
    config: Config,
    problems: Vec<Problem>,
    /// Keys that were given, also where their values were refused.
    given: Vec<String>,
}

impl<'m> Assembly<'m> {
    fn new(model: Option<&'m ConfigModel>) -> Self {
        let defaults = model.map(|model| model.defaults.as_slice()).unwrap_or_default();
        Assembly {
            model,
            config: defaults.iter().cloned().collect(),
            problems: Vec::new(),
            given: Vec::new(),
        }
    }

    fn finish(self) -> Result<Config, Vec<Problem>> {
        if self.problems.is_empty() { Ok(self.config) } else { Err(self.problems) }
    }

    fn add(&mut self, source: &Source<'_>) {
        match source {
            Source::File { name, content } => self.add_file(name, content),
            Source::Environment(variables) => self.add_environment(variables),
            Source::CommandLine(arguments) => self.add_command_line(arguments),
            Source::Setup(config) => {
                for (key, value) in config.iter() {
                    self.put_value(key, value.clone(), None, &child("setup_config", key));
                }
            }
        }
    }

    fn type_of(&self, key: &str) -> Option<&'m Type> {
        self.model.and_then(|model| model.arguments.get(key))
    }

    fn keys(&self) -> Vec<&'m str> {
        self.model.map(|model| model.arguments.names().collect()).unwrap_or_default()
    }

    fn add_file(&mut self, file: &str, content: &Json) {
        let Json::Object(table) = content else {
            self.problems.push(Problem::new("", "a table of config keys", describe(content)).in_file(file));
            return;
        };
        let mut flat = Vec::new();
        for (key, json) in table {
            match json {
                Json::Object(section) if self.is_section(key) => flat.extend(entries(section, key)),
                Json::Null if self.is_section(key) => {}
                // The name of a schema is there for editors.
                Json::String(_) if key == "$schema" && self.type_of(key).is_none() => {}
                _ => flat.push((key, child("", key), json)),
            }
        }
        for (index, (key, path, json)) in flat.iter().enumerate() {
            if flat[..index].iter().any(|(earlier, ..)| earlier == key) {
                let problem = Problem::new(path, "each key once", "a key given twice");
                self.problems.push(problem.in_file(file));
            }
            self.put_json(key, json, file, path);
        }
    }

    /// Whether `key` of a file is a section; a model may have a key of that name too.
    fn is_section(&self, key: &str) -> bool {
        ["required", "optional"].contains(&key) && self.type_of(key).is_none()
    }

    fn put_json(&mut self, key: &str, json: &Json, file: &str, path: &str) {
        match read_value(json, path) {
            Ok(value) => self.put_value(key, value, Some(file), path),
            Err(problem) => self.problems.push(problem.in_file(file)),
        }
    }

    /// Takes a value that is not text and perhaps came from a file.
    fn put_value(&mut self, key: &str, value: Value, file: Option<&str>, path: &str) {
        let of = self.type_of(key);
        let value = fit_entry(value, of);
        let found = match of {
            Some(of) => mismatches(&value, of, path),
            None if self.model.is_some() => vec![self.unknown(key, path, "")],
            None => Vec::new(),
        };
        self.given.push(key.to_owned());
        if found.is_empty() {
            self.config.set(key, value);
        }
        let file = file.map(str::to_owned);
        self.problems.extend(found.into_iter().map(|problem| Problem { file: file.clone(), ..problem }));
    }

    fn unknown(&self, key: &str, path: &str, dashes: &str) -> Problem {
        let keys = self.keys();
        let expected = match keys.as_slice() {
            [] => "no config keys, as the model declares none".to_owned(),
            keys => format!("a key of the config model: {}", keys.join(", ")),
        };
        let problem = Problem::new(path, expected, "an unknown key");
        match near_miss(key, keys) {
            Some(name) => problem.with_hint(format!("did you mean `{dashes}{name}`?")),
            None => problem,
        }
    }

    fn add_environment(&mut self, variables: &[(String, String)]) {
        for (name, text) in variables {
            let Some(upper) = name.strip_prefix(ENVIRONMENT_PREFIX).filter(|key| !key.is_empty()) else {
                continue;
            };
            match self.keys().into_iter().find(|key| variable_of(key) == *name) {
                Some(key) => self.put_text(key, text, name),
                None if self.model.is_none() => self.config.set(upper.to_lowercase(), text.as_str()),
                None => {}
            }
        }
    }

    fn add_command_line(&mut self, arguments: &[(String, String)]) {
        for (given, text) in arguments {
            let path = format!("--{given}");
            match self.declared(given) {
                Some(key) => self.put_text(key, text, &path),
                None if self.model.is_none() => self.config.set(given, text.as_str()),
                None => self.problems.push(self.unknown(given, &path, "--")),
            }
        }
    }

    /// The declared key that is meant by `given`, in which `-` and `_` are the same.
    fn declared(&self, given: &str) -> Option<&'m str> {
        let keys = self.keys();
        let alike = |key: &&&str| key.replace('-', "_") == given.replace('-', "_");
        keys.iter().find(|key| **key == given).or_else(|| keys.iter().find(alike)).copied()
    }

    fn put_text(&mut self, key: &str, text: &str, path: &str) {
        let Some(of) = self.type_of(key) else { return };
        self.given.push(key.to_owned());
        match from_text(text, of) {
            Some(value) => self.put_value(key, value, None, path),
            None => {
                let found = format!("{:?}", shortened(text, 60));
                let problem = Problem::new(path, shortened(&of.to_string(), 120), found);
                self.problems.push(with_example(problem, of));
            }
        }
    }

    fn refuse_missing(&mut self) {
        let required = self.model.map(|model| model.arguments.required.as_slice()).unwrap_or_default();
        for (key, of) in required {
            if self.config.get(key).is_none() && !self.given.contains(key) {
                let hint =
                    format!("give it as `--{key} VALUE`, as {} or in the config file", variable_of(key));
                let problem = Problem::missing(child("config", key), shortened(&of.to_string(), 120));
                self.problems.push(problem.with_hint(hint));
            }
        }
    }
}

/// The environment variable that sets a key.
fn variable_of(key: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", key.to_uppercase().replace('-', "_"))
}

fn entries<'a>(
    section: &'a Map<String, Json>,
    name: &'a str,
) -> impl Iterator<Item = (&'a String, String, &'a Json)> {
    section.iter().map(move |(key, json)| (key, child(name, key), json))
}
