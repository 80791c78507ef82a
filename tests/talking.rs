//! `call`, `listen`, `publish`: real services from the shell.

use std::io::Write as _;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;

use crate::folder::{Folder, LAUNCHER, json};
use crate::support::{Finished, Process, wait_until};

fn at(folder: &Folder, name: &str) -> String {
    format!("ipc://{}", folder.path(name).display())
}

fn start(folder: &Folder, line: &str) -> Process {
    Process::start(folder.command(LAUNCHER).args(line.split_whitespace()))
}

/// A folder with addresses of a replyer, a publisher and a subscriber.
fn folder() -> Folder {
    let folder = Folder::new();
    let echo = json!({"in": {"echo": {"replyer": at(&folder, "echo")}}});
    let publisher = json!({"out": {"ticks": {"publisher": at(&folder, "ticks")}}});
    let subscriber = json!({"in": {"ticks": {"subscriber": at(&folder, "ticks")}}});
    folder.with("echo.json", echo).with("publisher.json", publisher).with("subscriber.json", subscriber)
}

#[test]
fn a_replyer_is_asked() {
    let folder = folder();
    let echo = start(&folder, "-s echo_replyer -a echo.json");
    let address = at(&folder, "echo");
    for known in ["", "-s echo_replyer"] {
        let asked =
            folder.launch(&format!(r#"call {address} echo {{"payload":"hi"}} --timeout 60s {known}"#));
        assert_eq!((asked.code, asked.stderr.as_str()), (Some(0), ""));
        assert_eq!(json(&asked.stdout), json!({"echo": "hi"}));
    }
    // What the model knows is said before anything is sent; without it the replyer says so.
    let wrong = folder.launch(&format!(r#"call {address} echo {{"paylod":1}} -s echo_replyer"#));
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("paylod"), "{}", wrong.stderr);
    let refused = folder.launch(&format!(r#"call {address} echo {{"paylod":1}} --timeout 60s"#));
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("paylod"), "{}", refused.stderr);
    let near = folder.launch(&format!("call {address} ecko -s echo_replyer"));
    assert_eq!(near.code, Some(2));
    assert!(near.stderr.contains("a replyer of echo_replyer: echo"), "{}", near.stderr);
    assert_eq!(echo.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn arguments_come_from_standard_input_too() {
    let folder = folder();
    let echo = start(&folder, "-s echo_replyer -a echo.json");
    let address = at(&folder, "echo");
    let mut command = folder.command(LAUNCHER);
    let call = command.args(["call", &address, "echo", "-", "--timeout", "60s"]);
    let mut child = call.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"payload\": \"piped\"}\n").unwrap();
    let ended = folder.ended(child.wait_with_output().unwrap());
    assert_eq!((ended.code, json(&ended.stdout)), (Some(0), json!({"echo": "piped"})), "{}", ended.stderr);
    assert_eq!(echo.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn nobody_there_and_what_is_no_request_are_said() {
    let folder = Folder::new();
    let address = at(&folder, "nobody");
    let alone = folder.launch(&format!("call {address} echo --timeout 50ms"));
    assert_eq!(alone.code, Some(1));
    assert!(alone.stderr.contains("no peer was there"), "{}", alone.stderr);
    assert!(alone.stderr.contains("nobody answers at ipc://FOLDER/nobody"), "{}", alone.stderr);
    let wrong = folder.launch("call nowhere echo [1]");
    assert_eq!(wrong.code, Some(2));
    for word in ["ADDRESS", "JSON", "nowhere", "[1]"] {
        assert!(wrong.stderr.contains(word), "{word}: {}", wrong.stderr);
    }
    for line in ["listen inproc://x", "publish", "publish 127.0.0.1:0 7", "call 127.0.0.1:1"] {
        let ended = folder.launch(line);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {}", ended.stderr);
    }
}

#[test]
fn what_is_published_is_heard() {
    let folder = folder();
    let ticks = start(&folder, "-s tick_publisher -a publisher.json -m --n 1000000000 --rate 200");
    let heard = folder.launch(&format!("listen {} --count 3 --seconds 60s", at(&folder, "ticks")));
    assert_eq!((heard.code, heard.stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = heard.stdout.lines().map(json).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line["seq"].is_i64() && line["payload"].is_string()), "{lines:?}");
    let first = lines[0]["seq"].as_i64().unwrap();
    assert_eq!(lines[2]["seq"], first + 2);
    ticks.finish_by(Signal::KILL);
}

/// Publishes until somebody has heard it: who has just come is not found at once.
#[track_caller]
fn publish_until_heard(folder: &Folder, listening: Process, line: &str) -> Finished {
    let listener = std::thread::spawn(move || listening.finish());
    wait_until("it is heard", || {
        let published = folder.launch(line);
        assert_eq!((published.code, published.stderr.as_str()), (Some(0), ""));
        listener.is_finished()
    });
    listener.join().unwrap()
}

#[test]
fn what_the_shell_publishes_arrives() {
    let folder = Folder::new();
    let address = at(&folder, "shell");
    let price = r#"{"price":{"__decimal__":true,"as_str":"3.50"}}"#;
    for (listens, publishes) in [("", ""), ("--bind", "--connect"), ("--topic news", "--topic news")] {
        let listening = start(&folder, &format!("listen {address} --count 1 {listens}"));
        let line = format!("publish {address} {price} --wait 200ms {publishes}");
        let heard = publish_until_heard(&folder, listening, &line);
        assert_eq!((heard.code, heard.objects()), (Some(0), vec![json(price)]), "{}", heard.text());
    }
}

#[test]
fn lines_are_published_up_to_one_that_is_no_message() {
    let folder = Folder::new();
    let mut command = folder.command(LAUNCHER);
    let publish = command.args(["publish", &at(&folder, "shell"), "--wait", "0s"]);
    let mut child = publish.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"n\": 1}\n\n{\"n\": 2}\n[4]\n{\"n\": 5}\n").unwrap();
    let ended = folder.ended(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("standard input, line 4"), "{}", ended.stderr);
}
