//! Scripts that mean harm, or whose authors were not lucky.
//!
//! What never comes back (`while True: pass`) or takes all memory cannot be stopped from within a process; whoever runs
//! scripts of others does so in a process that can be killed.

use super::host::{World, eval, run, value};
use crate::flow::engine::{Engine, Monty, STACK};
use crate::value::Value;

fn kind(source: &str) -> String {
    run(source).failure().kind.clone()
}

#[test]
fn endless_recursion_is_a_limit_and_can_be_caught() {
    assert_eq!(kind("def main():\n    return main()\n"), "LimitExceeded");
    assert_eq!(kind("def main(n=0):\n    return sorted([1], key=lambda _: main(n + 1))\n"), "LimitExceeded");
    let caught = "def f():\n    return f()\ndef main():\n    try:\n        f()\n    except RecursionError:\n        return True\n";
    assert_eq!(value(caught), Value::Bool(true));
}

#[test]
fn the_depth_of_calls_is_what_the_limits_say() {
    let source = "def down(n):\n    return n if n == 0 else down(n - 1)\ndef main():\n    return down(200)\n";
    let mut world = World::silent();
    world.limits.recursion = 100;
    assert_eq!(world.run(source, Some("main"), &[]).failure().kind, "LimitExceeded");
    assert_eq!(value(source), Value::Int(0));
    // So few that not even what is to be undone can run.
    let mut world = World::silent();
    world.limits.recursion = 1;
    assert_eq!(world.run(source, Some("main"), &[]).failure().kind, "LimitExceeded");
}

#[test]
fn deep_texts_are_refused_before_anything_walks_them() {
    let deep = [
        "(".repeat(100_000),
        format!("x = {}1{}\n", "(".repeat(50_000), ")".repeat(50_000)),
        format!("x = y{}\n", ".b".repeat(200_000)),
        format!("x = {}1\n", "-".repeat(100_000)),
        format!("x = {}1\n", "1 + ".repeat(100_000)),
        format!("x = y{}\n", "(1)".repeat(100_000)),
        format!("x = {}1\n", "lambda: ".repeat(100_000)),
        format!("x = {}1\n", "1 if 1 else ".repeat(100_000)),
        format!("x = {}1{}\n", "[1, ".repeat(50_000), "]".repeat(50_000)),
        format!("x = {}\n", "f'{".repeat(5_000)),
        (0..3_000).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect::<String>(),
    ];
    for source in deep {
        let ran = run(&source);
        assert_eq!(ran.failure().kind, "SyntaxError", "{}", &source[..20]);
        assert!(!Monty.check("deep.py", &source).is_empty());
    }
}

#[test]
fn what_is_almost_too_deep_is_told_by_monty() {
    for source in [
        format!("x = {}1\n", "-".repeat(1_900)),
        format!("x = y{}\n", ".b".repeat(900)),
        format!("x = {}1\n", "1 + ".repeat(900)),
        format!("x = y{}\n", "(1)".repeat(600)),
        format!("x = {}1\n", "1 if 1 else ".repeat(450)),
    ] {
        assert!(run(&source).end.is_err());
        assert_eq!(Monty.check("deep.py", &source).len(), 1, "{}", &source[..20]);
    }
}

#[test]
fn long_flat_texts_are_not_taken_for_deep_ones() {
    let items: String = (0..20_000).map(|n| format!("-{n}, ")).collect();
    assert_eq!(value(&format!("x = [{items}]\ndef main():\n    return len(x)\n")), Value::Int(20_000));
    let lines: String = (0..5_000).map(|n| format!("x = {n} + 1\n")).collect();
    assert_eq!(value(&format!("{lines}def main():\n    return x\n")), Value::Int(5_000));
}

#[test]
fn many_branches_are_no_depth() {
    let branches: String = (0..3_000).map(|n| format!("    elif x == {n}:\n        pass\n")).collect();
    let source = format!("def main(x=1):\n    if x < 0:\n        pass\n{branches}    return x\n");
    let complaints = Monty.check("branches.py", &source);
    if complaints.is_empty() {
        assert_eq!(value(&source), Value::Int(1));
    }
}

#[test]
fn deep_values_stay_where_they_are() {
    let deep = || {
        let source = "def main():\n    x = []\n    for _ in range(20000):\n        x = [x]\n    return x\n";
        assert_eq!(kind(source), "ValueError");
        let source = "from flow.events import publish
def main():
    x = {}
    for _ in range(20000):
        x = {'x': x}
    publish('x', x)
";
        assert_eq!(kind(source), "ValueError");
    };
    std::thread::Builder::new().stack_size(STACK).spawn(deep).unwrap().join().unwrap();
}

#[test]
fn large_values_are_an_error_where_they_leave() {
    let small = |source: &str| {
        let mut world = World::silent();
        world.limits.argument = 1 << 20;
        world.run(source, Some("main"), &[]).failure().clone()
    };
    let source = "from flow.events import publish\ndef main():\n    publish('x', 'x' * (2 << 20))\n";
    assert_eq!(small(source).message, "what is given to flow.publish takes more than 1048576 bytes");
    assert_eq!(small("def main():\n    return [0] * (2 << 20)\n").kind, "LimitExceeded");
}

#[test]
fn there_is_no_way_out() {
    for source in [
        "import os\nos.system('true')",
        "import subprocess",
        "__import__('os')",
        "eval('1')",
        "exec('x = 1')",
        "open('/etc/passwd')",
        "().__class__.__bases__[0].__subclasses__()",
        "from pathlib import Path\nPath('/etc/passwd').read_text()",
        "import sys\nsys.modules",
        "__flow_host('http.request', [])",
    ] {
        assert!(!Monty.check("out.py", source).is_empty(), "{source}");
    }
    assert_eq!(
        kind("from pathlib import Path\ndef main():\n    return Path('/etc/passwd').read_text()\n"),
        "PermissionError"
    );
    assert_eq!(kind("__flow_host = 1\ndef main():\n    pass\n"), "SyntaxError");
    assert_eq!(eval("1"), Value::Int(1));
}

#[test]
fn numbers_can_be_large_and_no_answer_breaks_an_engine() {
    assert_eq!(kind("def main():\n    return 10 ** 400\n"), "ValueError");
    assert_eq!(eval("len(str(10 ** 400))"), Value::Int(401));
    let source = "from datetime import datetime\ndef main():\n    return datetime.now()\n";
    for answer in [f64::NAN, f64::INFINITY, 1e300, -1e300, -7e10] {
        let script = super::host::script(source, Some("main"), &[]);
        let step = Monty.start(&script, &Default::default()).step;
        let crate::flow::engine::Step::Call { state, .. } = step else { panic!() };
        let answer = crate::flow::engine::Outcome::Value(Value::Float(answer));
        let crate::flow::engine::Step::Failed(failure) = Monty.answer(state, answer).step else { panic!() };
        assert_eq!(failure.kind, "OverflowError");
    }
}
