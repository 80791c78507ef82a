//! Requests reach the server as they were asked for, and responses the script.

use service_framework::flow::connect::{Connector, Errand};
use service_framework::value::Value;

use crate::server::{Server, Then, answer, ok, raw};
use crate::support::{
    Came as _, attempt, body, connector, get, local, map, pairs, perform, request, status, text, within,
};

#[tokio::test]
async fn a_request_is_sent_as_it_is_asked_for() {
    let server =
        Server::start(|_| answer("201 Made", &[("X-One", "1"), ("x-two", "a"), ("X-Two", "b")], "done"));
    let url = server.url("/jobs/ä b?first=1#part");
    let asked = request(
        "post",
        &url,
        [
            ("headers", map([("X-Own", Value::from("ünd"))])),
            (
                "params",
                pairs([
                    ("q", Value::from("a&b ~*")),
                    ("n", Value::Int(2)),
                    ("none", Value::Nil),
                    ("t", Value::Bool(true)),
                ]),
            ),
            (
                "json",
                map([("stages", Value::List(vec![Value::from("drain"), Value::Nil, Value::Float(1.5)]))]),
            ),
        ],
    );
    let response = perform(&connector(local()), asked).await.response();
    let came = server.only();
    assert_eq!(
        (came.method.as_str(), came.path.as_str()),
        ("POST", "/jobs/%C3%A4%20b?first=1&q=a%26b%20~%2A&n=2&t=True")
    );
    assert_eq!(came.text(), r#"{"stages":["drain",null,1.5]}"#);
    let expected = [
        ("content-type", "application/json"),
        ("idempotency-key", "F/7"),
        ("x-own", "ünd"),
        ("accept", "*/*"),
        ("host", &server.address().to_string()),
    ];
    for (name, value) in expected {
        assert_eq!(came.header(name), Some(value), "{name}");
    }
    assert!(came.header("user-agent").unwrap().starts_with("service_framework/"));
    assert_eq!((status(&response), text(&response, "reason"), body(&response)), (201, "Made", "done"));
    let headers = response.get("headers").unwrap();
    assert_eq!((text(headers, "x-one"), text(headers, "x-two")), ("1", "a, b"));
    assert_eq!(text(&response, "url"), server.url("/jobs/%C3%A4%20b?first=1&q=a%26b%20~%2A&n=2&t=True"));
}

#[tokio::test]
async fn bodies_are_bytes_text_forms_or_json() {
    let server = Server::start(|asked| answer("200 OK", &[], &asked.body));
    let connector = connector(local());
    let sent = async |part: &str, value: Value| {
        let response =
            perform(&connector, request("PUT", &server.url("/"), [(part, value)])).await.response();
        let kind = server.asked().last().unwrap().header("content-type").map(str::to_owned);
        let Some(Value::Bytes(body)) = response.get("body").cloned() else { panic!("{response:?}") };
        (body, kind)
    };
    assert_eq!(sent("body", Value::Bytes(vec![0, 255])).await, (vec![0, 255], None));
    assert_eq!(sent("body", Value::from("tëxt")).await, ("tëxt".into(), None));
    let form = pairs([("a b", Value::from("c=d")), ("e", Value::Float(1.0))]);
    let kind = Some("application/x-www-form-urlencoded".to_owned());
    assert_eq!(sent("form", form).await, (b"a%20b=c%3Dd&e=1.0".to_vec(), kind));
    assert_eq!(sent("json", Value::Nil).await, (b"null".to_vec(), Some("application/json".to_owned())));
    assert_eq!(sent("body", Value::Nil).await, (vec![], None));
}

#[tokio::test]
async fn the_script_may_have_a_key_of_its_own() {
    let server = Server::start(|_| ok(""));
    let headers = map([("IDEMPOTENCY-key", Value::from("mine")), ("User-Agent", Value::from("me"))]);
    perform(&connector(local()), request("POST", &server.url("/"), [("headers", headers)])).await.response();
    let only = server.only();
    assert_eq!((only.header("idempotency-key"), only.header("user-agent")), (Some("mine"), Some("me")));
    let keys = only.headers.iter().filter(|(name, _)| name == "idempotency-key");
    assert_eq!(keys.count(), 1);
}

#[tokio::test]
async fn keys_are_ascii_whatever_a_flow_is_called() {
    let server = Server::start(|_| ok(""));
    let args = vec![get(&server.url("/"))];
    let errand =
        Errand { flow: "ä 1%/\n".to_owned(), call: 3, name: "http.request".to_owned(), args, attempt: 1 };
    within(connector(local()).perform(errand)).await.response();
    assert_eq!(server.only().header("idempotency-key"), Some("%C3%A4%201%25/%0A/3"));
}

#[tokio::test]
async fn any_status_is_a_response() {
    let server = Server::start(|asked| answer(&asked.path[1..].replace('_', " "), &[], ""));
    let connector = connector(local());
    for (path, number, reason) in [
        ("/404_Not_Found", 404, "Not Found"),
        ("/500_Oh", 500, "Oh"),
        ("/304_x", 304, "x"),
        ("/200_", 200, ""),
    ] {
        let response = perform(&connector, get(&server.url(path))).await.response();
        assert_eq!((status(&response), text(&response, "reason")), (number, reason), "{path}");
    }
}

#[tokio::test]
async fn headers_that_are_no_utf8_are_read_byte_by_byte() {
    let server = Server::start(|_| {
        raw(*b"HTTP/1.1 200 OK\r\nx-name: M\xfcller\r\ncontent-length: 0\r\n\r\n", Then::Keep)
    });
    let response = perform(&connector(local()), get(&server.url("/"))).await.response();
    assert_eq!(text(response.get("headers").unwrap(), "x-name"), "Müller");
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(|_| ok("x"));
    let connector = connector(local());
    for _ in 0..20 {
        perform(&connector, get(&server.url("/"))).await.response();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn chunks_are_put_together() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let server = Server::start(move |_| raw(*chunked, Then::Keep));
    assert_eq!(body(&perform(&connector(local()), get(&server.url("/"))).await.response()), "abcde");
}

#[tokio::test]
async fn what_is_no_request_is_refused_before_anything_is_sent() {
    let server = Server::start(|_| ok(""));
    let connector = connector(local());
    let url = server.url("/");
    let with = |part: &str, value: Value| request("POST", &url, [(part, value)]);
    let header = |name: &str, value: &str| with("headers", map([(name, Value::from(value))]));
    let cases = [
        (Value::Nil, "a request is one map"),
        (get(""), "`` is no URL"),
        (get("wilson.local/api"), "is no URL"),
        (get("file:///etc/passwd"), "begins with `file:`"),
        (get("http://"), "is no URL"),
        (get("http://host:0/"), "nothing listens on port 0"),
        (get("http://host:99999/"), "is no URL"),
        (request("CONNECT", &url, []), "`CONNECT` is no method"),
        (request("GE T", &url, []), "`GE T` is no method"),
        (request("", &url, []), "`` is no method"),
        (header("Host", "other"), "the header `Host` cannot be set"),
        (header("Transfer-Encoding", "chunked"), "the header `Transfer-Encoding` cannot be set"),
        (header("a b", "x"), "`a b` cannot name a header"),
        (header("X", "a\r\nY: b"), "the value of the header `X` has characters"),
        (with("headers", map([("X", Value::Int(1))])), "is a map of texts"),
        (with("timeout", Value::Int(0)), "`timeout` of a request"),
        (with("timeout", Value::Float(f64::NAN)), "`timeout` of a request"),
        (with("timeout", Value::from("1")), "`timeout` of a request"),
        (with("retry", map([("attempts", Value::Int(0))])), "`attempts` of `retry`"),
        (with("retry", map([("backoff", Value::Int(-1))])), "`backoff` of `retry`"),
        (with("retry", Value::Int(3)), "`retry` of a request is a map"),
        (with("params", Value::Int(3)), "`params` of a request is a list of pairs"),
        (with("body", Value::Int(3)), "`body` of a request is bytes or text"),
        (
            request("POST", &url, [("body", Value::from("")), ("json", Value::Nil)]),
            "one of `json`, `form` and `body`",
        ),
        (with("allow_redirects", Value::Bool(true)), "a request has no `allow_redirects`"),
    ];
    for (asked, expected) in cases {
        let (kind, message) = perform(&connector, asked.clone()).await.error();
        assert!(kind == "ValueError" && message.contains(expected), "{asked:?}: {kind}: {message}");
    }
    let (kind, message) = perform(&connector, with("json", map([("a", Value::Bytes(vec![]))]))).await.error();
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("TypeError", "`a` in `json` of a request is bytes, which JSON has no form for")
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn only_requests_are_performed() {
    let errand =
        Errand { flow: "F".to_owned(), call: 0, name: "http.other".to_owned(), args: vec![], attempt: 1 };
    let connector = connector(local());
    assert_eq!(connector.queue(), "http");
    let (kind, message) = connector.perform(errand).await.error();
    assert_eq!((kind.as_str(), message.as_str()), ("RuntimeError", "nobody performs `http.other`"));
}

#[tokio::test]
async fn an_attempt_that_was_cut_short_is_made_again_with_the_same_key() {
    let server = Server::start(|asked| raw("", if asked.number == 0 { Then::Hang } else { Then::Close }));
    let connector = connector(local());
    let asked = || get(&server.url("/"));
    let cut_short =
        tokio::time::timeout(std::time::Duration::from_millis(300), attempt(&connector, asked(), 1));
    assert!(cut_short.await.is_err());
    // The server may not have got to see the first one.
    let before = server.asked().len();
    attempt(&connector, asked(), 2).await.again();
    let came = server.asked();
    assert!(
        came.len() > before && came.iter().all(|it| it.header("idempotency-key") == Some("F/7")),
        "{came:?}"
    );
}
