//! What happens to a run by itself: everything between two calls.

use super::machine::{End, Run, State};
use super::plan::Op;
use crate::program::pool::{Pool, TRACEBACK};
use crate::program::spec::{Arg, Program};
use crate::value::Value;

/// What happens by itself.
impl Run {
    /// What the run comes to: an operation of its plan, or of what undoes the last hook that is done.
    pub(super) fn op(&self) -> Option<Op> {
        match self.state {
            State::Forward(at) => self.plan.forward.get(at).copied(),
            State::Reversing(at) | State::Stuck(at) => self.plan.undo(*self.done.last()?).get(at).copied(),
            State::Ended(_) => None,
        }
    }

    /// Goes on to the next call, or to the end.
    pub(super) fn settle(&mut self) {
        if self.is_in_flight {
            return;
        }
        loop {
            match (self.state, self.op()) {
                (State::Ended(_) | State::Stuck(_), _) => return,
                (State::Forward(_), None) => self.finish(),
                (State::Reversing(_), None) => self.undo_next(),
                (_, Some(op)) => {
                    if self.pass(op) {
                        return;
                    }
                }
            }
        }
    }

    /// Does what needs no function; whether one must be called.
    fn pass(&mut self, op: Op) -> bool {
        match op {
            Op::Begin(hook) => {
                let reference = self.plan.hook(hook).reference.clone();
                self.trace(reference);
            }
            Op::Call { hook, is_dependency } => {
                let problems = if self.attempt > 1 { Vec::new() } else { self.problems_of(hook) };
                if problems.is_empty() {
                    return true;
                }
                let reference = self.plan.hook(hook).reference.clone();
                self.note(&reference, &problems);
                self.fail(&reference, is_dependency);
                return false;
            }
            Op::Enter(program) => {
                let plan = self.plan.clone();
                let program = &plan.spec.programs()[program];
                let problems = fill_in(&mut self.pool, &program.args);
                if !problems.is_empty() {
                    self.fail_program(program, &problems);
                    return false;
                }
            }
            Op::Leave(program) => {
                let plan = self.plan.clone();
                let program = &plan.spec.programs()[program];
                let problems = missing_outputs(&self.pool, program);
                if !problems.is_empty() {
                    self.fail_program(program, &problems);
                    return false;
                }
            }
        }
        self.step_on();
        false
    }

    fn step_on(&mut self) {
        self.state = match self.state {
            State::Forward(at) => State::Forward(at + 1),
            State::Reversing(at) => State::Reversing(at + 1),
            other => other,
        };
    }

    fn problems_of(&mut self, hook: usize) -> Vec<String> {
        let plan = self.plan.clone();
        fill_in(&mut self.pool, &plan.hook(hook).args)
    }

    fn fail_program(&mut self, program: &Program, problems: &[String]) {
        let reference = format!("programs.{}", program.name);
        self.note(&reference, problems);
        self.fail(&reference, false);
    }

    fn note(&mut self, reference: &str, problems: &[String]) {
        self.notes.push(format!("{reference}: {}", problems.join(", ")));
    }

    fn trace(&mut self, reference: String) {
        let mut traced = match self.pool.remove(TRACEBACK) {
            Some(Value::List(traced)) => traced,
            _ => Vec::new(),
        };
        traced.push(Value::Str(reference));
        self.pool.set(TRACEBACK, traced);
    }

    fn finish(&mut self) {
        let plan = self.plan.clone();
        let problems = missing_outputs(&self.pool, plan.program());
        match problems.is_empty() {
            true => self.state = State::Ended(End::Done),
            false => self.fail_program(plan.program(), &problems),
        }
    }

    fn undo_next(&mut self) {
        self.done.pop();
        self.state = match self.done.is_empty() {
            true => State::Ended(End::Rectified),
            false => State::Reversing(0),
        };
    }
}

/// Adds defaults; what is missing or of another type then.
fn fill_in(pool: &mut Pool, args: &[Arg]) -> Vec<String> {
    for arg in args {
        if let (false, Some(default)) = (pool.has(&arg.name), &arg.default) {
            pool.set(&arg.name, default.clone());
        }
    }
    args.iter().filter_map(|arg| problem_with(pool, arg)).collect()
}

/// What is wrong with an argument in a pool.
pub(super) fn problem_with(pool: &Pool, arg: &Arg) -> Option<String> {
    match pool.get(&arg.name) {
        None if arg.required => Some(format!("{:?} is missing", arg.name)),
        None => None,
        Some(Value::Nil) if !arg.required => None,
        Some(value) if arg.kind.accepts(value) => None,
        Some(_) => Some(format!("{:?} is no {}", arg.name, arg.kind.as_str())),
    }
}

fn missing_outputs(pool: &Pool, program: &Program) -> Vec<String> {
    let is_missing = |output: &&Arg| output.required && output.default.is_none() && !pool.has(&output.name);
    let missing = program.outputs.iter().filter(is_missing);
    missing.map(|output| format!("its output {:?} is missing", output.name)).collect()
}
