//! The JSON Schemas that are shipped for editors, and the check of a file against one.
//!
//! Our own readers say more about what is wrong, so a schema is asked once they are content: by `check` and by `up`.
//! A start leaves it out, as compiling a schema takes longer than all else that is checked; tests hold readers and
//! schemas to the same verdicts.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value as Json;

use crate::model::{Problem, child, describe, element};

/// One shipped schema.
pub(crate) struct Schema {
    name: &'static str,
    text: &'static str,
    compiled: OnceLock<Option<Validator>>,
}

/// Addresses files.
pub(crate) static ADDRESSES: Schema =
    Schema::new("addresses.schema.json", include_str!("../../../schemas/addresses.schema.json"));

/// Config files.
pub(crate) static CONFIG: Schema =
    Schema::new("config.schema.json", include_str!("../../../schemas/config.schema.json"));

/// System files.
pub(crate) static SYSTEM: Schema =
    Schema::new("system.schema.json", include_str!("../../../schemas/system.schema.json"));

/// Specs of programs.
#[cfg(any(feature = "programs", test))]
pub(crate) static SPEC: Schema =
    Schema::new("spec.schema.json", include_str!("../../../schemas/spec.schema.json"));

impl Schema {
    const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, compiled: OnceLock::new() }
    }

    /// What of `json` the schema does not allow.
    pub(crate) fn problems(&self, json: &Json, file: &str) -> Vec<Problem> {
        let Some(validator) = self.validator() else { return Vec::new() };
        validator.iter_errors(json).map(|error| self.problem(&error).in_file(file)).collect()
    }

    /// The schema ready for use; a test shows that each is one.
    fn validator(&self) -> Option<&Validator> {
        let compile = || jsonschema::validator_for(&serde_json::from_str(self.text).ok()?).ok();
        self.compiled.get_or_init(compile).as_ref()
    }

    fn problem(&self, error: &jsonschema::ValidationError<'_>) -> Problem {
        let path = dotted(error.instance_path().as_str());
        let expected = format!("what {} allows", self.name);
        Problem::new(path, expected, describe(error.instance())).with_hint(error.to_string())
    }
}

/// A JSON pointer as the paths of other problems are written.
fn dotted(pointer: &str) -> String {
    let names = pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
    names.fold(String::new(), |path, name| match name.parse::<usize>() {
        Ok(index) => element(&path, index),
        Err(_) => child(&path, &name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Addresses;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_schema_compiles() {
        for schema in [&ADDRESSES, &CONFIG, &SYSTEM, &SPEC] {
            assert!(schema.validator().is_some(), "{}", schema.name);
        }
    }

    #[test]
    fn the_schema_of_addresses_agrees_with_their_reader() {
        let names = |address: Json| json!({"in": {"a": {"subscriber": address}}});
        let texts = [
            "127.0.0.1:1",
            "tcp://*:0",
            "*:*",
            "[::1]:1",
            "host:1",
            "ipc:///a",
            "inproc://a",
            "ipc://*",
            "127.0.0.1",
            "127.0.0.1:",
            ":1",
            "http://a:1",
            "ipc://",
            "inproc://",
            "::1:1",
            "",
            "a:b",
            "cluster://desk/cancel",
            "cluster://desk",
            "cluster:///a",
            "cluster://a/",
            "cluster://a/b/c",
            "cluster:a/b",
        ];
        let addresses = texts.map(|text| names(json!(text))).into_iter();
        let shapes = [
            json!({}),
            json!([]),
            json!({"in": {}}),
            json!({"connections": {}}),
            json!({"states": {"out": {}}}),
            json!({"in": {}, "connections": {}}),
            json!({"inn": {}}),
            json!({"in": {"a": "127.0.0.1:1"}}),
            json!({"$schema": "x", "out": {}}),
            names(json!([])),
            names(json!(["a:1", "b:1"])),
            names(json!(1)),
            names(json!(["a:1", "a:1"])),
            json!({"connections": null}),
            json!({"in": null}),
            json!({"cluster": {"name": "shop"}}),
            json!({"in": {}, "cluster": {"name": "shop", "join": "10.0.0.5:60858"}}),
            json!({"cluster": null}),
            json!({"cluster": {}}),
            json!({"cluster": {"name": ""}}),
            json!({"cluster": {"name": "shop", "jion": []}}),
            json!({"cluster": {"name": "shop", "join": ["a:1", "ipc:///a"], "listen": [], "keys": "k"}}),
            json!({"cluster": {"name": "shop", "join": ["inproc://a"]}}),
            json!({"cluster": {"name": "shop", "join": "a"}}),
            json!({"cluster": {"name": "shop", "join": 1}}),
            json!({"cluster": {"name": "shop", "weight": 0}}),
            json!({"cluster": {"name": "shop", "weight": 3, "insecure": true, "data": "d", "advertise": "h"}}),
            json!({"cluster": {"name": "shop", "share": "prices"}}),
            json!({"cluster": {"name": "shop", "share": ["prices", 1]}}),
        ];
        for json in addresses.chain(shapes) {
            let read = Addresses::from_json(&json, None);
            let problems = ADDRESSES.problems(&json, "a.json");
            assert_eq!(read.is_ok(), problems.is_empty(), "{json}: {read:?} {problems:?}");
        }
    }

    proptest! {
        #[test]
        fn what_the_reader_takes_the_schema_allows(
            text in "((tcp|ipc|inproc|cluster)://)?[a-zA-Z0-9./*_-]{0,12}(:[0-9*]{1,5})?"
        ) {
            let json = json!({"out": {"a": {"requester": text}}});
            if Addresses::from_json(&json, None).is_ok() {
                prop_assert_eq!(ADDRESSES.problems(&json, "a.json"), []);
            }
        }
    }

    #[test]
    fn a_problem_has_the_path_of_all_others() {
        let problems =
            SYSTEM.problems(&json!({"services": {"a": {"service": "a", "args": ["x", 1]}}}), "s.json");
        insta::assert_snapshot!(problems[0], @r#"s.json: services.a.args[1]: expected what system.schema.json allows, found 1 (1 is not of type "string")"#);
    }
}
