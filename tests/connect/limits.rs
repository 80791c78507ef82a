//! What requests may take: time, bytes, and how many there are at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use service_framework::flow::connect::http::HttpSettings;
use service_framework::value::Value;

use crate::server::{Server, Then, ok, raw};
use crate::support::{Came as _, body, connector, get, local, perform, request, within};

#[tokio::test]
async fn slow_responses_are_given_up() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/silent" => raw("", Then::Hang),
        "/head" => raw("", Then::Drip(b"HTTP/1.1 200 OK\r\nx: ".repeat(500))),
        _ => raw("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", Then::Drip(vec![b'x'; 100_000])),
    });
    let connector = connector(local());
    for path in ["/silent", "/head", "/body"] {
        let asked = request("GET", &server.url(path), [("timeout", Value::Float(0.3))]);
        let (kind, message) = perform(&connector, asked).await.error();
        let expected = format!("GET {}: there was no whole response within 300ms", server.url(path));
        assert_eq!((kind.as_str(), message), ("TimeoutError", expected));
    }
}

#[tokio::test]
async fn scripts_choose_within_bounds() {
    let server = Server::start(|_| raw("", Then::Hang));
    let settings = HttpSettings {
        timeout: Duration::from_millis(200),
        longest_timeout: Duration::from_millis(400),
        ..local()
    };
    let connector = connector(settings);
    let (_, message) = perform(&connector, get(&server.url("/"))).await.error();
    assert!(message.ends_with("within 200ms"), "{message}");
    for long in [Value::Int(1000), Value::Float(1e300)] {
        let (_, message) =
            perform(&connector, request("GET", &server.url("/"), [("timeout", long)])).await.error();
        assert!(message.ends_with("within 400ms"), "{message}");
    }
}

#[tokio::test]
async fn large_responses_are_cut_off() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/announced" => raw("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n", Then::Hang),
        "/endless" => raw("HTTP/1.1 200 OK\r\n\r\n", Then::Pour(vec![b'x'; 1 << 16])),
        "/chunks" => raw(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            Then::Pour([b"3e8\r\n".to_vec(), vec![b'x'; 1000], b"\r\n".to_vec()].concat()),
        ),
        _ => ok(vec![b'x'; 1000]),
    });
    let connector = connector(HttpSettings { response_bytes: 1000, ..local() });
    for path in ["/announced", "/endless", "/chunks"] {
        let (kind, message) = perform(&connector, get(&server.url(path))).await.error();
        let expected = format!("GET {}: the body of the response has more than 1000 bytes", server.url(path));
        assert_eq!((kind.as_str(), message), ("ValueError", expected));
    }
    assert_eq!(body(&perform(&connector, get(&server.url("/just"))).await.response()).len(), 1000);
}

#[tokio::test]
async fn large_requests_are_not_sent() {
    let server = Server::start(|_| ok(""));
    let connector = connector(HttpSettings { request_bytes: 1000, ..local() });
    let sent = |bytes| request("POST", &server.url("/"), [("body", Value::Bytes(vec![0; bytes]))]);
    let (kind, message) = perform(&connector, sent(1001)).await.error();
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("ValueError", "the body of the request has more than 1000 bytes")
    );
    assert_eq!(server.connections(), 0);
    perform(&connector, sent(1000)).await.response();
}

/// A server that notes how many requests it answers at once, and holds each until there are `full` or nothing more comes.
fn counting(full: usize) -> (Server, Arc<AtomicUsize>) {
    let (at_work, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let noted = Arc::clone(&most);
    let server = Server::start(move |_| {
        let now = at_work.fetch_add(1, Ordering::SeqCst) + 1;
        noted.fetch_max(now, Ordering::SeqCst);
        let until = Instant::now() + Duration::from_millis(100);
        while noted.load(Ordering::SeqCst) < full && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        at_work.fetch_sub(1, Ordering::SeqCst);
        ok("")
    });
    (server, most)
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_go_to_one_host_at_once() {
    let (first, most_first) = counting(3);
    let (second, most_second) = counting(3);
    let connector = Arc::new(connector(HttpSettings { at_once_per_host: 3, ..local() }));
    let mut all = tokio::task::JoinSet::new();
    for url in [first.url("/"), second.url("/")].iter().cycle().take(40) {
        let (connector, url) = (Arc::clone(&connector), url.clone());
        all.spawn(async move { perform(&connector, get(&url)).await.response() });
    }
    assert_eq!(within(all.join_all()).await.len(), 40);
    assert_eq!((most_first.load(Ordering::SeqCst), most_second.load(Ordering::SeqCst)), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_are_sent_at_once() {
    let (server, most) = counting(2);
    let connector = Arc::new(connector(HttpSettings { at_once: 2, ..local() }));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (connector, url) = (Arc::clone(&connector), server.url("/"));
        all.spawn(async move { perform(&connector, get(&url)).await.response() });
    }
    assert_eq!(within(all.join_all()).await.len(), 20);
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_request_that_is_dropped_makes_room() {
    let server = Server::start(|asked| if asked.path == "/hang" { raw("", Then::Hang) } else { ok("") });
    let connector = connector(HttpSettings { at_once: 1, ..local() });
    let hanging = perform(&connector, get(&server.url("/hang")));
    assert!(tokio::time::timeout(Duration::from_millis(200), hanging).await.is_err());
    perform(&connector, get(&server.url("/"))).await.response();
}
