//! The service outside that the examples of flows need: it takes jobs, keeps things, and counts what it did.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;

use crate::folder::LAUNCHER;
use crate::support::wait_until;

/// The service outside, which ends with the test.
pub(super) struct World {
    child: Child,
    /// Where it is.
    pub(super) address: String,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl World {
    pub(super) fn start(flags: &[&str]) -> Self {
        Self::start_at("0", flags)
    }

    pub(super) fn start_at(port: &str, flags: &[&str]) -> Self {
        let program = Path::new(LAUNCHER).parent().unwrap().join("flow_world");
        let mut command = Command::new(program);
        let mut child = command.args(["--port", port]).args(flags).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit('/').next().unwrap().to_owned();
        Self { child, address }
    }

    pub(super) fn get(&self, path: &str) -> Option<Json> {
        serde_json::from_str(&ask(&self.address, "GET", path, "")?).ok()
    }

    /// Waits until it has done so much.
    #[track_caller]
    pub(super) fn wait_for(&self, count: usize) {
        wait_until("enough is done outside", || self.effects().len() >= count);
    }

    /// What was done outside, without the keys.
    pub(super) fn effects(&self) -> Vec<String> {
        let ledger = self.get("/ledger").unwrap();
        let what = |effect: &Json| effect["what"].as_str().unwrap().to_owned();
        let mut effects: Vec<String> = ledger.as_array().unwrap().iter().map(what).collect();
        effects.sort();
        effects
    }
}

/// The body of a good answer.
pub(super) fn ask(address: &str, method: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}",
        body.len()
    );
    write!(stream, "{head}\r\n\r\n{body}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}
