//! Names that nothing binds.

use super::complaints::{Complaints, did_you_mean};
use super::probe::Probe;
use super::scopes::Names;
use crate::flow::engine::monty::prelude::BOUND;

/// Builtins that flows have not, and what to write instead.
const ABSENT: [(&str, &str); 18] = [
    ("open", "flows have no files: ask a service, or get what you need as an argument"),
    ("input", "await a message: `from flow.events import signal`, then `await signal(\"answer\")`"),
    ("eval", "parse data with json.loads"),
    ("exec", "define a function and call it"),
    ("compile", "define a function and call it"),
    ("__import__", "write `import` at the top of the file"),
    ("globals", "keep what you need in a dict of your own"),
    ("locals", "keep what you need in a dict of your own"),
    ("vars", "keep what you need in a dict of your own"),
    ("dir", "keep what you need in a dict of your own"),
    ("super", "classes have no bases here: call the function directly"),
    ("property", "write a method and call it"),
    ("staticmethod", "write a function outside of the class"),
    ("classmethod", "write a function outside of the class that makes the object"),
    ("callable", "know what you pass, or test for None"),
    ("complex", "use two floats"),
    ("id", "compare with `is`, or give things ids of their own: what id() gives differs between versions"),
    ("hash", "use the value itself as a key: what hash() gives differs between versions"),
];

/// Exceptions that there are not, and what is raised instead.
const EXCEPTIONS: [(&str, &str); 7] = [
    ("ConnectionError", "OSError"),
    ("ConnectionRefusedError", "OSError"),
    ("ConnectionResetError", "OSError"),
    ("IOError", "OSError"),
    ("EnvironmentError", "OSError"),
    ("EOFError", "ValueError"),
    ("UnicodeError", "ValueError"),
];

pub(super) fn check(names: &Names, probe: &mut Probe, complaints: &mut Complaints) {
    for (name, range) in &names.unbound {
        if let Some((_, instead)) = ABSENT.iter().find(|(absent, _)| absent == name) {
            complaints.add(*range, format!("{name} cannot be used in a flow"), *instead);
        } else if !BOUND.contains(&name.as_str()) && !probe.has_name(name) {
            complaints.add(*range, format!("the name {name} is not defined"), advice(name, names));
        }
    }
}

fn advice(name: &str, names: &Names) -> String {
    if let Some((_, other)) = EXCEPTIONS.iter().find(|(exception, _)| *exception == name) {
        return format!("use {other}");
    }
    if let Some(module) = MODULE_OF.iter().find(|(bound, _)| *bound == name) {
        return format!("import it: {}", module.1);
    }
    did_you_mean(name, names.bound.keys().map(String::as_str))
        .unwrap_or_else(|| "assign it, import it, or make it a parameter".to_owned())
}

/// What is often used without having been imported.
const MODULE_OF: [(&str, &str); 15] = [
    ("request", "`from flow.http import request`"),
    ("callback", "`from flow.http import callback`"),
    ("sleep", "`from flow.time import sleep`"),
    ("timeout", "`from flow.time import timeout`"),
    ("forever", "`from flow.time import forever`"),
    ("gather", "`from flow.tasks import gather`"),
    ("signal", "`from flow.events import signal`"),
    ("queue", "`from flow.events import queue`"),
    ("to_send", "`from flow.service import to_send`"),
    ("on_failure", "`from flow.saga import on_failure`"),
    ("retry", "`from flow.retry import retry`"),
    ("json", "`import json`"),
    ("datetime", "`from datetime import datetime`"),
    ("time", "`import time`"),
    ("random", "`import random`"),
];
