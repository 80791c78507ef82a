//! From the top level to the result, with interrupts and what is undone.

use super::host::{Entry, World, map, raised, run, script, text};
use crate::flow::engine::{Engine, Limits, Monty, Outcome, Step};
use crate::value::Value;

#[test]
fn unknown_settlements_change_nothing() {
    let source = "from flow.http import callback\ndef main():\n    return await callback.new().event\n";
    let world = World::silent().arrives("cb1", Outcome::Value(text("in")));
    let ran = world.run(source, Some("main"), &[]);
    let script = script(source, Some("main"), &[]);
    let mut step = Monty.start(&script, &Limits::default()).step;
    for entry in &ran.journal[..2] {
        step = match (entry, step) {
            (Entry::Answered(_, outcome), Step::Call { state, .. }) => {
                Monty.answer(state, outcome.clone()).step
            }
            (Entry::Later(_), Step::Call { state, .. }) => Monty.later(state).step,
            other => panic!("{other:?}"),
        };
    }
    let Step::Wait { on, state } = step else { panic!("{step:?}") };
    assert_eq!(on, [1]);
    let Step::Wait { on, state } = Monty.settle(state, 7, Outcome::Value(Value::Nil)).step else { panic!() };
    assert_eq!(on, [1]);
    let Step::Done(value) = Monty.settle(state, 1, Outcome::Value(text("in"))).step else { panic!() };
    assert_eq!(value, text("in"));
}

#[test]
fn answers_that_fit_no_step_change_nothing() {
    let source = "from flow.time import sleep, now\nsleep(1)\nnow()\n";
    let script = script(source, None, &[]);
    let Step::Call { call, state } = Monty.start(&script, &Limits::default()).step else { panic!() };
    let Step::Call { call: again, state } = Monty.settle(state, 0, Outcome::Value(Value::Nil)).step else {
        panic!()
    };
    assert_eq!(call, again);
    let Step::Call { call, state } = Monty.answer(state, Outcome::Value(Value::Nil)).step else { panic!() };
    assert_eq!((call.id, call.name.as_str()), (1, "time.now"));
    let Step::Call { call: again, state } = Monty.later(state).step else { panic!() };
    assert_eq!(call, again);
    let Step::Done(_) = Monty.answer(state, Outcome::Value(Value::Float(0.0))).step else { panic!() };
}

#[test]
fn an_interrupt_runs_finally_and_is_not_caught_as_an_exception() {
    let source = "from flow.time import sleep
from flow.events import publish
def main():
    try:
        try:
            sleep(60)
        except Exception:
            publish('caught', 1)
    finally:
        sleep(1)
        publish('tidied', True)
";
    let mut world = World::silent();
    world.interrupt_at = Some(0);
    let ran = world.run(source, Some("main"), &[]);
    assert_eq!(ran.calls(), ["time.sleep", "flow.publish"]);
    assert_eq!(ran.args("flow.publish")[0][0], text("tidied"));
    assert_eq!(ran.failure().kind, "KeyboardInterrupt");
    assert_eq!(ran.failure().message, "the flow was cancelled");
}

#[test]
fn an_interrupt_ends_all_that_is_at_work() {
    let source = "from flow.events import signal, publish
from flow.tasks import gather
async def one(name):
    try:
        return await signal(name)
    finally:
        publish('tidied', name)
def main(limit=None):
    await gather(one('a'), one('b'), one('c'), limit=limit)
";
    // What has not begun does not begin.
    for (limit, tidied) in [(Value::Nil, 3), (Value::Int(2), 2)] {
        let mut world = World::silent();
        world.interrupt_at = Some(tidied);
        let ran = world.run(source, Some("main"), &[("limit", limit)]);
        assert_eq!(ran.failure().kind, "KeyboardInterrupt");
        assert_eq!(ran.args("flow.publish").len(), tidied, "{:?}", ran.calls());
    }
}

#[test]
fn a_task_can_catch_what_comes_to_it() {
    let source = "from flow.events import signal
from flow.http import request
from flow.tasks import gather
async def one(name):
    try:
        return await signal(name)
    except OSError as e:
        return str(e)
async def two(name):
    try:
        return request.get(name).status_code
    except TimeoutError:
        return 'late'
    finally:
        print(name)
def main():
    return await gather(one('a'), one('b'), two('c'))
";
    let world = World::new(|_, _| raised("Timeout", ""));
    let world = world.arrives("b", raised("OSError", "lost")).arrives("a", Outcome::Value(1.into()));
    let ran = world.run(source, Some("main"), &[]);
    assert_eq!(ran.printed, "c\n");
    assert_eq!(ran.value(), Value::List(vec![1.into(), text("lost"), text("late")]));
}

#[test]
fn an_interrupt_is_not_kept_by_a_task_that_nobody_waits_for() {
    let source = "from flow.events import signal, publish
from flow.tasks import gather
async def bad():
    await signal('a')
    raise ValueError('x')
async def good():
    try:
        await signal('b')
    finally:
        publish('tidied', 'good')
def main():
    try:
        await gather(bad(), good())
    except ValueError:
        pass
    await signal('c')
";
    let mut world = World::silent().arrives("a", Outcome::Value(Value::Nil));
    world.interrupt_at = Some(4);
    let ran = world.run(source, Some("main"), &[]);
    assert_eq!(ran.calls()[..3], ["wait.message"; 3]);
    assert_eq!(ran.failure().kind, "KeyboardInterrupt");
}

#[test]
fn what_was_done_is_undone_last_first_and_what_fails_is_noted() {
    let source = "from flow.saga import on_failure
from flow.events import publish
async def later(what):
    publish('undone', what)
def broken():
    raise ValueError('no way back')
def main():
    on_failure(publish, 'undone', 1)
    on_failure(broken)
    on_failure(later, 3)
    raise RuntimeError('no')
";
    let ran = run(source);
    let undone: Vec<Value> = ran.args("flow.publish").into_iter().map(|args| args[1].clone()).collect();
    assert_eq!(undone, [Value::Int(3), Value::Int(1)]);
    let failure = ran.failure();
    assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("RuntimeError", "no"));
    assert_eq!(failure.not_compensated.len(), 1);
    assert!(failure.not_compensated[0].contains("ValueError: no way back"), "{:?}", failure.not_compensated);
}

#[test]
fn a_cancelled_flow_is_undone_too_and_a_good_one_is_not() {
    let source = "from flow.saga import on_failure
from flow.events import publish
from flow.time import sleep
on_failure(publish, 'undone', 1)
sleep(1)
";
    let mut world = World::silent();
    world.interrupt_at = Some(0);
    assert_eq!(world.run(source, None, &[]).calls(), ["flow.publish"]);
    assert_eq!(World::silent().run(source, None, &[]).calls(), ["time.sleep"]);
}

#[test]
fn errors_from_outside_can_be_caught_by_their_kind() {
    let source = "from flow.service import to_send
def main():
    kinds = []
    for n in range(4):
        try:
            to_send('desk', {'n': n})
        except TimeoutError:
            kinds.append('timeout')
        except OSError as e:
            kinds.append('os ' + str(e))
        except RuntimeError as e:
            kinds.append('runtime ' + str(e))
    return kinds
";
    let mut answers = ["Timeout", "ConnectionError", "TimeoutError", "Strange"].into_iter();
    let world = World::new(move |_, _| raised(answers.next().unwrap(), "m"));
    let expected = ["timeout", "os m", "timeout", "runtime m"].map(text).to_vec();
    assert_eq!(world.run(source, Some("main"), &[]).value(), Value::List(expected));
}

#[test]
fn a_function_that_is_not_there_is_said_by_name() {
    let ran = World::silent().run("x = 1\n", Some("main"), &[]);
    assert_eq!(ran.failure().message, "the script has no function main");
    let ran = World::silent().run(
        "def main(a, b):\n    return a - b\n",
        Some("main"),
        &[("b", 1.into()), ("a", 3.into())],
    );
    assert_eq!(ran.value(), Value::Int(2));
    let ran = World::silent().run("def main(a):\n    return a\n", Some("main"), &[]);
    assert_eq!(ran.failure().kind, "TypeError");
    assert!(ran.failure().message.contains("main()"), "{}", ran.failure().message);
    let ran = World::silent().run("x = 1\n", Some("print(1) or len"), &[]);
    assert_eq!(ran.failure().kind, "NameError");
}

#[test]
fn a_top_level_alone_gives_nothing() {
    let ran = World::silent().run("x = 1 + 1\nprint(x)\n", None, &[]);
    assert_eq!(ran.printed, "2\n");
    assert_eq!(ran.value(), Value::Nil);
    assert_eq!(World::silent().run("", None, &[]).value(), Value::Nil);
    assert_eq!(World::silent().run("# nothing\n", None, &[]).value(), Value::Nil);
}

#[test]
fn an_async_function_is_awaited() {
    let source = "import asyncio
async def main(n):
    await asyncio.sleep(n)
    return n
print(asyncio.run(main(1)))
";
    let ran = World::silent().run(source, Some("main"), &[("n", 2.into())]);
    assert_eq!(ran.calls(), ["time.sleep", "time.sleep"]);
    assert_eq!(ran.printed, "1\n");
    assert_eq!(ran.value(), Value::Int(2));
}

#[test]
fn a_map_is_what_a_script_sees() {
    let args = [("order", map(&[("lines", Value::List(vec![Value::Nil, Value::Bool(true)]))]))];
    let ran = World::silent().run("def main(order):\n    return order['lines'][::-1]\n", Some("main"), &args);
    assert_eq!(ran.value(), Value::List(vec![Value::Bool(true), Value::Nil]));
}
