//! The server over real sockets, with clients that behave and clients that do not.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::request::{Come, Incoming};
use super::scan::{Scan, Seen};
use super::*;
use crate::program::{Engine, HookError, Hooks, Pool, Settings, Spec};
use crate::store::Store;

fn server(changed: impl FnOnce(&mut ServeSettings)) -> Server {
    let spec = json!({
        "name": "doubling",
        "programs": {"double": {
            "hooks": ["double"], "locks": [],
            "args": {"n": {"type": "int", "required": true}},
            "outputs": {"n": {"type": "int", "required": true}},
        }},
        "hooks": {"double": {"reference": "m.double", "args": {"n": {"type": "int", "required": true}}}},
    });
    let double = |pool: &mut Pool| -> Result<(), HookError> {
        let n = pool.get("n").and_then(|n| n.as_i64()).ok_or_else(|| HookError::new("no n"))?;
        pool.set("n", n.checked_mul(2).ok_or_else(|| HookError::new("too large"))?);
        Ok(())
    };
    let hooks = Hooks::new().hook("double", double);
    let spec = Spec::from_json(&spec).unwrap();
    let engine = Engine::start(spec, &hooks, Store::in_memory(), Settings::default()).unwrap();
    let mut settings = ServeSettings { address: ([127, 0, 0, 1], 0).into(), ..ServeSettings::default() };
    changed(&mut settings);
    Server::start(engine, settings).unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> Json {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"))
}

fn ask(server: &Server, bytes: &[u8]) -> Json {
    let mut stream = connect(server);
    stream.write_all(bytes).unwrap();
    answer(stream)
}

fn error_in(answer: &Json) -> &str {
    answer["_server_error"].as_str().unwrap_or_else(|| panic!("no error: {answer}"))
}

#[test]
fn a_request_is_answered_in_however_many_pieces_it_comes() {
    let server = server(|_| {});
    let request = br#" {"program": "double", "data_pool": {"n": 21, "s": "}{\"\\"}, "metadata": {}}"#;
    assert_eq!(ask(&server, request), json!({"n": 42}));
    let mut stream = connect(&server);
    stream.set_nodelay(true).unwrap();
    for byte in request {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(answer(stream), json!({"n": 42}));
    let failed =
        ask(&server, format!(r#"{{"program": "double", "data_pool": {{"n": {}}}}}"#, i64::MAX).as_bytes());
    assert_eq!(
        (&failed["_program_fail"], &failed["_last_failed_program"]),
        (&json!(true), &json!("m.double"))
    );
    assert_eq!(failed["_traceback"], json!(["m.double"]));
}

#[test]
fn what_is_no_request_is_answered_with_what_is_wrong() {
    let server = server(|settings| settings.largest = 1000);
    let large = format!(r#"{{"program": "{}"}}"#, "x".repeat(2000));
    for (bytes, said) in [
        (&b"\xff\xfe"[..], "Could not decode the message provided"),
        (b"{\"program\": \"\xff", "Could not decode the message provided: it is not UTF-8 from byte 13 on"),
        (b"hello", "Message provided was not valid JSON"),
        (b"{\"program\": double}", "Message provided was not valid JSON"),
        (b"{\"program\": nope", "Message provided was not valid JSON"),
        (b"{} {}", "Message provided was not valid JSON"),
        (b"[]", "a request is an object"),
        (b"{}", "\"program\" is no text"),
        (br#"{"program": "duble"}"#, "did you mean \"double\"?"),
        (br#"{"program": "double"}"#, "\"n\" is missing"),
        (br#"{"program": "double", "data_pool": {"n": "1"}}"#, "\"n\" is no int"),
        (large.as_bytes(), "more than 1000 bytes"),
    ] {
        let answer = ask(&server, bytes);
        assert!(error_in(&answer).contains(said), "{answer} for {bytes:?}");
    }
    let stream = connect(&server);
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(error_in(&answer(stream)).contains("not valid JSON"));
    let mut half = connect(&server);
    half.write_all(br#"{"program""#).unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    assert!(error_in(&answer(half)).contains("not valid JSON"));
}

#[test]
fn who_is_silent_holds_nobody_up() {
    let server = server(|settings| {
        settings.most_connections = 8;
        settings.read_timeout = Duration::from_secs(20);
    });
    let silent: Vec<TcpStream> = (0..40).map(|_| connect(&server)).collect();
    for _ in 0..20 {
        assert_eq!(ask(&server, br#"{"program": "double", "data_pool": {"n": 1}}"#), json!({"n": 2}));
    }
    let first = silent.into_iter().next().unwrap();
    assert!(error_in(&answer(first)).contains("too much is on its way"));
}

#[test]
fn who_is_slow_is_told_and_let_go() {
    let server = server(|settings| settings.read_timeout = Duration::from_millis(50));
    let mut stream = connect(&server);
    stream.write_all(b"{").unwrap();
    assert!(error_in(&answer(stream)).contains("did not come whole"));
}

#[test]
fn unfinished_requests_have_a_limit_together() {
    let server = server(|settings| settings.most_receiving = 5000);
    let begin = format!(r#"{{"a": "{}"#, "x".repeat(3000));
    let mut first = connect(&server);
    first.write_all(begin.as_bytes()).unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    // The second one may come first.
    let refused = loop {
        let mut second = connect(&server);
        second.write_all(begin.as_bytes()).unwrap();
        second.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut bytes = Vec::new();
        if second.read_to_end(&mut bytes).is_ok() {
            break String::from_utf8(bytes).unwrap();
        }
        assert!(Instant::now() < end, "nobody is refused");
    };
    assert!(refused.contains("too much is on its way"), "{refused}");
}

#[test]
fn a_stop_lets_nobody_without_an_answer() {
    let server = server(|_| {});
    let mut silent = connect(&server);
    silent.write_all(b"{").unwrap();
    assert_eq!(ask(&server, br#"{"program": "double", "data_pool": {"n": 1}}"#), json!({"n": 2}));
    server.stop();
    error_in(&answer(silent));
}

proptest! {
    #[test]
    fn an_object_ends_where_its_last_brace_is(json in "[a-z{}\\[\\]\"\\\\ ]{0,20}", cuts in prop::collection::vec(1_usize..9, 0..40)) {
        let text = json!({"k": json, "l": [json]}).to_string();
        let mut scan = Scan::default();
        let (mut seen, mut at) = (Seen::Part, 0);
        for cut in cuts.into_iter().chain([text.len()]) {
            prop_assert_eq!(seen, Seen::Part);
            at = (at + cut).min(text.len());
            seen = scan.look(&text.as_bytes()[..at]);
            if at == text.len() { break; }
        }
        prop_assert_eq!(seen, Seen::Whole(text.len()));
    }

    #[test]
    fn any_bytes_in_any_pieces_are_a_request_or_an_error(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10)) {
        let mut incoming = Incoming::new(100);
        for piece in pieces {
            let looked = incoming.take(&piece).and_then(|come| match come {
                Come::Part => Ok(()),
                Come::Doubled => incoming.look_early(),
                Come::Whole => incoming.read().map(drop),
            });
            if looked.is_err() { return Ok(()); }
        }
        let _ = incoming.read();
    }
}
