//! Plans: what a program does, one thing after the other, and what undoes each of its steps.

use std::collections::HashMap;
use std::sync::Arc;

use crate::program::spec::{Hook, Program, Spec, Target};

/// One thing that a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// A hook begins: it is traced, and its dependencies come next.
    Begin(usize),
    /// A hook's function is called.
    Call { hook: usize, is_dependency: bool },
    /// A nested program begins: its defaults are filled in and its arguments checked.
    Enter(usize),
    /// A nested program ends: what it must give is there.
    Leave(usize),
}

/// What a program of a spec does, written out.
#[derive(Debug)]
pub struct Plan {
    pub(super) spec: Arc<Spec>,
    program: usize,
    pub(super) forward: Vec<Op>,
    /// The rectifiers of every hook that has some.
    undo: HashMap<usize, Vec<Op>>,
    /// Every run is told it, and the spec does not change.
    fingerprint: String,
}

impl Plan {
    /// The plan of the program that stands at this place in a checked spec.
    #[must_use]
    pub fn new(spec: &Arc<Spec>, program: usize) -> Self {
        let mut forward = Vec::new();
        let mut undo = HashMap::new();
        if let Some(found) = spec.programs().get(program) {
            found.hooks.iter().for_each(|step| write_out(spec, *step, false, &mut forward));
        }
        for op in &forward {
            if let Op::Call { hook, .. } = op {
                undo.entry(*hook).or_insert_with(|| undoing(spec, *hook));
            }
        }
        let name = spec.programs().get(program).map_or("", |found| found.name.as_str());
        let fingerprint = spec.fingerprint_of(name).to_string();
        Self { spec: spec.clone(), program, forward, undo, fingerprint }
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.spec.programs()[self.program]
    }

    /// The spec that the program is of.
    #[must_use]
    pub fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }

    /// What tells this program as it is from another or a changed one.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// How many functions of hooks it calls, if none fails.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.forward.iter().filter(|op| matches!(op, Op::Call { .. })).count()
    }

    pub(super) fn hook(&self, hook: usize) -> &Hook {
        &self.spec.hooks()[hook]
    }

    /// What undoes a hook.
    pub(super) fn undo(&self, hook: usize) -> &[Op] {
        self.undo.get(&hook).map_or(&[], Vec::as_slice)
    }
}

/// A checked spec has no cycles and a bounded number of steps.
fn write_out(spec: &Spec, target: Target, is_dependency: bool, ops: &mut Vec<Op>) {
    match target {
        Target::Hook(hook) => {
            ops.push(Op::Begin(hook));
            spec.hooks()[hook].dependencies.iter().for_each(|needed| write_out(spec, *needed, true, ops));
            ops.push(Op::Call { hook, is_dependency });
        }
        Target::Program(program) => {
            ops.push(Op::Enter(program));
            spec.programs()[program].hooks.iter().for_each(|step| write_out(spec, *step, is_dependency, ops));
            ops.push(Op::Leave(program));
        }
    }
}

fn undoing(spec: &Spec, hook: usize) -> Vec<Op> {
    let mut ops = Vec::new();
    spec.hooks()[hook].rectifiers.iter().for_each(|rectifier| write_out(spec, *rectifier, false, &mut ops));
    ops
}
