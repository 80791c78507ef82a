//! The example of the seed, as it is written there.

use super::host::{Ran, World, map, raised, response, text};
use crate::flow::engine::{Outcome, Script};
use crate::value::Value;

const SEED: &str = include_str!("../../../../../../examples/flows/seed/reboot.py");

/// Ways to call it that the seed's own `reboot` does not take.
const CALLERS: &str = r#"

from flow.time import timeout

def patient(host):
    return reliable_remote_job(
        lambda url: create_job_request(host, ["reboot"], [url]), job_from_response, get_job,
        callback_timeout=timeout(30), job_completed=job_completed, poll_sleep=lambda: 5, poll_timeout=timeout(600))

def hopeless(host):
    return reliable_remote_job(
        lambda url: create_job_request(host, ["reboot"], [url]), job_from_response, get_job, timeout(30))

def simple(host):
    return simple_remote_job(lambda url: create_job_request(host, [], [url]))
"#;

/// A service that is asked for jobs, and says that one is at work so often.
fn service(mut busy: usize) -> impl FnMut(&str, &[Value]) -> Outcome {
    move |name, args| {
        if name == "time.sleep" {
            return Outcome::Value(Value::Nil);
        }
        assert_eq!(name, "http.request");
        let url = args[0].get("url").and_then(Value::as_str).unwrap();
        let method = args[0].get("method").and_then(Value::as_str).unwrap();
        match (method, url) {
            ("POST", "http://wilson.local/api/v3/host/h1") => response(200, r#"{"job_id": "j-1"}"#),
            ("GET", "http://wilson.local/api/v3/job/j-1") => response(200, r#"{"id": "j-1", "ok": true}"#),
            ("GET", "http://wilson.local/api/v3/job/j-1/status") if busy > 0 => {
                busy -= 1;
                response(200, "{}")
            }
            ("GET", "http://wilson.local/api/v3/job/j-1/status") => response(200, r#"{"status": "SUCCESS"}"#),
            other => panic!("{other:?}"),
        }
    }
}

fn job() -> Value {
    map(&[("id", text("j-1")), ("ok", Value::Bool(true))])
}

fn run(world: World, function: &str) -> Ran {
    let script = Script {
        file: "reboot.py".to_owned(),
        source: format!("{SEED}{CALLERS}"),
        function: Some(function.to_owned()),
        args: vec![("host".to_owned(), text("h1"))],
    };
    world.run_script(&script)
}

#[test]
fn a_callback_ends_the_wait() {
    let ran = run(World::new(service(0)).arrives("cb1", Outcome::Value(Value::Nil)), "reboot");
    assert_eq!(ran.calls(), ["http.callback", "http.request", "wait.callback", "http.request"]);
    let posted = &ran.args("http.request")[0][0];
    let callbacks = Value::List(vec![text("http://here/callback/cb1")]);
    let stages = Value::List(["drain", "reboot", "undrain"].map(text).to_vec());
    assert_eq!(posted.get("json"), Some(&map(&[("stages", stages), ("callbacks", callbacks)])));
    assert_eq!(ran.value(), job());
}

#[test]
fn without_a_callback_it_is_polled() {
    let world = World::new(service(2)).arrives("cb1", raised("TimeoutError", ""));
    let ran = run(world, "patient");
    let waits = ran.args("deadline.push");
    assert_eq!(waits, [[Value::Int(30)], [Value::Int(600)]]);
    assert_eq!(ran.args("time.sleep"), [[Value::Int(5)], [Value::Int(5)]]);
    let ends = [
        "http.request",
        "time.sleep",
        "http.request",
        "time.sleep",
        "http.request",
        "http.request",
        "deadline.pop",
    ];
    assert!(ran.calls().ends_with(&ends), "{:?}", ran.calls());
    assert_eq!(ran.value(), job());
}

#[test]
fn without_a_way_to_poll_it_times_out() {
    let ran = run(World::new(service(0)).arrives("cb1", raised("Timeout", "")), "hopeless");
    let failure = ran.failure();
    assert_eq!(failure.kind, "TimeoutError");
    assert_eq!(failure.frames.last().unwrap().text, "raise Timeout");
    assert_eq!(failure.frames.len(), 2);
    assert_eq!(ran.calls().last(), Some(&"deadline.pop"));
}

#[test]
fn the_simple_job_gives_what_the_callback_brought() {
    let ran = run(World::new(service(0)).arrives("cb1", Outcome::Value(text("done"))), "simple");
    assert_eq!(ran.value(), text("done"));
}
