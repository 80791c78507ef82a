//! Reading programs.

use serde_json::Value as Json;

use super::arg::read_args;
use super::durations::read_timeout;
use super::keys::Keys;
use super::locks::read_locks;
use super::names::{check_program_arg, check_program_name};
use super::read::open_entry;
use super::references::{Link, References};
use super::{OnCrash, Program, Target};
use crate::model::{Problem, Table, child, describe};

const KEYS: [&str; 7] = ["hooks", "args", "outputs", "description", "timeout", "locks", "on_crash"];

/// Reads a program; what is wrong with it is left out.
pub(super) fn read_program<'a>(
    (name, place): (&str, usize),
    json: &'a Json,
    named: &mut Table<'a, '_>,
    references: &References<'_>,
) -> (Program, Vec<Link>) {
    check_program_name(name, &named.path_of(name), named.problems);
    let mut program = Program {
        name: name.to_owned(),
        hooks: Vec::new(),
        args: Vec::new(),
        outputs: Vec::new(),
        description: String::new(),
        timeout: None,
        locks: None,
        on_crash: OnCrash::default(),
    };
    let Some(mut table) = open_entry(name, json, named, &KEYS) else { return (program, Vec::new()) };
    let links = read_hooks(&mut table, Target::Program(place), references);
    program.hooks = links.iter().map(|link| link.to).collect();
    program.args = read_program_args(&mut table);
    program.outputs = read_args(&mut table, "outputs");
    program.description = table.text("description").unwrap_or_default();
    program.timeout = read_timeout(&mut table, "timeout");
    program.locks = read_locks(&mut table, &program.args, references);
    program.on_crash = read_on_crash(&mut table);
    (program, links)
}

fn read_hooks(table: &mut Keys<'_, '_>, program: Target, references: &References<'_>) -> Vec<Link> {
    const EXPECTED: &str = "a list of hooks";
    table.require("hooks", EXPECTED);
    let items = table.list("hooks", EXPECTED).unwrap_or_default();
    let path = table.path_of("hooks");
    references.read((items, "hooks"), program, &path, table.problems)
}

fn read_program_args(table: &mut Keys<'_, '_>) -> Vec<super::Arg> {
    let args = read_args(table, "args");
    let path = table.path_of("args");
    for arg in &args {
        check_program_arg(&arg.name, &child(&path, &arg.name), table.problems);
    }
    args
}

fn read_on_crash(table: &mut Keys<'_, '_>) -> OnCrash {
    let Some(json) = table.get("on_crash") else { return OnCrash::default() };
    let found = OnCrash::ALL.into_iter().find(|choice| json.as_str() == Some(choice.as_str()));
    if found.is_none() {
        let words = OnCrash::ALL.map(OnCrash::as_str);
        let problem = Problem::new(table.path_of("on_crash"), "\"rectify\" or \"resume\"", describe(json));
        table.problems.push(problem.with_near_miss(json.as_str().unwrap_or_default(), words));
    }
    found.unwrap_or_default()
}
