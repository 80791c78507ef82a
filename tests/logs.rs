//! Log files as a user meets them: on a disk that is full at the start, and on one that fills later.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::json;

use crate::folder::{Folder, LAUNCHER};
use crate::support::Process;

/// A folder with a service that has something to say all the time.
fn talker() -> Folder {
    let script = "read start; read init; echo '{\"reply\": 1, \"return_args\": null}'; while :; do echo tick >&2; sleep 0.05; done";
    Folder::new().with("talker.json", json!({"name": "talker", "command": ["sh", "-c", script]}))
}

/// The names of this hour's file and the next one's.
fn file_names() -> [String; 2] {
    let hour = |seconds: u64| {
        let at = SystemTime::now() + Duration::from_secs(seconds);
        let date = std::process::Command::new("date")
            .args(["-u", "+%Y-%m-%d-%H", "-d"])
            .arg(format!("@{}", at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()))
            .output()
            .unwrap();
        format!("talker.log.{}", String::from_utf8(date.stdout).unwrap().trim())
    };
    [hour(0), hour(3600)]
}

#[test]
fn a_disk_that_takes_nothing_is_found_at_the_start() {
    let folder = talker();
    // A full disk, as far as anyone can have one without being its owner: files may have no length.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" -s ./talker.json -l logs 2>&1 | cat";
    let mut command = folder.command("/bin/sh");
    let ended = folder.ended(command.args(["-c", script, LAUNCHER]).output().unwrap());
    insta::assert_snapshot!(ended.stdout, @r#"
    error: --log_folder
      expected  a folder that this process can write
      found     "logs": file too large
    1 problem: nothing was started
    "#);
    let ended = folder.launch("-s ./talker.json -l /dev/null");
    assert_eq!(ended.code, Some(2));
    insta::assert_snapshot!(ended.stderr, @r#"
    error: --log_folder
      expected  a folder that this process can write
      found     "/dev/null": it is no folder
    1 problem: nothing was started
    "#);
}

#[test]
fn a_disk_that_fills_later_is_told_once_and_once_when_it_has_room_again() {
    let folder = talker();
    fs::create_dir(folder.path("logs")).unwrap();
    let files = file_names().map(|name| folder.path("logs").join(name));
    files.iter().for_each(|file| symlink("/dev/full", file).unwrap());
    let mut service = Process::start(folder.command(LAUNCHER).args(["-s", "./talker.json", "-l", "logs"]));
    let refused = service.wait_for("log files take no lines");
    assert!(refused.contains("no space left on device"), "{refused}");
    files.iter().for_each(|file| fs::remove_file(file).unwrap());
    let again = service.wait_for("log files take lines again");
    assert!(again.contains("lost="), "{again}");
    let text = service.finish_by(Signal::TERM).text();
    assert_eq!(text.matches("log files take").count(), 2, "{text}");
    let written = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect::<String>();
    assert!(written.contains("log files take lines again"), "{written}");
}
