//! Checking values against types, over their MessagePack bytes: no value is built, and where all is well nothing is
//! allocated (except for `$schema` types, records of more than 64 fields and maps of more than 16 entries). Never
//! trusts the bytes: malformed ones are a mismatch like any other.
//!
//! A [`Checker`] is compiled once. `node` is what it is compiled to, `walk` goes through the bytes beside it, and
//! `place` and `found` say where and what when something is wrong.

mod found;
mod keys;
mod node;
mod place;
mod walk;

use self::node::{Compiler, Node};
use super::arguments::Arguments;
use super::mismatch::Mismatch;
use super::problem::Problem;
use super::state::{StateModel, StateType};
use super::types::Type;

/// Arguments or a type, compiled.
///
/// A checker checks the structure of the bytes too, up to the default depth of [`crate::value::Limits`].
#[derive(Debug)]
pub struct Checker {
    root: Node,
}

impl Checker {
    /// Compiles argument tables: a map that has all required and perhaps some optional arguments, and no others.
    ///
    /// # Errors
    /// All problems of the types, each with its path: names declared twice, unions and literals without members,
    /// literals that are no scalars, types nested too deep, invalid schemas. Types read from JSON have none of these
    /// but the first.
    pub fn compile(arguments: &Arguments) -> Result<Checker, Vec<Problem>> {
        let mut compiler = Compiler::default();
        let root = compiler.arguments(arguments, "");
        compiler.finish(root).map(|root| Checker { root })
    }

    /// Compiles a single type.
    ///
    /// # Errors
    /// As [`Checker::compile`]; the paths are below `path`.
    pub fn of_type(of: &Type, path: &str) -> Result<Checker, Vec<Problem>> {
        let mut compiler = Compiler::default();
        let root = compiler.node(of, path);
        compiler.finish(root).map(|root| Checker { root })
    }

    /// Compiles the arguments of a state's updates. Of a full update these are the arguments of its model; of a delta
    /// update `current_num`, `is_snapshot`, `state` with any of its keys, where nil deletes one, and the others of its
    /// model.
    ///
    /// # Errors
    /// As [`Checker::compile`].
    pub fn of_update(model: &StateModel) -> Result<Checker, Vec<Problem>> {
        let mut compiler = Compiler::default();
        let root = match model.kind {
            _ if model.takes_anything => compiler.node(&Type::map(Type::Str, Type::Any), ""),
            StateType::FullUpdate => compiler.arguments(&model.arguments, ""),
            StateType::DeltaUpdate => compiler.update(&model.arguments),
        };
        compiler.finish(root).map(|root| Checker { root })
    }

    /// Compiles a delta state's own type for some of its keys; whether nil, which deletes one, may stand there.
    ///
    /// # Errors
    /// As [`Checker::compile`].
    pub fn of_keys(of: &Type, deletes: bool, path: &str) -> Result<Checker, Vec<Problem>> {
        let mut compiler = Compiler::default();
        let root = compiler.some_keys(of, deletes, path);
        compiler.finish(root).map(|root| Checker { root })
    }

    /// Checks the arguments of a message, which are called `args`.
    ///
    /// # Errors
    /// As [`Checker::check_named`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), Vec<Mismatch>> {
        self.check_named("args", bytes)
    }

    /// Checks that `bytes` are exactly one MessagePack value of the compiled type; `name` begins every path.
    ///
    /// # Errors
    /// The first [`MAX_MISMATCHES`](super::MAX_MISMATCHES) mismatches, or a single one if the bytes are malformed.
    pub fn check_named(&self, name: &str, bytes: &[u8]) -> Result<(), Vec<Mismatch>> {
        walk::check(&self.root, name, bytes)
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
