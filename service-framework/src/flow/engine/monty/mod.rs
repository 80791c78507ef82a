//! The engine on monty, a Python in Rust that can be paused anywhere and written down.
//!
//! A script is rewritten a little (`rewrite`), since this monty lets no host answer its imports; what scripts import
//! is Python too (`prelude`), and all of it reaches the world outside through one function of the host, which
//! `session` turns into calls. Nothing else in the crate names monty.

mod check;
mod convert;
mod functions;
mod outside;
mod prelude;
mod rewrite;
mod saved;
mod session;
mod source;
mod traceback;

use super::{Complaint, Engine, Frame, Function, Limits, Mention, Outcome, Script, Step, Stepped, Unusable};

pub use session::State;

/// Raised when something changes that gives other calls and is not in the prelude's text.
const REVISION: u32 = 2;

/// The engine. It costs nothing to make: what all scripts share is made once in a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Monty;

impl Engine for Monty {
    type State = State;

    fn version(&self) -> String {
        format!("monty-{}/{:08x}.{REVISION}", monty_types::MONTY_VERSION, prelude::fingerprint())
    }

    fn check(&self, _file: &str, source: &str) -> Vec<Complaint> {
        check::check(source)
    }

    fn functions(&self, source: &str) -> Vec<Function> {
        functions::functions(source)
    }

    fn starts(&self, source: &str) -> Vec<Mention> {
        check::starts(source)
    }

    fn start(&self, script: &Script, limits: &Limits) -> Stepped<State> {
        session::start(script, limits)
    }

    fn answer(&self, state: State, outcome: Outcome) -> Stepped<State> {
        state.answer(outcome)
    }

    fn later(&self, state: State) -> Stepped<State> {
        state.later()
    }

    fn settle(&self, state: State, call: u32, outcome: Outcome) -> Stepped<State> {
        state.settle(call, outcome)
    }

    fn interrupt(&self, state: State) -> Stepped<State> {
        state.interrupt()
    }

    fn frames(&self, state: &State) -> Vec<Frame> {
        state.frames()
    }

    fn save(&self, state: &State) -> Result<Vec<u8>, Unusable> {
        saved::save(state)
    }

    fn load(&self, bytes: &[u8], script: &Script, limits: &Limits) -> Result<Step<State>, Unusable> {
        saved::load(bytes, script, limits)
    }
}

#[cfg(test)]
mod tests;
