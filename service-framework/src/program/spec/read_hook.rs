//! Reading hooks.

use std::time::Duration;

use serde_json::Value as Json;

use super::arg::read_args;
use super::durations::{read_duration, read_timeout};
use super::keys::Keys;
use super::names::{check_function, check_hook_name};
use super::read::open_entry;
use super::references::{Link, References};
use super::{Hook, Retry, Target};
use crate::model::{Problem, Table, describe};

const KEYS: [&str; 8] =
    ["reference", "args", "dependencies", "rectifiers", "description", "retry", "timeout", "idempotent"];

/// Reads a hook; what is wrong with it is left out.
pub(super) fn read_hook<'a>(
    (name, place): (&str, usize),
    json: &'a Json,
    named: &mut Table<'a, '_>,
    references: &References<'_>,
) -> (Hook, Vec<Link>) {
    check_hook_name(name, &named.path_of(name), named.problems);
    let mut hook = Hook {
        name: name.to_owned(),
        reference: String::new(),
        args: Vec::new(),
        dependencies: Vec::new(),
        rectifiers: Vec::new(),
        description: String::new(),
        retry: Retry::default(),
        timeout: None,
        idempotent: false,
    };
    let Some(mut table) = open_entry(name, json, named, &KEYS) else { return (hook, Vec::new()) };
    hook.reference = read_reference(&mut table);
    hook.args = read_args(&mut table, "args");
    let dependencies = read_list(&mut table, "dependencies", Target::Hook(place), references);
    let rectifiers = read_list(&mut table, "rectifiers", Target::Hook(place), references);
    hook.dependencies = dependencies.iter().map(|link| link.to).collect();
    hook.rectifiers = rectifiers.iter().map(|link| link.to).collect();
    hook.description = table.text("description").unwrap_or_default();
    hook.retry = read_retry(&mut table);
    hook.timeout = read_timeout(&mut table, "timeout");
    hook.idempotent = table.flag("idempotent").unwrap_or_default();
    (hook, [dependencies, rectifiers].concat())
}

fn read_reference(table: &mut Keys<'_, '_>) -> String {
    let reference = table.required_text("reference", "the path of a function, such as `order.stock.reserve`");
    if let Some(reference) = &reference {
        let path = table.path_of("reference");
        check_function(reference, &path, table.problems);
    }
    reference.unwrap_or_default()
}

fn read_list(
    table: &mut Keys<'_, '_>,
    list: &'static str,
    hook: Target,
    references: &References<'_>,
) -> Vec<Link> {
    let items = table.list(list, "a list of hooks").unwrap_or_default();
    let path = table.path_of(list);
    references.read((items, list), hook, &path, table.problems)
}

const RETRY_KEYS: [&str; 3] = ["attempts", "backoff", "max_backoff"];

fn read_retry(table: &mut Keys<'_, '_>) -> Retry {
    let path = table.path_of("retry");
    let Some(json) = table.get("retry") else { return Retry::default() };
    let Some(mut table) = Keys::open(json, &path, table.problems, &RETRY_KEYS) else {
        return Retry::default();
    };
    let attempts = read_attempts(&mut table);
    let waits = ["backoff", "max_backoff"].map(|key| (key, read_duration(&mut table, key)));
    let [(_, backoff), (_, max_backoff)] = waits;
    if attempts == Some(1) {
        let unused = waits.into_iter().filter(|(_, wait)| wait.is_some());
        for (key, _) in unused {
            let problem = Problem::new(table.path_of(key), "attempts of 2 or more besides it", "1");
            table
                .problems
                .push(problem.with_hint("the first attempt counts: without a second nothing is waited for"));
        }
    }
    let backoff_or_default =
        backoff.unwrap_or_else(|| Retry::DEFAULT_BACKOFF.min(max_backoff.unwrap_or(Duration::MAX)));
    if max_backoff.is_some_and(|longest| longest < backoff_or_default) {
        let problem = Problem::new(table.path_of("max_backoff"), "at least the backoff", "less");
        table.problems.push(problem.with_hint("waits begin with `backoff` and double up to `max_backoff`"));
    }
    Retry {
        attempts: attempts.unwrap_or(1),
        backoff: backoff_or_default,
        max_backoff: max_backoff.unwrap_or_else(|| Retry::DEFAULT_MAX_BACKOFF.max(backoff_or_default)),
    }
}

/// All attempts; None and a problem if that cannot be.
fn read_attempts(table: &mut Keys<'_, '_>) -> Option<u32> {
    const EXPECTED: &str = "a whole number of attempts, 1 or more";
    let Some(json) = table.get("attempts") else {
        table.require("attempts", EXPECTED);
        return None;
    };
    let attempts = json.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    if attempts.is_none() {
        let problem = Problem::new(table.path_of("attempts"), EXPECTED, describe(json));
        table.problems.push(match json.as_u64() {
            Some(0) => problem.with_hint("the first attempt counts: 1 is no retry"),
            _ => problem,
        });
    }
    attempts
}
