//! `program check`: everything that is wrong with a spec.

use std::collections::HashSet;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::spec_file;
use crate::launcher::arguments::Options;
use crate::launcher::terminal::Palette;
use crate::launcher::{exit, report};
use crate::model::Problem;
use crate::program::spec::{Hook, Spec, Target};
use crate::service::Programs;

/// Checks the spec that the command line names, or a program's own.
pub(super) fn check(options: &Options, own: Option<Programs>) -> ExitCode {
    let own = own.filter(|_| !options.programs.names_spec);
    let (read, file) = match &own {
        // Its problems are those of a file that was there when it was compiled.
        Some(own) => (own.spec().cloned(), "its own spec".to_owned()),
        None => {
            let path = &options.programs.spec;
            (spec_file::read_by_schema(path), path.display().to_string())
        }
    };
    let text = if options.json {
        format!("{}\n", to_json(&file, &read))
    } else {
        text(&file, &read, options.color.palette(&std::io::stdout()))
    };
    report::print(&text, exit::of_check(read.is_ok()))
}

type Read = Result<Spec, Vec<Problem>>;

fn text(file: &str, read: &Read, palette: Palette) -> String {
    let spec = match read {
        Ok(spec) => spec,
        Err(problems) => return report::text(problems, "it would not start", palette),
    };
    let mut text = String::new();
    for warning in warnings(spec) {
        text.push_str(&format!("{} {}\n", palette.yellow("warning:"), report::without_long_words(&warning)));
    }
    let counted = [counted(spec.programs().len(), "program"), counted(spec.hooks().len(), "hook")];
    text.push_str(&format!("{} {file}: {}\n", palette.green("ok:"), counted.join(", ")));
    text
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn to_json(file: &str, read: &Read) -> Json {
    let (problems, spec) = match read {
        Ok(spec) => (&[][..], Some(spec)),
        Err(problems) => (&problems[..], None),
    };
    json!({
        "file": file,
        "name": spec.map(Spec::name),
        "fingerprint": spec.map(|spec| spec.fingerprint().to_string()),
        "problems": problems.iter().map(report::to_json).collect::<Vec<_>>(),
        "warnings": spec.map(warnings).unwrap_or_default(),
    })
}

/// So many names stand in one warning.
const MOST_NAMES: usize = 20;

/// What is allowed and probably not meant.
fn warnings(spec: &Spec) -> Vec<String> {
    let mut warnings = Vec::new();
    let unused = unused_hooks(spec);
    if !unused.is_empty() {
        warnings.push(format!("no program uses {}", listed(&unused)));
    }
    let repeated = hooks_that_may_happen_twice(spec);
    if !repeated.is_empty() {
        warnings.push(format!(
            "{} may happen twice: an attempt that was late may have happened, and is tried again; say \
             `\"idempotent\": true` if that does no harm, or leave out `retry`",
            listed(&repeated)
        ));
    }
    warnings
}

fn listed(names: &[&str]) -> String {
    let mut listed: Vec<String> = names.iter().take(MOST_NAMES).map(|name| format!("`{name}`")).collect();
    if names.len() > MOST_NAMES {
        listed.push(format!("{} more", names.len() - MOST_NAMES));
    }
    listed.join(", ")
}

/// The hooks that are tried again after a time although it matters how often they run.
fn hooks_that_may_happen_twice(spec: &Spec) -> Vec<&str> {
    let may = |hook: &&Hook| !hook.idempotent && hook.timeout.is_some() && hook.retry.attempts > 1;
    spec.hooks().iter().filter(may).map(|hook| &*hook.name).collect()
}

/// The hooks that nothing leads to from any program.
fn unused_hooks(spec: &Spec) -> Vec<&str> {
    let mut used: HashSet<Target> = HashSet::new();
    let mut waiting: Vec<Target> =
        spec.programs().iter().flat_map(|program| &program.hooks).copied().collect();
    while let Some(target) = waiting.pop() {
        let Target::Hook(place) = target else { continue };
        if let Some(hook) = spec.hooks().get(place).filter(|_| used.insert(target)) {
            waiting.extend(hook.dependencies.iter().chain(&hook.rectifiers));
        }
    }
    let hooks = spec.hooks().iter().enumerate();
    hooks.filter(|(place, _)| !used.contains(&Target::Hook(*place))).map(|(_, hook)| &*hook.name).collect()
}
