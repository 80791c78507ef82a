//! A service that takes jobs over HTTP and calls back when they are done.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value as Json, json};

/// Paths that were asked for, each with its idempotency key.
type Seen = Vec<(String, Option<String>)>;

/// A service that takes jobs. It ends with the test.
pub(super) struct Jobs {
    /// Where it is.
    pub(super) address: String,
    seen: Arc<Mutex<Seen>>,
}

impl Jobs {
    /// `POST /job` with `{"callback": URL}` is called back once; `POST /job/twice` twice; anything else is 404.
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::<Mutex<Seen>>::default();
        let all = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = all.clone();
                thread::spawn(move || answer(stream, &seen));
            }
        });
        Self { address, seen }
    }

    /// Paths that were asked for, each with its idempotency key.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

fn answer(stream: TcpStream, seen: &Mutex<Seen>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let Some((path, key, body)) = read(&mut reader) else { return };
    seen.lock().unwrap().push((path.clone(), key));
    let times = match path.as_str() {
        "/job" => 1,
        "/job/twice" => 2,
        _ => 0,
    };
    let known = times > 0;
    respond(stream, if known { "200 OK" } else { "404 Not Found" }, &json!({"job_id": "j-1"}));
    let callback = serde_json::from_slice::<Json>(&body).unwrap_or_default();
    let Some(url) = callback["callback"].as_str().filter(|_| known) else { return };
    for attempt in 1..=times {
        call_back(url, &json!({"job": "j-1", "attempt": attempt}));
    }
}

fn read(reader: &mut impl BufRead) -> Option<(String, Option<String>, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut key, mut length) = (None, 0);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => key = Some(value.to_owned()),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, key, body))
}

fn respond(mut stream: TcpStream, status: &str, body: &Json) {
    let body = body.to_string();
    let head = "Content-Type: application/json\r\nConnection: close";
    let _ = write!(stream, "HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
}

fn call_back(url: &str, body: &Json) {
    let (address, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("Host: {address}\r\nConnection: close\r\nContent-Type: application/json");
    write!(stream, "POST /{path} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
