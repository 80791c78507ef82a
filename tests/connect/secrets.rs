//! Secrets: in what is sent, and nowhere else.

use std::fmt::Debug;
use std::net::TcpListener;

use service_framework::flow::connect::http::{Http, HttpSettings};
use service_framework::value::Value;

use crate::server::{Server, answer, ok, redirect};
use crate::support::{
    Came as _, Log, attempt, body, connector, get, local, map, pairs, perform, request, text,
};

const TOKEN: &str = "s3cr3t/value+&\"x";
const ENCODED: &str = "s3cr3t%2Fvalue%2B%26%22x";

fn settings() -> HttpSettings {
    let mut settings = local();
    settings.secrets.insert("TOKEN", TOKEN).unwrap();
    settings
}

/// Nothing of it can be read in this, whatever is printed of it.
#[track_caller]
fn is_hidden(what: &impl Debug) {
    let printed = format!("{what:?}");
    assert!(!printed.contains("s3cr3t"), "{printed}");
}

#[tokio::test]
async fn secrets_are_filled_in_wherever_a_script_may_put_them() {
    let server = Server::start(|_| ok(""));
    let connector = connector(settings());
    let placeholder = || Value::from("{{secret:TOKEN}}");
    let headers = map([("Authorization", Value::from("Bearer {{secret:TOKEN}}!"))]);
    let url = server.url("/{{secret:TOKEN}}/x?k={{secret:TOKEN}}");
    let asked = request(
        "POST",
        &url,
        [
            ("headers", headers),
            ("params", pairs([("p", placeholder())])),
            ("body", Value::from("<{{secret:TOKEN}}>")),
        ],
    );
    perform(&connector, asked).await.response();
    let last = || server.asked().pop().unwrap();
    assert_eq!(last().path, format!("/{ENCODED}/x?k={ENCODED}&p={ENCODED}"));
    assert_eq!(last().header("authorization"), Some(format!("Bearer {TOKEN}!").as_str()));
    assert_eq!(last().text(), format!("<{TOKEN}>"));

    let json = map([("a", Value::List(vec![placeholder()])), ("{{secret:TOKEN}}", Value::Int(1))]);
    perform(&connector, request("POST", &server.url("/"), [("json", json)])).await.response();
    let sent: serde_json::Value = serde_json::from_str(last().text()).unwrap();
    assert_eq!(sent, serde_json::json!({"a": [TOKEN], "{{secret:TOKEN}}": 1}));

    perform(&connector, request("POST", &server.url("/"), [("form", pairs([("f", placeholder())]))]))
        .await
        .response();
    assert_eq!(last().text(), format!("f={ENCODED}"));

    perform(
        &connector,
        request("POST", &server.url("/"), [("body", Value::Bytes(b"{{secret:TOKEN}}".to_vec()))]),
    )
    .await
    .response();
    assert_eq!(last().text(), "{{secret:TOKEN}}");
}

#[tokio::test]
async fn a_whole_url_may_be_a_secret() {
    let server = Server::start(|asked| {
        if asked.path == "/hooks/T0/abcdef" { ok(&asked.path) } else { answer("503 Busy", &[], &asked.path) }
    });
    let mut settings = settings();
    settings.secrets.insert("HOOK", &server.url("/hooks/T0/abcdef")).unwrap();
    let connector = connector(settings);
    let response = perform(&connector, request("POST", "{{secret:HOOK}}", [])).await.response();
    assert_eq!((text(&response, "url"), body(&response)), ("{{secret:HOOK}}", "/…"));
    let again = perform(&connector, request("POST", "{{secret:HOOK}}/more", [])).await;
    assert!(!format!("{again:?}").contains("abcdef"), "{again:?}");
}

#[tokio::test]
async fn a_host_that_is_a_secret_is_not_told() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = settings();
    settings.secrets.insert("WHERE", &format!("http://{address}/s3cr3t/path?s3cr3t")).unwrap();
    let connector = connector(settings);
    for number in [1, 5] {
        let failed = attempt(&connector, get("{{secret:WHERE}}"), number).await;
        is_hidden(&failed);
        let printed = format!("{failed:?}");
        assert!(!printed.contains("127.0.0.1") && printed.contains("{{secret:WHERE}}"), "{printed}");
    }
}

#[tokio::test]
async fn what_comes_back_of_a_secret_is_its_placeholder_again() {
    let server = Server::start(|asked| {
        let auth = asked.header("authorization").unwrap();
        let json = serde_json::json!({"auth": auth, "path": asked.path}).to_string();
        answer(&format!("200 {auth}"), &[("x-echo", auth)], json)
    });
    let headers = map([("Authorization", Value::from("{{secret:TOKEN}}"))]);
    let asked = request("GET", &server.url("/?q={{secret:TOKEN}}"), [("headers", headers)]);
    let response = perform(&connector(settings()), asked).await.response();
    is_hidden(&response);
    assert_eq!(body(&response), r#"{"auth":"{{secret:TOKEN}}","path":"/?q={{secret:TOKEN}}"}"#);
    assert_eq!(text(response.get("headers").unwrap(), "x-echo"), "{{secret:TOKEN}}");
    assert_eq!(text(&response, "reason"), "{{secret:TOKEN}}");
    assert_eq!(text(&response, "url"), server.url("/?q={{secret:TOKEN}}"));
}

#[tokio::test]
async fn credentials_of_a_url_are_hidden_too() {
    let server = Server::start(|asked| ok(asked.header("authorization").unwrap()));
    let url = format!("http://user:{{{{secret:TOKEN}}}}@{}/", server.address());
    let response = perform(&connector(settings()), get(&url)).await.response();
    assert_eq!(body(&response), "Basic {{credentials}}");
    is_hidden(&response);
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_named() {
    let server = Server::start(|_| ok(""));
    let connector = connector(settings());
    let secret = || Value::from("{{secret:OTHER}}");
    let url = server.url("/");
    for asked in [
        request("GET", &server.url("/{{secret:OTHER}}"), []),
        request("GET", &url, [("headers", map([("A", secret())]))]),
        request("GET", &url, [("params", pairs([("A", secret())]))]),
        request("GET", &url, [("body", secret())]),
        request("GET", &url, [("json", Value::List(vec![secret()]))]),
        request("GET", &url, [("form", pairs([("A", secret())]))]),
    ] {
        let (kind, message) = perform(&connector, asked).await.error();
        assert_eq!(
            (kind.as_str(), message.as_str()),
            (
                "ValueError",
                "there is no secret `OTHER` where requests are sent from: --secret OTHER=VALUE, or SERVICE_FRAMEWORK_SECRET_OTHER in the environment, sets it; case counts"
            )
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_server_cannot_ask_for_secrets() {
    let server = Server::start(|asked| {
        if asked.path == "/" { redirect("302 Found", "/{{secret:TOKEN}}") } else { ok(&asked.path) }
    });
    let response = perform(&connector(settings()), get(&server.url("/"))).await.response();
    assert_eq!(body(&response), "/%7B%7Bsecret:TOKEN%7D%7D");
}

#[tokio::test]
async fn a_body_with_secrets_goes_to_nobody_else() {
    let other = Server::start(|_| ok(""));
    let to = other.url("/");
    let server = Server::start(move |_| redirect("307 Temporary", &to));
    let connector = connector(settings());
    let sent = |body: &str| request("POST", &server.url("/"), [("body", Value::from(body))]);
    let (kind, message) = perform(&connector, sent("{{secret:TOKEN}}")).await.error();
    assert!(kind == "PermissionError" && message.contains("the body has secrets in it"), "{message}");
    assert_eq!(other.connections(), 0);
    perform(&connector, sent("no secret")).await.response();
    assert_eq!(other.only().text(), "no secret");
}

async fn all_that_can_go_wrong(connector: &Http) {
    let echo = Server::start(|asked| answer("503 Busy", &[], format!("{asked:?}")));
    let headers = || map([("X", Value::from("{{secret:TOKEN}}"))]);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [
        echo.url("/{{secret:TOKEN}}"),
        format!("http://{nobody}/{{{{secret:TOKEN}}}}?{{{{secret:TOKEN}}}}"),
        "http://{{secret:TOKEN}}/".to_owned(),
        "{{secret:TOKEN}}".to_owned(),
        "http://x{{secret:TOKEN}}.invalid/".to_owned(),
        "http://a:{{secret:TOKEN}}@[".to_owned(),
        "http://10.0.0.1:{{secret:TOKEN}}/".to_owned(),
        "{{secret:TOKEN}}://a/".to_owned(),
    ] {
        for number in [1, 5] {
            is_hidden(&attempt(connector, request("PATCH", &url, [("headers", headers())]), number).await);
        }
    }
}

#[tokio::test]
async fn errors_and_logs_have_no_secrets() {
    let (log, _guard) = Log::listen();
    let mut settings = settings();
    settings.secrets.insert("LINE", "s3cr3t\nvalue").unwrap();
    is_hidden(&settings);
    let connector = connector(settings);
    all_that_can_go_wrong(&connector).await;
    let headers = map([("X", Value::from("{{secret:LINE}}"))]);
    let (kind, message) =
        perform(&connector, request("GET", "http://a/", [("headers", headers)])).await.error();
    assert_eq!(kind, "ValueError");
    is_hidden(&message);
    let logged = log.text();
    assert!(logged.contains("is tried again"), "{logged}");
    is_hidden(&logged);
}
