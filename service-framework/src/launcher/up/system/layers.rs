//! System files laid over each other: what one includes lies below it, and of several on a command line the last is on
//! top. Paths are made relative to nothing before anything is merged, and variables are put in.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::variables;
use super::wiring::CLUSTER;
use crate::launcher::files;
use crate::model::{Problem, child, describe, element};

/// Files that include each other deeper than this do so for ever.
const DEEPEST: usize = 32;

/// One file as it was read.
#[derive(Debug)]
struct Layer {
    file: String,
    json: Json,
}

/// All files, the lowest first.
#[derive(Debug, Default)]
pub(super) struct Layers {
    layers: Vec<Layer>,
    /// Problems of the files themselves, each with its file.
    pub(super) problems: Vec<Problem>,
}

impl Layers {
    /// Reads `paths`, each with what it includes below it.
    pub(super) fn read(paths: &[PathBuf]) -> Self {
        let mut layers = Self::default();
        for path in paths {
            layers.add(path, &mut Vec::new());
        }
        layers
    }

    fn add(&mut self, path: &Path, above: &mut Vec<PathBuf>) {
        let file = path.display().to_string();
        let mut json = match files::read_json(path) {
            Ok(json) => json,
            Err(problem) => return self.problems.push(problem),
        };
        let folder = folder_of(path);
        above.push(full(path));
        let mut problems = Vec::new();
        for (place, included) in includes(&mut json, &mut problems) {
            let included = folder.join(included);
            if above.contains(&full(&included)) || above.len() >= DEEPEST {
                let found = format!("{}, which includes this file", included.display());
                problems.push(Problem::new(place, "a file that does not include this one", found));
                continue;
            }
            self.add(&included, above);
        }
        above.pop();
        variables::put_in(&mut json, &|name| std::env::var(name).ok(), &mut problems);
        from_root(&mut json, &folder);
        self.problems.extend(problems.into_iter().map(|problem| problem.in_file(&file)));
        self.layers.push(Layer { file, json });
    }

    /// One JSON of all.
    pub(super) fn merged(&self) -> Json {
        let mut merged = Json::Object(Map::new());
        for layer in &self.layers {
            lay_over(&mut merged, &layer.json);
        }
        merged
    }

    /// The problem with the file in which its place stands; the last of several, which is the one that counts.
    pub(super) fn place(&self, problem: Problem) -> Problem {
        let depth = |layer: &&Layer| depth_of(&layer.json, "", &problem.path);
        match self.layers.iter().max_by_key(depth) {
            Some(layer) => problem.in_file(&layer.file),
            None => problem,
        }
    }
}

/// The folder of the file at `path`, from the root.
pub(in crate::launcher::up) fn folder_of(path: &Path) -> PathBuf {
    full(path).parent().map(Path::to_owned).unwrap_or_default()
}

pub(super) fn full(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Takes the paths under `include` out of `json`, each with its place.
fn includes(json: &mut Json, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let included = json.as_object_mut().and_then(|json| json.remove("include"));
    let included = match included {
        None | Some(Json::Null) => return Vec::new(),
        Some(Json::Array(included)) => included,
        Some(other) => {
            problems.push(Problem::new("include", "a list of paths", describe(&other)));
            return Vec::new();
        }
    };
    let read = |(index, json): (usize, &Json)| match json {
        Json::String(path) => Some((element("include", index), path.clone())),
        other => {
            let place = element("include", index);
            problems.push(Problem::new(place, "the path of a system file", describe(other)));
            None
        }
    };
    included.iter().enumerate().filter_map(read).collect()
}

/// Paths of services, addresses, config and clusters as paths from the root: what lies above may be in another folder.
pub(super) fn from_root(json: &mut Json, folder: &Path) {
    let services = json.get_mut("services").and_then(Json::as_object_mut);
    for entry in services.into_iter().flat_map(|services| services.values_mut()) {
        for key in ["service", "addresses", "config"] {
            if let Some(Json::String(path)) = entry.get_mut(key)
                && (key != "service" || path.contains('/'))
            {
                put_below(folder, path);
            }
        }
        for path in entry.get_mut("watch").and_then(Json::as_array_mut).into_iter().flatten() {
            if let Json::String(path) = path {
                put_below(folder, path);
            }
        }
        for key in ["keys", "data"] {
            let cluster = entry.get_mut("addresses").and_then(|addresses| addresses.get_mut(CLUSTER));
            if let Some(Json::String(path)) = cluster.and_then(|cluster| cluster.get_mut(key)) {
                put_below(folder, path);
            }
        }
    }
}

fn put_below(folder: &Path, path: &mut String) {
    let full: PathBuf = folder.join(&*path).components().collect();
    *path = full.display().to_string();
}

/// Tables are merged key by key, null takes a key away, anything else stands for what was there.
fn lay_over(below: &mut Json, above: &Json) {
    match (below, above) {
        (Json::Object(below), Json::Object(above)) => {
            for (key, above) in above {
                if above.is_null() {
                    below.shift_remove(key);
                } else {
                    lay_over(below.entry(key).or_insert(Json::Object(Map::new())), above);
                }
            }
        }
        (below, above) => *below = above.clone(),
    }
}

/// How much of the path of a problem is there in `json`, which is at `at`.
fn depth_of(json: &Json, at: &str, path: &str) -> usize {
    let deeper = |at: &str, json: &Json| match path.strip_prefix(at) {
        Some(rest) if rest.is_empty() || rest.starts_with(['.', '[']) => 1 + depth_of(json, at, path),
        _ => 0,
    };
    let depths: Vec<usize> = match json {
        Json::Object(table) => table.iter().map(|(key, json)| deeper(&child(at, key), json)).collect(),
        Json::Array(items) => {
            items.iter().enumerate().map(|(index, json)| deeper(&element(at, index), json)).collect()
        }
        _ => Vec::new(),
    };
    depths.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_lies_above_counts_and_null_takes_away() {
        let mut below = json!({ "services": { "a": { "args": ["x"], "grace": 1 }, "b": {} }, "addresses": { "n": "*:1" } });
        lay_over(
            &mut below,
            &json!({ "services": { "a": { "args": ["y"] }, "b": null, "c": { "grace": 2 } } }),
        );
        let merged = json!({ "services": { "a": { "args": ["y"], "grace": 1 }, "c": { "grace": 2 } }, "addresses": { "n": "*:1" } });
        assert_eq!(below, merged);
    }

    #[test]
    fn a_problem_is_in_the_file_that_says_it_last() {
        let layer = |file: &str, json: Json| Layer { file: file.to_owned(), json };
        let layers = Layers {
            layers: vec![
                layer("base", json!({ "services": { "a": { "grace": 1, "args": [] } } })),
                layer("dev", json!({ "services": { "a": { "grace": "x" }, "a.b": {} } })),
            ],
            problems: Vec::new(),
        };
        for (path, file) in [
            ("services.a.grace", "dev"),
            ("services.a.args[3]", "base"),
            ("services[\"a.b\"].service", "dev"),
            ("services.a.service", "dev"),
        ] {
            assert_eq!(layers.place(Problem::missing(path, "x")).file.as_deref(), Some(file), "{path}");
        }
    }

    #[test]
    fn included_files_lie_below_and_never_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let write =
            |name: &str, json: Json| std::fs::write(folder.path().join(name), json.to_string()).unwrap();
        write("sub/base.json", json!({ "services": { "a": { "service": "./a", "config": "c.json" } } }));
        write(
            "system.json",
            json!({ "include": ["sub/base.json"], "services": { "a": { "config": "d.json" } } }),
        );
        let layers = Layers::read(&[folder.path().join("system.json")]);
        assert_eq!(layers.problems, []);
        let at = |name: &str| folder.path().join(name).display().to_string();
        let merged = json!({ "services": { "a": { "service": at("sub/a"), "config": at("d.json") } } });
        assert_eq!(layers.merged(), merged);
        write("sub/base.json", json!({ "include": ["../sub/../system.json"] }));
        let looped = Layers::read(&[folder.path().join("system.json")]);
        assert!(!looped.problems.is_empty() && looped.problems.len() < DEEPEST, "{:?}", looped.problems);
    }
}
