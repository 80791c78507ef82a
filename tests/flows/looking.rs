//! `flow show`, `state`, `logs`, `list`, `check`: what is seen of flows.

use serde_json::json;

use super::support::{does, serve, shown, until, with};
use crate::folder::json as parsed;

const STEPS: &str = "
from flow.events import queue, publish
from flow.time import timeout

def ask():
    with timeout(3600):
        return await queue('answers').get()

def main(who='ada'):
    print('asking', who)
    publish('who', who)
    first = ask()
    print('got', first)
    return [first, ask()]
";

#[test]
fn a_flow_is_seen_from_everywhere() {
    let folder = with(STEPS);
    let _served = serve(&folder, "");
    let id = does(&folder, "flow start job.py --id q --name asks").stdout;
    assert_eq!(id, "q\n");
    until(&folder, "q", "waiting");
    let state = parsed(&does(&folder, "flow state q --json").stdout);
    assert_eq!((&state["status"], &state["waits"][0]["for"]), (&json!("waiting"), &json!("message answers")));
    let stack: Vec<_> = state["stack"].as_array().unwrap().iter().map(|frame| &frame["line"]).collect();
    assert_eq!(stack.last(), Some(&&json!(7)), "{state}");
    assert_eq!(state["printed"], "asking ada\n");
    assert!(state["deadline"].is_string());

    does(&folder, "flow signal q answers 1");
    does(&folder, "flow signal q answers 2");
    until(&folder, "q", "done");
    assert_eq!(does(&folder, "flow logs q -f").stdout, "asking ada\ngot 1\n");
    let shown = shown(&folder, "q");
    assert_eq!((&shown["result"], &shown["published"]), (&json!([1, 2]), &json!({"who": "ada"})));
    assert_eq!(
        (&shown["name"], &shown["function"], &shown["args"]),
        (&json!("asks"), &json!("main"), &json!({}))
    );
    let steps = shown["steps"].as_array().unwrap();
    let numbers: Vec<_> = steps.iter().filter_map(|step| step["step"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let text = does(&folder, "flow show q").stdout;
    assert!(text.contains("await message answers -> 1") && text.contains("| got 1"), "{text}");

    // Where it was before it had the first answer.
    let took = steps.iter().find(|step| step["kind"] == "took").unwrap()["step"].as_u64().unwrap();
    let state = parsed(&does(&folder, &format!("flow state q --step {} --json", took - 1)).stdout);
    assert_eq!(
        (&state["printed"], &state["waits"][0]["for"]),
        (&json!("asking ada\n"), &json!("message answers"))
    );
    let beyond = folder.launch("flow state q --step 99");
    assert_eq!(beyond.code, Some(1));
    assert!(beyond.stderr.contains("has made"), "{}", beyond.stderr);
}

#[test]
fn lists_are_filtered_and_paged() {
    let folder = with("def main(n):\n    if n == 2:\n        raise ValueError('two')\n    return n\n");
    for number in 0..4 {
        let code = folder
            .launch(&format!("flow run job.py --id f{number} --name n{} --arg n={number}", number % 2))
            .code;
        assert_eq!(code, Some(i32::from(number == 2)));
    }
    let ids = |flags: &str| {
        let listed = does(&folder, &format!("flow list --json {flags}")).stdout;
        listed.lines().map(|line| parsed(line)["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(""), ["f0", "f1", "f2", "f3"]);
    assert_eq!(ids("--limit 2"), ["f2", "f3"]);
    assert_eq!(ids("--limit 2 --after f0"), ["f1", "f2"]);
    assert_eq!(ids("--status failed"), ["f2"]);
    assert_eq!(ids("--name n1"), ["f1", "f3"]);
    assert_eq!(ids("--id f3"), ["f3"]);
    assert_eq!(ids("--since 1h"), ["f0", "f1", "f2", "f3"]);
    assert_eq!(ids("--until 1h"), [] as [&str; 0]);
    let text = does(&folder, "flow list").stdout;
    assert!(text.lines().count() == 4 && text.contains("failed"), "{text}");
}

#[test]
fn a_script_is_checked_whole() {
    let folder = with("import os\n\ndef main():\n    yield 1\n    return undefined_name\n");
    let checked = folder.launch("flow check job.py");
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(2), ""));
    for place in ["job.py:1:", "job.py:4:", "job.py:5:", "3 problems: it would not start"] {
        assert!(checked.stdout.contains(place), "{place} is not in {}", checked.stdout);
    }
    let json = folder.launch("flow check job.py --json");
    assert_eq!((json.code, parsed(&json.stdout)["problems"].as_array().unwrap().len()), (Some(2), 3));
    let run = folder.launch("flow run job.py");
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.ends_with("3 problems: nothing was started\n"), "{}", run.stderr);
    let right = does(&with("def main():\n    pass\n"), "flow check job.py");
    assert_eq!(right.stdout, "ok: job.py: functions main\n");
}
