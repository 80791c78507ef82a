//! `flow cancel`, `pause`, `resume`, `retry`, `fork`, `replay`, `schedule` and `gc`.

use serde_json::{Value as Json, json};
use service_framework::store::{Batch, Expected, NewEvent, Store};

use super::support::{does, serve, shown, status, until, with};
use crate::folder::json as parsed;
use crate::support::wait_until;

const WAITS: &str = "
from flow.events import signal
from flow.saga import on_failure

def undo(what):
    print('undo', what)

def main():
    on_failure(undo, 'all')
    return await signal('go')
";

#[test]
fn flows_are_paused_resumed_and_cancelled_one_by_one_or_many_at_once() {
    let folder = with(WAITS);
    let _served = serve(&folder, "");
    let ids = ["a", "b", "c"];
    for id in ids {
        does(&folder, &format!("flow start job.py --id {id}"));
        until(&folder, id, "waiting");
    }
    assert_eq!(does(&folder, "flow pause a").stdout, "flow a is paused\n");
    assert_eq!(folder.launch("flow resume b").code, Some(1));
    assert!(does(&folder, "flow pause --name job").stdout.ends_with("2 flows\n"));
    ids.iter().for_each(|id| assert_eq!(status(&folder, id), "paused"));
    does(&folder, "flow signal a go 1");
    assert!(does(&folder, "flow resume --status paused").stdout.ends_with("3 flows\n"));
    until(&folder, "a", "done");
    assert!(does(&folder, "flow cancel --all").stdout.ends_with("2 flows\n"));
    for id in ["b", "c"] {
        until(&folder, id, "cancelled");
        assert_eq!(does(&folder, &format!("flow logs {id}")).stdout, "undo all\n");
    }
    assert_eq!(folder.launch("flow cancel").code, Some(2));
    assert_eq!(folder.launch("flow cancel a --all").code, Some(2));
    let over = folder.launch("flow signal a go");
    assert_eq!(over.code, Some(1));
    assert!(over.stderr.contains("has ended"), "{}", over.stderr);
}

#[test]
fn a_failed_flow_is_retried_and_forked() {
    let folder = with(
        "from flow.events import queue\n\ndef main():\n    first = await queue('n').get()\n    return first / await queue('n').get()\n",
    );
    let _served = serve(&folder, "");
    does(&folder, "flow start job.py --id d");
    does(&folder, "flow signal d n 6");
    let took = |step: &Json| step["kind"] == "took";
    wait_until("it takes the first", || shown(&folder, "d")["steps"].as_array().unwrap().iter().any(took));
    does(&folder, "flow signal d n 0");
    until(&folder, "d", "failed");
    let shown = shown(&folder, "d");
    assert_eq!(shown["error"]["kind"], "ZeroDivisionError");
    let took = |place: usize| {
        let steps = shown["steps"].as_array().unwrap();
        steps.iter().filter(|step| step["kind"] == "took").nth(place).unwrap()["step"].as_u64().unwrap()
    };
    // The first number stays, the second is that of a new message.
    let forked = does(&folder, &format!("flow fork d --step {} --id e", took(0))).stdout;
    assert_eq!(forked, "e\n");
    until(&folder, "e", "waiting");
    does(&folder, "flow signal e n 0");
    until(&folder, "e", "failed");
    assert_eq!(folder.launch("flow fork d --step 99").code, Some(1));
    assert_eq!(folder.launch("flow fork d").code, Some(2));
    assert_eq!(folder.launch("flow retry e").code, Some(0));
    until(&folder, "e", "failed");
}

#[test]
fn a_flow_whose_journal_says_something_else_is_found() {
    let folder = with("import uuid\n\ndef main():\n    return str(uuid.uuid4())\n")
        .with("other.py", "from flow.time import now\n\ndef main():\n    return now()\n");
    does(&folder, "flow run job.py --id a");
    does(&folder, "flow run other.py --id b");
    assert_eq!(does(&folder, "flow replay a").stdout, "flow a: 1 step, the same\n");
    assert!(does(&folder, "flow replay --all").stdout.ends_with("2 the same, 0 not\n"));
    // As if the script of one were another.
    let store =
        Store::open(&folder.path("service_framework.db").display().to_string().parse().unwrap()).unwrap();
    let turns = store.read("flow/a", 1, 100).unwrap().into_iter().filter(|event| event.kind == "turn");
    let turns = turns.map(|event| NewEvent::new("turn", event.payload));
    store.commit(Batch::new().append("flow/b", Expected::Any, turns)).unwrap();
    let all = folder.launch("flow replay --all --json");
    assert_eq!(all.code, Some(1));
    let said: Vec<_> = all.stdout.lines().map(parsed).collect();
    assert_eq!((&said[0]["same"], &said[1]["same"]), (&json!(true), &json!(false)));
    assert!(said[1]["reason"].as_str().unwrap().contains("uuid"), "{}", said[1]);
    assert_eq!(folder.launch("flow replay").code, Some(2));
    assert_eq!(folder.launch("flow replay nobody").code, Some(1));
}

#[test]
fn schedules_are_listed_and_removed() {
    let folder = with("def main(region='eu'):\n    return region\n");
    let said = does(&folder, "flow schedule @daily job.py --arg region=us --id nightly").stdout;
    assert!(said.starts_with("schedule nightly: next at 20"), "{said}");
    let listed = parsed(&does(&folder, "flow schedule list --json").stdout);
    assert_eq!(
        (&listed["schedule"], &listed["cron"], &listed["args"]),
        (&json!("nightly"), &json!("@daily"), &json!({"region": "us"}))
    );
    assert!(does(&folder, "flow schedule list").stdout.contains("main(region=\"us\")"));
    let wrong = folder.launch("flow schedule @fortnightly job.py");
    assert_eq!(wrong.code, Some(2));
    let unknown = folder.launch("flow schedule remove nigthly");
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("did you mean \"nightly\"?"), "{}", unknown.stderr);
    does(&folder, "flow schedule remove nightly");
    assert_eq!(does(&folder, "flow schedule list").stdout, "no schedules\n");
}

#[test]
fn what_ended_is_removed_with_its_script() {
    let folder = with("def main():\n    return 1\n");
    does(&folder, "flow run job.py --id a");
    assert_eq!(does(&folder, "flow gc").stdout, "0 flows and 0 scripts removed\n");
    let removed = parsed(&does(&folder, "flow gc --older_than 0s --json").stdout);
    assert_eq!(removed, json!({"flows": 1, "scripts": 1}));
    assert_eq!(does(&folder, "flow list").stdout, "no flows\n");
    assert_eq!(folder.launch("flow show a").code, Some(1));
    // It is another flow now.
    does(&folder, "flow run job.py --id a");
}
