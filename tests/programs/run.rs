//! `program run`, `list` and `show`, as somebody types them: what is meant by what is typed, and what is shown of what hooks say.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value as Json, json};

use crate::folder::{Folder, LAUNCHER, json as parsed};

/// A hook that writes down what it does, says it on stderr, and fails if it is told to.
const HOOK: &str = r#"#!/bin/sh
echo "$1" >> ledger
printf 'said \033[31m%s\007' "$1" >&2
[ "$1" = "$(cat fails 2>/dev/null)" ] && exit 1
cat
"#;

/// A program of three steps, two of which can be undone.
fn folder() -> Folder {
    let hook = |rectifiers: Json| json!({"reference": "steps.one", "args": {}, "rectifiers": rectifiers});
    let mut hooks = json!({
        "first": hook(json!(["unfirst"])), "unfirst": hook(json!([])),
        "second": hook(json!(["unsecond"])), "unsecond": hook(json!([])), "third": hook(json!([])),
    });
    let names = ["first", "unfirst", "second", "unsecond", "third"];
    names.iter().for_each(|name| hooks[*name]["reference"] = json!(format!("steps.all.{name}")));
    let args = json!({
        "label": {"type": "str", "description": "A label.", "required": true},
        "count": {"type": "int", "description": "A number.", "required": false, "default": 1},
    });
    let spec = json!({
        "version": "1.0.0", "name": "Steps", "hooks": hooks,
        "programs": {"all": {
            "description": "Three steps.", "hooks": ["first", "second", "third"], "args": args, "locks": [],
            "outputs": {"label": {"type": "str", "required": true}, "count": {"type": "int", "required": true}},
        }},
    });
    let commands: Json =
        names.iter().map(|name| ((*name).to_owned(), json!({"command": ["sh", "hook.sh", name]}))).collect();
    Folder::new().with("ryu_spec.json", spec).with("hooks.json", commands).with("hook.sh", HOOK)
}

/// Runs the launcher with something on its stdin.
fn typed(folder: &Folder, line: &str, stdin: &str) -> Output {
    let mut command = folder.command(LAUNCHER);
    command.args(line.split_whitespace()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end before it has read all of it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn ledger(folder: &Folder) -> Vec<String> {
    let text = std::fs::read_to_string(folder.path("ledger")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn whoever_steps_may_stop_and_have_it_undone() {
    let line = "program run all --arg label=a --step";
    for (stdin, done) in [
        ("\n\n\n", vec!["first", "second", "third"]),
        ("\n\nu\n", vec!["first", "second", "unsecond", "unfirst"]),
        ("\nu\n\n\n", vec!["first", "unfirst"]),
        // Nobody is there.
        ("", vec![]),
    ] {
        let folder = folder();
        let ended = typed(&folder, line, stdin);
        assert_eq!(ledger(&folder), done, "{stdin:?}: {}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!(ended.status.code(), Some(i32::from(done.len() != 3)));
    }
}

#[test]
fn what_is_typed_is_what_the_program_takes() {
    let folder = folder();
    let ended = folder.launch("program run all --arg label=7 --arg count=2");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let answer = parsed(&ended.stdout);
    assert_eq!((&answer["label"], &answer["count"]), (&json!("7"), &json!(2)));
    let quoted = folder.launch("program run all --arg label=\"7\"");
    assert_eq!(parsed(&quoted.stdout)["label"], "7");
    let misspelt = folder.launch("program run all --arg label=a --arg cuont=3");
    assert_eq!(misspelt.code, Some(2));
    assert!(misspelt.stderr.contains("did you mean \"count\""), "{}", misspelt.stderr);
}

#[test]
fn no_store_is_made_by_whoever_looks_into_one() {
    let folder = folder();
    for line in ["list", "list --status stuck", "show x", "retry x", "resolve x", "cancel x"] {
        let ended = folder.launch(&format!("program {line}"));
        assert_eq!(ended.code, Some(2), "{line}: {ended:?}");
        assert!(ended.stderr.contains("there is no such file"), "{}", ended.stderr);
    }
    assert!(!folder.path("service_framework.db").exists());
    assert_eq!(folder.launch("program run all --arg label=a").code, Some(0));
    assert!(folder.launch("program list").stdout.contains("done"));
}

#[test]
fn terminals_obey_no_hook() {
    let folder = folder().with("fails", "second");
    let ended = folder.launch("program run all --arg label=a");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("said \\u{1b}[31msecond\\u{7}"), "{:?}", ended.stderr);
    let run = parsed(&folder.launch("program list --json").stdout)["run"].as_str().unwrap().to_owned();
    let shown = folder.launch(&format!("program show {run}"));
    assert!(shown.stdout.contains("said \\u{1b}[31msecond\\u{7}"), "{:?}", shown.stdout);
}
