//! Bindings: a file that says what is behind the hooks of a spec, without Rust.
//!
//! `{"reserve": {"command": ["./hooks.py", "reserve"]}, "charge": {"connection": "charge"}}`; paths are relative to the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::command_hook;
use crate::launcher::{command, files};
use crate::model::{Problem, Table, child, describe, element};
use crate::program::Hooks;
use crate::program::spec::Spec;
use crate::service::Programs;

/// What is behind each hook that the file names.
#[derive(Debug, PartialEq)]
pub(super) struct Bindings {
    folder: PathBuf,
    behind: BTreeMap<String, Behind>,
}

#[derive(Debug, PartialEq)]
enum Behind {
    Command(Vec<String>),
    Connection(String),
}

/// Reads the bindings of a spec's hooks.
///
/// # Errors
/// All that is wrong with the file, and hooks that it does not name or that the spec does not have.
pub(super) fn read(path: &Path, spec: &Spec) -> Result<Bindings, Vec<Problem>> {
    let json = files::read_json(path).map_err(|problem| vec![problem])?;
    let parent = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new(".")).to_owned();
    let name = path.display().to_string();
    let mut problems = Vec::new();
    let behind = read_table(&json, &folder, &mut problems);
    problems.extend(disagreements(&behind, spec));
    match problems.is_empty() {
        true => Ok(Bindings {
            folder,
            behind: behind.into_iter().filter_map(|(key, it)| Some((key, it?))).collect(),
        }),
        false => Err(problems.into_iter().map(|problem| problem.in_file(&name)).collect()),
    }
}

/// Every key of the file, with what is behind it unless that is wrong.
fn read_table(json: &Json, folder: &Path, problems: &mut Vec<Problem>) -> BTreeMap<String, Option<Behind>> {
    let Json::Object(entries) = json else {
        problems.push(Problem::new("", "an object with a binding for each hook", describe(json)));
        return BTreeMap::new();
    };
    let hooks = entries.iter().filter(|(key, _)| *key != "$schema");
    hooks.map(|(key, json)| (key.clone(), read_binding(json, key, folder, problems))).collect()
}

fn read_binding(json: &Json, key: &str, folder: &Path, problems: &mut Vec<Problem>) -> Option<Behind> {
    let path = child("", key);
    let before = problems.len();
    let mut table = Table::open(json, &path, problems)?;
    table.refuse_others(&["command", "connection"]);
    if problems.len() > before {
        return None;
    }
    match (json.get("command"), json.get("connection")) {
        (Some(command), None) => read_command(command, &child(&path, "command"), folder, problems),
        (None, Some(Json::String(connection))) if !connection.is_empty() => {
            Some(Behind::Connection(connection.clone()))
        }
        (None, Some(other)) => {
            problems.push(Problem::new(
                child(&path, "connection"),
                "the name of an out connection",
                describe(other),
            ));
            None
        }
        (command, _) => {
            let found = if command.is_some() { "both" } else { "neither" };
            problems.push(Problem::new(path, "either `command` or `connection`", found));
            None
        }
    }
}

fn read_command(json: &Json, path: &str, folder: &Path, problems: &mut Vec<Problem>) -> Option<Behind> {
    let words = json.as_array().filter(|words| !words.is_empty());
    let Some(words) = words else {
        problems.push(Problem::new(path, "a list: a program and its arguments", describe(json)));
        return None;
    };
    let before = problems.len();
    let mut texts = Vec::new();
    for (place, word) in words.iter().enumerate() {
        match word.as_str() {
            Some(text) if !text.contains('\0') => texts.push(text.to_owned()),
            _ => problems.push(Problem::new(element(path, place), "text", describe(word))),
        }
    }
    let searched = std::env::var_os("PATH");
    if let Some(mut problem) = command::problem(&texts, folder, searched.as_deref()) {
        problem.path = element(path, 0);
        problems.push(problem);
    }
    (problems.len() == before).then_some(Behind::Command(texts))
}

fn disagreements(behind: &BTreeMap<String, Option<Behind>>, spec: &Spec) -> Vec<Problem> {
    let known = || spec.hooks().iter().map(|hook| hook.name.as_str());
    let surplus = behind.keys().filter(|key| spec.hook(key).is_none());
    let surplus = surplus.map(|key| Problem::unknown_key("", key, known()));
    let missing = known().filter(|name| !behind.contains_key(*name));
    let missing =
        missing.map(|name| Problem::missing(child("", name), "what is behind this hook of the spec"));
    surplus.chain(missing).collect()
}

impl Bindings {
    /// The programs of a spec with these hooks.
    pub(super) fn programs(&self, spec: Spec) -> Programs {
        let (mut hooks, mut connections) = (Hooks::new(), Vec::new());
        for (name, behind) in &self.behind {
            match behind {
                Behind::Command(command) => {
                    hooks = hooks.hook(name, command_hook::new(command, &self.folder))
                }
                Behind::Connection(connection) => connections.push((name, connection)),
            }
        }
        let programs = Programs::new(spec, hooks);
        connections
            .into_iter()
            .fold(programs, |programs, (name, connection)| programs.connection(name, connection))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec() -> Spec {
        Spec::from_json(&json!({
            "name": "s",
            "programs": {"p": {"hooks": ["reserve", "charge"], "args": {}, "outputs": {}}},
            "hooks": {"reserve": {"reference": "m.reserve", "args": {}}, "charge": {"reference": "m.charge", "args": {}}},
        }))
        .unwrap()
    }

    fn read_text(text: &str) -> Result<Bindings, Vec<Problem>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bindings.json");
        std::fs::write(&path, text).unwrap();
        read(&path, &spec())
    }

    #[test]
    fn commands_and_connections_are_read() {
        let bindings =
            read_text(r#"{"reserve": {"command": ["sh", "-c", "cat"]}, "charge": {"connection": "charge"}}"#)
                .unwrap();
        assert_eq!(bindings.behind["charge"], Behind::Connection("charge".into()));
        assert!(bindings.programs(spec()).has_connections());
    }

    #[test]
    fn all_that_is_wrong_is_listed_at_once() {
        let problems = read_text(
            r#"{"reserve": {"command": [], "conection": 1}, "chrge": {"command": ["./nowhere"]}, "x": {}, "y": {"command": ["sh", 1]},
                "z": {"connection": ""}, "w": 1}"#,
        )
        .unwrap_err();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        for expected in [
            "reserve.conection: expected one of command, connection",
            "chrge.command[0]: expected a program that can be started",
            "x: expected either `command` or `connection`, found neither",
            "y.command[1]: expected text, found 1",
            "z.connection: expected the name of an out connection",
            "charge: expected what is behind this hook of the spec, found nothing",
            "did you mean `charge`?",
        ] {
            assert!(said.iter().any(|said| said.contains(expected)), "{expected:?} is not in {said:#?}");
        }
        assert!(said.iter().all(|said| said.contains("bindings.json: ")));
        assert!(
            read_text("[]").unwrap_err()[0].to_string().contains("an object with a binding for each hook")
        );
    }
}
