//! A small host: answers what scripts ask for, writes down what it answered, and answers the same again.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::flow::engine::{
    Call, Engine, Failure, Limits, Monty, MontyState, Outcome, Raised, Script, Step, Stepped,
};
use crate::value::Value;

/// What happened to a call, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    Answered(Call, Outcome),
    Later(Call),
    Settled(u32, Outcome),
    Interrupted,
}

/// What became of a script.
#[derive(Debug, PartialEq)]
pub(super) struct Ran {
    pub(super) end: Result<Value, Failure>,
    pub(super) printed: String,
    pub(super) journal: Vec<Entry>,
}

impl Ran {
    /// The result; a failure of the script is one of the test.
    pub(super) fn value(self) -> Value {
        self.end.unwrap_or_else(|failure| panic!("{}", failure.traceback))
    }

    pub(super) fn failure(&self) -> &Failure {
        self.end.as_ref().expect_err("the script ended well")
    }

    /// The names of the calls.
    pub(super) fn calls(&self) -> Vec<&str> {
        let calls = self.journal.iter().filter_map(|entry| match entry {
            Entry::Answered(call, _) | Entry::Later(call) => Some(call.name.as_str()),
            _ => None,
        });
        calls.collect()
    }

    /// The arguments of the calls of a name.
    pub(super) fn args(&self, name: &str) -> Vec<Vec<Value>> {
        let calls = self.journal.iter().filter_map(|entry| match entry {
            Entry::Answered(call, _) | Entry::Later(call) if call.name == name => Some(call.args.clone()),
            _ => None,
        });
        calls.collect()
    }
}

type Server = Box<dyn FnMut(&str, &[Value]) -> Outcome>;

/// The world of a script in a test.
pub(super) struct World {
    now: f64,
    drawn: u64,
    begun: Vec<(String, Vec<Value>)>,
    pending: BTreeMap<u32, Call>,
    messages: HashMap<String, VecDeque<Outcome>>,
    server: Server,
    /// Interrupted when so many entries were written.
    pub(super) interrupt_at: Option<usize>,
    /// Saved and loaded again at each step.
    pub(super) is_saved: bool,
    pub(super) limits: Limits,
}

impl World {
    /// One in which this answers what is external, by name and arguments.
    pub(super) fn new(server: impl FnMut(&str, &[Value]) -> Outcome + 'static) -> Self {
        Self {
            now: 1_700_000_000.0,
            drawn: 0,
            begun: Vec::new(),
            pending: BTreeMap::new(),
            messages: HashMap::new(),
            server: Box::new(server),
            interrupt_at: None,
            is_saved: false,
            limits: Limits::default(),
        }
    }

    /// One that answers nothing but nil.
    pub(super) fn silent() -> Self {
        Self::new(|_, _| Outcome::Value(Value::Nil))
    }

    /// What arrives for a callback or as a message, next.
    pub(super) fn arrives(mut self, name: &str, outcome: Outcome) -> Self {
        self.messages.entry(name.to_owned()).or_default().push_back(outcome);
        self
    }

    /// Runs a script.
    pub(super) fn run(self, source: &str, function: Option<&str>, args: &[(&str, Value)]) -> Ran {
        self.run_script(&script(source, function, args))
    }

    pub(super) fn run_script(mut self, script: &Script) -> Ran {
        let mut step = Monty.start(script, &self.limits);
        let (mut printed, mut journal) = (String::new(), Vec::new());
        loop {
            printed.push_str(&step.printed);
            if self.interrupt_at == Some(journal.len()) {
                self.interrupt_at = None;
                if let Step::Call { state, .. } | Step::Wait { state, .. } = step.step {
                    journal.push(Entry::Interrupted);
                    step = Monty.interrupt(state);
                    continue;
                }
                panic!("it ended before it was interrupted");
            }
            step = match step.step {
                Step::Call { call, state } => {
                    let state = self.kept(state, script);
                    self.call(call, state, &mut journal)
                }
                Step::Wait { on, state } => {
                    assert!(on.is_sorted(), "{on:?}");
                    let state = self.kept(state, script);
                    let (call, outcome) = self.settled(&on);
                    journal.push(Entry::Settled(call, outcome.clone()));
                    Monty.settle(state, call, outcome)
                }
                Step::Done(value) => return Ran { end: Ok(value), printed, journal },
                Step::Failed(failure) => return Ran { end: Err(failure), printed, journal },
            };
        }
    }

    fn kept(&self, state: MontyState, script: &Script) -> MontyState {
        if !self.is_saved {
            return state;
        }
        saved_and_loaded(&state, script, &self.limits)
    }

    fn call(&mut self, call: Call, state: MontyState, journal: &mut Vec<Entry>) -> Stepped<MontyState> {
        if call.name.starts_with("wait.") {
            self.pending.insert(call.id, call.clone());
            journal.push(Entry::Later(call));
            return Monty.later(state);
        }
        let outcome = self.outcome(&call.name, &call.args);
        journal.push(Entry::Answered(call, outcome.clone()));
        Monty.answer(state, outcome)
    }

    /// The first that can be told of those that are waited for.
    fn settled(&mut self, on: &[u32]) -> (u32, Outcome) {
        for id in on {
            let call = self.pending[id].clone();
            let outcome = match call.name.as_str() {
                "wait.call" => {
                    let handle = call.args[0].as_i64().unwrap() as usize;
                    let (name, args) = self.begun[handle].clone();
                    Some((self.server)(&name, &args))
                }
                _ => self.messages.get_mut(call.args[0].as_str().unwrap()).and_then(VecDeque::pop_front),
            };
            if let Some(outcome) = outcome {
                self.pending.remove(id);
                return (*id, outcome);
            }
        }
        panic!("nothing arrives for {:?}", on.iter().map(|id| &self.pending[id]).collect::<Vec<_>>());
    }

    fn outcome(&mut self, name: &str, args: &[Value]) -> Outcome {
        self.drawn += 1;
        let drawn = self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11;
        Outcome::Value(match name {
            "time.now" => {
                self.now += 1.5;
                Value::Float(self.now)
            }
            "random.float" => Value::Float(drawn as f64 / (1_u64 << 53) as f64),
            "random.bytes" => {
                Value::Bytes((0..args[0].as_i64().unwrap()).map(|at| (drawn >> (at % 6 * 8)) as u8).collect())
            }
            "uuid.new" => Value::Str(format!("{:08x}-0000-4000-8000-000000000000", self.drawn)),
            "http.callback" => {
                let id = format!("cb{}", self.drawn);
                map(&[("url", text(&format!("http://here/callback/{id}"))), ("id", text(&id))])
            }
            "flow.self" => map(&[("id", text("f1")), ("name", text("nightly")), ("attempt", Value::Int(1))]),
            "begin" => {
                let Value::List(list) = &args[1] else { panic!("{args:?}") };
                self.begun.push((args[0].as_str().unwrap().to_owned(), list.clone()));
                Value::Int(self.begun.len() as i64 - 1)
            }
            "deadline.push" | "deadline.pop" | "flow.publish" => Value::Nil,
            _ => return (self.server)(name, args),
        })
    }
}

/// Runs a script with the answers of a journal, and says what it asked for.
pub(super) fn replay(script: &Script, journal: &[Entry], limits: &Limits, is_saved: bool) -> Ran {
    let mut step = Monty.start(script, limits);
    let (mut printed, mut asked) = (String::new(), Vec::new());
    let mut left = journal.iter();
    loop {
        printed.push_str(&step.printed);
        let kept = |state| if is_saved { saved_and_loaded(&state, script, limits) } else { state };
        step = match step.step {
            Step::Done(value) => return Ran { end: Ok(value), printed, journal: asked },
            Step::Failed(failure) => return Ran { end: Err(failure), printed, journal: asked },
            Step::Call { call, state } => match left.next().cloned() {
                Some(Entry::Answered(_, outcome)) => {
                    asked.push(Entry::Answered(call, outcome.clone()));
                    Monty.answer(kept(state), outcome)
                }
                Some(Entry::Later(_)) => {
                    asked.push(Entry::Later(call));
                    Monty.later(kept(state))
                }
                Some(Entry::Interrupted) => {
                    asked.push(Entry::Interrupted);
                    Monty.interrupt(kept(state))
                }
                other => panic!("{call:?} where there was {other:?}"),
            },
            Step::Wait { on, state } => match left.next().cloned() {
                Some(Entry::Settled(call, outcome)) => {
                    asked.push(Entry::Settled(call, outcome.clone()));
                    Monty.settle(kept(state), call, outcome)
                }
                Some(Entry::Interrupted) => {
                    asked.push(Entry::Interrupted);
                    Monty.interrupt(kept(state))
                }
                other => panic!("a wait for {on:?} where there was {other:?}"),
            },
        };
    }
}

/// The state, after it was bytes.
pub(super) fn saved_and_loaded(state: &MontyState, script: &Script, limits: &Limits) -> MontyState {
    let bytes = Monty.save(state).unwrap();
    match Monty.load(&bytes, script, limits).unwrap() {
        Step::Call { state, .. } | Step::Wait { state, .. } => state,
        other => panic!("{other:?}"),
    }
}

pub(super) fn script(source: &str, function: Option<&str>, args: &[(&str, Value)]) -> Script {
    Script {
        file: "flow.py".to_owned(),
        source: source.to_owned(),
        function: function.map(str::to_owned),
        args: args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    }
}

/// Runs a script that needs nobody.
pub(super) fn run(source: &str) -> Ran {
    World::silent().run(source, Some("main"), &[])
}

/// What `main` of a script gives that needs nobody.
pub(super) fn value(source: &str) -> Value {
    run(source).value()
}

/// What an expression gives.
pub(super) fn eval(expression: &str) -> Value {
    value(&format!("def main():\n    return {expression}\n"))
}

pub(super) fn text(text: &str) -> Value {
    Value::Str(text.to_owned())
}

pub(super) fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| (text(name), value.clone())).collect())
}

pub(super) fn list(items: &[i64]) -> Value {
    Value::List(items.iter().map(|item| Value::Int(*item)).collect())
}

pub(super) fn raised(kind: &str, message: &str) -> Outcome {
    Outcome::Error(Raised { kind: kind.to_owned(), message: message.to_owned() })
}

/// The answer to a request, with a body of JSON.
pub(super) fn response(status: i64, json: &str) -> Outcome {
    Outcome::Value(map(&[
        ("status", Value::Int(status)),
        ("reason", text(if status < 400 { "OK" } else { "Not Found" })),
        ("headers", map(&[("content-type", text("application/json"))])),
        ("body", Value::Bytes(json.as_bytes().to_vec())),
        ("url", text("http://there/")),
    ]))
}
