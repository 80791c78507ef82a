//! Scripts that take too much fail, scripts that reach for what they must not have fail or are refused, and others go on.

use super::support::{does, serve, shown, until, with};
use crate::folder::json;

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
