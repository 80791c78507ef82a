//! Where requests may go: by name, by address, and by the address that a name turns out to have.

use std::net::SocketAddr;

use service_framework::flow::connect::http::HttpSettings;
use service_framework::value::Value;

use crate::server::{Server, ok};
use crate::support::{Came as _, body, connector, get, local, map, perform, request, text};

fn mapped(host: &str, address: SocketAddr) -> HttpSettings {
    HttpSettings { resolve: vec![format!("{host}={address}").parse().unwrap()], ..HttpSettings::default() }
}

#[tokio::test]
async fn what_is_inside_is_refused_however_it_is_written() {
    let server = Server::start(|_| ok("inside"));
    let port = server.address().port();
    let connector = connector(HttpSettings::default());
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[64:ff9b::7f00:1]",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
    ] {
        let (kind, message) = perform(&connector, get(&format!("http://{host}:{port}/"))).await.error();
        assert_eq!(kind, "PermissionError", "{host}: {message}");
        assert!(
            message.contains("not a public address") && message.contains("--allow-private"),
            "{host}: {message}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn inside_may_be_allowed() {
    let server = Server::start(|_| ok("inside"));
    let connector = connector(local());
    let port = server.address().port();
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(
            body(&perform(&connector, get(&format!("http://{host}:{port}/"))).await.response()),
            "inside"
        );
    }
}

#[tokio::test]
async fn hosts_are_mapped_to_addresses() {
    let server = Server::start(|_| ok("wilson"));
    let connector = connector(mapped("wilson.local", server.address()));
    for (url, host) in [
        ("http://wilson.local/api/v3/job/1", "wilson.local"),
        ("http://Wilson.Local:8080/api/v3/job/1", "wilson.local:8080"),
        ("http://wilson.local./api/v3/job/1", "wilson.local."),
    ] {
        let response = perform(&connector, get(url)).await.response();
        assert_eq!(body(&response), "wilson");
        let last = server.asked().pop().unwrap();
        assert_eq!((last.header("host"), last.path.as_str()), (Some(host), "/api/v3/job/1"));
        assert_eq!(text(&response, "url"), url.to_lowercase());
    }
    // The address itself is as private as before, and so are others.
    for url in [server.url("/"), "http://localhost/".to_owned()] {
        assert_eq!(perform(&connector, get(&url)).await.error().0, "PermissionError", "{url}");
    }
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_mapped_host_may_keep_the_port_of_the_url() {
    let server = Server::start(|_| ok("mapped"));
    let resolve = vec!["wilson.local=127.0.0.1".parse().unwrap()];
    let connector = connector(HttpSettings { resolve, ..HttpSettings::default() });
    let url = format!("http://wilson.local:{}/", server.address().port());
    assert_eq!(body(&perform(&connector, get(&url)).await.response()), "mapped");
    assert_eq!(server.only().header("host"), Some(&url["http://".len()..url.len() - 1]));
}

#[tokio::test]
async fn a_list_of_hosts_leaves_out_all_others() {
    let server = Server::start(|_| ok("allowed"));
    let port = server.address().port();
    let settings = HttpSettings { allow_hosts: vec!["localhost".parse().unwrap()], ..local() };
    let connector = connector(settings);
    assert_eq!(
        body(&perform(&connector, get(&format!("http://LocalHost:{port}/"))).await.response()),
        "allowed"
    );
    for host in ["127.0.0.1", "example.com", "localhost.example.com", "x.localhost"] {
        let (kind, message) = perform(&connector, get(&format!("http://{host}:{port}/"))).await.error();
        let expected =
            format!("GET http://{host}:{port}/: requests to {host}:{port} are not allowed by --allow-host");
        assert_eq!((kind.as_str(), message), ("PermissionError", expected));
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_host_that_is_allowed_is_not_allowed_inside() {
    let server = Server::start(|_| ok(""));
    let allow_hosts = vec!["localhost".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    let connector = connector(HttpSettings { allow_hosts, ..HttpSettings::default() });
    for host in ["localhost", "127.0.0.1"] {
        let (kind, _) =
            perform(&connector, get(&format!("http://{host}:{}/", server.address().port()))).await.error();
        assert_eq!(kind, "PermissionError");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_mapped_host_is_allowed_beside_a_list() {
    let server = Server::start(|_| ok("mapped"));
    let allow_hosts = vec!["example.com".parse().unwrap()];
    let connector = connector(HttpSettings { allow_hosts, ..mapped("wilson.local", server.address()) });
    assert_eq!(body(&perform(&connector, get("http://wilson.local/")).await.response()), "mapped");
}

#[tokio::test]
async fn no_header_leads_elsewhere() {
    let server = Server::start(|_| ok(""));
    let connector = connector(mapped("wilson.local", server.address()));
    for name in ["host", "HOST", "Host"] {
        let headers = map([(name, Value::from("other.host"))]);
        let asked = request("GET", "http://wilson.local/", [("headers", headers)]);
        assert_eq!(perform(&connector, asked).await.error().0, "ValueError");
    }
    assert_eq!(server.connections(), 0);
}
