//! A script's text: as its author wrote it, and as monty gets it.

use super::rewrite::{self, Rewritten};
use super::traceback;
use crate::flow::engine::{Failure, Script};
use crate::value::Value;

/// A script, read.
#[derive(Debug)]
pub(super) struct Source {
    script: Script,
    read: Result<Rewritten, Failure>,
}

impl Source {
    pub(super) fn new(script: &Script) -> Self {
        let read = rewrite::rewrite(&script.source)
            .map_err(|complaint| traceback::of_a_text(&complaint, &script.file, &script.source));
        Self { script: script.clone(), read }
    }

    /// What monty gets, or why it gets nothing.
    pub(super) fn text(&self) -> Result<&str, &Failure> {
        self.read.as_ref().map(Rewritten::text)
    }

    /// How the places in that and in the author's text belong together.
    pub(super) fn rewritten(&self) -> Option<&Rewritten> {
        self.read.as_ref().ok()
    }

    pub(super) fn file(&self) -> &str {
        &self.script.file
    }

    pub(super) fn function(&self) -> Option<&str> {
        self.script.function.as_deref()
    }

    /// The arguments of the function, as a map.
    pub(super) fn args(&self) -> Value {
        let args = self.script.args.iter();
        Value::Map(args.map(|(name, value)| (Value::Str(name.clone()), value.clone())).collect())
    }
}
