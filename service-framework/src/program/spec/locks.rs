//! Locks: their names, with entries of the pool filled in.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::{Map, Value as Json};

use super::keys::Keys;
use super::references::References;
use super::{Arg, ArgType};
use crate::model::{Problem, describe, element};
use crate::value::Value;

/// The name of a lock, such as `account:{account_id}`: what stands in braces is an entry of the pool, `{{` and `}}` are
/// braces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockTemplate {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    Entry(String),
}

/// Why a lock has no name for a pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// The pool does not have the entry.
    #[error("the lock `{lock}` needs `{name}`, which the pool does not have")]
    Missing {
        /// The template.
        lock: String,
        /// The entry.
        name: String,
    },
    /// The name is too long, or has a NUL.
    #[error("the name of a lock has at most {most} bytes and no NUL, and one here has {size}")]
    NoName {
        /// How many bytes it has.
        size: usize,
        /// How many it may have.
        most: usize,
    },
    /// The entry is nothing that can stand in a name.
    #[error("the lock `{lock}` needs `{name}` to be a str, int, float or bool")]
    Unfit {
        /// The template.
        lock: String,
        /// The entry.
        name: String,
    },
}

impl LockTemplate {
    /// Reads a template; the reason if it is none.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            rest = if let Some(behind) = from.strip_prefix("{{") {
                plain.push('{');
                behind
            } else if let Some(behind) = from.strip_prefix("}}") {
                plain.push('}');
                behind
            } else if let Some(inside) = from.strip_prefix('{') {
                let (name, behind) = inside.split_once('}').ok_or("a `{` that is not closed")?;
                if name.is_empty() || name.contains('{') {
                    return Err("braces without a name in them");
                }
                push_text(&mut parts, &mut plain);
                parts.push(Part::Entry(name.to_owned()));
                behind
            } else {
                return Err("a `}` that closes nothing");
            };
        }
        plain.push_str(rest);
        push_text(&mut parts, &mut plain);
        if parts.is_empty() { Err("an empty name") } else { Ok(Self { parts }) }
    }

    /// The entries of the pool that the name needs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Entry(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The name of the lock for a pool, whose entries `entry` gives. A whole number is written the same whether it is an
    /// int or a float.
    ///
    /// # Errors
    /// An entry is missing, or is no str, int, float or bool.
    pub fn render<'v>(&self, entry: impl Fn(&str) -> Option<&'v Value>) -> Result<String, LockError> {
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Entry(key) => name.push_str(&self.written(key, entry(key))?),
            }
        }
        Ok(name)
    }

    fn written(&self, key: &str, value: Option<&Value>) -> Result<String, LockError> {
        let (lock, name) = (self.to_string(), key.to_owned());
        match value {
            None => Err(LockError::Missing { lock, name }),
            Some(Value::Str(text)) => Ok(text.clone()),
            Some(Value::Int(number)) => Ok(number.to_string()),
            Some(Value::UInt(number)) => Ok(number.to_string()),
            Some(Value::Bool(truth)) => Ok(truth.to_string()),
            // The sum makes the two zeros one.
            Some(Value::Float(number)) => Ok((number + 0.0).to_string()),
            Some(_) => Err(LockError::Unfit { lock, name }),
        }
    }
}

fn push_text(parts: &mut Vec<Part>, plain: &mut String) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain)));
    }
}

impl fmt::Display for LockTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Entry(name) => write!(f, "{{{name}}}"),
        })
    }
}

const EXPECTED: &str = "a list of names such as \"account:{account_id}\"";

/// The locks of a program with these args; None if it has none of its own.
pub(super) fn read_locks(
    table: &mut Keys<'_, '_>,
    args: &[Arg],
    references: &References<'_>,
) -> Option<Vec<LockTemplate>> {
    let items = table.list("locks", EXPECTED)?;
    let declared = table.get("args").and_then(Json::as_object);
    let args = args.iter().map(|arg| (arg.name.as_str(), arg)).collect();
    let reader = Reader { args, declared, references };
    let path = table.path_of("locks");
    let mut locks = Vec::new();
    let mut seen = HashSet::new();
    for (index, json) in items.iter().enumerate() {
        let path = element(&path, index);
        match reader.lock(json, &path) {
            Ok(lock) if !seen.insert(lock.clone()) => {
                let found = format!("{:?} once more", lock.to_string());
                table.problems.push(Problem::new(path, "each lock once", found));
            }
            Ok(lock) => locks.push(lock),
            Err(problems) => table.problems.extend(problems),
        }
    }
    Some(locks)
}

struct Reader<'a> {
    args: HashMap<&'a str, &'a Arg>,
    /// As they are written, those that could not be read among them; None if there is no such table.
    declared: Option<&'a Map<String, Json>>,
    references: &'a References<'a>,
}

impl Reader<'_> {
    fn lock(&self, json: &Json, path: &str) -> Result<LockTemplate, Vec<Problem>> {
        let Some(text) = json.as_str() else {
            return Err(vec![Problem::new(path, "a string", describe(json))]);
        };
        let lock = LockTemplate::parse(text).map_err(|reason| {
            let problem = Problem::new(path, "a name such as \"account:{account_id}\"", reason);
            vec![problem.with_hint("`{{` and `}}` stand for braces")]
        })?;
        let problems: Vec<Problem> = lock.names().filter_map(|name| self.problem(name, path)).collect();
        if problems.is_empty() { Ok(lock) } else { Err(problems) }
    }

    /// What is wrong with the entry `name` in a template.
    fn problem(&self, name: &str, path: &str) -> Option<Problem> {
        let found = |found: String| Problem::new(path, "args of this program in braces", found);
        let Some(arg) = self.args.get(name) else {
            // What is wrong there is said there.
            if self.declared.is_none_or(|declared| declared.contains_key(name)) {
                return None;
            }
            let problem = found(format!("{}, which is none", describe(&name.into())));
            return Some(self.references.with_near(problem, name, self.args.keys().copied(), ""));
        };
        if matches!(arg.kind, ArgType::List | ArgType::Dict) {
            let problem = found(format!("{name:?}, which is a {}", arg.kind.as_str()));
            return Some(problem.with_hint("a str, int, float or bool can stand in a name"));
        }
        let may_be_absent = !arg.required && arg.default.is_none();
        may_be_absent.then(|| {
            let problem = found(format!("{name:?}, which may be absent"));
            problem.with_hint("make it required, or give it a default")
        })
    }
}
