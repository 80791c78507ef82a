//! Shared addresses: the system file's own `addresses`, each written once and used by name.

use std::mem;

use serde_json::{Map, Value as Json};

use crate::model::{Problem, Table, child, describe, element};

/// Addresses by name. Inline addresses of services say the name where an address would stand.
#[derive(Default)]
pub(super) struct SharedAddresses(Map<String, Json>);

impl SharedAddresses {
    /// Reads `{NAME: ADDRESS}`, an address being a string or a list of strings.
    pub(super) fn read(table: Option<Table<'_, '_>>) -> Self {
        let Some(table) = table else { return Self::default() };
        for (name, json) in table.entries() {
            let path = table.path_of(name);
            if is_address(name) {
                table.problems.push(Problem::new(&path, "a name without `:`", format!("{name:?}")));
            }
            check(json, &path, table.problems);
        }
        SharedAddresses(table.entries().map(|(name, json)| (name.to_owned(), json.clone())).collect())
    }

    /// Puts addresses where `json`, at `path`, says names. An unknown name is a problem.
    pub(super) fn put_into(&self, json: &mut Json, path: &str, problems: &mut Vec<Problem>) {
        match json {
            Json::Object(table) => {
                table.iter_mut().for_each(|(key, json)| self.put_into(json, &child(path, key), problems));
            }
            Json::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.put_into(item, &element(path, index), problems);
                }
                *items = mem::take(items).into_iter().flat_map(flat).collect();
            }
            Json::String(name) if !is_address(name) => match self.0.get(name.as_str()) {
                Some(address) => *json = address.clone(),
                None => problems.push(self.unknown(name, path)),
            },
            _ => {}
        }
    }

    fn unknown(&self, name: &str, path: &str) -> Problem {
        let expected = "an address like \"127.0.0.1:5601\", or a name from the system's `addresses`";
        Problem::new(path, expected, format!("{name:?}"))
            .with_near_miss(name, self.0.keys().map(String::as_str))
    }
}

/// Every address has a port or a transport in front, so one with neither is a name.
fn is_address(text: &str) -> bool {
    text.contains(':')
}

/// A name in a list may stand for several addresses, which become elements of that list.
fn flat(item: Json) -> Vec<Json> {
    match item {
        Json::Array(items) => items,
        one => vec![one],
    }
}

fn check(json: &Json, path: &str, problems: &mut Vec<Problem>) {
    let is_right = |json: &Json| json.as_str().is_some_and(is_address);
    let all_right = match json {
        Json::Array(items) => !items.is_empty() && items.iter().all(is_right),
        one => is_right(one),
    };
    if !all_right {
        problems.push(Problem::new(
            path,
            "an address like \"127.0.0.1:5601\", or a list of them",
            describe(json),
        ));
    }
}
