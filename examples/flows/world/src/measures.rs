//! Real data: figures of this machine, and the libraries that this project is built of.

use std::fs;

use serde_json::{Value, json};

/// What this project is built of, as its lock file says.
const LOCK: &str = include_str!("../../../../Cargo.lock");

/// Load, memory and time since the start of this machine.
pub(crate) fn figures() -> Value {
    let words = |path: &str| -> Vec<f64> {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    };
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let available = available.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    json!({
        "load": words("/proc/loadavg").into_iter().take(3).collect::<Vec<_>>(),
        "available_kb": available,
        "uptime": words("/proc/uptime").first(),
    })
}

/// The entries of the lock file, each the lines of one library.
fn entries() -> impl Iterator<Item = &'static str> {
    LOCK.split("[[package]]").skip(1)
}

fn value_of(entry: &'static str, key: &str) -> Option<&'static str> {
    let line = entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
    Some(line.trim_matches('"'))
}

/// The names of all libraries.
pub(crate) fn crates() -> Value {
    let mut names: Vec<&str> = entries().filter_map(|entry| value_of(entry, "name")).collect();
    names.dedup();
    json!(names)
}

/// One library: its version, and how many others it needs.
pub(crate) fn one_crate(name: &str) -> Option<Value> {
    let entry = entries().find(|entry| value_of(entry, "name") == Some(name))?;
    let needs = entry.lines().filter(|line| line.starts_with(" \"")).count();
    Some(json!({ "name": name, "version": value_of(entry, "version"), "needs": needs }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_is_read() {
        assert!(crates().as_array().unwrap().len() > 100);
        let axum = one_crate("axum").unwrap();
        assert!(axum["needs"].as_u64().unwrap() > 3, "{axum}");
        assert_eq!(one_crate("nothing that there is"), None);
    }
}
