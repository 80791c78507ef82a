//! The whole system on this machine, started by `up` as the README does, but on ports of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A copy of the system file and of what it names, in which every port is a free one.
fn copy_of_system() -> (TempDir, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let copy = tempfile::tempdir().unwrap();
    let ports = free_ports();
    for file in ["examples/systems/host/system.json", "addresses/host", "configs/host"] {
        for file in files(&root.join(file)) {
            let target = copy.path().join(file.strip_prefix(&root).unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            let text = fs::read_to_string(&file).unwrap();
            let text = ports.iter().fold(text, |text, (port, free)| text.replace(port, free));
            fs::write(target, text).unwrap();
        }
    }
    let system = copy.path().join("examples/systems/host/system.json");
    (copy, system)
}

fn files(path: &Path) -> Vec<PathBuf> {
    match path.is_dir() {
        true => fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect(),
        false => vec![path.to_owned()],
    }
}

/// Ports of the addresses files, and free ones instead. All are held until all are chosen.
fn free_ports() -> Vec<(String, String)> {
    let listeners =
        [5601, 5602, 5603, 5604, 5605].map(|port| (port, TcpListener::bind("127.0.0.1:0").unwrap()));
    let free = |(port, listener): &(i32, TcpListener)| {
        (format!(":{port}"), format!(":{}", listener.local_addr().unwrap().port()))
    };
    listeners.iter().map(free).collect()
}

/// Every program that is a service is a launcher too; this one finds the others beside it.
fn up(system: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_host_view"))
        .arg("up")
        .arg(system)
        .args(["--seconds", "60"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn this_machine_is_shown_until_ctrl_c() {
    let (_copy, system) = copy_of_system();
    let mut up = up(&system);
    let mut stdout = BufReader::new(up.stdout.take().unwrap()).lines().map(Result::unwrap);
    let shown: Vec<String> = stdout.by_ref().take(2).collect();
    kill_process(Pid::from_child(&up), Signal::INT).unwrap();
    let summary: Vec<String> = stdout.collect();
    let mut log = String::new();
    up.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(up.wait().unwrap().code(), Some(0), "{log}");
    for line in &shown {
        assert!(line.starts_with("view    | cpu ") && line.contains(" | memory "), "{line}");
    }
    for service in ["sensor", "answers", "view"] {
        let is_its_own = |row: &&String| row.starts_with(service) && row.ends_with("stopped when asked");
        assert_eq!(summary.iter().filter(is_its_own).count(), 1, "{summary:?}\n{log}");
    }
}

#[test]
fn the_files_are_for_each_other() {
    let (copy, system) = copy_of_system();
    let json: Json = serde_json::from_str(&fs::read_to_string(&system).unwrap()).unwrap();
    for (name, entry) in json["services"].as_object().unwrap() {
        let mut check = Command::new(env!("CARGO_BIN_EXE_host_view"));
        let service = entry["service"].as_str().unwrap();
        let addresses = copy.path().join(format!("addresses/host/{service}.json"));
        let config = system.parent().unwrap().join(entry["config"].as_str().unwrap());
        check.arg("check").args(["-s", service]).arg("-a").arg(addresses).arg("-c").arg(config);
        check.args(entry["main_mode"].as_bool().unwrap_or_default().then_some("-m"));
        let output = check.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
