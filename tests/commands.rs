//! Services in any language from start to end: who ends their commands, and who brings them back.

use std::os::unix::process::CommandExt;

use rustix::process::{Signal, kill_process_group};
use serde_json::json;

use crate::folder::{Folder, LAUNCHER};
use crate::support::{Process, wait_until_gone};

/// Answers `init_function`, and then shows what else it is told.
const SHOWS: &str = r#"
    read start; read init
    echo '{"reply": 1, "return_args": null}'
    echo "here $$" >&2
    while read line; do echo "told $line" >&2; done
    echo "no more" >&2
"#;

/// The launcher with a service whose command is this script.
fn command(folder: &Folder, script: &str, main: bool) -> std::process::Command {
    let model = json!({"name": "shell", "main": main, "command": ["sh", "-c", script]});
    std::fs::write(folder.path("shell.json"), model.to_string()).unwrap();
    let mut command = folder.command(LAUNCHER);
    // The group that a terminal would send Ctrl-C to.
    command.args(["-s", "./shell.json"]).args(main.then_some("-m")).process_group(0);
    command
}

/// The number of the process that says that it is here.
fn number(service: &mut Process) -> String {
    let line = service.wait_for("here ");
    let (_, behind) = line.split_once("here ").unwrap();
    behind.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn ctrl_c_of_a_terminal_reaches_the_command_as_a_call_of_stop() {
    let folder = Folder::new();
    let script = SHOWS.replace("done", "echo '{\"reply\": 2, \"return_args\": null}'; done");
    let mut service = Process::start(&mut command(&folder, &script, false));
    number(&mut service);
    kill_process_group(service.pid(), Signal::INT).unwrap();
    let ended = service.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    assert!(ended.text().contains("\"handler\":\"stop\""), "{}", ended.text());
    assert!(ended.text().contains("no more"), "{}", ended.text());
    assert!(!ended.text().contains("is gone"), "{}", ended.text());
}

#[test]
fn a_command_ends_when_the_launcher_is_killed() {
    let folder = Folder::new();
    let mut service = Process::start(&mut command(&folder, SHOWS, false));
    let pid = number(&mut service);
    service.signal(Signal::KILL);
    wait_until_gone(&pid);
}

#[test]
fn a_command_that_dies_idle_comes_back_by_itself() {
    let folder = Folder::new();
    let script = r#"
        read start
        if [ -e died ]; then echo "again with $start" >&2; read stop; echo '{"reply": 2, "return_args": null}'; exit; fi
        touch died
        read init; echo '{"reply": 1, "return_args": null}'
        exit 7
    "#;
    let mut service = Process::start(&mut command(&folder, script, false));
    let gone = service.wait_for("the command is gone");
    assert!(gone.contains("exit status: 7"), "{gone}");
    service.wait_for("again with {\"start\"");
    assert_eq!(service.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn a_command_that_breaks_the_protocol_at_once_does_not_serve() {
    let folder = Folder::new();
    let script = "read start; read init; echo hello; while read line; do :; done";
    let ended = Process::start(&mut command(&folder, script, false)).finish();
    assert_eq!(ended.code, Some(1), "{}", ended.text());
    assert!(ended.text().contains("does not keep to the protocol"), "{}", ended.text());
    assert!(!ended.text().contains("ready service"), "{}", ended.text());
}

#[test]
fn a_command_in_main_is_told_by_the_end_of_its_input() {
    let folder = Folder::new();
    let mut service = Process::start(&mut command(&folder, SHOWS, true));
    service.wait_for("\"handler\":\"main\"");
    let ended = service.finish_by(Signal::TERM);
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    assert!(ended.text().contains("no more"), "{}", ended.text());
    assert!(!ended.text().contains("\"stop\""), "{}", ended.text());
}

#[test]
fn the_last_words_of_a_command_are_all_logged() {
    let folder = Folder::new();
    let last = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo \"word $i.\" >&2; done";
    let mut service = Process::start(&mut command(&folder, &format!("{SHOWS}{last}"), true));
    service.wait_for("\"handler\":\"main\"");
    let ended = service.finish_by(Signal::TERM);
    assert_eq!(ended.code, Some(0));
    for i in 1..=3000 {
        assert!(ended.text().contains(&format!("word {i}.")), "word {i} is missing");
    }
}

#[test]
fn a_command_in_main_that_hears_nothing_is_terminated_with_all_it_started() {
    let folder = Folder::new();
    let script = SHOWS.replace("while", "read main; sleep 600 & echo \"started $!\" >&2; wait; while");
    let mut service = Process::start(&mut command(&folder, &script, true));
    let pid = number(&mut service);
    let started = service.wait_for("started ");
    let started = started.split_once("started ").unwrap().1.split_whitespace().next().unwrap().to_owned();
    assert_eq!(service.finish_by(Signal::TERM).code, Some(0));
    wait_until_gone(&pid);
    wait_until_gone(&started);
}

#[test]
fn a_command_that_dies_in_main_ends_the_service() {
    let folder = Folder::new();
    let script = SHOWS.replace("while", "read main; exit 7; while");
    let ended = Process::start(&mut command(&folder, &script, true)).finish();
    assert_eq!(ended.code, Some(1), "{}", ended.text());
    assert!(ended.text().contains("exit status: 7"), "{}", ended.text());
    assert!(!ended.text().contains("started again"), "{}", ended.text());
}

#[test]
fn a_command_that_never_stops_talking_does_not_keep_its_service_from_ending() {
    let folder = Folder::new();
    let script = r#"
        if [ -e died ]; then echo "here $$" >&2; while :; do echo '{}'; done; fi
        touch died
        read start; read init; echo '{"reply": 1, "return_args": null}'
    "#;
    let mut service = Process::start(&mut command(&folder, script, false));
    number(&mut service);
    service.signal(Signal::TERM);
    assert_eq!(service.finish().code, Some(0));
}

#[test]
fn a_program_beside_its_model_is_found_from_anywhere() {
    let folder = Folder::new();
    let inner = folder.path("inner");
    std::fs::create_dir(&inner).unwrap();
    let program = std::path::Path::new(&inner).join("probe.sh");
    std::fs::write(&program, format!("#!/bin/sh\n{SHOWS}")).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let model = json!({"name": "shell", "command": ["./probe.sh"]});
    std::fs::write(std::path::Path::new(&inner).join("shell.json"), model.to_string()).unwrap();
    let mut command = folder.command(LAUNCHER);
    let mut service = Process::start(command.args(["-s", "inner/shell.json"]));
    number(&mut service);
    service.signal(Signal::TERM);
    service.finish();
}

#[test]
fn a_second_signal_ends_a_command_that_never_listens() {
    let folder = Folder::new();
    let script = "trap '' TERM; echo \"here $$\" >&2; sleep 600 & echo \"here $!\" >&2; while :; do wait; sleep 1; done";
    let mut service = Process::start(&mut command(&folder, script, false));
    let pids = [number(&mut service), number(&mut service)];
    service.signal(Signal::TERM);
    let ended = service.finish_by(Signal::INT);
    // Two signals that wait at the same time have no order.
    assert!(matches!(ended.code, Some(130 | 143)), "{:?} {}", ended.code, ended.text());
    pids.iter().for_each(|pid| wait_until_gone(pid));
}
