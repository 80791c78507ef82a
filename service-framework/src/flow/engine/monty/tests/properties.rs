//! Programs that chance wrote: whatever passes the check starts, and what was recorded replays.

use proptest::prelude::*;

use super::host::{World, replay, response, script};
use crate::flow::engine::{Engine, Limits, Monty, Outcome};
use crate::value::Value;

const HEAD: &str = "import random, time
from flow.http import request
from flow.tasks import gather
from flow.time import sleep, timeout, now
from flow.events import publish
a, b, c = 1, 'x', [3, 1, 2]
async def task(n):
    if n % 2:
        sleep(n)
    return await request.get(f'http://there/{n}')
";

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "1",
        "2.5",
        "'t'",
        "None",
        "True",
        "len(c)",
        "time.time()",
        "random.randint(1, 9)",
        "now().year",
        "request.get('http://there/5').json()",
        "request.get('http://there/5').text",
        "sorted(c)",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (
                inner.clone(),
                prop::sample::select(vec!["+", "*", "-", "==", "<", "and", "or", "in"]),
                inner.clone()
            )
                .prop_map(|(left, op, right)| format!("({left} {op} {right})")),
            inner.clone().prop_map(|item| format!("[{item} for _ in range(2)]")),
            inner.clone().prop_map(|item| format!("{{'k': {item}}}")),
            inner.clone().prop_map(|item| format!("f'''<{{{item}}}>'''")),
            inner.clone().prop_map(|item| format!("(lambda q: {item})(0)")),
            inner.clone().prop_map(|item| format!("sorted([2, 1], key=lambda q: str({item}))")),
            inner.prop_map(|item| format!("str({item})")),
        ]
    })
}

fn statements() -> impl Strategy<Value = Vec<String>> {
    let simple = prop_oneof![
        (prop::sample::select(vec!["a", "b", "c"]), expression())
            .prop_map(|(name, value)| format!("{name} = {value}")),
        expression().prop_map(|value| format!("print({value})")),
        expression().prop_map(|value| format!("publish('p', {value})")),
        expression().prop_map(|value| format!("raise ValueError({value}, 1)")),
        Just("sleep(1)".to_owned()),
        Just("a = [r.json() for r in await gather(task(1), task(2), task(3))]".to_owned()),
        Just("import json, time as t".to_owned()),
        expression().prop_map(|value| format!("assert {value}")),
    ];
    let block = simple.prop_map(|line| vec![line]);
    block.prop_recursive(3, 16, 4, |inner| {
        let body = prop::collection::vec(inner.clone(), 1..4).prop_map(|blocks| blocks.concat());
        prop_oneof![
            (expression(), body.clone()).prop_map(|(test, body)| nested(&format!("if {test}:"), body)),
            body.clone().prop_map(|body| nested("for i in range(3):", body)),
            body.clone().prop_map(|body| nested("with timeout(5):", body)),
            (body.clone(), body.clone()).prop_map(|(body, handler)| {
                [nested("try:", body), nested("except Exception as e:", handler)].concat()
            }),
            (body.clone(), body.clone()).prop_map(|(body, last)| [
                nested("try:", body),
                nested("finally:", last)
            ]
            .concat()),
            body,
        ]
    })
}

fn nested(head: &str, body: Vec<String>) -> Vec<String> {
    std::iter::once(head.to_owned()).chain(body.into_iter().map(|line| format!("    {line}"))).collect()
}

fn program() -> impl Strategy<Value = String> {
    prop::collection::vec(statements(), 1..6).prop_map(|blocks| {
        let body: String = blocks.concat().into_iter().map(|line| format!("    {line}\n")).collect();
        format!("{HEAD}def main(a=1, b='x', c=[3, 1, 2]):\n{body}    return [a, b, c]\n")
    })
}

fn world() -> World {
    let mut asked = 0;
    World::new(move |name, _| {
        asked += 1;
        match name {
            "http.request" if asked % 5 == 0 => super::host::raised("TimeoutError", "late"),
            "http.request" => response(200, &asked.to_string()),
            _ => Outcome::Value(Value::Nil),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn recorded_programs_replay(source in program()) {
        let complaints = Monty.check("chance.py", &source);
        let script = script(&source, Some("main"), &[]);
        // A program that this monty cannot run at all ends its process; a flow of it is parked.
        let running = std::panic::AssertUnwindSafe(|| world().run_script(&script));
        let Ok(ran) = std::panic::catch_unwind(running) else { return Ok(()) };
        if complaints.is_empty()
            && let Err(failure) = &ran.end
        {
            let refused = ["SyntaxError", "NotImplementedError", "SystemError", "ModuleNotFoundError", "NameError"];
            prop_assert!(!refused.contains(&failure.kind.as_str()), "{}\n{}", source, failure.traceback);
        }
        prop_assert_eq!(&replay(&script, &ran.journal, &Limits::default(), false), &ran);
        if complaints.is_empty() {
            prop_assert_eq!(&replay(&script, &ran.journal, &Limits::default(), true), &ran);
        }
    }
}
