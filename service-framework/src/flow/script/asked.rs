//! What kinds of calls there are, by their names.

use crate::flow::engine::{Call, Outcome, Raised};
use crate::value::Value;

/// Longest sleep and deadline, in seconds: some three hundred years.
const LONGEST: f64 = 1e10;

/// What a call is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    /// Answered at once by the host.
    Inline,
    /// A deadline begins.
    Push { seconds: f64 },
    /// The last deadline is over.
    Pop,
    /// An errand whose outcome is awaited later.
    Begin { name: String, args: Vec<Value> },
    /// A sleep whose end is awaited later.
    BeginSleep { seconds: f64 },
    /// Something that is awaited.
    Await(Awaited),
    /// The script stands still for so many seconds.
    Sleep { seconds: f64 },
    /// The script stands still until the errand is done.
    Errand,
    /// Nothing that can be asked for, and what is raised for it.
    Wrong(Raised),
}

/// What a script awaits.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) enum Awaited {
    /// The delivery of a callback.
    Callback(String),
    /// The next message of this name.
    Message(String),
    /// The outcome of the errand that this call began.
    Call(u32),
}

/// What a sleep is called.
pub(super) const SLEEP: &str = "time.sleep";
/// The connectors that there are; their names are the first parts of those of errands.
const CONNECTORS: [&str; 4] = ["http", "service", "program", "flow"];
/// What begins like an errand and is answered at once.
const INLINE: [&str; 7] =
    ["time.now", "random.float", "random.bytes", "uuid.new", "http.callback", "flow.publish", "flow.self"];

impl Asked {
    pub(super) fn of(call: &Call) -> Self {
        match (call.name.as_str(), call.args.as_slice()) {
            (name, _) if INLINE.contains(&name) => Self::Inline,
            ("deadline.push", [seconds]) => {
                seconds_of(seconds).map_or_else(Self::Wrong, |seconds| Self::Push { seconds })
            }
            ("deadline.pop", []) => Self::Pop,
            (SLEEP, [seconds]) => {
                seconds_of(seconds).map_or_else(Self::Wrong, |seconds| Self::Sleep { seconds })
            }
            ("begin", [Value::Str(name), Value::List(args)]) => match (name.as_str(), args.as_slice()) {
                (SLEEP, [seconds]) => {
                    seconds_of(seconds).map_or_else(Self::Wrong, |seconds| Self::BeginSleep { seconds })
                }
                (name, _) if is_errand(name) => Self::Begin { name: name.to_owned(), args: args.clone() },
                (name, _) => {
                    Self::Wrong(raised("TypeError", format!("{name:?} is nothing that can be begun")))
                }
            },
            ("wait.callback", [Value::Str(id)]) => Self::Await(Awaited::Callback(id.clone())),
            ("wait.message", [Value::Str(name)]) => Self::Await(Awaited::Message(name.clone())),
            ("wait.call", [Value::Int(handle)]) => match u32::try_from(*handle) {
                Ok(handle) => Self::Await(Awaited::Call(handle)),
                Err(_) => Self::Wrong(raised("ValueError", format!("{handle} is no handle of a call"))),
            },
            (name, _) if is_errand(name) => Self::Errand,
            (name, args) => {
                let text = format!("nothing is called {name:?} that takes {} arguments", args.len());
                Self::Wrong(raised("TypeError", text))
            }
        }
    }
}

/// Whether a connector performs what is called so.
fn is_errand(name: &str) -> bool {
    let connector = name.split_once('.').map(|(connector, _)| connector);
    connector.is_some_and(|connector| CONNECTORS.contains(&connector)) && !INLINE.contains(&name)
}

fn seconds_of(value: &Value) -> Result<f64, Raised> {
    let seconds = value.as_f64().ok_or_else(|| raised("TypeError", "seconds are a number".to_owned()))?;
    if seconds.is_nan() || seconds > LONGEST {
        return Err(raised("ValueError", format!("{seconds} seconds are too long: at most {LONGEST:e}")));
    }
    Ok(seconds.max(0.0))
}

/// An exception of this type.
pub(super) fn raised(kind: &str, message: String) -> Raised {
    Raised { kind: kind.to_owned(), message }
}

/// What a call comes to whose deadline is over.
pub(super) fn timed_out() -> Outcome {
    Outcome::Error(raised("TimeoutError", "the time is over".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, args: Vec<Value>) -> Asked {
        Asked::of(&Call { id: 0, name: name.to_owned(), args })
    }

    #[test]
    fn what_begins_like_an_errand_can_be_answered_at_once() {
        assert_eq!(asked("http.callback", Vec::new()), Asked::Inline);
        assert_eq!(asked("http.request", Vec::new()), Asked::Errand);
        assert_eq!(asked("flow.self", Vec::new()), Asked::Inline);
        let begin = |name: &str| asked("begin", vec![Value::Str(name.to_owned()), Value::List(Vec::new())]);
        assert!(matches!(begin("flow.result"), Asked::Begin { .. }));
        assert!(matches!(begin("flow.self"), Asked::Wrong(_)));
        let nap = vec![Value::Str(SLEEP.to_owned()), Value::List(vec![Value::Int(2)])];
        assert_eq!(asked("begin", nap), Asked::BeginSleep { seconds: 2.0 });
    }

    #[test]
    fn what_nobody_performs_is_refused() {
        for name in ["", "files.read", "http", "time.sleep", "deadline.push"] {
            assert!(matches!(asked(name, Vec::new()), Asked::Wrong(_)), "{name}");
        }
    }

    #[test]
    fn times_are_numbers_that_end() {
        let sleep = |seconds: Value| asked("time.sleep", vec![seconds]);
        assert_eq!(sleep(Value::Float(-3.0)), Asked::Sleep { seconds: 0.0 });
        assert_eq!(sleep(Value::Int(2)), Asked::Sleep { seconds: 2.0 });
        for bad in [Value::Float(f64::NAN), Value::Float(f64::INFINITY), Value::Nil, Value::Bool(true)] {
            assert!(matches!(sleep(bad.clone()), Asked::Wrong(_)), "{bad:?}");
        }
    }
}
