//! The system file's own `addresses`: names that are used in place of addresses, and `SERVICE.CONNECTION`, from which
//! the addresses of each service are made.

use serde_json::{Map, Value as Json};

use crate::model::{Problem, Table, child, describe, element, near_miss};

/// Stands for an address that the system chooses.
pub(super) const FREE: &str = "free";

/// What may stand where an address is named.
pub(super) const EXPECTED: &str = "an address like \"127.0.0.1:5601\", \"free\", a name from the system's `addresses`, or \
                                   the other end: SERVICE.CONNECTION";

/// All that stands there.
#[derive(Debug, Default)]
pub(super) struct SharedAddresses {
    /// Addresses by name, each a text or a list of texts.
    named: Map<String, Json>,
    /// What `SERVICE.CONNECTION` says of a service's own end.
    ends: Map<String, Json>,
    services: Vec<String>,
}

/// What one text stands for.
#[derive(Debug, PartialEq)]
pub(super) enum Said<'a> {
    Address(&'a str),
    Free,
    /// The end of another service: its name, and what stands behind that.
    End(&'a str, &'a str),
    /// A name: one address, or several.
    Named(&'a Json),
}

impl SharedAddresses {
    /// Reads `{NAME: ADDRESS, SERVICE.CONNECTION: ADDRESS | "free" | OTHER.CONNECTION | {SOCKET: …}}`, an address being a text
    /// or a list of texts.
    pub(super) fn read(table: Option<Table<'_, '_>>, services: &[String]) -> Self {
        let mut shared = Self { services: services.to_vec(), ..Self::default() };
        let Some(table) = table else { return shared };
        for (name, json) in table.entries() {
            let path = table.path_of(name);
            if shared.end(name).is_some() {
                if !(json.is_string() || json.is_array() || json.is_object()) {
                    table.problems.push(Problem::new(&path, EXPECTED, describe(json)));
                }
                shared.ends.insert(name.to_owned(), json.clone());
            } else if is_address(name) {
                table.problems.push(Problem::new(&path, "a name without `:`", format!("{name:?}")));
            } else if let Some((service, _)) = name.split_once('.') {
                table.problems.push(shared.no_service(service, &path));
            } else {
                shared.named.insert(name.to_owned(), json.clone());
                check(json, &path, table.problems);
            }
        }
        for (name, json) in &shared.ends {
            shared.check_names(json, &table.path_of(name), table.problems);
        }
        shared
    }

    /// What is said of the ends of services, by `SERVICE.CONNECTION`.
    pub(super) fn ends(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.ends.iter().map(|(name, json)| (name.as_str(), json))
    }

    pub(super) fn end_said(&self, name: &str) -> Option<&Json> {
        self.ends.get(name)
    }

    /// Every text under `addresses`, to know which ports are taken.
    pub(super) fn texts(&self) -> Vec<&str> {
        let mut texts = Vec::new();
        self.named.values().chain(self.ends.values()).for_each(|json| collect(json, &mut texts));
        texts
    }

    /// What `text` stands for; None if nobody knows it.
    pub(super) fn said<'a>(&'a self, text: &'a str) -> Option<Said<'a>> {
        if is_address(text) {
            return Some(Said::Address(text));
        }
        if let Some(named) = self.named.get(text) {
            return Some(Said::Named(named));
        }
        if text == FREE {
            return Some(Said::Free);
        }
        self.end(text).map(|(service, rest)| Said::End(service, rest))
    }

    /// The service whose name `text` begins with, the longest of several, and what stands behind the dot.
    pub(super) fn end<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str)> {
        let dots = text.match_indices('.').map(|(at, _)| at);
        let mut parts = dots.map(|at| (&text[..at], &text[at + 1..]));
        parts.rfind(|(service, _)| self.services.iter().any(|known| known == service))
    }

    /// A problem for every text in `json`, at `path`, that stands for nothing.
    pub(super) fn check_names(&self, json: &Json, path: &str, problems: &mut Vec<Problem>) {
        match json {
            Json::Object(table) => {
                table.iter().for_each(|(key, json)| self.check_names(json, &child(path, key), problems));
            }
            Json::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, item)| self.check_names(item, &element(path, index), problems)),
            Json::String(text) if self.said(text).is_none() => problems.push(self.unknown(text, path)),
            _ => {}
        }
    }

    fn unknown(&self, text: &str, path: &str) -> Problem {
        let names = || self.services.iter().map(String::as_str);
        match text.split_once('.').filter(|(service, _)| near_miss(service, names()).is_some()) {
            Some((service, _)) => self.no_service(service, path),
            None => {
                let names = self.named.keys().map(String::as_str).chain([FREE]);
                Problem::new(path, EXPECTED, format!("{text:?}")).with_near_miss(text, names)
            }
        }
    }

    fn no_service(&self, service: &str, path: &str) -> Problem {
        let names = || self.services.iter().map(String::as_str);
        let expected = format!(
            "SERVICE.CONNECTION of a service of this system: {}",
            names().collect::<Vec<_>>().join(", ")
        );
        Problem::new(path, expected, format!("no service `{service}`")).with_near_miss(service, names())
    }
}

/// Every address has a port or a transport in front, so one with neither is a name.
fn is_address(text: &str) -> bool {
    text.contains(':')
}

fn collect<'a>(json: &'a Json, texts: &mut Vec<&'a str>) {
    match json {
        Json::String(text) => texts.push(text),
        Json::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Json::Object(table) => table.values().for_each(|json| collect(json, texts)),
        _ => {}
    }
}

fn check(json: &Json, path: &str, problems: &mut Vec<Problem>) {
    let is_right = |json: &Json| json.as_str().is_some_and(is_address);
    let all_right = match json {
        Json::Array(items) => !items.is_empty() && items.iter().all(is_right),
        one => is_right(one),
    };
    if !all_right {
        let expected = "an address like \"127.0.0.1:5601\", or a list of them";
        problems.push(Problem::new(path, expected, describe(json)));
    }
}
