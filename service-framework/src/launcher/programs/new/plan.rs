//! What is written to a crate: everything, or what is new since it was written. Reads through a function, and writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::gives::Gives;
use super::layout::Place;
use super::source::{Item, Source, What};
use super::stubs::{stub, type_of_arg};
use super::wiring::{self, Head, wiring};
use super::{fixed, proofs};
use crate::launcher::new::shared::Addition;
use crate::model::Problem;
use crate::program::spec::{Program, Spec};

pub(super) const WIRING: &str = "src/wiring.rs";
pub(super) const SPEC: &str = "ryu_spec.json";
const ROOT: &str = "src/lib.rs";
const TESTS: &str = "tests/programs.rs";

/// What the file of a module begins with.
const BEGINNING: &str = "//! The hooks of";

/// How deep modules are looked into that have no hooks any more.
const DEEPEST: usize = 16;

/// Reads a file of the crate by its path in it; None if it is not there.
pub(super) type Read<'a> = &'a dyn Fn(&str) -> Result<Option<String>, Problem>;

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) files: Vec<Addition>,
    /// What is added to each file, by its path.
    pub(super) added: BTreeMap<String, Vec<String>>,
    /// What the crate has and the spec has otherwise.
    pub(super) mismatches: Vec<Mismatch>,
}

/// Something in a file that is no longer as the spec says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mismatch {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) text: String,
}

impl Mismatch {
    pub(super) fn to_json(&self) -> Json {
        json!({ "file": self.file, "line": self.line, "text": self.text })
    }
}

/// What a crate is made of.
pub(super) struct Wanted<'a> {
    pub(super) spec: &'a Spec,
    /// The text of the spec's file, and whether it is the one in the crate.
    pub(super) spec_text: &'a str,
    pub(super) is_own_spec: bool,
    pub(super) places: Vec<Place<'a>>,
    pub(super) gives: Gives,
    /// The first part of references that stands for the crate.
    pub(super) root: String,
    /// The crate's name in Rust.
    pub(super) identifier: String,
}

impl Wanted<'_> {
    /// What has to be written for the crate to have everything.
    ///
    /// # Errors
    /// Files that cannot be read, or a spec in the crate that somebody has changed while another one is given.
    pub(super) fn plan(&self, read: Read<'_>) -> Result<Plan, Vec<Problem>> {
        let mut plan = Plan::default();
        let mut problems = Vec::new();
        for step in
            [Self::plan_spec, Self::plan_wiring, Self::plan_modules, Self::find_strays, Self::plan_tests]
        {
            problems.extend(step(self, &mut plan, read).err());
        }
        plan.mismatches.sort();
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    fn plan_spec(&self, plan: &mut Plan, read: Read<'_>) -> Result<(), Problem> {
        let before = read(SPEC)?;
        if self.is_own_spec || before.as_deref() == Some(self.spec_text) {
            return Ok(());
        }
        let known = read(WIRING)?.as_deref().and_then(wiring::head);
        let is_ours = |before: &String| known.is_some_and(|head: Head| head.spec == wiring::sum(before));
        if before.as_ref().is_some_and(|before| !is_ours(before)) {
            let problem =
                Problem::new("--spec", "the spec in the crate, which somebody has changed", "another one");
            return Err(problem.in_file(SPEC).with_hint("name that one by -s, or put yours in its place"));
        }
        plan.rewrite(SPEC, before, self.spec_text.to_owned());
        Ok(())
    }

    fn plan_wiring(&self, plan: &mut Plan, read: Read<'_>) -> Result<(), Problem> {
        let before = read(WIRING)?;
        let after = wiring(&self.places, &self.root, self.spec_text);
        match before {
            Some(before) if !wiring::head(&before).is_some_and(|head| head.is_unchanged) => {
                plan.mismatches.extend(self.mismatches_of_wiring(&Source::read(&before)));
            }
            Some(before) if wiring::is_same(&before, &after) => {}
            before => plan.rewrite(WIRING, before, after),
        }
        Ok(())
    }

    /// What a person has to add to a file that is theirs.
    fn mismatches_of_wiring(&self, source: &Source) -> Vec<Mismatch> {
        let missing = self.places.iter().filter(|place| !source.has_text(&place.hook.name));
        let missing = missing.map(|place| {
            let text = format!(
                "somebody has changed this file: add `.hook({:?}, {})`",
                place.hook.name,
                place.path()
            );
            Mismatch { file: WIRING.to_owned(), line: 1, text }
        });
        missing.collect()
    }

    fn plan_modules(&self, plan: &mut Plan, read: Read<'_>) -> Result<(), Problem> {
        let mut children: BTreeMap<&[String], BTreeSet<&str>> = BTreeMap::from([(&[][..], BTreeSet::new())]);
        let mut hooks: BTreeMap<&[String], Vec<&Place<'_>>> = BTreeMap::new();
        let theirs = their_wiring(read)?;
        for place in &self.places {
            if is_elsewhere(place, theirs.as_ref(), read)? {
                continue;
            }
            hooks.entry(&place.module).or_default().push(place);
            for (depth, name) in place.module.iter().enumerate() {
                children.entry(&place.module[..depth]).or_default().insert(name);
                children.entry(&place.module[..=depth]).or_default();
            }
        }
        let mut inside: Vec<&[String]> = Vec::new();
        for (module, children) in &children {
            if inside.iter().any(|outer| module.starts_with(outer)) {
                continue;
            }
            let hooks = hooks.get(module).map(Vec::as_slice).unwrap_or_default();
            let written = self.plan_module(plan, read, module, children, hooks)?;
            inside.extend(written.iter().filter_map(|name| {
                let place = self.places.iter().find(|place| {
                    place.module.starts_with(module)
                        && place.module.get(module.len()).is_some_and(|next| next == name)
                });
                place.map(|place| &place.module[..=module.len()])
            }));
        }
        Ok(())
    }

    /// One module: those below it that are written inside of its file, where nobody but their author can add to them.
    fn plan_module(
        &self,
        plan: &mut Plan,
        read: Read<'_>,
        module: &[String],
        children: &BTreeSet<&str>,
        hooks: &[&Place<'_>],
    ) -> Result<Vec<String>, Problem> {
        let (path, before) = file_of(module, read)?;
        let source = before.as_deref().map(Source::read).unwrap_or_default();
        let (parts, names) = self.missing_parts(module, before.is_none(), &source, children, hooks);
        if before.is_none() || !parts.is_empty() {
            plan.append(&path, before.clone(), &parts, names);
        }
        if before.is_some() && !hooks.is_empty() {
            plan.mismatches.extend(self.mismatches_of_module(&path, &source, hooks));
        }
        let inside = children.iter().filter_map(|name| source.find(name, &[What::Inside]));
        plan.mismatches.extend(inside.clone().map(|item| {
            let text =
                format!("`mod {}` is written in this file: what is new in it is yours to add", item.name);
            Mismatch { file: path.clone(), line: item.line, text }
        }));
        Ok(inside.map(|item| item.name.clone()).collect())
    }

    /// What the file of a module lacks, part by part, and the names of it.
    fn missing_parts(
        &self,
        module: &[String],
        is_new: bool,
        source: &Source,
        children: &BTreeSet<&str>,
        hooks: &[&Place<'_>],
    ) -> (Vec<String>, Vec<String>) {
        let has = |name: &str, whats: &[What]| source.find(name, whats).is_some();
        let is_declared = |name: &str| has(name, &[What::Module, What::Inside, What::Import]);
        let missing: Vec<&str> = children.iter().copied().filter(|name| !is_declared(name)).collect();
        let declared: String = missing.iter().map(|name| format!("pub mod {name};\n")).collect();
        let is_written = |place: &Place<'_>| has(&place.function, &[What::Function, What::Import]);
        let new: Vec<&&Place<'_>> = hooks.iter().filter(|place| !is_written(place)).collect();
        let mut taken: BTreeSet<String> = source.names().map(str::to_owned).collect();
        let code =
            new.iter().map(|place| stub(place, self.spec, &self.gives.hooks[place.number], &mut taken));
        let beginning = is_new.then(|| self.beginning(module));
        let import = (is_new && !new.is_empty()).then(|| "use service_framework::prelude::*;\n".to_owned());
        let declared = (!declared.is_empty()).then_some(declared);
        let parts = beginning.into_iter().chain(declared).chain(import).chain(code).collect();
        let names = new.iter().map(|place| place.function.clone());
        (parts, names.chain(missing.iter().map(|name| format!("mod {name}"))).collect())
    }

    fn beginning(&self, module: &[String]) -> String {
        match module {
            [] => fixed::root(self.spec),
            _ => format!("{BEGINNING} `{}`.\n", module.join("::")),
        }
    }

    /// Functions without a hook, and arguments that are others than the function's.
    fn mismatches_of_module(&self, path: &str, source: &Source, hooks: &[&Place<'_>]) -> Vec<Mismatch> {
        let mut found = Vec::new();
        let mut tell = |line: usize, text: String| found.push(Mismatch { file: path.to_owned(), line, text });
        for function in source.functions().filter(|item| item.is_public && item.says("HookError")) {
            match hooks.iter().find(|place| place.function == function.name) {
                None => {
                    tell(function.line, format!("`{}` is the function of no hook of the spec", function.name))
                }
                Some(place) => {
                    mismatched_args(place, function, source)
                        .into_iter()
                        .for_each(|(line, text)| tell(line, text));
                }
            }
        }
        found
    }

    /// Functions in modules that had hooks and have none any more.
    fn find_strays(&self, plan: &mut Plan, read: Read<'_>) -> Result<(), Problem> {
        let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
        while let Some(module) = waiting.pop() {
            let (path, text) = file_of(&module, read)?;
            let Some(text) = text.filter(|_| module.len() < DEEPEST) else { continue };
            let source = Source::read(&text);
            let below = source.modules().map(|name| [module.as_slice(), &[name.to_owned()]].concat());
            waiting.extend(below);
            let has_hooks = self.places.iter().any(|place| place.module == module);
            if !has_hooks && text.starts_with(BEGINNING) {
                plan.mismatches.extend(self.mismatches_of_module(&path, &source, &[]));
            }
        }
        Ok(())
    }

    fn plan_tests(&self, plan: &mut Plan, read: Read<'_>) -> Result<(), Problem> {
        let before = read(TESTS)?;
        let source = before.as_deref().map(Source::read).unwrap_or_default();
        let all = proofs::proofs(self.spec.programs());
        let is_there = |name: &str| source.find(name, &[What::Function]).is_some();
        let new = all.iter().zip(&self.gives.programs).filter(|(proof, _)| !is_there(&proof.first()));
        let (names, code): (Vec<_>, Vec<_>) =
            new.map(|(proof, asked)| (proof.first(), proof.code(asked, &self.identifier))).unzip();
        let text = before.as_deref().unwrap_or_default();
        for proof in &all {
            if let Some(test) = source.find(&proof.first(), &[What::Function]) {
                let lacks = lacks(proof.program, text);
                plan.mismatches.extend(lacks.map(|text| Mismatch {
                    file: TESTS.to_owned(),
                    line: test.line,
                    text,
                }));
            }
        }
        if !code.is_empty() {
            let head = before.is_none().then(|| proofs::HEAD.to_owned());
            let parts: Vec<String> = head.into_iter().chain(code).collect();
            plan.append(TESTS, before, &parts, names);
        }
        let named: BTreeSet<&str> = all.iter().map(|proof| proof.name.as_str()).collect();
        for test in source.functions() {
            if proofs::tested(&test.name).is_some_and(|program| !named.contains(program)) {
                let text = format!("`{}` tests no program of the spec", test.name);
                plan.mismatches.push(Mismatch { file: TESTS.to_owned(), line: test.line, text });
            }
        }
        Ok(())
    }
}

/// What a program needs and tests of this text do not speak of.
fn lacks<'a>(program: &'a Program, text: &'a str) -> impl Iterator<Item = String> {
    let needed = program.args.iter().filter(|arg| arg.required && arg.default.is_none());
    let missing = needed.filter(|arg| !text.contains(&format!("{:?}", arg.name)));
    missing.map(|arg| format!("`{}` needs `{}`, which no test here gives it", program.name, arg.name))
}

/// The wiring, if somebody has changed it.
fn their_wiring(read: Read<'_>) -> Result<Option<Source>, Problem> {
    let text = read(WIRING)?;
    let theirs = text.filter(|text| !wiring::head(text).is_some_and(|head| head.is_unchanged));
    Ok(theirs.map(|text| Source::read(&text)))
}

/// Whether somebody has given a hook a function in another place than ours.
fn is_elsewhere(place: &Place<'_>, theirs: Option<&Source>, read: Read<'_>) -> Result<bool, Problem> {
    if !theirs.is_some_and(|source| source.has_text(&place.hook.name)) {
        return Ok(false);
    }
    let source = file_of(&place.module, read)?.1.map(|text| Source::read(&text));
    let is_here = |source: &Source| source.find(&place.function, &[What::Function, What::Import]).is_some();
    Ok(!source.as_ref().is_some_and(is_here))
}

/// The file of a module, and what stands in it.
fn file_of(module: &[String], read: Read<'_>) -> Result<(String, Option<String>), Problem> {
    if module.is_empty() {
        return Ok((ROOT.to_owned(), read(ROOT)?));
    }
    let stem = format!("src/{}", module.join("/"));
    let (beside, within) = (format!("{stem}.rs"), format!("{stem}/mod.rs"));
    match (read(&beside)?, read(&within)?) {
        (None, Some(text)) => Ok((within, Some(text))),
        (text, _) => Ok((beside, text)),
    }
}

/// What the type that a function reads has and the hook's arguments do not, and the other way.
fn mismatched_args(place: &Place<'_>, function: &Item, source: &Source) -> Vec<(usize, String)> {
    let read = function.first_type().and_then(|name| source.find(name, &[What::Struct]));
    let Some(read) = read.filter(|item| item.says("pub") || !item.fields().is_empty()) else {
        return Vec::new();
    };
    let fields = read.fields();
    let mut found = Vec::new();
    for arg in &place.hook.args {
        let wanted = type_of_arg(arg);
        match fields.iter().find(|field| field.name == arg.name) {
            None => found.push((
                read.line,
                format!(
                    "`{}` lacks `{}: {wanted}`, an argument of the hook `{}`",
                    read.name, arg.name, place.hook.name
                ),
            )),
            Some(field) if !is_read_by(&wanted.replace(' ', ""), &field.of) => {
                found.push((
                    read.line,
                    format!("`{}.{}` is {}, the argument {wanted}", read.name, arg.name, field.of),
                ));
            }
            Some(_) => {}
        }
    }
    let is_arg = |name: &str| place.hook.args.iter().any(|arg| arg.name == name);
    found.extend(fields.iter().filter(|field| !is_arg(&field.name)).map(|field| {
        (
            read.line,
            format!("`{}.{}` is no argument of the hook `{}`", read.name, field.name, place.hook.name),
        )
    }));
    found
}

/// Whether a field can read an argument, as far as types are concerned that are written here. Of others only the start knows.
fn is_read_by(wanted: &str, field: &str) -> bool {
    let inner =
        |text: &str| text.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')).map(str::to_owned);
    let (wanted_inner, field_inner) = (inner(wanted), inner(field));
    if wanted_inner.is_some() && field_inner.is_none() && is_plain(field) {
        return false;
    }
    let wanted = wanted_inner.as_deref().unwrap_or(wanted);
    let field = field_inner.as_deref().unwrap_or(field);
    wanted == field || !is_plain(field) || (wanted, field) == ("i64", "f64")
}

fn is_plain(of: &str) -> bool {
    matches!(
        of,
        "String" | "i64" | "f64" | "bool" | "Vec<Value>" | "std::collections::BTreeMap<String,Value>"
    )
}

impl Plan {
    fn rewrite(&mut self, path: &str, before: Option<String>, after: String) {
        self.files.push(Addition { path: path.to_owned(), before, after });
        self.added.entry(path.to_owned()).or_default();
    }

    /// Adds parts to the end of a file, an empty line before each.
    fn append(&mut self, path: &str, before: Option<String>, parts: &[String], names: Vec<String>) {
        let mut after = before.clone().unwrap_or_default();
        for part in parts {
            if !after.is_empty() && !after.ends_with('\n') {
                after.push('\n');
            }
            if !after.is_empty() {
                after.push('\n');
            }
            after.push_str(part);
        }
        self.files.push(Addition { path: path.to_owned(), before, after });
        self.added.entry(path.to_owned()).or_default().extend(names);
    }
}
