//! Who gets a place and who gives way, over real sockets; who is a stranger is decided by a rule of each test.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::connections::SAFE;
use super::{Guest, Limits, serve};

/// Nothing here takes so long.
const LONG: Duration = Duration::from_mins(1);

const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// One place, and no limit in time that could end a connection within a test.
const LIMITS: Limits = Limits {
    head_time: Duration::from_hours(1),
    connection_time: Duration::from_hours(1),
    request_time: Duration::from_hours(1),
    connections: 1,
    grace: Duration::ZERO,
};

/// A server, and the addresses whose connections are special.
struct Server {
    address: SocketAddr,
    special: Arc<Mutex<HashSet<SocketAddr>>>,
    _stop: watch::Sender<bool>,
}

/// What becomes of special connections.
#[derive(Clone, Copy)]
enum Special {
    AreStrangers,
    AreNeverKnown,
}

impl Server {
    async fn start(limits: Limits, router: Router, what: Special) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let special = Arc::<Mutex<HashSet<SocketAddr>>>::default();
        let (_stop, stopped) = watch::channel(false);
        let known = special.clone();
        let admit = move |stream: &TcpStream| {
            let is_special = known.lock().unwrap().contains(&stream.peer_addr().unwrap());
            let router = router.clone();
            async move {
                if is_special && matches!(what, Special::AreNeverKnown) {
                    std::future::pending::<()>().await;
                }
                Guest { router, is_stranger: is_special }
            }
        };
        tokio::spawn(serve(listener, admit, limits, stopped));
        Self { address, special, _stop }
    }

    async fn connect(&self, is_special: bool) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        if is_special {
            self.special.lock().unwrap().insert(socket.local_addr().unwrap());
        }
        socket.connect(self.address).await.unwrap()
    }
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// Asks, and reads until an answer is there; None if there is none.
async fn ask(stream: &mut TcpStream) -> Option<String> {
    stream.write_all(ASK).await.ok()?;
    let mut read = Vec::new();
    while !read.ends_with(b"hello") {
        let length = timeout(LONG, stream.read_buf(&mut read)).await.unwrap().ok()?;
        if length == 0 {
            return None;
        }
    }
    Some(String::from_utf8(read).unwrap())
}

async fn is_closed(stream: &mut TcpStream) {
    assert_eq!(timeout(LONG, stream.read(&mut [0; 1])).await.unwrap().unwrap_or(0), 0);
}

#[tokio::test]
async fn strangers_take_no_place_of_others_and_the_oldest_of_them_goes_at_once() {
    let server = Server::start(LIMITS, hello(), Special::AreStrangers).await;
    // The oldest of all holds the only place, and says nothing while strangers come.
    let mut own = server.connect(false).await;
    let mut strangers = Vec::new();
    for _ in 0..40 {
        strangers.push(server.connect(true).await);
    }
    is_closed(&mut strangers[0]).await;
    is_closed(&mut strangers[20]).await;
    assert!(ask(strangers.last_mut().unwrap()).await.is_some(), "whoever is there gets an answer");
    assert!(ask(&mut own).await.is_some());
}

#[tokio::test]
async fn one_of_whom_it_is_not_known_yet_who_comes_holds_up_no_other() {
    let server = Server::start(LIMITS, hello(), Special::AreNeverKnown).await;
    let _unknown = [server.connect(true).await, server.connect(true).await];
    assert!(ask(&mut server.connect(false).await).await.is_some());
}

#[tokio::test]
async fn one_who_is_silent_gives_its_place_to_one_who_waits() {
    let server = Server::start(LIMITS, hello(), Special::AreStrangers).await;
    let mut silent = server.connect(false).await;
    assert!(ask(&mut server.connect(false).await).await.is_some());
    is_closed(&mut silent).await;
}

#[tokio::test]
async fn only_as_many_go_as_there_are_others_who_wait() {
    let server = Server::start(Limits { connections: 4, ..LIMITS }, hello(), Special::AreStrangers).await;
    let mut old = Vec::new();
    for _ in 0..4 {
        let mut stream = server.connect(false).await;
        assert!(ask(&mut stream).await.is_some());
        old.push(stream);
    }
    // All of them are so old now that they may have to go.
    sleep(SAFE).await;
    assert!(ask(&mut server.connect(false).await).await.is_some());
    is_closed(&mut old[0]).await;
    for stream in &mut old[1..] {
        assert!(ask(stream).await.is_some());
    }
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_when_its_time_is_over() {
    let short = Duration::from_millis(50);
    let limits = Limits { connection_time: short, request_time: short, grace: LIMITS.head_time, ..LIMITS };
    let never = Router::new().route("/", get(async || std::future::pending::<&str>().await));
    let server = Server::start(limits, never, Special::AreStrangers).await;
    assert_eq!(ask(&mut server.connect(false).await).await, None);
}
