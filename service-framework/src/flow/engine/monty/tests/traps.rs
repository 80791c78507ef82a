//! Everything in which this monty is not Python, or bites: each with what the engine does about it.

use super::host::{Entry, World, eval, list, replay, run, script, text, value};
use crate::flow::engine::{Engine, Limits, Monty, Outcome, Step};
use crate::value::Value;

/// The error that a script without calls fails with.
fn error(source: &str) -> String {
    let ran = run(source);
    let failure = ran.failure();
    format!("{}: {}", failure.kind, failure.message)
}

#[test]
fn an_undefined_function_is_a_name_error_with_its_place() {
    let ran = run("def main():\n    x = 1\n    return lost(x)\n");
    let failure = ran.failure();
    assert_eq!(
        (failure.kind.as_str(), failure.message.as_str()),
        ("NameError", "name 'lost' is not defined")
    );
    let frame = failure.frames.last().unwrap();
    assert_eq!((frame.line, frame.column, frame.text.as_str()), (3, 12, "return lost(x)"));
    assert!(ran.journal.is_empty());
}

#[test]
fn an_undefined_name_is_a_name_error() {
    assert_eq!(error("def main():\n    return lost\n"), "NameError: name 'lost' is not defined");
    // Names of calls are no functions of scripts.
    assert_eq!(
        error("def main():\n    return begin('time.sleep', [1])\n"),
        "NameError: name 'begin' is not defined"
    );
}

#[test]
fn exceptions_made_of_something_else_than_text_can_be_caught() {
    let source = "def main():
    texts = []
    for n in range(5):
        try:
            if n == 0: raise ValueError(3)
            if n == 1: raise ValueError('a', 1)
            if n == 2: raise RuntimeError(None, )
            if n == 3: raise KeyError(*['k'])
            raise Timeout(1.5)
        except Exception as problem:
            texts.append(str(problem))
    return texts
";
    assert_eq!(value(source), Value::List(["3", "('a', 1)", "None", "'k'", "1.5"].map(text).to_vec()));
}

#[test]
fn an_exception_class_by_another_name_fails_the_flow_and_nothing_more() {
    let ran = run("def main():\n    e = ValueError\n    raise e(3)\n");
    assert!(!ran.failure().message.is_empty());
}

#[test]
fn what_is_waited_for_comes_in_order() {
    let source = "from flow.http import callback
from flow.tasks import gather
def main():
    calls = [callback.new() for _ in range(8)]
    return await gather(*[c.event for c in calls])
";
    let mut world = World::silent();
    for n in (1..=8).rev() {
        world = world.arrives(&format!("cb{n}"), Outcome::Value(Value::Int(n)));
    }
    // The host asserts that what is waited for is sorted.
    assert_eq!(world.run(source, Some("main"), &[]).value(), list(&[1, 2, 3, 4, 5, 6, 7, 8]));
}

#[test]
fn an_event_can_be_awaited_again() {
    let source = "from flow.http import callback
def main():
    cb = callback.new()
    a = await cb.event
    b = await cb.event
    return [a, b]
";
    let world =
        World::silent().arrives("cb1", Outcome::Value(text("x"))).arrives("cb1", Outcome::Value(text("x")));
    let ran = world.run(source, Some("main"), &[]);
    assert_eq!(ran.calls(), ["http.callback", "wait.callback", "wait.callback"]);
    assert_eq!(ran.value(), Value::List(vec![text("x"), text("x")]));
}

#[test]
fn key_functions_may_wait() {
    let source = "import functools
from flow.http import request
def size(n):
    return request.get(f'http://there/{n}').json()
def main():
    items = [1, 2, 3, 4]
    return [
        sorted(items, key=size), sorted(items, key=size, reverse=True), min(items, key=size), max(1, 2, 3, 4, key=size),
        list(map(size, items)), list(filter(lambda n: size(n) > 6, items)), max([], key=size, default=0),
        functools.reduce(lambda total, n: total + size(n), items, 0), functools.reduce(lambda a, b: a + b, items),
    ]
";
    let world = World::new(|_, args| {
        let n: i64 = args[0].get("url").unwrap().as_str().unwrap()[13..].parse().unwrap();
        super::host::response(200, &(10 - 2 * (n % 3)).to_string())
    });
    // 10, 8, 6, 10 by size of 3, 1, 2 and so on: 1 has 8, 2 has 6, 3 has 10, 4 has 8.
    let expected = vec![
        list(&[2, 1, 4, 3]),
        list(&[3, 1, 4, 2]),
        Value::Int(2),
        Value::Int(3),
        list(&[8, 6, 10, 8]),
        list(&[1, 3, 4]),
        Value::Int(0),
        Value::Int(32),
        Value::Int(10),
    ];
    assert_eq!(world.run(source, Some("main"), &[]).value(), Value::List(expected));
}

#[test]
fn builtins_that_were_replaced_do_what_they_did() {
    assert_eq!(eval("sorted([3, 1, 2])"), list(&[1, 2, 3]));
    assert_eq!(eval("sorted([3, 1, 2], reverse=True)"), list(&[3, 2, 1]));
    assert_eq!(eval("sorted(['b', 'a'], key=lambda s: s.upper())"), Value::List(vec![text("a"), text("b")]));
    assert_eq!(eval("[min(2, 1), max([1, 5, 3]), min([], default=7)]"), list(&[1, 5, 7]));
    assert_eq!(eval("list(map(lambda a, b: a + b, [1, 2], [10, 20]))"), list(&[11, 22]));
    assert_eq!(eval("list(filter(None, [0, 1, 2]))"), list(&[1, 2]));
    assert_eq!(error("def main():\n    return max([])\n"), "ValueError: max() iterable argument is empty");
    assert_eq!(
        error("def main():\n    return max([], key=len)\n"),
        "ValueError: max() iterable argument is empty"
    );
}

#[test]
fn keys_where_nothing_may_wait_raise_what_can_be_caught() {
    let source = "from flow.time import now
def main():
    items = [2, 1]
    try:
        items.sort(key=lambda n: now())
    except NotImplementedError:
        return 'caught'
";
    assert_eq!(value(source), text("caught"));
}

#[test]
fn a_lambda_in_a_raise_runs_and_cannot_be_saved() {
    let source = "from flow.time import sleep
def main(a):
    sleep(1)
    raise ValueError((lambda: a)())
";
    let script = script(source, Some("main"), &[("a", 7.into())]);
    let Step::Call { state, .. } = Monty.start(&script, &Limits::default()).step else { panic!() };
    let bytes = Monty.save(&state).unwrap();
    assert!(Monty.load(&bytes, &script, &Limits::default()).is_err());
    let Step::Failed(failure) = Monty.answer(state, Outcome::Value(Value::Nil)).step else { panic!() };
    assert_eq!(failure.message, "7");
    assert!(!Monty.check("flow.py", source).is_empty());
}

#[test]
fn a_fast_formatting_is_refused_by_python_itself() {
    assert!(error("def main():\n    return '%s' % 1\n").starts_with("TypeError"));
    assert!(error("def main():\n    l = [1, 2]\n    l[0:1] = [3]\n").starts_with("TypeError"));
}

#[test]
fn the_clock_is_asked_and_files_are_not_there() {
    let ran = run("from datetime import datetime, date, timezone
def main():
    return [datetime.now(timezone.utc).isoformat(), str(date.today()), datetime.now().tzinfo is None]
");
    assert_eq!(ran.calls(), ["time.now", "time.now", "time.now"]);
    assert_eq!(
        ran.value(),
        Value::List(vec![text("2023-11-14T22:13:21.500000+00:00"), text("2023-11-14"), Value::Bool(true)])
    );
    let refused = error("def main():\n    return open('/etc/passwd').read()\n");
    assert!(refused.starts_with("PermissionError: open is not there"), "{refused}");
    let refused = error("import os\ndef main():\n    return os.getenv('HOME')\n");
    assert!(refused.starts_with("PermissionError: os.getenv is not there"), "{refused}");
}

#[test]
fn only_plain_data_leaves_a_script() {
    let call = |args: &str| {
        error(&format!(
            "from flow.events import publish\nclass C:\n    pass\ndef main():\n    a = []\n    a.append(a)\n    publish('x', {args})\n"
        ))
    };
    assert!(call("C()").contains("must be plain data"), "{}", call("C()"));
    assert!(call("C()").contains("class C"), "{}", call("C()"));
    assert!(call("lambda: 1").starts_with("TypeError: what is given to flow.publish must be plain data"));
    assert!(
        call("a").starts_with("ValueError: what is given to flow.publish must not contain itself"),
        "{}",
        call("a")
    );
    assert!(call("1 << 64").starts_with("ValueError: what is given to flow.publish has an integer"));
    assert!(
        error("def main():\n    return len\n")
            .starts_with("TypeError: the result of a flow must be plain data")
    );
}

#[test]
fn what_leaves_a_script_is_not_too_large() {
    let mut world = World::silent();
    world.limits.argument = 1000;
    let source = "from flow.events import publish\ndef main():\n    publish('x', 'y' * 2000)\n";
    let ran = world.run(source, Some("main"), &[]);
    assert_eq!(ran.failure().kind, "ValueError");
    let mut world = World::silent();
    world.limits.argument = 1000;
    let ran = world.run("def main():\n    return 'y' * 2000\n", Some("main"), &[]);
    assert_eq!(ran.failure().kind, "LimitExceeded");
}

#[test]
fn what_is_printed_comes_with_the_step_and_has_a_limit() {
    let ran = run("print('top')\ndef main():\n    print('a', 1)\n    print('b', end='')\n");
    assert_eq!(ran.printed, "top\na 1\nb");
    let mut world = World::silent();
    world.limits.printed = 100;
    let ran = world.run("def main():\n    while True:\n        print('x' * 20)\n", Some("main"), &[]);
    assert_eq!(ran.failure().kind, "LimitExceeded");
    assert!(ran.printed.len() <= 100);
}

#[test]
fn a_deadline_is_not_for_tasks() {
    let source = "from flow.time import timeout
from flow.tasks import gather
from flow.events import signal
def helper():
    with timeout(1):
        return await signal('a')
async def one():
    return helper()
def main():
    return await gather(one())
";
    let ran = run(source);
    assert_eq!(ran.failure().kind, "RuntimeError");
    assert!(ran.failure().message.contains("around the gather"), "{}", ran.failure().message);
}

#[test]
fn a_deadline_is_pushed_and_popped() {
    let source = "from flow.time import timeout, forever
from datetime import timedelta
def main():
    with timeout(timedelta(minutes=1)), forever():
        pass
    with timeout(2):
        raise ValueError('x')
";
    let ran = run(source);
    assert_eq!(ran.calls(), ["deadline.push", "deadline.pop", "deadline.push", "deadline.pop"]);
    assert_eq!(ran.args("deadline.push"), [[Value::Float(60.0)], [Value::Int(2)]]);
    assert_eq!(ran.failure().kind, "ValueError");
}

#[test]
fn in_tasks_nothing_holds_up_the_others() {
    let source = "from flow.http import request
from flow.time import sleep
from flow.tasks import gather
async def fetch(n):
    sleep(n)
    return request.get(f'http://there/{n}').json()
async def several(limit):
    return await gather(*[fetch(n) for n in range(4)], limit=limit)
def main():
    return [await several(None), await gather(*[fetch(n) for n in range(2)], limit=1)]
";
    let world = World::new(|name, args| match name {
        "time.sleep" => Outcome::Value(Value::Nil),
        _ => super::host::response(200, &args[0].get("url").unwrap().as_str().unwrap()[13..]),
    });
    let ran = world.run(source, Some("main"), &[]);
    // All four requests begin before anything is waited for.
    let before: Vec<&Entry> = ran.journal.iter().take_while(|it| !matches!(it, Entry::Settled(..))).collect();
    let begun = before.iter().filter(|it| matches!(it, Entry::Answered(call, _) if call.name == "begin"));
    assert_eq!(begun.count(), 4);
    assert_eq!(ran.value(), Value::List(vec![list(&[0, 1, 2, 3]), list(&[0, 1])]));
}

#[test]
fn replaying_a_run_asks_for_the_same() {
    let source = "import random, uuid, time
def main():
    return [random.randint(1, 6), random.sample(range(10), 3), str(uuid.uuid4()), time.time(), random.getrandbits(70) >= 0]
";
    let ran = run(source);
    let again = replay(&script(source, Some("main"), &[]), &ran.journal, &Limits::default(), false);
    assert_eq!(ran, again);
    assert!(ran.calls().contains(&"random.bytes"));
}

#[test]
fn gather_of_asyncio_takes_events_too() {
    let source = "import asyncio
from flow.http import callback
def main():
    cb = callback.new()
    return await asyncio.gather(cb.event, cb.event)
";
    let world =
        World::silent().arrives("cb1", Outcome::Value(1.into())).arrives("cb1", Outcome::Value(1.into()));
    assert_eq!(world.run(source, Some("main"), &[]).value(), list(&[1, 1]));
}

#[test]
fn an_exception_through_with_keeps_the_line_of_its_body() {
    let source = "from flow.time import timeout
def inner():
    raise ValueError('deep')
def main():
    with timeout(1):
        inner()
";
    let ran = run(source);
    let lines: Vec<u32> = ran.failure().frames.iter().map(|frame| frame.line).collect();
    assert_eq!(lines, [6]);
}

#[test]
fn there_may_be_more_than_a_thousand_steps() {
    let ran = run("import time\ndef main():\n    for _ in range(1200):\n        time.time()\n");
    assert_eq!(ran.journal.len(), 1200);
    assert_eq!(ran.value(), Value::Nil);
}
