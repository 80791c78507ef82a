//! A script that runs: from its top level to its result, step by step.
//!
//! One session of monty goes through up to three phases: the top level of the script, the function that was asked
//! for, and, if something failed, what the script wants undone. A [`State`] is where it stands still in between.

use std::sync::Arc;

use monty::{MontyRepl, ReplFunctionCall, ReplProgress, ReplResolveFutures, ReplStartError};
use monty_types::{ExcType, ExtFunctionResult, MontyException, MontyObject, NameLookupResult, PrintWriter};
use serde::{Deserialize, Serialize};

use super::source::Source;
use super::{convert, outside, prelude, saved, traceback};
use crate::flow::engine::{Call, Failure, Frame, Limits, Outcome, Script, Step, Stepped};
use crate::value::Value;

type Advance = Result<ReplProgress, Box<ReplStartError>>;

/// What is fed after the script: its function, then what undoes it.
const CALL: (&str, &str) = ("__flow_call__(", ", __flow_args)");
const ARGS: &str = "__flow_args";
const UNDO: &str = "__flow_undo__()";

/// So many compensations may end in a way that a script cannot catch; then the rest is not tried.
const MOST_UNCAUGHT: usize = 100;

/// Where a script stands still.
#[derive(Debug)]
pub struct State {
    /// As monty has it: a call, one that asks for the time, or a wait.
    pub(super) at: Box<ReplProgress>,
    pub(super) run: Run,
}

/// What there is to know of a run beside monty's own.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) source: Arc<Source>,
    pub(super) limits: Limits,
    pub(super) record: Record,
    /// What it printed since it last stood still.
    pub(super) printed: String,
}

/// The part of it that is saved.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) phase: Phase,
    /// How many calls were made.
    pub(super) calls: u32,
    /// Calls that are answered later: monty's number and ours.
    pub(super) later: Vec<(u32, u32)>,
}

/// How far a run is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Phase {
    /// At the top level of the script.
    Top,
    /// In the function that was asked for.
    Function,
    /// Undoing what it did, after this.
    Undoing(Failure),
}

/// What comes next in a run.
enum Next {
    /// Monty went on, to this.
    Advance(Advance),
    /// It stands still.
    Stand(ReplProgress),
    /// It stands still, at this call.
    Call(Call, ReplFunctionCall),
    /// It is at its end.
    End(Step<State>),
}

/// Runs a script from its beginning.
pub(super) fn start(script: &Script, limits: &Limits) -> Stepped<State> {
    let source = Arc::new(Source::new(script));
    let record = Record { phase: Phase::Top, calls: 0, later: Vec::new() };
    let run = Run { source: Arc::clone(&source), limits: *limits, record, printed: String::new() };
    match (prelude::session(limits), source.text()) {
        (Ok(session), Ok(text)) => run.go_on(|run| run.feed(session, text, Vec::new())),
        (Err(problem), _) => run.end(Step::Failed(traceback::of_the_engine(&problem))),
        (_, Err(failure)) => run.end(Step::Failed(failure.clone())),
    }
}

impl State {
    /// Goes on with what came of the call at which it stands.
    pub(super) fn answer(self, outcome: Outcome) -> Stepped<State> {
        let Self { at, run } = self;
        match *at {
            ReplProgress::FunctionCall(call) => {
                run.go_on(|run| call.resume(outside::result(outcome), run.writer()))
            }
            ReplProgress::OsCall(call) => {
                let result = outside::time_result(&call.function_call, outcome);
                run.go_on(|run| call.resume(result, run.writer()))
            }
            at => run.stand(at),
        }
    }

    /// Gives the script something to await instead.
    pub(super) fn later(self) -> Stepped<State> {
        let Self { at, mut run } = self;
        match *at {
            ReplProgress::FunctionCall(call) => {
                run.record.later.push((call.call_id, run.record.calls.saturating_sub(1)));
                run.go_on(|run| call.resume_pending(run.writer()))
            }
            // The clock's time cannot come later, and a wait is no call.
            at => run.stand(at),
        }
    }

    /// Goes on with what one of the calls came to that it waits for.
    pub(super) fn settle(self, call: u32, outcome: Outcome) -> Stepped<State> {
        let Self { at, mut run } = self;
        match *at {
            ReplProgress::ResolveFutures(wait) => match run.record.take_pending(&wait, call) {
                Some(id) => run.go_on(|run| wait.resume(vec![(id, outside::awaited(outcome))], run.writer())),
                // Monty would drop the whole state for a number that it does not know.
                None => run.stand(ReplProgress::ResolveFutures(wait)),
            },
            at => run.stand(at),
        }
    }

    /// Raises `KeyboardInterrupt` where it stands.
    pub(super) fn interrupt(self) -> Stepped<State> {
        let Self { at, mut run } = self;
        let raised = outside::result(outside::interruption());
        match *at {
            ReplProgress::FunctionCall(call) => run.go_on(|run| call.resume(raised, run.writer())),
            ReplProgress::OsCall(call) => run.go_on(|run| call.resume(raised, run.writer())),
            ReplProgress::ResolveFutures(wait) => {
                // In all of its tasks: one that nobody waits for could keep it to itself.
                let ids = run.record.take_all_pending(&wait);
                let raised = |id| (id, outside::awaited(outside::interruption()));
                let results = ids.into_iter().map(raised).collect();
                run.go_on(|run| wait.resume(results, run.writer()))
            }
            at => run.stand(at),
        }
    }

    /// Where it stands: a copy is ended there, and says so.
    pub(super) fn frames(&self) -> Vec<Frame> {
        let Ok(copy) = saved::copy(&self.at) else { return Vec::new() };
        let end = MontyException::new(ExcType::KeyboardInterrupt, None);
        let ended = match copy {
            ReplProgress::FunctionCall(call) => call.abort(end, PrintWriter::Disabled),
            ReplProgress::OsCall(call) => call.abort(end, PrintWriter::Disabled),
            ReplProgress::ResolveFutures(wait) => wait.abort(end, PrintWriter::Disabled),
            other => Ok(other),
        };
        ended.err().map(|ended| traceback::frames(&ended.error, &self.run.source)).unwrap_or_default()
    }

    /// The step that it stands at.
    pub(super) fn into_step(self) -> Step<State> {
        self.run.stand(*self.at).step
    }
}

impl Record {
    /// The calls that a script waits for, in order.
    fn pending(&self, wait: &ReplResolveFutures) -> Vec<u32> {
        let ids = wait.pending_call_ids();
        let mut calls: Vec<u32> =
            self.later.iter().filter(|(id, _)| ids.contains(id)).map(|(_, call)| *call).collect();
        calls.sort_unstable();
        calls
    }

    /// Monty's number of a call that a script waits for; from now on it does not.
    fn take_pending(&mut self, wait: &ReplResolveFutures, call: u32) -> Option<u32> {
        let ids = wait.pending_call_ids();
        let place = self.later.iter().position(|(id, number)| *number == call && ids.contains(id))?;
        Some(self.later.remove(place).0)
    }

    /// Monty's numbers of all calls that a script waits for, in the order of ours; from now on it does not.
    fn take_all_pending(&mut self, wait: &ReplResolveFutures) -> Vec<u32> {
        self.pending(wait).into_iter().filter_map(|call| self.take_pending(wait, call)).collect()
    }
}

impl Run {
    /// Goes on until the script needs somebody or is at its end.
    fn go_on(mut self, go: impl FnOnce(&mut Self) -> Advance) -> Stepped<State> {
        let mut advance = go(&mut self);
        loop {
            match self.next(advance) {
                Next::Advance(next) => advance = next,
                Next::Stand(at) => return self.stand(at),
                Next::Call(call, at) => return self.hand_out(call, ReplProgress::FunctionCall(at)),
                Next::End(step) => return self.end(step),
            }
        }
    }

    fn next(&mut self, advance: Advance) -> Next {
        match advance {
            Ok(ReplProgress::FunctionCall(call)) => self.call(call),
            Ok(ReplProgress::OsCall(call)) if outside::is_clock(&call) => {
                self.record.calls += 1;
                Next::Stand(ReplProgress::OsCall(call))
            }
            Ok(ReplProgress::OsCall(call)) => {
                let refusal = outside::refusal(&call.function_call);
                Next::Advance(call.resume(refusal, self.writer()))
            }
            Ok(ReplProgress::NameLookup(name)) => {
                Next::Advance(name.resume(NameLookupResult::Undefined, self.writer()))
            }
            Ok(ReplProgress::ResolveFutures(wait)) => Next::Stand(ReplProgress::ResolveFutures(wait)),
            Ok(ReplProgress::Complete { repl, value }) => self.end_phase(repl, value),
            Err(failed) => self.fail(*failed),
        }
    }

    /// Hands out what the script asks for, or goes on at once if that is nothing which can be handed out.
    fn call(&mut self, call: ReplFunctionCall) -> Next {
        match outside::request(&call, &self.limits) {
            Some(Ok((name, args))) => {
                let id = self.record.calls;
                self.record.calls += 1;
                Next::Call(Call { id, name, args }, call)
            }
            Some(Err(problem)) => Next::Advance(call.resume(problem, self.writer())),
            None => {
                let unknown = call.function_name.clone();
                Next::Advance(call.resume(ExtFunctionResult::NotFound(unknown), self.writer()))
            }
        }
    }

    /// What comes after a phase that ended well.
    fn end_phase(&mut self, session: MontyRepl, value: MontyObject) -> Next {
        match &self.record.phase {
            Phase::Top => match self.source.function().map(str::to_owned) {
                None => Next::End(Step::Done(Value::Nil)),
                Some(function) => self.call_function(session, &function),
            },
            Phase::Function => match convert::to_value(&value, self.limits.argument) {
                Ok(value) => Next::End(Step::Done(value)),
                Err(problem) => self.undo(session, traceback::of_a_result(&problem)),
            },
            Phase::Undoing(failure) => {
                let mut failure = failure.clone();
                if let MontyObject::List(told) = &value {
                    failure.compensated = told.first().map(convert::to_lines).unwrap_or_default();
                    failure
                        .not_compensated
                        .splice(0..0, told.get(1).map(convert::to_lines).unwrap_or_default());
                }
                Next::End(Step::Failed(failure))
            }
        }
    }

    fn call_function(&mut self, session: MontyRepl, function: &str) -> Next {
        self.record.phase = Phase::Function;
        if !session.has_function(function) {
            return self.undo(session, traceback::of_a_function(function));
        }
        let code = format!("{}{function}{}", CALL.0, CALL.1);
        let args = convert::to_object(self.source.args());
        Next::Advance(self.feed(session, &code, vec![(ARGS.to_owned(), args)]))
    }

    /// What comes after a phase that failed.
    fn fail(&mut self, failed: ReplStartError) -> Next {
        let ReplStartError { repl, error } = failed;
        match &self.record.phase {
            // Only what nothing in the prelude can catch comes here.
            Phase::Undoing(failure) => {
                let mut failure = failure.clone();
                failure.not_compensated.push(error.summary());
                if failure.not_compensated.len() < MOST_UNCAUGHT {
                    return self.undo(repl, failure);
                }
                Next::End(Step::Failed(failure))
            }
            _ => self.undo(repl, traceback::failure(&error, &self.source)),
        }
    }

    fn undo(&mut self, session: MontyRepl, failure: Failure) -> Next {
        self.record.phase = Phase::Undoing(failure);
        Next::Advance(self.feed(session, UNDO, Vec::new()))
    }

    fn feed(&mut self, session: MontyRepl, code: &str, inputs: Vec<(String, MontyObject)>) -> Advance {
        // Numbers of monty begin anew with what is fed, and nothing that was fed before waits any more.
        self.record.later.clear();
        // Monty skips what is empty without counting it.
        session.feed_start(if code.is_empty() { "pass" } else { code }, inputs, self.writer())
    }

    fn writer(&mut self) -> PrintWriter<'_> {
        PrintWriter::CollectString(&mut self.printed, Some(self.limits.printed))
    }

    /// The step of a script that stands here.
    fn stand(self, at: ReplProgress) -> Stepped<State> {
        let id = self.record.calls.saturating_sub(1);
        let (name, args) = match &at {
            ReplProgress::ResolveFutures(wait) => {
                let on = self.record.pending(wait);
                return self.step(|run| Step::Wait { on, state: State { at: Box::new(at), run } });
            }
            ReplProgress::FunctionCall(call) => match outside::request(call, &self.limits) {
                Some(Ok(request)) => request,
                _ => (call.function_name.clone(), Vec::new()),
            },
            _ => (outside::NOW.to_owned(), Vec::new()),
        };
        self.hand_out(Call { id, name, args }, at)
    }

    fn hand_out(self, call: Call, at: ReplProgress) -> Stepped<State> {
        self.step(|run| Step::Call { call, state: State { at: Box::new(at), run } })
    }

    fn end(self, step: Step<State>) -> Stepped<State> {
        Stepped { step, printed: self.printed }
    }

    fn step(mut self, step: impl FnOnce(Self) -> Step<State>) -> Stepped<State> {
        let printed = std::mem::take(&mut self.printed);
        Stepped { step: step(self), printed }
    }
}
