//! Imports of what the prelude has, as assignments.

use ruff_python_ast::{Alias, StmtImport, StmtImportFrom};
use ruff_text_size::{Ranged, TextRange};

/// Modules that scripts know under these names and the prelude under those.
const ANSWERED: [(&str, &str); 5] = [
    ("time", "stdtime"),
    ("random", "random"),
    ("uuid", "uuid"),
    ("asyncio", "asyncio"),
    ("functools", "functools"),
];

/// Modules that monty has itself.
pub(in super::super) const PLAIN_MODULES: [&str; 12] = [
    "base64",
    "binascii",
    "collections",
    "dataclasses",
    "datetime",
    "itertools",
    "json",
    "math",
    "re",
    "typing",
    "unicodedata",
    "__future__",
];

/// Where the prelude has a module; none if it has not.
pub(in super::super) fn place(module: &str) -> Option<String> {
    if module == "flow" {
        return Some("__flow__".to_owned());
    }
    match module.strip_prefix("flow.") {
        Some(part) => Some(format!("__flow__.{part}")),
        None => {
            ANSWERED.iter().find(|(name, _)| *name == module).map(|(_, place)| format!("__flow__.{place}"))
        }
    }
}

/// What `import a, b as c` becomes; none if nothing of it is the prelude's.
pub(super) fn import(import: &StmtImport, source: &str) -> Option<String> {
    if !import.names.iter().any(|alias| place(&alias.name).is_some()) {
        return None;
    }
    let parts = import.names.iter().map(|alias| match place(&alias.name) {
        Some(place) => assigned(alias, &place),
        None => format!("import {}", &source[range(alias.range())]),
    });
    Some(with_lines_of(parts.collect::<Vec<_>>().join(";"), &source[range(import.range)]))
}

fn assigned(alias: &Alias, place: &str) -> String {
    match &alias.asname {
        Some(name) => format!("{name}={place}"),
        // `import flow.time` binds `flow`.
        None if alias.name.starts_with("flow.") => "flow=__flow__".to_owned(),
        None => format!("{}={place}", alias.name),
    }
}

/// What `from a import b, c as d` becomes; none if the module is not the prelude's.
pub(super) fn import_from(import: &StmtImportFrom, source: &str) -> Option<String> {
    let module = import.module.as_ref().filter(|_| import.level == 0)?;
    let place = place(module)?;
    if import.names.iter().any(|alias| alias.name.as_str() == "*") {
        return None;
    }
    let bound = import.names.iter().map(|alias| alias.asname.as_ref().unwrap_or(&alias.name).to_string());
    let found = import.names.iter().map(|alias| format!("{place}.{}", alias.name));
    let text = format!("{}={}", bound.collect::<Vec<_>>().join(","), found.collect::<Vec<_>>().join(","));
    Some(with_lines_of(text, &source[range(import.range)]))
}

/// The text, over as many lines as the one that it replaces.
fn with_lines_of(text: String, old: &str) -> String {
    text + &" \\\n".repeat(old.matches('\n').count())
}

fn range(range: TextRange) -> std::ops::Range<usize> {
    range.start().to_usize()..range.end().to_usize()
}
