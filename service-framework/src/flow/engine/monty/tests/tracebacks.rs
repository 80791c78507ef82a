//! What is told of where a script is and why it failed.

use super::host::{World, run, script};
use crate::flow::engine::{Engine, Frame, Limits, Monty, Outcome, Step};
use crate::value::Value;

fn frame(function: &str, line: u32, column: u32, text: &str) -> Frame {
    Frame { function: function.to_owned(), line, column, text: text.to_owned() }
}

#[test]
fn a_traceback_has_the_authors_lines_and_columns() {
    let source = "import flow.http as h; y = {}
def inner(d):
    return d['kéy'] + d['no']
def main():
    return inner({'kéy': 1})
";
    let ran = run(source);
    let failure = ran.failure();
    let expected = "Traceback (most recent call last):
  File \"flow.py\", line 5, in main
    return inner({'kéy': 1})
           ~~~~~~~~~~~~~~~~~
  File \"flow.py\", line 3, in inner
    return d['kéy'] + d['no']
                      ~~~~~~~
KeyError: no";
    assert_eq!(failure.traceback, expected);
    let frames = [
        frame("main", 5, 12, "return inner({'kéy': 1})"),
        frame("inner", 3, 23, "return d['kéy'] + d['no']"),
    ];
    assert_eq!(failure.frames, frames);
}

#[test]
fn changed_lines_are_shown_as_they_were() {
    let source = "import flow.http as h; x = {}['k']\n";
    let ran = World::silent().run(source, None, &[]);
    assert_eq!(ran.failure().frames, [frame("<module>", 1, 28, "import flow.http as h; x = {}['k']")]);
    let source = "from flow.http import (callback,
    request as rq)
x = [await callback.new().event, 1 / 0]
";
    let ran = World::silent().arrives("cb1", Outcome::Value(Value::Nil)).run(source, None, &[]);
    let line = "x = [await callback.new().event, 1 / 0]";
    assert_eq!(ran.failure().frames, [frame("<module>", 3, 34, line)]);
    assert!(
        ran.failure()
            .traceback
            .contains(&format!("    {line}\n                                     ~~~~~\nZeroDivisionError"))
    );
}

#[test]
fn errors_from_outside_are_shown_where_they_were_asked_for() {
    let source = "from flow.http import request
def main():
    answer = request.get('http://there/')
    return answer.text
";
    let world = World::new(|_, _| super::host::raised("OSError", "no connection"));
    let ran = world.run(source, Some("main"), &[]);
    assert_eq!(ran.failure().frames, [frame("main", 4, 12, "return answer.text")]);
    assert!(ran.failure().traceback.ends_with("OSError: no connection"));
}

#[test]
fn what_cannot_be_read_is_a_syntax_error_with_its_line() {
    let ran = World::silent().run("x = 1\ndef main(:\n    pass\n", None, &[]);
    let failure = ran.failure();
    assert_eq!((failure.kind.as_str(), failure.frames[0].line), ("SyntaxError", 2));
    assert!(
        failure.traceback.contains("  File \"flow.py\", line 2\n    def main(:\n"),
        "{}",
        failure.traceback
    );
}

/// The frames at each step of a script.
fn standing(source: &str, steps: usize) -> Vec<Frame> {
    let script = script(source, Some("main"), &[]);
    let mut step = Monty.start(&script, &Limits::default()).step;
    for _ in 0..steps {
        step = match step {
            Step::Call { call, state } if call.name.starts_with("wait") => Monty.later(state).step,
            Step::Call { state, call } if call.name == "begin" => {
                Monty.answer(state, Outcome::Value(0.into())).step
            }
            Step::Call { state, call } if call.name == "time.now" => {
                Monty.answer(state, Outcome::Value(1.0.into())).step
            }
            Step::Call { state, .. } => Monty.answer(state, Outcome::Value(Value::Nil)).step,
            Step::Wait { state, on } => Monty.settle(state, on[0], Outcome::Value(Value::Nil)).step,
            other => panic!("{other:?}"),
        };
    }
    let (Step::Call { state, .. } | Step::Wait { state, .. }) = step else { panic!("{step:?}") };
    let frames = Monty.frames(&state);
    // Looking changes nothing.
    assert_eq!(Monty.frames(&state), frames);
    let save = Monty.save(&state).unwrap();
    assert!(Monty.load(&save, &script, &Limits::default()).is_ok());
    frames
}

#[test]
fn where_a_script_stands_can_be_seen() {
    let source = "from flow.time import sleep
from flow.events import signal
from flow.tasks import gather
from datetime import datetime
async def one(name):
    return await signal(name)
def nap():
    sleep(1); datetime.now()
def main():
    nap()
    await signal('go')
    await gather(one('a'), one('b'))
";
    let nap = frame("main", 10, 5, "nap()");
    assert_eq!(standing(source, 0), [nap.clone(), frame("nap", 8, 5, "sleep(1); datetime.now()")]);
    assert_eq!(standing(source, 1)[1].column, 15);
    assert_eq!(standing(source, 3), [frame("main", 11, 5, "await signal('go')")]);
    // Of two tasks, the one that came last.
    assert_eq!(standing(source, 6), [frame("one", 6, 12, "return await signal(name)")]);
}
