//! Scripts that take too much fail, scripts that reach for what they must not have fail or are refused, and others go on.

use rustix::process::Signal;

use super::support::{does, interpreters, serve, shown, until, with};
use crate::folder::json;
use crate::support::{Process, wait_until};

/// What ends by a limit, or by an error of the script's own: `main` of each.
const HOSTILE: [(&str, &str); 14] = [
    ("loop", "while True:\n        pass"),
    ("grows", "all = []\n    while True:\n        all.append('x' * 1000000 + str(len(all)))"),
    ("large", "return len('x' * 1000000 * 10000)"),
    ("doubles", "text = 'x'\n    while True:\n        text = text + text"),
    ("nests", "all = []\n    while True:\n        all = [all, all]"),
    ("recurs", "def again(n):\n        return again(n + 1) + 1\n    return again(0)"),
    ("power", "return len(str(9 ** 9 ** 9))"),
    ("shift", "return 1 << 1000000000000"),
    ("range", "return sum(list(range(10 ** 12)))"),
    ("prints", "while True:\n        print('x' * 100000)"),
    ("sleeps", "from flow.time import sleep\n    while True:\n        sleep(0)"),
    ("reads", "return open('/etc/passwd').read()"),
    ("matches", "import re\n    return re.match('(a+)+$', 'a' * 64 + 'b') is None and 1 // 0"),
    ("formats", "return f\"{'x':>{10 ** 12}}\""),
];

/// What is refused before it starts.
const REFUSED: [&str; 8] = [
    "import socket",
    "import subprocess",
    "import ctypes",
    "from pathlib import Path\nPath('/etc/passwd').read_text()",
    "__import__('os').system('id')",
    "eval('1')",
    "exec('x = 1')",
    "__flow_host('http.request', {})",
];

#[test]
fn whatever_a_script_tries_it_fails_by_itself_while_others_go_on() {
    let mut folder = with(
        "from flow.time import sleep\n\ndef main():\n    for _ in range(20):\n        sleep(0.02)\n    return 'good'\n",
    );
    for (name, body) in HOSTILE {
        folder = folder.with(&format!("{name}.py"), format!("def main():\n    {body}\n"));
    }
    let _served = serve(&folder, "--cpu_limit 1s --memory_limit 256MiB --workers 2");
    let mut started = Vec::new();
    for (name, _) in HOSTILE {
        let start = folder.launch(&format!("flow start {name}.py --id {name}"));
        match start.code {
            Some(0) => started.push(name),
            // As good as failing.
            _ => assert!(start.stderr.contains(&format!("{name}.py:")), "{name}: {}", start.stderr),
        }
    }
    does(&folder, "flow start job.py --id job");
    until(&folder, "job", "done");
    for name in started.iter().filter(|name| **name != "sleeps") {
        until(&folder, name, "failed");
        let error = shown(&folder, name)["error"].clone();
        assert!(error["kind"].is_string() && error["message"] != "", "{name}: {error}");
    }
    // It takes its turns for ever, and nobody else's.
    does(&folder, "flow cancel sleeps");
    until(&folder, "sleeps", "cancelled");
    does(&folder, "flow start job.py --id after");
    assert_eq!(json(&does(&folder, "flow run --id after").stdout), "good");
    for name in ["loop", "grows"] {
        assert_eq!(shown(&folder, name)["error"]["kind"], "LimitExceeded");
    }
}

#[test]
fn what_reaches_outside_is_refused_before_it_starts() {
    for (number, line) in REFUSED.iter().enumerate() {
        let folder = with(&format!("{line}\n\ndef main():\n    return {number}\n"));
        let start = folder.launch("flow start job.py");
        assert_eq!(start.code, Some(2), "{line}: {start:?}");
        assert!(start.stderr.contains("job.py"), "{line}: {}", start.stderr);
        assert!(
            !folder.path("service_framework.db").exists()
                || does(&folder, "flow list").stdout == "no flows\n"
        );
    }
}

/// Processor time of the interpreters of a process, in ticks of 10 ms.
fn ticks(of: &Process) -> u64 {
    let one = |pid: &rustix::process::Pid| {
        let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
        let stat = std::fs::read_to_string(path).unwrap_or_default();
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ').skip(11).filter_map(|field| field.parse::<u64>().ok());
        Some(fields.next()? + fields.next()?)
    };
    interpreters(of).iter().filter_map(one).sum()
}

#[test]
fn a_long_history_is_replayed_whatever_one_turn_may_take() {
    let folder = with(
        "
from flow.events import signal
from flow.time import sleep

def main(rounds=24, work=60000):
    total = 0
    for n in range(rounds):
        for i in range(work):
            total += i % 7
        sleep(0.001)
    await signal('go')
    return total
",
    );
    let mut first = serve(&folder, "--cpu_limit 1h --workers 1");
    does(&folder, "flow start job.py --id long");
    // It waits in every sleep too.
    wait_until("all rounds are done", || does(&folder, "flow show long").stdout.contains("message go"));
    let taken = ticks(&first);
    first.end_by(Signal::KILL);
    // Far more than a turn took, far less than all of them.
    let limit = format!("{}ms", (taken * 10 / 4).max(50));
    let _served = serve(&folder, &format!("--cpu_limit {limit} --workers 1"));
    does(&folder, "flow signal long go null");
    until(&folder, "long", "done");
    // To look at it is to replay it too.
    assert!(does(&folder, "flow state long --step 20").stdout.contains("sleep(0.001)"));
}

#[test]
fn what_a_script_did_is_undone_when_it_takes_too_much() {
    let folder = with(
        "
from flow.events import signal
from flow.saga import on_failure

def undo(what):
    print('undone', what)

def main(compensates=True):
    if compensates:
        on_failure(undo, 'the room')
    await signal('go')
    while True:
        pass
",
    )
    .with(
        "undoes.py",
        "
from flow.events import signal
from flow.saga import on_failure

def undo():
    while True:
        pass

def main():
    on_failure(undo)
    await signal('go')
    raise ValueError('no')
",
    );
    let _served = serve(&folder, "--cpu_limit 1s --workers 3");
    does(&folder, "flow start job.py --id undone");
    does(&folder, "flow start job.py --id plain --arg compensates=false");
    does(&folder, "flow start undoes.py --id worse");
    for id in ["undone", "plain", "worse"] {
        until(&folder, id, "waiting");
        does(&folder, &format!("flow signal {id} go null"));
    }
    for id in ["undone", "plain", "worse"] {
        until(&folder, id, "failed");
        assert_eq!(shown(&folder, id)["error"]["kind"], "LimitExceeded", "{id}");
    }
    let error = shown(&folder, "undone")["error"].clone();
    assert_eq!(error["compensated"], serde_json::json!(["undo"]));
    assert!(error["traceback"].as_str().unwrap().contains("line 11, in main"), "{error}");
    assert_eq!(does(&folder, "flow logs undone").stdout, "undone the room\n");
    assert_eq!(folder.launch("flow retry undone").code, Some(1));
    does(&folder, "flow retry plain");
    until(&folder, "plain", "failed");
}

#[test]
fn a_limit_of_a_name_is_kept_by_every_process() {
    let folder = with(
        "from flow.time import sleep\nfrom flow.http import request\n\ndef main(n):\n    return request.get(f'http://jobs.local/{n}').status_code\n",
    );
    let jobs = super::jobs::Jobs::start();
    assert_eq!(does(&folder, "flow limit job 1").stdout, "job: 1 at most\n");
    assert_eq!(
        json(&does(&folder, "flow limit list --json").stdout),
        serde_json::json!({"name": "job", "limit": 1})
    );
    let flags = format!("--resolve jobs.local={}", jobs.address);
    let (_one, _two) = (serve(&folder, &flags), serve(&folder, &flags));
    for n in 0..6 {
        does(&folder, &format!("flow start job.py --id j{n} --arg n={n}"));
    }
    for n in 0..6 {
        until(&folder, &format!("j{n}"), "done");
    }
    does(&folder, "flow limit job 0");
    does(&folder, "flow start job.py --id late --arg n=7");
    does(&folder, "flow start job.py --id other --name other --arg n=8");
    until(&folder, "other", "done");
    until(&folder, "late", "queued");
    assert!(does(&folder, "flow list --status queued").stdout.contains("late"));
    // Who is to end needs no place for it.
    does(&folder, "flow start job.py --id gone --arg n=9");
    until(&folder, "gone", "queued");
    does(&folder, "flow cancel gone");
    until(&folder, "gone", "cancelled");
    does(&folder, "flow limit remove job");
    until(&folder, "late", "done");
    assert_eq!(folder.launch("flow limit remove job").code, Some(1));
    for line in ["flow limit job", "flow limit job many", "flow limit job 1001", "flow limit remove"] {
        assert_eq!(folder.launch(line).code, Some(2), "{line}");
    }
}
