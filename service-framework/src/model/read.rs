//! Reading JSON tables of known keys, every problem collected. Knows nothing of what the keys mean.

use serde_json::{Map, Value as Json};

use super::problem::{Problem, child, shortened};
use crate::value::Value;

/// Short text for a JSON value in messages: what it is, and what it says if that is short.
pub(crate) fn describe(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => format!("{:?}", shortened(text, 60)),
        Json::Array(items) => format!("a list of {}", items.len()),
        Json::Object(table) => format!("a table of {}", table.len()),
    }
}

/// Reads the JSON form of a value, which stands at `path`.
pub(crate) fn read_value(json: &Json, path: &str) -> Result<Value, Problem> {
    Value::from_json(json).map_err(|error| {
        let step = if error.path.is_empty() || error.path.starts_with('[') { "" } else { "." };
        Problem::new(format!("{path}{step}{}", error.path), error.expected, shortened(&error.found, 60))
    })
}

/// A JSON object with its path and the list that takes its problems.
pub(crate) struct Table<'a, 'p> {
    object: &'a Map<String, Json>,
    pub(crate) path: String,
    pub(crate) problems: &'p mut Vec<Problem>,
}

impl<'a, 'p> Table<'a, 'p> {
    /// The object at `path`; a problem and None if `json` is something else.
    pub(crate) fn open(json: &'a Json, path: &str, problems: &'p mut Vec<Problem>) -> Option<Self> {
        match json {
            Json::Object(object) => Some(Table::of(object, path, problems)),
            other => {
                problems.push(Problem::new(path, "a table", describe(other)));
                None
            }
        }
    }

    /// The object at `path`.
    pub(crate) fn of(object: &'a Map<String, Json>, path: &str, problems: &'p mut Vec<Problem>) -> Self {
        Table { object, path: path.to_owned(), problems }
    }

    /// The path of `key` in this table.
    pub(crate) fn path_of(&self, key: &str) -> String {
        child(&self.path, key)
    }

    /// What stands under `key`; null counts as nothing (the originals write `None` for an empty table).
    pub(crate) fn get(&self, key: &str) -> Option<&'a Json> {
        self.object.get(key).filter(|json| !json.is_null())
    }

    /// Key and value of every entry.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Json)> + use<'a> {
        self.object.iter().map(|(key, json)| (key.as_str(), json))
    }

    /// The table under `key`, if there is one.
    pub(crate) fn table<'b>(&'b mut self, key: &str) -> Option<Table<'a, 'b>> {
        let path = self.path_of(key);
        Table::open(self.get(key)?, &path, self.problems)
    }

    /// The text under `key`, if there is one.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.read(key, "a string", |json| json.as_str().map(str::to_owned))
    }

    /// The bool under `key`, if there is one.
    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        self.read(key, "true or false", Json::as_bool)
    }

    /// What `convert` makes of the value under `key`; a problem that asks for `expected` where it refuses.
    pub(crate) fn read<T>(
        &mut self,
        key: &str,
        expected: &str,
        convert: impl Fn(&Json) -> Option<T>,
    ) -> Option<T> {
        let json = self.get(key)?;
        let converted = convert(json);
        if converted.is_none() {
            self.problems.push(Problem::new(self.path_of(key), expected, describe(json)));
        }
        converted
    }

    /// A problem for every key that is not among `known`.
    pub(crate) fn refuse_others(&mut self, known: &[&str]) {
        self.refuse_others_but(known, |_| None);
    }

    /// As [`Table::refuse_others`], with hints for keys that are known to belong elsewhere.
    pub(crate) fn refuse_others_but(&mut self, known: &[&str], hint: impl Fn(&str) -> Option<String>) {
        for key in self.object.keys().filter(|key| !known.contains(&key.as_str())) {
            let problem = Problem::unknown_key(&self.path, key, known.iter().copied());
            self.problems.push(match hint(key) {
                Some(hint) => problem.with_hint(hint),
                None => problem,
            });
        }
    }
}
