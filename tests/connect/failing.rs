//! Servers that fail: what is tried again, when, and what comes of it in the end.

use std::net::TcpListener;
use std::time::Duration;

use service_framework::flow::connect::http::{HttpSettings, Retry};
use service_framework::value::Value;

use crate::server::{Server, Then, answer, ok, raw};
use crate::support::{Came as _, attempt, body, connector, get, local, map, perform, request, status};

/// A URL at which nobody listens.
fn nobody() -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{address}/")
}

fn retry(attempts: i64, backoff: f64) -> Value {
    map([
        ("attempts", Value::Int(attempts)),
        ("backoff", Value::Float(backoff)),
        ("max_backoff", Value::Float(2.0)),
    ])
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_then_a_response() {
    let server = Server::start(|asked| answer(&format!("{} Whatever", &asked.path[1..]), &[], "later"));
    let connector = connector(local());
    for number in [429, 502, 503, 504] {
        let asked = || request("GET", &server.url(&format!("/{number}")), [("retry", retry(2, 1.0))]);
        let (after, reason) = attempt(&connector, asked(), 1).await.again();
        assert_eq!(reason, format!("{number} Whatever (attempt 1 of 2)"));
        assert!((Duration::from_millis(500)..=Duration::from_secs(1)).contains(&after), "{after:?}");
        let response = attempt(&connector, asked(), 2).await.response();
        assert_eq!((status(&response), body(&response)), (number, "later"));
    }
    for number in [400, 408, 500, 501, 505] {
        let response = perform(&connector, get(&server.url(&format!("/{number}")))).await.response();
        assert_eq!(status(&response), number);
    }
    assert!(server.asked().iter().all(|asked| asked.header("idempotency-key") == Some("F/7")));
}

#[tokio::test]
async fn pauses_double_up_to_the_longest() {
    let server = Server::start(|_| answer("503 Busy", &[], ""));
    let connector = connector(local());
    let pause = async |number| {
        attempt(&connector, request("GET", &server.url("/"), [("retry", retry(100, 0.5))]), number)
            .await
            .again()
            .0
    };
    for (number, whole) in [(1, 0.5), (2, 1.0), (3, 2.0), (4, 2.0), (99, 2.0)] {
        let pause = pause(number).await.as_secs_f64();
        assert!(pause >= whole * 0.499 && pause <= whole, "{number}: {pause}");
    }
}

#[tokio::test]
async fn the_default_tries_five_times() {
    let server = Server::start(|_| answer("503 Busy", &[], ""));
    let connector = connector(local());
    for number in 1..5 {
        assert_eq!(
            attempt(&connector, get(&server.url("/")), number).await.again().1,
            format!("503 Busy (attempt {number} of 5)")
        );
    }
    assert_eq!(status(&attempt(&connector, get(&server.url("/")), 5).await.response()), 503);
    assert_eq!(Retry::default().attempts, 5);
}

#[tokio::test]
async fn a_server_may_ask_for_time() {
    let server = Server::start(|asked| answer("429 Slow down", &[("Retry-After", &asked.path[1..])], ""));
    let settings = HttpSettings { longest_retry_after: Duration::from_secs(90), ..local() };
    let connector = connector(settings);
    let after =
        async |header: &str| perform(&connector, get(&server.url(&format!("/{header}")))).await.again().0;
    assert_eq!(after("30").await, Duration::from_secs(30));
    assert_eq!(after("100000").await, Duration::from_secs(90));
    // Less than the pause that there is anyway, and nonsense.
    for header in ["0", "soon"] {
        assert!(after(header).await <= Duration::from_secs(1));
    }
}

#[tokio::test]
async fn where_nobody_listens_is_tried_again_and_then_an_error() {
    let (url, connector) = (nobody(), connector(local()));
    let (_, reason) = attempt(&connector, get(&url), 1).await.again();
    assert!(
        reason.contains("127.0.0.1: Connection refused") && reason.ends_with("(attempt 1 of 5)"),
        "{reason}"
    );
    let (kind, message) = attempt(&connector, get(&url), 5).await.error();
    assert_eq!(kind, "OSError");
    let expected =
        format!("GET {url}: no response from 127.0.0.1 after 5 attempts: Connection refused (os error 111)");
    assert_eq!(message, expected);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_tried_again_and_then_an_error() {
    let connector = connector(local());
    let once = || request("GET", "http://no.such.host.invalid/", [("retry", retry(1, 1.0))]);
    let (kind, message) = perform(&connector, once()).await.error();
    assert_eq!(kind, "OSError");
    assert!(
        message.starts_with(
            "GET http://no.such.host.invalid/: no response from no.such.host.invalid after 1 attempt: "
        ),
        "{message}"
    );
}

#[tokio::test]
async fn connections_that_end_too_early_are_tried_again() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/nothing" => raw("", Then::Close),
        "/head" => raw("HTTP/1.1 200 OK\r\nconte", Then::Close),
        "/body" => raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc", Then::Close),
        _ => raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n9\r\nd", Then::Close),
    });
    let connector = connector(local());
    for path in ["/nothing", "/head", "/body", "/chunk"] {
        let (_, reason) = perform(&connector, get(&server.url(path))).await.again();
        assert!(reason.starts_with("127.0.0.1: "), "{path}: {reason}");
        let (kind, message) = attempt(&connector, get(&server.url(path)), 5).await.error();
        assert!(kind == "OSError" && message.contains("after 5 attempts"), "{path}: {message}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_an_error_at_once() {
    let server = Server::start(|asked| {
        let bytes: &[u8] = match asked.path.as_str() {
            "/ssh" => b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "/zeros" => &[0; 100],
            "/status" => b"HTTP/1.1 9999 What\r\n\r\n",
            "/length" => b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "/header" => b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
            _ => b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        };
        raw(bytes, Then::Hang)
    });
    let connector = connector(local());
    for path in ["/ssh", "/zeros", "/status", "/length", "/header"] {
        let (kind, message) = perform(&connector, get(&server.url(path))).await.error();
        assert!(
            kind == "OSError" && message.contains("127.0.0.1 does not speak HTTP"),
            "{path}: {kind}: {message}"
        );
    }
    // In the middle of a body it may be the connection as well.
    let (_, reason) = perform(&connector, get(&server.url("/chunk"))).await.again();
    assert!(reason.starts_with("127.0.0.1: "), "{reason}");
}

#[tokio::test]
async fn a_service_that_comes_back_is_reached() {
    let server = Server::start(|asked| if asked.number < 2 { raw("", Then::Close) } else { ok("back") });
    let connector = connector(local());
    let mut number = 1;
    let response = loop {
        match attempt(&connector, get(&server.url("/")), number).await {
            service_framework::flow::connect::Performed::Again { .. } => number += 1,
            done => break done.response(),
        }
    };
    assert_eq!(body(&response), "back");
}
