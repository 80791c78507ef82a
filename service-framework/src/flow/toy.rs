//! An engine of a toy language: one call a line, so that tests of turns need no interpreter.
//!
//! `ask NAME`, `sleep N`, `push N`, `pop`, `now`, `callback`, `begin NAME`, `nap N`, `wait message M`, `wait call N`, `both M N`, `print TEXT`;
//! `try` before a line catches what it raises. The result is the list of what all lines came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::flow::engine::{
    Call, Complaint, Engine, Failure, Frame, Limits, Outcome, Raised, Script, Step, Stepped, Unusable,
};
use crate::value::{Value, decode, encode};

pub(crate) struct Toy;

#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct State {
    lines: Vec<String>,
    line: usize,
    next_call: u32,
    /// Calls of this line that were answered `later`, and what they came to.
    waiting: BTreeMap<u32, Option<Outcome>>,
    results: Vec<Value>,
    printed: String,
    callback: Option<String>,
}

pub(crate) fn script(lines: &[&str]) -> Script {
    Script { file: "toy".to_owned(), source: lines.join("\n"), function: None, args: Vec::new() }
}

impl State {
    fn text(&self) -> Option<&str> {
        let line = self.lines.get(self.line)?;
        Some(line.strip_prefix("try ").unwrap_or(line))
    }

    /// Runs to the next call.
    fn run(mut self) -> Step<State> {
        while let Some(text) = self.text().and_then(|text| text.strip_prefix("print ")).map(str::to_owned) {
            self.printed.push_str(&text);
            self.line += 1;
        }
        let Some(text) = self.text().map(str::to_owned) else { return Step::Done(Value::List(self.results)) };
        let words: Vec<&str> = text.split(' ').collect();
        let (name, args) = match words.as_slice() {
            ["ask", name] => (*name, vec![Value::Int(self.line as i64)]),
            ["sleep", seconds] => ("time.sleep", vec![number(seconds)]),
            ["push", seconds] => ("deadline.push", vec![number(seconds)]),
            ["pop"] => ("deadline.pop", Vec::new()),
            ["now"] => ("time.now", Vec::new()),
            ["callback"] => ("http.callback", Vec::new()),
            ["begin", name] => ("begin", vec![(*name).into(), Value::List(Vec::new())]),
            ["nap", seconds] => ("begin", vec!["time.sleep".into(), Value::List(vec![number(seconds)])]),
            ["wait", "call", call] => ("wait.call", vec![Value::Int(call.parse().unwrap())]),
            ["wait", "callback"] => {
                ("wait.callback", vec![self.callback.clone().unwrap_or_default().as_str().into()])
            }
            ["wait", "message", name] => ("wait.message", vec![(*name).into()]),
            ["both", one, other] => {
                let name = [one, other][self.waiting.len()];
                ("wait.message", vec![(*name).into()])
            }
            words => (words[0], words[1..].iter().map(|word| (*word).into()).collect()),
        };
        let call = Call { id: self.next_call, name: name.to_owned(), args };
        self.next_call += 1;
        Step::Call { call, state: self }
    }

    /// The line came to this.
    fn came_to(mut self, outcome: Outcome) -> Step<State> {
        let catches = self.lines[self.line].starts_with("try ");
        self.line += 1;
        self.waiting.clear();
        match outcome {
            Outcome::Value(value) => {
                if let Some(id) = value.get("id").and_then(Value::as_str) {
                    self.callback = Some(id.to_owned());
                }
                self.results.push(value);
                self.run()
            }
            Outcome::Error(Raised { kind, .. }) if catches => {
                self.results.push(Value::Str(kind));
                self.run()
            }
            Outcome::Error(Raised { kind, message }) => Step::Failed(Failure {
                kind,
                message,
                frames: Vec::new(),
                traceback: String::new(),
                compensated: Vec::new(),
                not_compensated: Vec::new(),
            }),
        }
    }

    fn wait(self) -> Step<State> {
        let on: Vec<u32> =
            self.waiting.iter().filter(|(_, done)| done.is_none()).map(|(call, _)| *call).collect();
        Step::Wait { on, state: self }
    }
}

fn number(text: &str) -> Value {
    Value::Float(text.parse().unwrap())
}

fn stepped(step: Step<State>) -> Stepped<State> {
    let mut step = step;
    let printed = match &mut step {
        Step::Call { state, .. } | Step::Wait { state, .. } => std::mem::take(&mut state.printed),
        _ => String::new(),
    };
    Stepped { step, printed }
}

impl Engine for Toy {
    type State = State;

    fn version(&self) -> String {
        "toy".to_owned()
    }

    fn check(&self, _: &str, _: &str) -> Vec<Complaint> {
        Vec::new()
    }

    fn start(&self, script: &Script, _: &Limits) -> Stepped<State> {
        let lines = script.source.lines().map(str::to_owned).collect();
        stepped(State { lines, ..State::default() }.run())
    }

    fn answer(&self, state: State, outcome: Outcome) -> Stepped<State> {
        stepped(state.came_to(outcome))
    }

    fn later(&self, mut state: State) -> Stepped<State> {
        state.waiting.insert(state.next_call - 1, None);
        let is_more = state.text().is_some_and(|text| text.starts_with("both")) && state.waiting.len() < 2;
        stepped(if is_more { state.run() } else { state.wait() })
    }

    fn settle(&self, mut state: State, call: u32, outcome: Outcome) -> Stepped<State> {
        if matches!(outcome, Outcome::Error(_)) {
            return stepped(state.came_to(outcome));
        }
        if let Some(waiting) = state.waiting.get_mut(&call) {
            *waiting = Some(outcome);
        }
        if state.waiting.values().any(Option::is_none) {
            return stepped(state.wait());
        }
        let values = state.waiting.values().flatten().map(|outcome| match outcome {
            Outcome::Value(value) => value.clone(),
            Outcome::Error(_) => Value::Nil,
        });
        let mut values: Vec<Value> = values.collect();
        let value = if values.len() == 1 { values.remove(0) } else { Value::List(values) };
        stepped(state.came_to(Outcome::Value(value)))
    }

    fn interrupt(&self, state: State) -> Stepped<State> {
        let raised = Raised { kind: "KeyboardInterrupt".to_owned(), message: String::new() };
        // `finally` of the toy language: a last line that begins with it runs.
        let last = state.lines.iter().position(|line| line.starts_with("finally "));
        match last {
            Some(line) => {
                let mut state = State { line, waiting: BTreeMap::new(), ..state };
                state.lines[line] = state.lines[line]["finally ".len()..].to_owned();
                stepped(state.run())
            }
            None => stepped(state.came_to(Outcome::Error(raised))),
        }
    }

    fn frames(&self, state: &State) -> Vec<Frame> {
        let line = u32::try_from(state.line).unwrap() + 1;
        vec![Frame { function: "<module>".to_owned(), line, column: 1, text: String::new() }]
    }

    fn save(&self, state: &State) -> Result<Vec<u8>, Unusable> {
        encode(state).map_err(|error| Unusable(error.to_string()))
    }

    fn load(&self, bytes: &[u8], _: &Script, _: &Limits) -> Result<Step<State>, Unusable> {
        let state: State = decode(bytes).map_err(|error| Unusable(error.to_string()))?;
        Ok(if state.waiting.is_empty() {
            let mut again = state;
            again.next_call -= 1;
            again.run()
        } else {
            state.wait()
        })
    }
}
