//! What the launcher does with specs of programs: `program check` and `program graph`.

use serde_json::json;

use crate::folder::{Folder, json as parsed};
use crate::support::root;

fn order() -> String {
    root().join("examples/programs/order/ryu_spec.json").display().to_string()
}

/// A spec with three mistakes and a hook that nobody uses.
fn broken() -> Folder {
    let spec = json!({
        "name": "x",
        "programs": {"buy": {"hooks": ["hooks.reserv"], "args": {}, "outputs": {}, "lock": []}},
        "hooks": {"reserve": {"reference": "x.reserve", "args": {}, "rectifiers": ["reserve"]}},
    });
    Folder::new().with("ryu_spec.json", spec)
}

#[test]
fn a_right_spec_has_no_problem() {
    let folder = Folder::new();
    let checked = folder.launch(&format!("program check -s {}", order()));
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
    assert!(checked.stdout.ends_with("ryu_spec.json: 2 programs, 11 hooks\n"), "{}", checked.stdout);
    let json = parsed(&folder.launch(&format!("program check --json -s {}", order())).stdout);
    assert_eq!(
        (&json["name"], &json["problems"], &json["warnings"]),
        (&json!("Order"), &json!([]), &json!([]))
    );
    assert_eq!(json["fingerprint"].as_str().map(str::len), Some(32));
}

#[test]
fn every_problem_is_told_at_once() {
    let folder = broken();
    let checked = folder.launch("program check");
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(2), ""));
    insta::assert_snapshot!(checked.stdout, @r#"
    error: ryu_spec.json: programs.buy.lock
      expected  one of hooks, args, outputs, description, timeout, locks, on_crash
      found     unknown key "lock"
      hint      did you mean `locks`?
    error: ryu_spec.json: programs.buy.hooks[0]
      expected  a hook of this spec
      found     "hooks.reserv"
      hint      did you mean `hooks.reserve`?
    error: ryu_spec.json: hooks.reserve.rectifiers[0]
      expected  another hook
      found     "reserve", the hook itself
    3 problems: it would not start
    "#);
    let json = folder.launch("program check --json");
    assert_eq!(json.code, Some(2));
    let json = parsed(&json.stdout);
    assert_eq!(json["problems"].as_array().map(Vec::len), Some(3));
    assert_eq!(json["problems"][1]["path"], "programs.buy.hooks[0]");
    assert_eq!(json["fingerprint"], json!(null));
    // Whoever needs the spec says the same.
    let graph = folder.launch("program graph");
    assert_eq!((graph.code, graph.stdout.as_str()), (Some(2), ""));
    assert!(graph.stderr.ends_with("3 problems: nothing was started\n"), "{}", graph.stderr);
}

#[test]
fn what_is_not_used_is_a_warning() {
    let spec = json!({
        "name": "x",
        "programs": {},
        "hooks": {"a": {"reference": "x.a", "args": {}}, "b": {"reference": "x.b", "args": {}}},
    });
    let checked = Folder::new().with("s.json", spec).launch("program check -s s.json");
    assert_eq!(checked.code, Some(0));
    assert_eq!(checked.stdout, "warning: no program uses `a`, `b`\nok: s.json: 0 programs, 2 hooks\n");
}

#[test]
fn what_may_happen_twice_is_a_warning() {
    let hook = |more: serde_json::Value| {
        let mut hook = json!({"reference": "x.a", "args": {}, "timeout": "1s", "retry": {"attempts": 3}});
        hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let spec = json!({"name": "x", "programs": {"p": {"hooks": ["a"], "args": {}, "outputs": {}}}, "hooks": {"a": hook}});
        Folder::new().with("s.json", spec).launch("program check -s s.json")
    };
    let checked = hook(json!({}));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.starts_with("warning: `a` may happen twice: "), "{checked:?}");
    for harmless in [json!({"idempotent": true}), json!({"retry": {"attempts": 1}})] {
        assert_eq!(hook(harmless).stdout, "ok: s.json: 1 program, 1 hook\n");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = broken();
    let checked = folder.launch("program check -s ryu_spec.jsn");
    assert_eq!(checked.code, Some(2));
    assert!(checked.stdout.contains("error: ryu_spec.jsn\n"), "{}", checked.stdout);
    assert!(checked.stdout.contains("did you mean `ryu_spec.json`?"), "{}", checked.stdout);
    let twice = folder
        .with("twice.json", "{\n \"name\": \"a\",\n \"name\": \"b\"\n}")
        .launch("program check -s twice.json");
    assert!(twice.stdout.contains("twice.json: line 3, column 7\n"), "{}", twice.stdout);
}

#[test]
fn programs_are_shown() {
    let folder = Folder::new();
    let shown = |line: &str| {
        let shown = folder.launch(&format!("program graph -s {} {line}", order()));
        assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""), "{line}");
        shown.stdout
    };
    let all = shown("");
    assert!(all.contains("├─ 3 charge ") && all.contains("\ntell: Tells the customer."), "{all}");
    assert!(
        all.contains("undone in this order: cancel_parcel (5), refund (3), note_refund (3), release (1)\n"),
        "{all}"
    );
    let one = shown("tell");
    assert!(one.starts_with("tell: ") && !one.contains("charge"), "{one}");
    assert_eq!(one, shown("programs.tell --format text"));
    assert!(shown("buy --format mermaid").starts_with("flowchart TD\n"));
    assert!(shown("buy --format dot").starts_with("digraph programs {\n"));
    assert!(shown("buy --format svg").ends_with("</svg>\n"));
    assert_eq!(parsed(&shown("buy --json"))[0]["steps"].as_array().map(Vec::len), Some(7));
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let graph = Folder::new().launch(&format!("program graph byu -s {}", order()));
    assert_eq!(graph.code, Some(2));
    assert!(graph.stderr.contains("hint      did you mean `buy`?\n"), "{}", graph.stderr);
}
