//! HTTP as little as is needed, so that every header is the test's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value as Json;

use crate::support::PATIENCE;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The code of an error.
    pub(super) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends a request to `address`; the header `host` is that unless it is given.
#[track_caller]
pub(super) fn send(address: &str, what: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("{what} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    let has_host = headers.iter().any(|(name, _)| *name == "host");
    let host = [("host", address)];
    for (name, value) in host.iter().filter(|_| !has_host).chain(headers) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // Whoever refuses may close before all is sent.
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
    read(&mut BufReader::new(stream))
}

/// Asks for a path.
#[track_caller]
pub(super) fn get(address: &str, path: &str) -> Answer {
    send(address, &format!("GET {path}"), &[], "")
}

/// Asks for a path over a connection that is open and stays so.
#[track_caller]
pub(super) fn get_over(stream: &mut BufReader<TcpStream>, path: &str) -> Answer {
    let address = stream.get_ref().peer_addr().unwrap();
    // If it was closed, there is no answer.
    let _ = stream.get_mut().write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes());
    read(stream)
}

fn read(stream: &mut impl BufRead) -> Answer {
    let mut line = String::new();
    // What was closed has no answer, whatever its end is called.
    let _ = stream.read_line(&mut line);
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut answer = Answer { status: status.unwrap_or_default(), headers: Vec::new(), body: String::new() };
    loop {
        line.clear();
        if stream.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.trim().split_once(':').unwrap();
        answer.headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut body = Vec::new();
    let length = answer.header("content-length").parse().unwrap_or(u64::MAX);
    stream.take(length).read_to_end(&mut body).unwrap();
    answer.body = String::from_utf8_lossy(&body).into_owned();
    answer
}
