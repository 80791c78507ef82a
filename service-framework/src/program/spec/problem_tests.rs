//! Every kind of problem, each beside what causes it.

use serde_json::{Value as Json, json};

use super::tests::written;
use super::*;

fn said(json: &Json) -> String {
    let problems = Spec::from_json(json).err().unwrap_or_default();
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// What is said of the spec with one of everything, if `value` stands at `pointer` instead of what does.
fn with(pointer: &str, value: Json) -> String {
    let mut json = written();
    let (table, key) = pointer.rsplit_once('/').unwrap();
    json.pointer_mut(table).unwrap()[key] = value;
    said(&json)
}

fn without(pointer: &str) -> String {
    let mut json = written();
    let (table, key) = pointer.rsplit_once('/').unwrap();
    json.pointer_mut(table).unwrap().as_object_mut().unwrap().shift_remove(key).unwrap();
    said(&json)
}

#[test]
fn missing_keys() {
    for (pointer, expected) in [
        ("/name", "name: expected the name of the spec, found nothing\n"),
        ("/programs", "programs: expected a table of programs, found nothing\n"),
        ("/programs/pay/hooks", "programs.pay.hooks: expected a list of hooks, found nothing\n"),
        (
            "/programs/note/args",
            "programs.note.args: expected a table of args; `{}` if there are none, found nothing\n",
        ),
        (
            "/programs/note/outputs",
            "programs.note.outputs: expected a table of args; `{}` if there are none, found nothing\n",
        ),
        (
            "/hooks/give/reference",
            "hooks.give.reference: expected the path of a function, such as `order.stock.reserve`, found nothing\n",
        ),
        (
            "/hooks/give/args",
            "hooks.give.args: expected a table of args; `{}` if there are none, found nothing\n",
        ),
        (
            "/hooks/take/args/amount/type",
            "hooks.take.args.amount.type: expected one of str, int, float, list, dict, bool, found nothing\n",
        ),
        (
            "/hooks/take/args/amount/required",
            "hooks.take.args.amount.required: expected true or false, found nothing\n",
        ),
        (
            "/hooks/take/retry/attempts",
            "hooks.take.retry.attempts: expected a whole number of attempts, 1 or more, found nothing\n",
        ),
    ] {
        assert_eq!(without(pointer), expected, "{pointer}");
    }
    // Nothing is said of references that the table might have held.
    assert_eq!(without("/hooks"), "hooks: expected a table of hooks, found nothing\n");
}

#[test]
fn keys_that_may_be_left_out() {
    for pointer in [
        "/version",
        "/$schema",
        "/programs/pay/description",
        "/programs/pay/timeout",
        "/programs/pay/locks",
        "/programs/pay/on_crash",
        "/programs/pay/args/amount/default",
        "/hooks/take/dependencies",
        "/hooks/take/rectifiers",
        "/hooks/take/description",
        "/hooks/take/retry",
        "/hooks/take/retry/backoff",
        "/hooks/take/retry/max_backoff",
        "/hooks/take/timeout",
        "/hooks/take/idempotent",
    ] {
        assert_eq!(without(pointer), "", "{pointer}");
    }
}

#[test]
fn wrong_types() {
    for (pointer, value, expected) in [
        ("/name", json!(1), "name: expected a string, found 1 (write `\"1\"`)\n"),
        ("/version", json!(1.5), "version: expected a string, found 1.5 (write `\"1.5\"`)\n"),
        ("/hooks", json!([]), "hooks: expected a table, found a list of 0\n"),
        ("/programs/note", json!("write"), "programs.note: expected a table, found \"write\"\n"),
        (
            "/programs/note/hooks",
            json!("write"),
            "programs.note.hooks: expected a list of hooks, found \"write\" (did you mean `[\"write\"]`?)\n",
        ),
        (
            "/programs/note/hooks",
            json!([1]),
            "programs.note.hooks[0]: expected a string such as \"hooks.x\", found 1\n",
        ),
        (
            "/programs/note/description",
            json!([]),
            "programs.note.description: expected a string, found a list of 0\n",
        ),
        (
            "/hooks/give/dependencies",
            json!({}),
            "hooks.give.dependencies: expected a list of hooks, found a table of 0\n",
        ),
        (
            "/hooks/give/rectifiers",
            json!(null),
            "hooks.give.rectifiers: expected a value, found null (leave the key out if there is none)\n",
        ),
        (
            "/hooks/give/args",
            json!(null),
            "hooks.give.args: expected a value, found null (leave the key out if there is none)\n",
        ),
        (
            "/hooks/give/idempotent",
            json!("yes"),
            "hooks.give.idempotent: expected true or false, found \"yes\"\n",
        ),
        ("/hooks/give/retry", json!(3), "hooks.give.retry: expected a table, found 3\n"),
        (
            "/hooks/take/args/amount",
            json!("float"),
            "hooks.take.args.amount: expected a table, found \"float\"\n",
        ),
        (
            "/hooks/take/args/amount/required",
            json!(1),
            "hooks.take.args.amount.required: expected true or false, found 1\n",
        ),
        (
            "/hooks/take/args/amount/type",
            json!("floot"),
            "hooks.take.args.amount.type: expected one of str, int, float, list, dict, bool, found \"floot\" (did you mean `float`?)\n",
        ),
        (
            "/hooks/take/args/amount/type",
            json!("number"),
            "hooks.take.args.amount.type: expected one of str, int, float, list, dict, bool, found \"number\" (did you mean `float`?)\n",
        ),
        (
            "/programs/pay/on_crash",
            json!("resum"),
            "programs.pay.on_crash: expected \"rectify\" or \"resume\", found \"resum\" (did you mean `resume`?)\n",
        ),
        (
            "/programs/pay/locks",
            json!("account"),
            "programs.pay.locks: expected a list of names such as \"account:{account_id}\", found \"account\" (did you mean `[\"account\"]`?)\n",
        ),
    ] {
        assert_eq!(with(pointer, value), expected, "{pointer}");
    }
    assert_eq!(said(&json!([])), "expected a table, found a list of 0\n");
}

#[test]
fn unknown_keys() {
    for (pointer, expected) in [
        (
            "/program",
            "program: expected one of $schema, version, name, programs, hooks, found unknown key \"program\" (did you mean `programs`?)\n",
        ),
        (
            "/programs/note/lock",
            "programs.note.lock: expected one of hooks, args, outputs, description, timeout, locks, on_crash, found unknown key \"lock\" (did you mean `locks`?)\n",
        ),
        (
            "/hooks/give/retyr",
            "hooks.give.retyr: expected one of reference, args, dependencies, rectifiers, description, retry, timeout, idempotent, found unknown key \"retyr\" (did you mean `retry`?)\n",
        ),
        (
            "/hooks/take/retry/tries",
            "hooks.take.retry.tries: expected one of attempts, backoff, max_backoff, found unknown key \"tries\"\n",
        ),
        (
            "/hooks/take/args/amount/requried",
            "hooks.take.args.amount.requried: expected one of type, description, default, required, found unknown key \"requried\" (did you mean `required`?)\n",
        ),
    ] {
        assert_eq!(with(pointer, json!(true)), expected, "{pointer}");
    }
}

#[test]
fn defaults() {
    let of = |kind: &str, default: Json| {
        let said =
            with("/hooks/give/args", json!({"x": {"type": kind, "required": false, "default": default}}));
        said.strip_prefix("hooks.give.args.x.default: expected ").unwrap_or(&said).trim_end().to_owned()
    };
    for (kind, default) in [
        ("str", json!("")),
        ("string", json!("a")),
        ("int", json!(-5)),
        ("int", json!(u64::MAX)),
        ("int", json!(true)),
        ("float", json!(5.0)),
        ("list", json!([1, {"a": null}])),
        ("dict", json!({"__decimal__": true, "as_str": "1.5"})),
        ("bool", json!(false)),
    ] {
        assert_eq!(of(kind, default.clone()), "", "{kind} {default}");
    }
    for (kind, default, expected) in [
        ("float", json!(5), "a number with a point, as the type is float, found 5 (write `5.0`)"),
        ("float", json!(true), "a number with a point, as the type is float, found true"),
        ("int", json!(5.0), "a whole number, as the type is int, found 5.0 (write `5`)"),
        ("int", json!(5.5), "a whole number, as the type is int, found 5.5"),
        ("int", json!(1e30), "a whole number, as the type is int, found 1e+30 (an int is one of 64 bits)"),
        ("int", json!("5"), "a whole number, as the type is int, found \"5\" (write `5`, without quotes)"),
        ("bool", json!(0), "true or false, as the type is bool, found 0 (write `false`)"),
        (
            "bool",
            json!("true"),
            "true or false, as the type is bool, found \"true\" (write `true`, without quotes)",
        ),
        ("str", json!(7), "a string, as the type is str, found 7 (write `\"7\"`)"),
        ("list", json!({}), "a list, as the type is list, found a table of 0"),
        ("dict", json!([]), "a table, as the type is dict, found a list of 0"),
        ("str", json!(null), "a value, found null (leave the key out if there is none)"),
    ] {
        assert_eq!(of(kind, default.clone()), expected, "{kind} {default}");
    }
    let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(of("list", deep(120)), "");
    assert_eq!(of("list", deep(121)), "at most 120 lists and tables within each other, found more");
}

#[test]
fn references() {
    let of = |reference: &str| {
        let said = with("/programs/pay/hooks", json!([reference]));
        said.strip_prefix("programs.pay.hooks[0]: expected ").unwrap_or(&said).trim_end().to_owned()
    };
    for right in ["take", "hooks.take", "anything.take", "a.b.c.take", ".take", "programs.note"] {
        assert_eq!(of(right), "", "{right}");
    }
    for (wrong, expected) in [
        ("hooks.tkae", "a hook of this spec, found \"hooks.tkae\" (did you mean `hooks.take`?)"),
        (
            "programs.notes",
            "a program of this spec, found \"programs.notes\" (did you mean `programs.note`?)",
        ),
        ("programs.take", "a program of this spec, found \"programs.take\" (the hook is `hooks.take`)"),
        ("note", "a hook of this spec, found \"note\" (the program is `programs.note`)"),
        ("hooks.", "a hook of this spec, found \"hooks.\""),
        ("", "a hook of this spec, found \"\""),
        ("programs.", "a program of this spec, found \"programs.\""),
        ("programs.pay", "another program, found \"programs.pay\", the program itself"),
    ] {
        assert_eq!(of(wrong), expected, "{wrong}");
    }
    for list in ["dependencies", "rectifiers"] {
        assert_eq!(
            with(&format!("/hooks/give/{list}"), json!(["take", "hooks.give"])),
            format!("hooks.give.{list}[1]: expected another hook, found \"hooks.give\", the hook itself\n")
        );
    }
}

#[test]
fn a_name_that_is_both_means_the_hook() {
    let arg = json!({"hooks": [], "args": {}, "outputs": {}});
    let json = json!({
        "name": "x",
        "programs": {"both": arg, "p": {"hooks": ["both", "hooks.both", "programs.both"], "args": {}, "outputs": {}}},
        "hooks": {"both": {"reference": "x", "args": {}}},
    });
    let spec = Spec::from_json(&json).unwrap();
    assert_eq!(spec.program("p").unwrap().hooks, [Target::Hook(0), Target::Hook(0), Target::Program(0)]);
}

/// A spec of these hooks, with what each depends on and what undoes it, and these programs.
fn graph(hooks: &[(&str, &[&str], &[&str])], programs: &[(&str, &[&str])]) -> Json {
    let hook = |(name, dependencies, rectifiers): &(&str, &[&str], &[&str])| {
        let hook =
            json!({"reference": name, "args": {}, "dependencies": dependencies, "rectifiers": rectifiers});
        ((*name).to_owned(), hook)
    };
    let program = |(name, hooks): &(&str, &[&str])| {
        ((*name).to_owned(), json!({"hooks": hooks, "args": {}, "outputs": {}}))
    };
    json!({
        "name": "x",
        "hooks": hooks.iter().map(hook).collect::<serde_json::Map<_, _>>(),
        "programs": programs.iter().map(program).collect::<serde_json::Map<_, _>>(),
    })
}

#[test]
fn cycles_are_said_whole() {
    insta::assert_snapshot!(said(&graph(&[("a", &["b"], &[]), ("b", &["c"], &[]), ("c", &["a"], &[])], &[])),
        @"hooks.c.dependencies[0]: expected no way back to where it began, found a → b → c → a");
    insta::assert_snapshot!(said(&graph(&[("a", &[], &["x", "b"]), ("b", &[], &["a"]), ("x", &[], &[])], &[])),
        @"hooks.b.rectifiers[0]: expected no way back to where it began, found a → b → a");
    insta::assert_snapshot!(said(&graph(&[], &[("p", &["programs.q"]), ("q", &["programs.p"])])),
        @"programs.q.hooks[0]: expected no way back to where it began, found programs.p → programs.q → programs.p");
    insta::assert_snapshot!(said(&graph(&[("a", &["programs.p"], &[])], &[("p", &["a"])])),
        @"hooks.a.dependencies[0]: expected no way back to where it began, found programs.p → a → programs.p");
    insta::assert_snapshot!(said(&graph(&[("a", &["b"], &[]), ("b", &["a"], &["a"]), ("c", &["d"], &[]), ("d", &["c"], &[])], &[])), @r"
    hooks.b.dependencies[0]: expected no way back to where it began, found a → b → a
    hooks.b.rectifiers[0]: expected no way back to where it began, found a → b → a
    hooks.d.dependencies[0]: expected no way back to where it began, found c → d → c
    ");
    // Two ways to the same hook are no cycle.
    assert_eq!(
        said(&graph(
            &[("a", &["b", "c"], &["d"]), ("b", &["d"], &[]), ("c", &["d"], &[]), ("d", &[], &[])],
            &[]
        )),
        ""
    );
}

#[test]
fn the_place_of_a_cycle_is_that_of_the_file() {
    let said = said(&graph(&[("a", &["nothing", "b"], &[]), ("b", &["nowhere", "a"], &[])], &[]));
    assert!(said.contains("hooks.b.dependencies[1]: expected no way back"), "{said}");
}

#[test]
fn functions_that_stand_twice() {
    assert_eq!(
        with("/hooks/give/reference", json!("bank.account.take")),
        "hooks.give.reference: expected a function that no other hook has, found \"bank.account.take\", which `take` has too\n"
    );
}

#[test]
fn names() {
    for (name, is_right) in
        [("a", true), ("My spec_1-é", true), ("", false), (" _-", false), ("a.b", false), ("a/b", false)]
    {
        assert_eq!(with("/name", json!(name)).is_empty(), is_right, "{name}");
    }
    let hook = json!({"reference": "f", "args": {}});
    for (name, is_right) in [
        ("a", true),
        ("my hook", true),
        ("é-1", true),
        ("", false),
        ("a.b", false),
        (" a", false),
        ("a\n", false),
    ] {
        assert_eq!(with(&format!("/hooks/{name}"), hook.clone()).is_empty(), is_right, "{name:?}");
    }
    let program = json!({"hooks": [], "args": {}, "outputs": {}});
    for (name, is_right) in
        [("a", true), ("my program", true), ("v1.buy", true), ("", false), ("a\u{7}", false)]
    {
        assert_eq!(with(&format!("/programs/{name}"), program.clone()).is_empty(), is_right, "{name:?}");
    }
    for (reference, is_right) in [
        ("f", true),
        ("a.b.c", true),
        ("a.b c", true),
        ("", false),
        ("a..b", false),
        (".a", false),
        ("a.", false),
    ] {
        assert_eq!(with("/hooks/give/reference", json!(reference)).is_empty(), is_right, "{reference:?}");
    }
}

#[test]
fn names_of_args() {
    let arg = |name: &str| json!({name: {"type": "bool", "required": false}});
    for table in ["/programs/note/args", "/programs/note/outputs", "/hooks/give/args"] {
        assert!(with(table, arg("")).contains("expected the name of an arg"), "{table}");
        assert_eq!(with(table, arg("_user")), "", "metadata is there under such names");
    }
    assert_eq!(
        with("/programs/note/args", arg("_program_fail")),
        "programs.note.args._program_fail: expected a name that is not the framework's own, found \"_program_fail\" \
         (hooks and outputs may name it; the framework sets it)\n"
    );
    assert_eq!(with("/programs/note/outputs", arg("_traceback")), "");
    assert_eq!(with("/hooks/give/args", arg("_program_name")), "");
}

#[test]
fn retries() {
    let of = |retry: Json| {
        let said = with("/hooks/give/retry", retry);
        said.strip_prefix("hooks.give.retry.").unwrap_or(&said).trim_end().to_owned()
    };
    for right in [
        json!({"attempts": 1}),
        json!({"attempts": 2}),
        json!({"attempts": 2, "backoff": 0}),
        json!({"attempts": 5, "backoff": "0s", "max_backoff": "0s"}),
        json!({"attempts": 5, "max_backoff": "10ms"}),
        json!({"attempts": 5, "backoff": "5m"}),
        json!({"attempts": 5, "backoff": 0.25, "max_backoff": 1}),
    ] {
        assert_eq!(of(right.clone()), "", "{right}");
    }
    for (wrong, expected) in [
        (
            json!({"attempts": 0}),
            "attempts: expected a whole number of attempts, 1 or more, found 0 (the first attempt counts: 1 is no retry)",
        ),
        (json!({"attempts": -1}), "attempts: expected a whole number of attempts, 1 or more, found -1"),
        (json!({"attempts": 2.0}), "attempts: expected a whole number of attempts, 1 or more, found 2.0"),
        (
            json!({"attempts": 5_000_000_000_u64}),
            "attempts: expected a whole number of attempts, 1 or more, found 5000000000",
        ),
        (
            json!({"attempts": 1, "backoff": "1s"}),
            "backoff: expected attempts of 2 or more besides it, found 1 (the first attempt counts: without a second nothing is waited for)",
        ),
        (
            json!({"attempts": 3, "backoff": "1s", "max_backoff": "500ms"}),
            "max_backoff: expected at least the backoff, found less (waits begin with `backoff` and double up to `max_backoff`)",
        ),
    ] {
        assert_eq!(of(wrong.clone()), expected, "{wrong}");
    }
    let retry = |json: Json| {
        let hook = json!({"reference": "f", "args": {}, "retry": json});
        let spec = Spec::from_json(&json!({"name": "x", "programs": {}, "hooks": {"h": hook}})).unwrap();
        let retry = spec.hooks()[0].retry;
        (retry.backoff.as_millis(), retry.max_backoff.as_millis())
    };
    assert_eq!(retry(json!({"attempts": 2})), (100, 30_000));
    assert_eq!(retry(json!({"attempts": 2, "max_backoff": "10ms"})), (10, 10));
    assert_eq!(retry(json!({"attempts": 2, "backoff": "5m"})), (300_000, 300_000));
}

#[test]
fn lengths_of_time() {
    for right in [
        json!("500ms"),
        json!("1.5s"),
        json!("2 m"),
        json!("1h"),
        json!("1d"),
        json!("PT1.5S"),
        json!(3),
        json!(0.5),
    ] {
        assert_eq!(with("/hooks/give/timeout", right.clone()), "", "{right}");
    }
    let expected = "hooks.give.timeout: expected a length of time such as \"500ms\", \"5s\", \"2m\", \"1h\" or \"1d\", or seconds as a number, found ";
    for (wrong, found) in [
        (json!("soon"), "\"soon\"\n"),
        (json!("5"), "\"5\" (write `\"5s\"`, if these are seconds)\n"),
        (json!("-5s"), "\"-5s\"\n"),
        (json!(-5), "-5\n"),
        (json!(1e300), "1e+300\n"),
        (json!("99999999d"), "\"99999999d\"\n"),
        (json!(true), "true\n"),
    ] {
        assert_eq!(with("/hooks/give/timeout", wrong.clone()), format!("{expected}{found}"), "{wrong}");
    }
    for zero in [json!("0s"), json!(0)] {
        assert_eq!(
            with("/programs/pay/timeout", zero),
            "programs.pay.timeout: expected more than no time, found a timeout of 0 (leave the key out for no timeout)\n"
        );
    }
}

#[test]
fn locks() {
    let of = |lock: &str| {
        let mut json = written();
        json["programs"]["pay"]["args"]["items"] = json!({"type": "list", "required": true});
        json["programs"]["pay"]["args"]["note"] = json!({"type": "str", "required": false});
        json["programs"]["pay"]["locks"] = json!(["first", lock]);
        let said = said(&json);
        said.strip_prefix("programs.pay.locks[1]: expected ").unwrap_or(&said).trim_end().to_owned()
    };
    for right in ["all", "{account_id}", "a{amount}b{account_id}", "{{}}", "a b"] {
        assert_eq!(of(right), "", "{right}");
    }
    for (wrong, expected) in [
        ("", "a name such as \"account:{account_id}\", found an empty name (`{{` and `}}` stand for braces)"),
        (
            "{account_id",
            "a name such as \"account:{account_id}\", found a `{` that is not closed (`{{` and `}}` stand for braces)",
        ),
        (
            "account_id}",
            "a name such as \"account:{account_id}\", found a `}` that closes nothing (`{{` and `}}` stand for braces)",
        ),
        (
            "{}",
            "a name such as \"account:{account_id}\", found braces without a name in them (`{{` and `}}` stand for braces)",
        ),
        ("first", "each lock once, found \"first\" once more"),
        (
            "{acount_id}",
            "args of this program in braces, found \"acount_id\", which is none (did you mean `account_id`?)",
        ),
        (
            "{items}",
            "args of this program in braces, found \"items\", which is a list (a str, int, float or bool can stand in a name)",
        ),
        (
            "{note}",
            "args of this program in braces, found \"note\", which may be absent (make it required, or give it a default)",
        ),
    ] {
        assert_eq!(of(wrong), expected, "{wrong}");
    }
    let said = with("/programs/pay/args/account_id/type", json!("strng"));
    assert_eq!(said.lines().count(), 1, "a lock is not blamed for an arg that is wrong: {said}");
}

#[test]
fn everything_is_said_at_once() {
    let json = json!({
        "nam": "x",
        "programs": {"p": {"hooks": ["hooks.b"], "args": {"a": {"type": "intt"}}, "locks": ["{b}"]}},
        "hooks": {
            "a": {"reference": "f", "args": {}, "dependencies": ["hooks.c"], "retry": {"attempts": 0}},
            "c": {"reference": "f", "args": {}, "dependencies": ["a"], "timeout": 0},
        },
    });
    insta::assert_snapshot!(said(&json), @r##"
    nam: expected one of $schema, version, name, programs, hooks, found unknown key "nam" (did you mean `name`?)
    name: expected the name of the spec, found nothing
    programs.p.hooks[0]: expected a hook of this spec, found "hooks.b"
    programs.p.args.a.type: expected one of str, int, float, list, dict, bool, found "intt" (did you mean `int`?)
    programs.p.args.a.required: expected true or false, found nothing
    programs.p.outputs: expected a table of args; `{}` if there are none, found nothing
    programs.p.locks[0]: expected args of this program in braces, found "b", which is none
    hooks.a.retry.attempts: expected a whole number of attempts, 1 or more, found 0 (the first attempt counts: 1 is no retry)
    hooks.c.timeout: expected more than no time, found a timeout of 0 (leave the key out for no timeout)
    hooks.c.reference: expected a function that no other hook has, found "f", which `a` has too
    hooks.c.dependencies[0]: expected no way back to where it began, found a → c → a
    "##);
}

#[test]
fn json_has_a_line_and_a_column() {
    let problems = Spec::from_text("{\n  \"name\": \"x\",\n  \"name\": \"y\"\n}").unwrap_err();
    insta::assert_snapshot!(problems[0], @r#"line 3, column 8: expected each name once in an object, found the name "name" once more (the line is: "name": "y")"#);
    assert!(Spec::from_text(&"[".repeat(100_000)).is_err());
    assert!("{".parse::<Spec>().is_err());
}
