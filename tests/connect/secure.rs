//! `https`: whom it trusts, and what is said of those whom it does not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use service_framework::flow::connect::http::{Http, HttpError, HttpSettings};

use crate::server::{Answer, Asked, Server, Stream, ok, redirect};
use crate::support::{Came as _, body, connector, get, perform};

const AUTHORITY: &[u8] = include_bytes!("../data/tls/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("../data/tls/server.pem");
const KEY: &[u8] = include_bytes!("../data/tls/server-key.pem");

/// A server with a certificate for `secure.test`.
fn secure(answering: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Server {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let wrap = move |stream: TcpStream| {
        let connection = ServerConnection::new(Arc::clone(&config)).ok()?;
        Some(Box::new(StreamOwned::new(connection, stream)) as Box<dyn Stream>)
    };
    Server::start_wrapped(answering, wrap)
}

fn settings(server: &Server, host: &str) -> HttpSettings {
    HttpSettings {
        resolve: vec![format!("{host}={}", server.address()).parse().unwrap()],
        ..HttpSettings::default()
    }
}

#[tokio::test]
async fn certificates_of_the_settings_are_trusted() {
    let server = secure(|asked| ok(asked.header("host").unwrap()));
    let connector =
        connector(HttpSettings { certificates: AUTHORITY.to_vec(), ..settings(&server, "secure.test") });
    for (url, host) in
        [("https://secure.test/", "secure.test"), ("https://secure.test:8443/", "secure.test:8443")]
    {
        assert_eq!(body(&perform(&connector, get(url)).await.response()), host);
    }
}

#[tokio::test]
async fn who_is_not_trusted_is_an_error_at_once() {
    let server = secure(|_| ok(""));
    let unknown = connector(settings(&server, "secure.test"));
    let (kind, message) = perform(&unknown, get("https://secure.test/")).await.error();
    assert_eq!(kind, "OSError");
    assert!(
        message.starts_with(
            "GET https://secure.test/: no secure connection to secure.test: invalid peer certificate"
        ),
        "{message}"
    );
    let other =
        connector(HttpSettings { certificates: AUTHORITY.to_vec(), ..settings(&server, "other.test") });
    let (kind, message) = perform(&other, get("https://other.test/")).await.error();
    assert!(
        kind == "OSError" && message.contains("certificate not valid for name \"other.test\""),
        "{message}"
    );
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_an_error_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let resolve = vec![format!("plain.test={}", listener.local_addr().unwrap()).parse().unwrap()];
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // Until the other end has had enough of it.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let connector = connector(HttpSettings { resolve, ..HttpSettings::default() });
    let (kind, message) = perform(&connector, get("https://plain.test/")).await.error();
    assert_eq!(kind, "OSError");
    assert!(
        message.starts_with("GET https://plain.test/: no secure connection to plain.test: "),
        "{message}"
    );
    server.join().unwrap();
}

#[tokio::test]
async fn redirects_lead_from_one_to_the_other() {
    let plain = Server::start(|_| redirect("301 Moved", "https://secure.test/x"));
    let server = secure(|asked| ok(&asked.path));
    let mut settings = HttpSettings { certificates: AUTHORITY.to_vec(), ..settings(&server, "secure.test") };
    settings.resolve.push(format!("plain.test={}", plain.address()).parse().unwrap());
    assert_eq!(body(&perform(&connector(settings), get("http://plain.test/")).await.response()), "/x");
}

#[test]
fn certificates_that_cannot_be_read_are_told() {
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    let failed = Http::new(HttpSettings { certificates: broken, ..HttpSettings::default() });
    assert!(matches!(failed.err(), Some(HttpError::Certificates(_))));
}
