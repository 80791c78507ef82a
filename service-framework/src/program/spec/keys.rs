//! A table of known keys in which null is a mistake.

use serde_json::Value as Json;

use crate::model::{Problem, Table, describe};

/// A [`Table`] that has been searched for unknown keys and nulls.
pub(super) struct Keys<'a, 'p> {
    table: Table<'a, 'p>,
}

impl<'a, 'p> Keys<'a, 'p> {
    /// The table at `path`, which may have the keys `known` and no others; None and a problem if it is no table.
    pub(super) fn open(
        json: &'a Json,
        path: &str,
        problems: &'p mut Vec<Problem>,
        known: &[&str],
    ) -> Option<Self> {
        let mut table = Table::open(json, path, problems)?;
        table.refuse_others(known);
        for (key, _) in table.entries().filter(|(key, json)| json.is_null() && known.contains(key)) {
            let problem = Problem::new(table.path_of(key), "a value", "null");
            table.problems.push(problem.with_hint("leave the key out if there is none"));
        }
        Some(Self { table })
    }

    fn has(&self, key: &str) -> bool {
        self.table.entries().any(|(name, _)| name == key)
    }

    /// A problem if there is nothing under `key`.
    pub(super) fn require(&mut self, key: &str, expected: &str) {
        if !self.has(key) {
            let problem = Problem::missing(self.table.path_of(key), expected);
            self.table.problems.push(problem);
        }
    }

    /// What `convert` makes of the value under `key`, which must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &str,
        expected: &str,
        convert: impl Fn(&Json) -> Option<T>,
    ) -> Option<T> {
        self.require(key, expected);
        self.table.read(key, expected, convert)
    }

    /// The text under `key`, which must be there.
    pub(super) fn required_text(&mut self, key: &str, expected: &str) -> Option<String> {
        self.require(key, expected);
        self.text(key)
    }

    /// The text under `key`, if there is any.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let json = self.table.get(key)?;
        if json.as_str().is_none() {
            let problem = Problem::new(self.table.path_of(key), "a string", describe(json));
            self.table.problems.push(match json {
                Json::Number(_) | Json::Bool(_) => problem.with_hint(format!("write `\"{json}\"`")),
                _ => problem,
            });
        }
        json.as_str().map(str::to_owned)
    }

    /// The table under `key`, which must be there.
    pub(super) fn required_table<'b>(&'b mut self, key: &str, expected: &str) -> Option<Table<'a, 'b>> {
        self.require(key, expected);
        self.table.table(key)
    }

    /// The list under `key`, if there is one.
    pub(super) fn list(&mut self, key: &str, expected: &str) -> Option<&'a [Json]> {
        let json = self.table.get(key)?;
        let items = json.as_array().map(Vec::as_slice);
        if items.is_none() {
            let problem = Problem::new(self.table.path_of(key), expected, describe(json));
            self.table.problems.push(match json.as_str() {
                Some(word) => problem.with_hint(format!("did you mean `[{word:?}]`?")),
                None => problem,
            });
        }
        items
    }
}

impl<'a, 'p> std::ops::Deref for Keys<'a, 'p> {
    type Target = Table<'a, 'p>;

    fn deref(&self) -> &Self::Target {
        &self.table
    }
}

impl std::ops::DerefMut for Keys<'_, '_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.table
    }
}
