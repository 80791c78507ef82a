use super::check;

/// What is said of a script, each as `line:column what`.
fn said(source: &str) -> Vec<String> {
    check(source).iter().map(|it| format!("{}:{} {}", it.line, it.column, it.what)).collect()
}

/// What is advised.
fn advised(source: &str) -> Vec<String> {
    check(source).into_iter().map(|it| it.instead).collect()
}

#[test]
fn everything_is_said_at_once_in_order_with_its_place() {
    let source = "from flow.tim import sleep
from flow.http import reqest
import os
class E(Exception):
    pass
def main(x):
    yield x
    del x
    return undefned % 1
";
    assert_eq!(
        said(source),
        [
            "1:1 there is no module flow.tim for flows",
            "2:23 flow.http has no reqest",
            "3:8 there is no module os for flows",
            "4:7 an exception class of your own (classes have no bases here)",
            "7:5 yield (generators)",
            "8:5 the del statement",
            "9:12 the name undefned is not defined",
        ]
    );
    let advice = advised(source);
    assert_eq!(advice[0], "did you mean flow.time?");
    assert_eq!(advice[1], "did you mean request?");
    assert!(advice.iter().all(|advice| !advice.is_empty()));
}

#[test]
fn names_are_looked_up_where_python_does() {
    for good in [
        "x = 1\ndef f():\n    return x\n",
        "def f():\n    return g()\ndef g():\n    return 1\n",
        "def f(a, *b, c=1, **d):\n    return [a, b, c, d]\n",
        "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x += 1\n    return g\n",
        "def f():\n    global x\n    x = 1\nf()\nx = 0\n",
        "y = [a for a in range(3) if (last := a)]\nprint(last)\n",
        "y = {k: v for k, v in {}.items()}\n",
        "f = lambda a, b=1: a + b\n",
        "try:\n    pass\nexcept OSError as e:\n    print(e)\n",
        "with open_it() as (a, b):\n    print(a, b)\ndef open_it():\n    pass\n",
        "for a, *b in []:\n    print(a, b)\n",
        "class C:\n    size = 2\n    def m(self):\n        return C.size\n",
        "def f(x: Unknown) -> Missing:\n    y: Nowhere = 1\n    return y\n",
        "print(__name__, Timeout, TimeoutError, len, iter([]), isinstance(1, int), frozenset())\n",
        "import json\nimport datetime as d\nfrom math import pi as p\njson.dumps([d.date.max, p])\n",
    ] {
        assert_eq!(said(good), Vec::<String>::new(), "{good}");
    }
    for (bad, name) in [
        ("def f():\n    x = 1\ndef g():\n    return x\n", "4:12 the name x is not defined"),
        (
            "class C:\n    size = 2\n    def m(self):\n        return size\n",
            "4:16 the name size is not defined",
        ),
        ("y = [a for a in range(3)]\nprint(a)\n", "2:7 the name a is not defined"),
        ("f = lambda a: b\n", "1:15 the name b is not defined"),
        ("def f(x=y):\n    y = 1\n", "1:9 the name y is not defined"),
        ("ConnectionError\n", "1:1 the name ConnectionError is not defined"),
    ] {
        assert_eq!(said(bad), [name], "{bad}");
    }
    assert_eq!(advised("sleep(1)\n"), ["import it: `from flow.time import sleep`"]);
    assert_eq!(advised("count = 1\nprint(cuont)\n"), ["did you mean count?"]);
}

#[test]
fn modules_and_their_names_are_known() {
    for good in [
        "import flow.time\nflow.time.sleep(1)\nflow.http.request.get('x')\n",
        "import flow\nwith flow.time.timeout(1):\n    pass\n",
        "import flow.http as h\nh.callback.new()\n",
        "from flow import time, http as h\ntime.sleep(1)\nh.request\n",
        "import time, random as r, uuid\ntime.time()\nr.choice([1])\nuuid.uuid4()\n",
        "from asyncio import gather, run, sleep\n",
        "from __future__ import annotations\n",
        "from collections import deque, Counter, namedtuple, defaultdict\nimport re, math\nre.match\nmath.sqrt(2)\n",
    ] {
        assert_eq!(said(good), Vec::<String>::new(), "{good}");
    }
    for (bad, what) in [
        ("import flow.time\nflow.time.sleeep(1)\n", "2:11 flow.time has no sleeep"),
        ("import flow.time\nflow.tiem.sleep(1)\n", "2:6 there is no module flow.tiem for flows"),
        ("import flow.http as h\nh.calback.new()\n", "2:3 flow.http has no calback"),
        ("from time import strftime\n", "1:18 time has no strftime"),
        ("import random\nrandom.gauss(0, 1)\n", "2:8 random has no gauss"),
        ("from asyncio import create_task\n", "1:21 asyncio has no create_task"),
        ("from math import sqroot\n", "1:18 math has no sqroot"),
        ("import dataclasses\ndataclasses.asdict\n", "2:13 dataclasses has no asdict"),
        ("from flow.http import *\n", "1:23 import *"),
        ("from . import x\n", "1:1 a relative import"),
        ("import numpy\n", "1:8 there is no module numpy for flows"),
        ("sorted(['b'], key=str.upper)\n", "1:23 str has no upper here"),
        ("int.from_bytes(b'a', 'big')\n", "1:5 int has no from_bytes here"),
        ("dict.fromkeys([1])\n", "1:6 dict has no fromkeys here"),
    ] {
        assert_eq!(said(bad).join("\n"), what, "{bad}");
    }
}

#[test]
fn what_could_not_be_kept_is_refused() {
    let what = |place: &str| format!("a lambda within {place}: a flow that waits after it could not be kept");
    for (statement, column, place) in [
        ("raise ValueError((lambda: x)())", 19, "raise"),
        ("assert (lambda: x)()", 9, "assert"),
        ("assert x, (lambda: x)()", 12, "assert"),
        ("y = [1][(lambda: x)():]", 10, "a slice"),
    ] {
        assert_eq!(
            said(&format!("x = 1\n{statement}\n")),
            [format!("2:{column} {}", what(place))],
            "{statement}"
        );
    }
    let handler = "x = 1\ntry:\n    pass\nexcept (lambda: x)():\n    pass\n";
    assert_eq!(said(handler), [format!("4:9 {}", what("except"))]);
}

/// Everything that this monty refuses, or fails with when it comes to it.
#[test]
fn everything_that_is_not_there_is_said_once_and_with_advice() {
    for (source, what) in [
        ("class A:\n    pass\nclass B(A):\n    pass\n", "3:9 class inheritance"),
        ("class A(metaclass=type):\n    pass\n", "1:7 metaclasses and class keywords"),
        ("class A:\n    class B:\n        pass\n", "2:11 a class inside of a class"),
        (
            "class A:\n    @property\n    def m(self):\n        pass\n",
            "2:6 property cannot be used in a flow",
        ),
        (
            "class A:\n    @staticmethod\n    def m():\n        pass\n",
            "2:6 staticmethod cannot be used in a flow",
        ),
        ("class A:\n    def __len__(self):\n        return 1\n", "2:9 __len__ is never called here"),
        (
            "class A:\n    for x in []:\n        pass\n",
            "2:5 a class body holds methods and `name = value` only",
        ),
        ("def f():\n    yield 1\n", "2:5 yield (generators)"),
        ("def f():\n    yield from []\n", "2:5 yield (generators)"),
        ("x = 1\ndel x\n", "2:1 the del statement"),
        ("match 1:\n    case 1:\n        pass\n", "1:1 the match statement"),
        ("type X = int\n", "1:1 type aliases"),
        ("async def f(x):\n    async for y in x:\n        pass\n", "2:5 async for"),
        ("async def f(x):\n    async with x:\n        pass\n", "2:5 async with"),
        ("async def f(x):\n    return [y async for y in x]\n", "2:15 async comprehensions"),
        ("try:\n    pass\nexcept* ValueError:\n    pass\n", "1:1 except*"),
        ("x = 1j\n", "1:5 complex numbers"),
        ("x = [1]\nx[0:1] = [2]\n", "2:1 assignment to a slice"),
        (
            "x = [1, 2]\nx[0], x[1] = 2, 1\n",
            "2:1 unpacking into an attribute or an item\n2:7 unpacking into an attribute or an item",
        ),
        ("print('%s' % 1)\n", "1:7 % on text"),
        ("print(1, file=2)\n", "1:10 print(file=...)"),
        ("f = lambda **k: k\nf(**{}, **{})\n", "2:1 several ** in one call"),
        ("def f(e):\n    return e.__cause__\n", "2:14 nothing has __cause__ here"),
        ("import re\nre.sub('a', lambda m: 'b', 'a')\n", "2:13 a function as the replacement of re.sub"),
        (
            "from flow.tasks import gather\ngather(return_exceptions=True)\n",
            "2:8 gather(return_exceptions=...)",
        ),
        ("x = 1\nprint(f'{x + 1=}')\n", "2:9 = after an expression in an f-string"),
        ("open('x')\n", "1:1 open cannot be used in a flow"),
        ("hash('x')\n", "1:1 hash cannot be used in a flow"),
    ] {
        assert_eq!(said(source).join("\n"), what, "{source}");
        assert!(advised(source).iter().all(|advice| advice.len() > 8), "{source}");
    }
}

#[test]
fn names_of_the_prelude_are_refused() {
    assert_eq!(said("__flow_x = 1\n"), ["1:1 names that begin with __flow are not for scripts"]);
    assert_eq!(
        said("x = 1\ndef f(__flow__):\n    pass\n"),
        ["2:7 names that begin with __flow are not for scripts"]
    );
}

#[test]
fn what_may_wait_is_not_called_where_nothing_may() {
    let head = "from flow.http import request\nfrom collections import defaultdict\ndef size(n):\n    return request.get(n).json()\ndef outer(n):\n    return size(n)\n";
    let said = |body: &str| said(&format!("{head}{body}"));
    assert_eq!(
        said("x = []\nx.sort(key=outer)\n"),
        ["8:8 a key of list.sort that waits for something outside"]
    );
    assert_eq!(
        said("x = []\nx.sort(key=lambda n: outer(n))\n"),
        ["8:8 a key of list.sort that waits for something outside"]
    );
    assert_eq!(
        said("x = defaultdict(size)\n"),
        ["7:17 a defaultdict whose factory waits for something outside"]
    );
    assert_eq!(
        said("class C:\n    def __repr__(self):\n        return outer(1)\n"),
        ["8:9 __repr__ must not wait for anything outside"]
    );
    for good in [
        "x = []\nx.sort(key=len)\n",
        "x = sorted([], key=outer)\n",
        "x = defaultdict(list)\n",
        "class C:\n    def __enter__(self):\n        return outer(1)\n",
    ] {
        assert_eq!(said(good), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn deadlines_are_not_for_tasks() {
    let what = "`with timeout` within the async function one: a task has no deadline of its own";
    let direct = "from flow.time import timeout\nasync def one():\n    with timeout(1):\n        pass\n";
    assert_eq!(said(direct), [format!("2:11 {what}")]);
    let through = "import flow.time as t\ndef helper():\n    with t.timeout(1):\n        pass\nasync def one():\n    helper()\n";
    assert_eq!(said(through), [format!("5:11 {what}")]);
    assert!(
        said("from flow.time import timeout\ndef main():\n    with timeout(1):\n        pass\n").is_empty()
    );
}

#[test]
fn the_seeds_program_has_nothing_to_complain_about() {
    assert_eq!(said(include_str!("../../../../../../examples/flows/seed/reboot.py")), Vec::<String>::new());
}

#[test]
fn the_examples_have_nothing_to_complain_about() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/flows");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let scripts: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "py")).collect();
    assert!(!scripts.is_empty());
    for script in scripts {
        assert_eq!(
            said(&std::fs::read_to_string(&script).unwrap()),
            Vec::<String>::new(),
            "{}",
            script.display()
        );
    }
}

#[test]
fn what_only_monty_knows_is_said_too() {
    let said = said("class C:\n    x = [y := 1]\n");
    assert_eq!(said.len(), 1, "{said:?}");
    let deep = format!("x = {}1{}\n", "[".repeat(150), "]".repeat(150));
    assert!(!check(&deep).is_empty() || !cfg!(debug_assertions));
}

/// The table of names is for advice; what there is says the prelude.
#[test]
fn the_table_of_modules_is_what_the_prelude_has() {
    let mut probe = super::Probe::new();
    for (module, names) in super::imports::MODULES {
        for name in names {
            assert!(probe.has_in_prelude(&format!("__flow__.{}", &module[5..]), name), "{module}.{name}");
        }
    }
    assert!(!probe.has_in_prelude("__flow__.time", "nothing"));
    assert!(probe.has_in_module("math", "sqrt") && !probe.has_in_module("math", "nothing"));
}
