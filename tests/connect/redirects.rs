//! Redirects: followed as browsers do it, each looked at like a first request, and without what was meant for another.

use service_framework::flow::connect::http::HttpSettings;
use service_framework::value::Value;

use crate::server::{Server, answer, ok, redirect};
use crate::support::{Came as _, body, connector, get, local, map, perform, request, status, text};

/// Answers at `/` with this redirect, anywhere else with what came.
fn leading(status: &'static str, to: impl Into<String>) -> Server {
    let to = to.into();
    Server::start(move |asked| {
        if asked.path == "/" {
            redirect(status, &to)
        } else {
            ok(format!("{} {} {}", asked.method, asked.path, asked.text()))
        }
    })
}

#[tokio::test]
async fn methods_and_bodies_follow_as_in_browsers() {
    for (code, method, expected) in [
        ("301 Moved", "POST", "GET /to "),
        ("302 Found", "POST", "GET /to "),
        ("303 Other", "POST", "GET /to "),
        ("303 Other", "PUT", "GET /to "),
        ("301 Moved", "PUT", "PUT /to body"),
        ("307 Temporary", "POST", "POST /to body"),
        ("308 Permanent", "DELETE", "DELETE /to body"),
    ] {
        let server = leading(code, "/to#part");
        let asked = request(method, &server.url("/"), [("body", Value::from("body"))]);
        let response = perform(&connector(local()), asked).await.response();
        assert_eq!(body(&response), expected, "{code} {method}");
        assert_eq!(text(&response, "url"), server.url("/to"));
        let keys: Vec<_> =
            server.asked().iter().map(|it| it.header("idempotency-key").unwrap().to_owned()).collect();
        assert_eq!(keys, ["F/7", "F/7"]);
    }
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_a_response() {
    let server = Server::start(|_| answer("302 Found", &[], "nowhere"));
    let response = perform(&connector(local()), get(&server.url("/"))).await.response();
    assert_eq!((status(&response), body(&response)), (302, "nowhere"));
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let server = Server::start(|asked| redirect("302 Found", &format!("/{}", asked.number + 1)));
    let (kind, message) = perform(&connector(local()), get(&server.url("/0"))).await.error();
    assert_eq!(
        (kind.as_str(), message),
        ("OSError", format!("GET {}: there were more than 10 redirects", server.url("/0")))
    );
    assert_eq!(server.asked().len(), 11);
    let server =
        Server::start(|asked| if asked.number < 10 { redirect("302 Found", "/") } else { ok("end") });
    assert_eq!(body(&perform(&connector(local()), get(&server.url("/"))).await.response()), "end");
    let none = connector(HttpSettings { redirects: 0, ..local() });
    assert_eq!(perform(&none, get(&leading("302 Found", "/to").url("/"))).await.error().0, "OSError");
}

#[tokio::test]
async fn no_redirect_leads_inside() {
    let inside = Server::start(|_| ok("inside"));
    let port = inside.address().port();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "10.1.2.3", "169.254.169.254"]
    {
        let server = leading("302 Found", format!("http://{host}:{port}/"));
        let resolve = vec![format!("wilson.local={}", server.address()).parse().unwrap()];
        let connector = connector(HttpSettings { resolve, ..HttpSettings::default() });
        let (kind, message) = perform(&connector, get("http://wilson.local/")).await.error();
        assert!(kind == "PermissionError" && message.contains("not a public address"), "{host}: {message}");
        assert!(message.starts_with("GET http://wilson.local/: "), "{message}");
        assert_eq!(server.asked().len(), 1);
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn no_redirect_leads_out_of_the_list_or_out_of_http() {
    for (to, kind, words) in [
        (
            "http://example.com/",
            "PermissionError",
            "requests to example.com:80 are not allowed by --allow-host",
        ),
        ("file:///etc/passwd", "ValueError", "the redirect to `file:///etc/passwd` cannot be followed"),
        ("ftp://127.0.0.1/", "ValueError", "cannot be followed"),
        ("http://", "ValueError", "cannot be followed"),
    ] {
        let server = leading("302 Found", to);
        let allow_hosts = vec!["127.0.0.1".parse().unwrap()];
        let connector = connector(HttpSettings { allow_hosts, ..local() });
        let (was, message) = perform(&connector, get(&server.url("/"))).await.error();
        assert!(was == kind && message.contains(words), "{to}: {was}: {message}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_mapped_host_is_followed() {
    let target = Server::start(|_| ok("mapped"));
    let server = leading("302 Found", "http://wilson.local:99/x");
    let resolve = ["a.local", "wilson.local"].into_iter().zip([server.address(), target.address()]);
    let resolve = resolve.map(|(host, address)| format!("{host}={address}").parse().unwrap()).collect();
    let connector = connector(HttpSettings { resolve, ..HttpSettings::default() });
    let response = perform(&connector, get("http://a.local/")).await.response();
    assert_eq!((body(&response), text(&response, "url")), ("mapped", "http://wilson.local:99/x"));
    assert_eq!(target.only().header("host"), Some("wilson.local:99"));
}

#[tokio::test]
async fn credentials_stay_with_whom_they_were_meant_for() {
    let names = ["authorization", "cookie", "proxy-authorization", "x-token", "x-other"];
    let mut settings = local();
    settings.secrets.insert("T", "the-token").unwrap();
    let connector = connector(settings);
    let headers = || {
        map([
            ("Authorization", Value::from("Bearer a")),
            ("Cookie", Value::from("b=c")),
            ("Proxy-Authorization", Value::from("d")),
            ("X-Token", Value::from("{{secret:T}}")),
            ("X-Other", Value::from("e")),
        ])
    };
    let came = |server: &Server| {
        let last = server.asked().pop().unwrap();
        names.map(|name| last.header(name).map(str::to_owned))
    };
    let other = Server::start(|_| ok(""));
    // Another port is another origin.
    let server = leading("307 Temporary", other.url("/there"));
    perform(&connector, request("GET", &server.url("/"), [("headers", headers())])).await.response();
    let all = ["Bearer a", "b=c", "d", "the-token", "e"].map(|value| Some(value.to_owned()));
    assert_eq!(came(&server), all);
    assert_eq!(came(&other), [None, None, None, None, Some("e".to_owned())]);
    // The same origin gets them.
    let server = leading("307 Temporary", "/there");
    perform(&connector, request("GET", &server.url("/"), [("headers", headers())])).await.response();
    assert_eq!(came(&server), all);
}

#[tokio::test]
async fn users_and_passwords_of_urls_are_headers_for_their_origin_alone() {
    let other = Server::start(|_| ok(""));
    let server = leading("302 Found", format!("http://eve:evil@{}/there", other.address()));
    let url = format!("http://us%40er:p%3Ass@{}/", server.address());
    let response = perform(&connector(local()), get(&url)).await.response();
    assert_eq!(server.only().header("authorization"), Some("Basic dXNAZXI6cDpzcw=="));
    assert_eq!(other.only().header("authorization"), None);
    assert_eq!(text(&response, "url"), other.url("/there"));
}
