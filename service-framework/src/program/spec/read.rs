//! Reading a spec: every problem collected.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::keys::Keys;
use super::names::check_spec_name;
use super::read_hook::read_hook;
use super::read_program::read_program;
use super::references::{Link, References};
use super::{Hook, Program, Spec, cycles, steps};
use crate::model::{Problem, Table, parse_json};

/// `$schema` is for editors and means nothing here.
const KEYS: [&str; 5] = ["$schema", "version", "name", "programs", "hooks"];

/// Where each reference of a spec leads: of every hook, and of every program.
#[derive(Default)]
pub(super) struct Links {
    pub(super) hooks: Vec<Vec<Link>>,
    pub(super) programs: Vec<Vec<Link>>,
}

impl Spec {
    /// Reads a spec and checks it whole.
    ///
    /// # Errors
    /// All problems, each with its path.
    pub fn from_json(json: &Json) -> Result<Spec, Vec<Problem>> {
        let mut problems = Vec::new();
        let spec = Keys::open(json, "", &mut problems, &KEYS).map(|mut table| read_spec(&mut table));
        match spec {
            Some((mut spec, links)) => {
                problems.extend(shared_functions(&spec.hooks));
                check_graph(&mut spec, &links, &mut problems);
                if problems.is_empty() { Ok(spec) } else { Err(problems) }
            }
            None => Err(problems),
        }
    }

    /// Reads a spec from the text of its file. A name that stands twice in a table is a mistake.
    ///
    /// # Errors
    /// The first mistake of the JSON, with its line and column, or all problems of the spec.
    pub fn from_text(text: &str) -> Result<Spec, Vec<Problem>> {
        Spec::from_json(&parse_json(text).map_err(|problem| vec![problem])?)
    }
}

impl std::str::FromStr for Spec {
    type Err = Vec<Problem>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Spec::from_text(text)
    }
}

fn read_spec(table: &mut Keys<'_, '_>) -> (Spec, Links) {
    let references = References::of(table);
    let name = table.required_text("name", "the name of the spec");
    if let Some(name) = &name {
        check_spec_name(name, table.problems);
    }
    let version = table.text("version");
    let mut links = Links::default();
    let mut programs = Vec::new();
    if let Some(mut named) = table.required_table("programs", "a table of programs") {
        for (place, (name, json)) in named.entries().enumerate() {
            let (program, of_program) = read_program((name, place), json, &mut named, &references);
            programs.push(program);
            links.programs.push(of_program);
        }
    }
    let mut hooks = Vec::new();
    if let Some(mut named) = table.required_table("hooks", "a table of hooks") {
        for (place, (name, json)) in named.entries().enumerate() {
            let (hook, of_hook) = read_hook((name, place), json, &mut named, &references);
            hooks.push(hook);
            links.hooks.push(of_hook);
        }
    }
    (Spec::of(name.unwrap_or_default(), version, programs, hooks), links)
}

impl Spec {
    fn of(name: String, version: Option<String>, programs: Vec<Program>, hooks: Vec<Hook>) -> Self {
        let program_places = places(programs.iter().map(|program| &program.name));
        let hook_places = places(hooks.iter().map(|hook| &hook.name));
        let counts = Default::default();
        Self { name, version, programs, hooks, program_places, hook_places, counts }
    }
}

fn places<'a>(names: impl Iterator<Item = &'a String>) -> HashMap<String, usize> {
    names.enumerate().map(|(place, name)| (name.clone(), place)).collect()
}

/// A problem for every function that two hooks have.
fn shared_functions(hooks: &[Hook]) -> Vec<Problem> {
    let mut first: HashMap<&str, &str> = HashMap::new();
    let mut problems = Vec::new();
    for hook in hooks.iter().filter(|hook| !hook.reference.is_empty()) {
        if let Some(other) = first.get(hook.reference.as_str()) {
            let path = path_of("hooks", &hook.name, "reference");
            let found = format!("{:?}, which `{other}` has too", hook.reference);
            problems.push(Problem::new(path, "a function that no other hook has", found));
        } else {
            first.insert(&hook.reference, &hook.name);
        }
    }
    problems
}

/// The path of `key` of a hook or a program.
pub(super) fn path_of(table: &str, name: &str, key: &str) -> String {
    crate::model::child(&crate::model::child(table, name), key)
}

fn check_graph(spec: &mut Spec, links: &Links, problems: &mut Vec<Problem>) {
    let walk = cycles::walk(spec, links);
    if walk.cycles.is_empty() {
        spec.counts = steps::count(spec, &walk.order);
        problems.extend(steps::too_many(spec));
    }
    problems.extend(walk.cycles);
}

/// The table of a hook or a program, if it is one.
pub(super) fn open_entry<'a, 'b>(
    name: &str,
    json: &'a Json,
    named: &'b mut Table<'a, '_>,
    keys: &[&str],
) -> Option<Keys<'a, 'b>> {
    Keys::open(json, &named.path_of(name), named.problems, keys)
}
