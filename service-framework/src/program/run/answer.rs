//! What a client gets of a pool.

use crate::program::pool::{DEPENDENCY_FAIL, PROGRAM_FAIL, Pool, RECTIFIER_FAIL};
use crate::program::spec::Program;

/// What a program gives: its outputs with their defaults, and of a failed run everything that begins with `_` besides.
#[must_use]
pub fn answer(program: &Program, pool: &Pool) -> Pool {
    let mut answer = Pool::new();
    let has_failed = [PROGRAM_FAIL, DEPENDENCY_FAIL, RECTIFIER_FAIL].iter().any(|flag| pool.is_true(flag));
    for (name, value) in pool.iter() {
        if (has_failed && name.starts_with('_')) || program.outputs.iter().any(|output| output.name == name) {
            answer.set(name, value.clone());
        }
    }
    for output in &program.outputs {
        if let (Some(default), false) = (&output.default, answer.has(&output.name)) {
            answer.set(&output.name, default.clone());
        }
    }
    answer.watch();
    answer
}
