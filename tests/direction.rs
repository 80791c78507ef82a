//! The direction of the crate: each folder of `src` uses only those below it, and the pure ones neither a clock nor
//! the world outside.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;

/// The folders of `service-framework/src`, from the one that uses nothing to the one that nothing uses.
const LAYERS: [&str; 15] = [
    "drawing",
    "http",
    "value",
    "store",
    "model",
    "wire",
    "program",
    "flow",
    "connection",
    "cluster",
    "state",
    "recording",
    "service",
    "testing",
    "launcher",
];

/// Layers that compute and do nothing else, whatever is asked of them.
const PURE: [&str; 4] = ["drawing", "value", "model", "wire"];

/// Parts of other layers that do so too: machines to which the time is told.
const PURE_PARTS: [&str; 26] = [
    "cluster/dice.rs",
    "cluster/engine/",
    "cluster/events/",
    "cluster/identity.rs",
    "cluster/links.rs",
    "cluster/map/",
    "cluster/membership/",
    "cluster/record.rs",
    "cluster/registry.rs",
    "cluster/router/",
    "cluster/settings.rs",
    "cluster/sim/",
    "cluster/time.rs",
    "cluster/wire/",
    "connection/picking.rs",
    "flow/engine/",
    "program/graph/",
    "program/spec/",
    "state/exchange.rs",
    "state/full.rs",
    "state/map.rs",
    "state/owner/",
    "state/raw.rs",
    "state/replica/",
    "state/rules.rs",
    "state/update.rs",
];

/// What has an effect or another answer the next time.
const IMPURE: [&str; 9] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "zmq::",
    "tokio::",
];

/// Files of unit tests, by their names.
const OF_TESTS: [&str; 14] = [
    "tests",
    "tap_tests",
    "properties",
    "strategies",
    "vectors",
    "simulation",
    "state_tests",
    "problem_tests",
    "large_tests",
    "programs_tests",
    "fixture",
    "hostile",
    "conformance",
    "fuzzing",
];

/// What only the launcher may touch.
const OF_THE_PROCESS: [&str; 4] = ["std::env", "env::args", "std::process", "signal_hook"];

/// One source file.
struct Source {
    path: PathBuf,
    layer: usize,
    /// Its lines without comments, by number.
    code: Vec<(usize, String)>,
}

impl Source {
    fn read(path: PathBuf, layer: usize) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_start()));
        let code = lines.filter(|(_, line)| !line.starts_with("//")).map(|(n, line)| (n, line.to_owned()));
        Self { code: code.collect(), path, layer }
    }

    /// The lines before the unit tests, which may do what they like.
    fn code_that_ships(&self) -> impl Iterator<Item = &(usize, String)> {
        let is_tests = OF_TESTS.iter().any(|name| self.path.file_stem().is_some_and(|stem| stem == *name));
        self.code.iter().take_while(move |(_, line)| !is_tests && !line.starts_with("mod tests {"))
    }

    /// Every line in which one of `words` stands.
    fn lines_with(&self, words: &[&str]) -> Vec<String> {
        let hits = self.code_that_ships().filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        hits.map(|(number, line)| self.at(*number, line)).collect()
    }

    fn is_pure_part(&self) -> bool {
        let path = self.path.to_string_lossy();
        path.split_once("/src/").is_some_and(|(_, path)| PURE_PARTS.iter().any(|part| path.starts_with(part)))
    }

    fn at(&self, number: usize, what: &str) -> String {
        format!("{}:{number}: {what}", self.path.display())
    }

    /// Uses of layers above this one, of names at the root, which hide where they come from, and of the root itself
    /// by climbing to it.
    fn wrong_uses(&self) -> Vec<String> {
        let allowed = &LAYERS[..=self.layer];
        let out = "super::".repeat(self.depth() + 1);
        let mut wrong = Vec::new();
        for (number, line) in &self.code {
            let used = names_after("crate::", line).filter(|name| !allowed.contains(name));
            wrong.extend(used.map(|name| self.at(*number, &format!("crate::{name}"))));
            wrong.extend(line.contains(&out).then(|| self.at(*number, &out)));
        }
        wrong
    }

    /// How many modules deep the file is below the root of the crate; what it has inside is one deeper.
    fn depth(&self) -> usize {
        let below = self.path.iter().skip_while(|part| *part != "src").skip(1).count();
        if self.path.ends_with("mod.rs") { below - 1 } else { below }
    }
}

/// The first segment of every path in `line` that begins with `root`.
fn names_after<'a>(root: &'a str, line: &'a str) -> impl Iterator<Item = &'a str> {
    let is_of_name = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(root)
        // `$crate` and `some_crate` are other words.
        .filter(move |(at, _)| !line[..*at].ends_with(is_of_name) && !line[..*at].ends_with('$'))
        .map(move |(at, _)| {
            let path = &line[at + root.len()..];
            &path[..path.find(|character| !is_of_name(character)).unwrap_or(path.len())]
        })
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn sources() -> Vec<Source> {
    let folder = root().join("service-framework/src");
    let of_layer =
        |(layer, name)| rust_files(&folder.join(name)).into_iter().map(move |path| Source::read(path, layer));
    LAYERS.into_iter().enumerate().flat_map(of_layer).collect()
}

fn assert_none(wrong: &[String], rule: &str) {
    assert!(wrong.is_empty(), "{rule}, but:\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_has_its_place() {
    let folder = root().join("service-framework/src");
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let names = folders.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name());
    let unknown: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        // Long text for the crate page.
        .filter(|name| !LAYERS.contains(&name.as_str()) && name != "docs")
        .collect();
    assert_none(&unknown, "each folder of src has a place among the layers");
}

#[test]
fn uses_lead_one_way() {
    let wrong: Vec<String> = sources().iter().flat_map(Source::wrong_uses).collect();
    assert_none(
        &wrong,
        &format!("each of {LAYERS:?} uses only itself and those before it, by their own names"),
    );
}

#[test]
fn pure_layers_do_nothing_but_compute() {
    let sources = sources();
    let pure = sources.iter().filter(|source| PURE.contains(&LAYERS[source.layer]) || source.is_pure_part());
    let wrong: Vec<String> = pure.flat_map(|source| source.lines_with(&IMPURE)).collect();
    assert_none(&wrong, &format!("{PURE:?} have no clock, no files and no sockets"));
}

#[test]
fn only_the_launcher_touches_the_process() {
    let sources = sources();
    let below = sources.iter().filter(|source| LAYERS[source.layer] != "launcher");
    let wrong: Vec<String> = below.flat_map(|source| source.lines_with(&OF_THE_PROCESS)).collect();
    assert_none(&wrong, "command line, environment, signals and exit belong to the launcher");
}

#[test]
fn paths_are_found_in_lines() {
    let line =
        "use crate::model::{a, b}; fn f(x: crate::wire::X) -> my_crate::Y { $crate::macros!(super::crate) }";
    assert_eq!(names_after("crate::", line).collect::<Vec<_>>(), ["model", "wire"]);
    assert_eq!(names_after("crate::", "use crate::{model, wire};").collect::<Vec<_>>(), [""]);
}
