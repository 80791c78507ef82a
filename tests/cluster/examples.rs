//! The examples of clusters, together with a node of the command line.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use super::discovery::wait_for_work;
use super::running::{Killed, Start, until};
use crate::folder::LAUNCHER;
use crate::support::root;

fn example(name: &str, words: &[&str]) -> Killed {
    let program = Path::new(LAUNCHER).parent().unwrap().join("examples").join(name);
    Killed(Command::new(program).args(words).stdout(Stdio::piped()).spawn().unwrap())
}

fn get(http: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(http).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

#[test]
fn an_object_is_kept_by_several_and_written_by_another_kind() {
    let folder = tempfile::tempdir().unwrap();
    let one = Start::new("one", folder.path()).now();
    one.wait_for(&["one"]);
    let _keepers = [1, 2].map(|_| example("keeper", &["127.0.0.1:0", &one.address]));
    let values = folder.path().join("values.txt");
    let _writer = example("writer", &[values.to_str().unwrap(), &one.address]);
    until("values are written", || {
        let text = std::fs::read_to_string(&values).unwrap_or_default();
        text.lines().filter(|line| line.contains("\"count\":")).count() >= 3
    });
    until("the node of the command line has it", || {
        one.json(&["map", "get", "object", "it"])["entries"][0]["value"]["count"].as_u64() > Some(1)
    });
}

#[test]
fn an_http_application_has_a_node_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let one = Start::new("one", folder.path()).now();
    let mut beside = example("beside_http", &["127.0.0.1:0", &one.address]);
    let mut line = String::new();
    BufReader::new(beside.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let http = line.trim().strip_prefix("http://").unwrap().to_owned();
    assert_eq!(get(&http, "/set/apples/12"), "{}");
    until("the other node has it", || {
        one.json(&["map", "get", "store", "apples"])["entries"][0]["value"] == "12"
    });
    assert_eq!(get(&http, "/store"), "{\"apples\":\"12\"}");
    until("both are there, and it says where it is asked", || {
        let members = one.json(&["members"]);
        let members = members["members"].as_array().cloned().unwrap_or_default();
        members.len() == 2 && members.iter().any(|member| member["info"]["http"] == *http)
    });
    assert!(get(&http, "/").contains("\"name\":\"one\""));
}

/// As a reader would run it: the shipped addresses with the port of another node, three counters by a system file.
#[test]
fn a_service_scales_to_three_instances() {
    let folder = tempfile::tempdir().unwrap();
    let one = Start::new("one", folder.path()).now();
    let shipped = std::fs::read_to_string(root().join("addresses/clusters/words.json")).unwrap();
    let addresses = folder.path().join("words.json");
    std::fs::write(&addresses, shipped.replace("127.0.0.1:60858", &one.address)).unwrap();
    let system = std::fs::read_to_string(root().join("examples/clusters/words.system.json")).unwrap();
    let program = Path::new(LAUNCHER).parent().unwrap().join("examples/words");
    let system = system
        .replace("../../target/debug/examples/words", program.to_str().unwrap())
        .replace("../../addresses/clusters/words.json", "words.json");
    std::fs::write(folder.path().join("system.json"), system).unwrap();
    let up =
        Command::new(LAUNCHER).arg("up").arg(folder.path().join("system.json")).stderr(Stdio::null()).spawn();
    let up = Killed(up.unwrap());
    until("three are found", || {
        let answer = one.json(&["services", "counter"]);
        answer["instances"].as_array().is_some_and(|all| all.len() == 3)
    });
    let stop = folder.path().join("stop");
    let mut reader = Command::new(&program);
    reader
        .args(["-s", "reader", "-m", "-a"])
        .arg(&addresses)
        .arg("--text")
        .arg(root().join("LICENSE-APACHE"));
    let reader = reader.arg("--until").arg(&stop).stdout(Stdio::piped()).spawn().unwrap();
    wait_for_work(&one, 3);
    std::fs::write(stop, "").unwrap();
    let reader = reader.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&reader.stdout).into_owned();
    assert!(reader.status.success(), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains(" paragraphs by ")).count(), 3, "{said}");
    assert!(said.contains("the: "), "{said}");
    let pid = rustix::process::Pid::from_child(&up.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    until("all have taken their leave", || {
        let answer = one.json(&["services", "counter"]);
        answer["instances"].as_array().is_some_and(Vec::is_empty)
    });
}
