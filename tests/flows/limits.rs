//! Scripts that take too much fail, and others go on.

use super::support::{does, serve, shown, until, with};
use crate::folder::json;

#[test]
fn loops_and_bombs_end_with_their_limit_while_others_go_on() {
    let folder = with("from flow.time import sleep\n\ndef main():\n    for _ in range(20):\n        sleep(0.02)\n    return 'good'\n")
        .with("loop.py", "def main():\n    while True:\n        pass\n")
        .with("grows.py", "def main():\n    all = []\n    while True:\n        all.append('x' * 1000000 + str(len(all)))\n")
        .with("large.py", "def main():\n    return len('x' * 1000000 * 10000)\n");
    let _served = serve(&folder, "--cpu_limit 2s --memory_limit 256MiB --workers 2");
    for name in ["loop", "grows", "large", "job"] {
        does(&folder, &format!("flow start {name}.py --id {name}"));
    }
    until(&folder, "job", "done");
    for name in ["loop", "grows", "large"] {
        until(&folder, name, "failed");
        let kind = shown(&folder, name)["error"]["kind"].as_str().unwrap().to_owned();
        // The interpreter may refuse by itself what is far too large.
        assert!(kind == "LimitExceeded" || name == "large" && kind == "MemoryError", "{name}: {kind}");
    }
    does(&folder, "flow start job.py --id after");
    assert_eq!(json(&does(&folder, "flow run --id after").stdout), "good");
}
