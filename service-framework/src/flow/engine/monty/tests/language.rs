//! The examples and tables of docs/flows-language.md.

use super::host::{World, map, response, text};
use crate::flow::engine::{Complaint, Engine, Monty, Outcome};
use crate::value::Value;

const PAGE: &str = include_str!("../../../../../../docs/flows-language.md");

/// What the table's rows are written within, so that all their names are bound.
const AROUND: &str = "import asyncio
import re
from flow import secrets
from flow.http import request
from flow.tasks import gather
async def f(*x): return x
def row(a, b, d, k, m, n, x, y, items, other, name, data, url, text):
    while x:
        ";

/// The blocks of code that begin with this line.
fn blocks(fence: &str) -> Vec<&'static str> {
    let parts = PAGE.split(fence).skip(1);
    parts.map(|part| part.split("\n```").next().unwrap()).collect()
}

fn answers(name: &str, args: &[Value]) -> Outcome {
    Outcome::Value(match name {
        "http.request" => {
            let json = r#"{"id": 7, "status": "done", "items": [1, 2, 3]}"#;
            return response(200, json);
        }
        "service.request" => map(&[("total", Value::Int(3))]),
        "program.run" => map(&[("host", text("h1"))]),
        "flow.start" => args[0].get("id").cloned().filter(|id| *id != Value::Nil).unwrap_or(text("f2")),
        "flow.result" => Value::Int(4),
        _ => Value::Nil,
    })
}

fn world() -> World {
    let approved = || Outcome::Value(map(&[("approved", Value::Bool(true))]));
    World::new(answers).arrives("approval", approved()).arrives("cb1", approved()).arrives("cb2", approved())
}

/// What an example says that it prints.
fn promised(example: &str) -> String {
    let lines = example.lines().filter_map(|line| line.split_once("# prints ").map(|(_, rest)| rest));
    lines.map(|line| format!("{line}\n")).collect()
}

fn told(complaints: &[Complaint]) -> String {
    let lines = complaints.iter().map(|it| format!("{}:{} {} ({})", it.line, it.column, it.what, it.instead));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn examples_run_and_print_what_they_say() {
    let examples = blocks("```python\n");
    assert!(examples.len() > 12);
    for example in examples {
        let complaints = Monty.check("example.py", example);
        assert!(complaints.is_empty(), "{example}\n{}", told(&complaints));
        let mut world = world();
        world.is_saved = true;
        let ran = world.run(example, Some("main"), &[]);
        if let Err(failure) = &ran.end {
            panic!("{example}\n{}", failure.traceback);
        }
        let printed: String = ran.printed.replace("nightly\n", "example\n");
        assert_eq!(printed, promised(example), "{example}");
    }
}

#[test]
fn examples_of_what_is_refused_are_refused() {
    for example in blocks("```python refused\n") {
        assert!(!Monty.check("example.py", example).is_empty(), "{example}");
    }
}

#[test]
fn what_is_not_there_is_refused_and_what_is_instead_is_not() {
    let table = PAGE.split("| not here | instead |\n| --- | --- |\n").nth(1).unwrap();
    let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 20);
    for row in rows {
        let cells: Vec<&str> = row.split('`').collect();
        let [_, refused, _, instead, _] = cells.as_slice() else { panic!("{row}") };
        let complaints = Monty.check("row.py", &format!("{AROUND}{refused}\n"));
        assert!(!complaints.is_empty(), "{row}");
        assert!(complaints.iter().all(|complaint| complaint.line == 9), "{row}\n{}", told(&complaints));
        let complaints = Monty.check("row.py", &format!("{AROUND}{instead}\n"));
        assert!(complaints.is_empty(), "{row}\n{}", told(&complaints));
    }
}
