//! The service itself: it says where it listens, and counts effects once for each key.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

fn ask(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_effect_is_had_once_for_each_key() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flow_world"));
    let mut world = command.args(["--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(world.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().trim_start_matches("listening at http://").to_owned();
    for _ in 0..2 {
        let put = ask(&address, "PUT /thing/x HTTP/1.1\r\nIdempotency-Key: k", "[1]");
        assert!(put.starts_with("HTTP/1.1 200"), "{put}");
    }
    let ledger = ask(&address, "GET /ledger HTTP/1.1", "");
    world.kill().unwrap();
    world.wait().unwrap();
    assert!(ledger.ends_with(r#"[{"key":"k","what":"put x","times":2}]"#), "{ledger}");
}
