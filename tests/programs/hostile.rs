//! Clients that mean no good, against a real server: each gets the answer that is promised, and nobody else notices.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde_json::{Value as Json, json};

use crate::folder::Folder;
use crate::support::{PATIENCE, Process, launcher};

/// A server of one program, `double`, whose hook is a command that takes no time.
struct Server {
    _folder: Folder,
    process: Process,
    address: String,
}

impl Server {
    fn start() -> Self {
        let arg = json!({"n": {"type": "int", "required": true}});
        let spec = json!({
            "name": "hostile",
            "programs": {
                "same": {"hooks": [], "args": arg, "outputs": arg, "locks": []},
                "double": {"hooks": ["double"], "args": arg, "outputs": arg, "locks": []},
            },
            "hooks": {"double": {"reference": "h.double", "args": arg}},
        });
        let hooks = json!({"double": {"command": ["sed", "s/\"n\":2/\"n\":4/"]}});
        let folder = Folder::new().with("ryu_spec.json", spec).with("hooks.json", hooks);
        let mut command: Command = launcher();
        command.current_dir(folder.path("."));
        command.args("program serve --port 0 --store memory --log_format json".split(' '));
        let mut process = Process::start(&mut command);
        let line: Json = serde_json::from_str(&process.wait_for("serving programs")).unwrap();
        let address = find(&line, "address").unwrap();
        Self { _folder: folder, process, address }
    }

    fn connect(&self) -> TcpStream {
        connect(&self.address)
    }

    /// While `does` lasts, others are served, again and again.
    fn undisturbed<T>(&self, does: impl FnOnce() -> T) -> T {
        let (address, is_over) = (&self.address, AtomicBool::new(false));
        let over = &is_over;
        thread::scope(|scope| {
            let others = scope.spawn(move || {
                let mut served = 0;
                while !over.load(Ordering::SeqCst) || served == 0 {
                    serves(address);
                    served += 1;
                }
            });
            let done = does();
            is_over.store(true, Ordering::SeqCst);
            others.join().unwrap();
            done
        })
    }

    fn status(&self, key: &str) -> usize {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.process.pid().as_raw_nonzero())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.pid().as_raw_nonzero())).unwrap().count()
    }

    fn stop(self) {
        serves(&self.address);
        let finished = self.process.finish_by(Signal::TERM);
        assert_eq!(finished.code, Some(0), "{}", finished.text());
    }
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ask(address: &str, bytes: &[u8]) -> Json {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    answer(stream)
}

/// Somebody who means well is answered.
fn serves(address: &str) {
    let request = json!({"program": "double", "data_pool": {"n": 2}}).to_string();
    assert_eq!(ask(address, request.as_bytes()), json!({"n": 4}));
}

fn find(line: &Json, key: &str) -> Option<String> {
    match line {
        Json::Object(entries) => entries.iter().find_map(|(name, value)| match value.as_str() {
            Some(text) if name == key => Some(text.to_owned()),
            _ => find(value, key),
        }),
        _ => None,
    }
}

fn answer(mut stream: TcpStream) -> Json {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    serde_json::from_slice(&bytes)
        .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&bytes)))
}

fn refused(answer: &Json) -> &str {
    answer["_server_error"].as_str().unwrap_or_else(|| panic!("it is no refusal: {answer}"))
}

#[test]
fn what_is_no_request_is_told_so() {
    let server = Server::start();
    let deep = format!("{{\"program\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    server.undisturbed(|| {
        for (bytes, said) in [
            (&b"\xff\xfe{}"[..], "Could not decode the message provided"),
            (b"{\"program\": \"\xc3\x28\"}", "Could not decode the message provided"),
            (b"GET / HTTP/1.1\r\n\r\n", "Message provided was not valid JSON"),
            (b"{\"program\": \"double\",}", "Message provided was not valid JSON"),
            (b"\0", "Message provided was not valid JSON"),
            (b"[1, 2]", "a request is an object"),
            (b"null", "a request is an object"),
            (b"{\"program\": 7}", "\"program\" is no text"),
            (b"{\"program\": \"double\", \"data_pool\": []}", "\"data_pool\" is no object"),
            (b"{\"program\": \"double\", \"metadata\": 1}", "\"metadata\" is no object"),
            (b"{\"program\": \"double\", \"data_pool\": {\"n\": \"2\"}}", "\"n\" is no int"),
            (
                b"{\"program\": \"double\", \"data_pool\": {\"n\": 1e400}}",
                "Message provided was not valid JSON",
            ),
            (b"{\"program\": \"halve\"}", "there is no program \"halve\""),
            (deep.as_bytes(), "Message provided was not valid JSON"),
        ] {
            let mut stream = server.connect();
            stream.write_all(bytes).unwrap();
            // What is no object may go on, so it ends here.
            stream.shutdown(Shutdown::Write).unwrap();
            let answer = answer(stream);
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
            assert!(refused(&answer).contains(said), "{answer} for {shown:?}");
        }
    });
    server.stop();
}

#[test]
fn a_request_that_comes_byte_by_byte_is_one() {
    let server = Server::start();
    let request = json!({"program": "double", "data_pool": {"n": 2, "text": "}{\"\\"}}).to_string();
    server.undisturbed(|| {
        let mut stream = server.connect();
        stream.set_nodelay(true).unwrap();
        for byte in request.bytes() {
            stream.write_all(&[byte]).unwrap();
            thread::yield_now();
        }
        assert_eq!(answer(stream), json!({"n": 4}));
    });
    server.stop();
}

/// Sends `piece` up to so many times; how many bytes went, until the server had enough of it.
fn flood(stream: &mut TcpStream, piece: &[u8], times: usize) -> usize {
    for sent in 0..times {
        match stream.write_all(piece) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                return sent * piece.len();
            }
            Err(error) => panic!("{error}"),
        }
    }
    times * piece.len()
}

#[test]
fn who_sends_too_much_is_told_so_and_takes_no_more_than_a_request() {
    let server = Server::start();
    let piece = vec![b'x'; 1 << 20];
    server.undisturbed(|| {
        let mut stream = server.connect();
        stream.write_all(b"{\"program\": \"double\", \"data_pool\": {\"text\": \"").unwrap();
        assert_eq!(
            flood(&mut stream, &piece, 200),
            200 << 20,
            "it is listened to, so that it reads the answer"
        );
        assert!(refused(&answer(stream)).contains("more than 100000000 bytes"));
    });
    // Nothing but what is no request is seen before it is all there.
    server.undisturbed(|| {
        let mut stream = server.connect();
        stream.write_all(b"{\"program\": nonsense").unwrap();
        flood(&mut stream, &piece, 20);
        assert!(refused(&answer(stream)).contains("not valid JSON"));
    });
    let most = server.status("VmHWM");
    assert!(most < 700_000, "it took {most} kB of memory");
    server.stop();
}

#[test]
fn a_request_of_nearly_the_limit_is_served() {
    let server = Server::start();
    let text = "x".repeat(90_000_000);
    let request = json!({"program": "same", "data_pool": {"n": 7, "text": text}}).to_string();
    server.undisturbed(|| assert_eq!(ask(&server.address, request.as_bytes()), json!({"n": 7})));
    server.stop();
}

#[test]
fn who_never_ends_is_let_go() {
    let server = Server::start();
    server.undisturbed(|| {
        let mut stream = server.connect();
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        // Blanks for ever: each is what a request may begin with.
        let (mut sent, mut said) = (0_usize, Vec::new());
        while said.is_empty() && sent < 300 << 20 {
            sent += flood(&mut stream, &[b' '; 1 << 16], 16);
            let mut bytes = [0; 1024];
            if let Ok(count) = stream.read(&mut bytes) {
                said.extend_from_slice(&bytes[..count]);
            }
        }
        assert!(String::from_utf8_lossy(&said).contains("more than 100000000 bytes"), "after {sent} bytes");
    });
    server.stop();
}

#[test]
fn ten_thousand_who_say_nothing_disturb_nobody() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let wanted = usize::try_from(allowed.saturating_sub(500)).unwrap().min(10_000);
    if wanted < 10_000 {
        eprintln!("only {wanted} connections: this process may open {allowed} files");
    }
    let server = Server::start();
    let idle: Vec<TcpStream> = server.undisturbed(|| (0..wanted).map(|_| server.connect()).collect());
    (0..10).for_each(|_| serves(&server.address));
    // Those that may be connected, and what the server has open besides.
    let open = server.descriptors();
    assert!(open < 2000 + 100, "{open} files are open");
    if let Some(first) = idle.into_iter().next().filter(|_| wanted > 4000) {
        assert!(refused(&answer(first)).contains("too much is on its way"));
    }
    server.stop();
}
