//! A server of HTTP for tests: says exactly what it is told to say, and remembers what it was asked.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request that came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Which connection it came on, counted from 0.
    pub(crate) connection: usize,
    /// Which request it is, counted from 0 over all connections.
    pub(crate) number: usize,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// With names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// What happens to a connection after an answer.
pub(crate) enum Then {
    /// The next request is read.
    Keep,
    Close,
    /// Nothing more, until the other end closes it.
    Hang,
    /// These bytes, one after the other with a pause after each, until the other end closes it.
    Drip(Vec<u8>),
    /// These bytes again and again, until the other end closes it.
    Pour(Vec<u8>),
}

pub(crate) struct Answer {
    bytes: Vec<u8>,
    then: Then,
}

/// A whole response.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    raw([head.as_bytes(), b"\r\n", body].concat(), Then::Keep)
}

pub(crate) fn ok(body: impl AsRef<[u8]>) -> Answer {
    answer("200 OK", &[], body)
}

pub(crate) fn redirect(status: &str, to: &str) -> Answer {
    answer(status, &[("location", to)], "moved")
}

/// These bytes, whatever they mean.
pub(crate) fn raw(bytes: impl Into<Vec<u8>>, then: Then) -> Answer {
    Answer { bytes: bytes.into(), then }
}

type Answering = dyn Fn(&Asked) -> Answer + Send + Sync;

struct Inner {
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
    stopped: AtomicBool,
    answering: Box<Answering>,
}

/// Stops when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    inner: Arc<Inner>,
}

impl Server {
    pub(crate) fn start(answering: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_wrapped(answering, |stream| Some(Box::new(stream)))
    }

    /// The same with something around each connection.
    pub(crate) fn start_wrapped(
        answering: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Option<Box<dyn Stream>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            asked: Mutex::default(),
            connections: AtomicUsize::default(),
            stopped: AtomicBool::default(),
            answering: Box::new(answering),
        });
        let (of_server, wrap) = (Arc::clone(&inner), Arc::new(wrap));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if of_server.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let connection = of_server.connections.fetch_add(1, Ordering::SeqCst);
                let (inner, wrap) = (Arc::clone(&of_server), Arc::clone(&wrap));
                thread::spawn(move || {
                    let wrapped = stream.try_clone().ok().and_then(|stream| wrap(stream));
                    if let Some(mut wrapped) = wrapped {
                        inner.serve(connection, &mut *wrapped);
                    }
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Self { address, inner }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All that it was asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }

    /// The only request that came.
    pub(crate) fn only(&self) -> Asked {
        let [only] = self.asked().try_into().unwrap();
        only
    }

    pub(crate) fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.inner.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

pub(crate) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

impl Inner {
    fn serve(&self, connection: usize, stream: &mut dyn Stream) {
        while let Some(mut asked) = read(stream) {
            asked.connection = connection;
            let answer = {
                let mut all = self.asked.lock().unwrap();
                asked.number = all.len();
                all.push(asked.clone());
                drop(all);
                (self.answering)(&asked)
            };
            if stream.write_all(&answer.bytes).and_then(|()| stream.flush()).is_err() {
                return;
            }
            match answer.then {
                Then::Keep => {}
                Then::Close => return,
                Then::Hang => return drop(stream.read(&mut [0; 1])),
                Then::Drip(bytes) => return drip(stream, &bytes),
                Then::Pour(bytes) => while stream.write_all(&bytes).is_ok() {},
            }
        }
    }
}

fn drip(stream: &mut dyn Stream, bytes: &[u8]) {
    for byte in bytes {
        if stream.write_all(&[*byte]).and_then(|()| stream.flush()).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = stream.read(&mut [0; 1]);
}

/// The next request; none if the connection ended.
fn read(stream: &mut dyn Stream) -> Option<Asked> {
    let head = read_head(stream)?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let mut asked = Asked { method, path, headers, ..Asked::default() };
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    asked.body = vec![0; length];
    stream.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

fn read_head(stream: &mut dyn Stream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}
