//! Scripts that start other files.

use rustix::process::Signal;

use super::support::{does, follow, serve, shown, until, with};
use crate::folder::json;

const PARENT: &str = "
from flow import flows
from flow.events import signal

def main():
    children = [flows.start('parts/child.py', args={'n': n}) for n in (1, 2)]
    await signal('go')
    named = flows.start('parts/child.py', 'thrice', args={'n': 5}, id='named')
    return [await child for child in children] + [await named, flows.get(named)['name']]
";

const CHILD: &str = "
from flow import flows

def thrice(n):
    return 3 * n

def main(n):
    return [n, await flows.start('plain.py')]
";

const PLAIN: &str = "from flow.flows import this\nprint('plain', this().name)\n";

fn folder() -> crate::folder::Folder {
    let folder = with(PARENT).with("plain.py", PLAIN);
    std::fs::create_dir(folder.path("parts")).unwrap();
    folder.with("parts/child.py", CHILD)
}

#[test]
fn a_flow_has_the_files_that_it_starts_from_its_own_start_on() {
    let folder = folder();
    let checked = json(&does(&folder, "flow check job.py --json").stdout);
    assert_eq!(checked["scripts"], serde_json::json!(["parts/child.py", "plain.py"]));
    let mut run = follow(&folder, "job.py --id p");
    run.wait_for("waits for message go");
    run.end_by(Signal::KILL);
    // Whoever goes on with it has no files, or others.
    std::fs::remove_file(folder.path("plain.py")).unwrap();
    let folder = folder.with("parts/child.py", "def thrice(n):\n    return 'another'\n");
    does(&folder, "flow signal p go null");
    let ended = does(&folder, "flow run --id p");
    assert_eq!(json(&ended.stdout), serde_json::json!([[1, null], [2, null], 15, "child"]));
    assert_eq!(shown(&folder, "named")["file"], "parts/child.py");
    assert_eq!(shown(&folder, "named")["parent"], "p");
    // It is the flow of this id, whatever its file says by now.
    let again = folder
        .with("job.py", "from flow import flows\n\ndef main():\n    return await flows.flow('named')\n");
    assert_eq!(json(&does(&again, "flow run job.py").stdout), 15);
}

#[test]
fn what_cannot_be_started_is_said_before_anything_is() {
    let folder = with(PARENT);
    let ended = folder.launch("flow run job.py --color never");
    assert_eq!(ended.code, Some(2));
    for text in ["job.py:6:29", "parts/child.py", "no such file", "nothing was started"] {
        assert!(ended.stderr.contains(text), "{text:?} is not in {}", ended.stderr);
    }
    std::fs::create_dir(folder.path("parts")).unwrap();
    let folder = folder.with("parts/child.py", "import os\n");
    for line in ["flow start job.py", "flow schedule @daily job.py"] {
        let ended = folder.launch(&format!("{line} --color never"));
        assert_eq!(ended.code, Some(2), "{line}");
        assert!(ended.stderr.contains("parts/child.py:1:8"), "{}", ended.stderr);
    }
    let checked = folder.launch("flow check job.py --json");
    assert_eq!(checked.code, Some(2));
    assert!(json(&checked.stdout)["problems"][0]["file"].as_str().unwrap().ends_with("parts/child.py"));
    let folder = folder.with("job.py", "from flow import flows\nflows.start('../../etc/passwd')\n");
    let ended = folder.launch("flow run job.py --color never");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("put it there"), "{}", ended.stderr);
}

#[test]
fn a_name_that_is_made_up_is_one_that_was_given_along() {
    let script = "from flow import flows\n\ndef main(name, function='main'):\n    return await flows.start(name, function)\n";
    let folder = with(script).with("one.py", "def main():\n    return 1\n");
    assert_eq!(json(&does(&folder, "flow run job.py --arg name=one.py --with_script one.py").stdout), 1);
    let ended = folder.launch("flow run job.py --arg name=/etc/passwd --with_script one.py --color never");
    assert_eq!(ended.code, Some(1));
    for text in ["ValueError", "was not given a script", "it has one.py", "--with_script"] {
        assert!(ended.stderr.contains(text), "{text:?} is not in {}", ended.stderr);
    }
    let line = "flow run job.py --arg name=one.py --arg function=mian --with_script one.py --color never";
    let ended = folder.launch(line);
    assert!(ended.stderr.contains("has no function \"mian\": it has main"), "{}", ended.stderr);
}

#[test]
fn a_served_store_has_all_that_a_flow_starts() {
    let folder = folder();
    does(&folder, "flow start job.py --id s");
    std::fs::remove_dir_all(folder.path("parts")).unwrap();
    let _served = serve(&folder, "");
    does(&folder, "flow signal s go 1");
    until(&folder, "s", "done");
    assert_eq!(json(&does(&folder, "flow run --id s").stdout)[2], 15);
}
