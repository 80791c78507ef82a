//! Limits on open files: raised as far as the system allows, and told when they are reached.

use std::net::TcpStream;

use rustix::process::Signal;
use serde_json::json;

use crate::folder::{Folder, LAUNCHER};
use crate::support::{Process, free_address, wait_for_listener};

/// An echo service at `address` that a shell starts, with this in front.
fn echo(folder: &Folder, before: &str, address: &str) -> Process {
    let addresses = json!({"in": {"echo": {"replyer": address}}}).to_string();
    std::fs::write(folder.path("a.json"), addresses).unwrap();
    let script = format!("{before} exec {LAUNCHER} -s echo_replyer -a a.json -cl DEBUG");
    Process::start(folder.command("/bin/sh").args(["-c", &script]))
}

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let (folder, address) = (Folder::new(), free_address());
    let mut service = echo(&folder, "ulimit -Sn 200; ulimit -Hn 3000;", &address);
    service.wait_for("ready");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", service.pid())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["3000", "3000"]);
    assert_eq!(service.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn that_nobody_can_be_accepted_is_told() {
    let (folder, address) = (Folder::new(), free_address());
    let mut service = echo(&folder, "ulimit -n 64;", &address);
    service.wait_for("ready");
    let silent: Vec<_> = (0..80).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let told = service.wait_for("connections cannot be accepted");
    assert!(told.contains("reason=\"Too many open files") && told.contains(&address), "{told}");
    drop(silent);
    wait_for_listener(&address);
    let ended = service.finish_by(Signal::TERM);
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    // Once in a burst, however many failures it has.
    assert!(ended.text().matches("cannot be accepted").count() < 10, "{}", ended.text());
}
