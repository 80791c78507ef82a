//! Callbacks come in, are written down once and answered, whoever delivers them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use service_framework::flow::connect::callbacks::{CallbackSettings, Callbacks, PublicUrl, new_id};
use service_framework::value::Value;
use tokio::task::JoinSet;

use crate::client::{Answer, Book, Client, anywhere, listen};
use crate::support::{map, within};

const ACCEPTED: &str = r#"{"accepted":true}"#;

#[track_caller]
fn is_json(answer: &Answer) {
    assert!(answer.head.contains("content-type: application/json\r\n"), "{answer:?}");
    serde_json::from_str::<serde_json::Value>(&answer.body).unwrap();
}

#[tokio::test]
async fn the_first_delivery_counts_and_all_get_the_same_answer() {
    let book = Book::of(["abc", "def"]);
    let callbacks = listen(anywhere(), &book).await;
    let mut client = Client::connect(&callbacks).await;
    for (method, body) in [("POST", r#"{"job": 1}"#), ("PUT", r#"{"job": 2}"#), ("POST", "")] {
        let answer = client.ask(method, "/callback/abc", body).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ACCEPTED));
        is_json(&answer);
    }
    assert_eq!(book.entry("abc"), Some(map([("job", Value::Int(1))])));
    assert_eq!(client.ask("PUT", "/callback/def?token=x", "2").await.status, 200);
    assert_eq!(book.entry("def"), Some(Value::Int(2)));
    callbacks.stop().await;
}

#[tokio::test]
async fn bodies_are_json_else_text_else_bytes() {
    let cases: [(&str, &[u8], Value); 7] = [
        (
            "json",
            br#" [1, null, {"__decimal__": true, "as_str": "1"}] "#,
            Value::List(vec![
                Value::Int(1),
                Value::Nil,
                map([("__decimal__", Value::Bool(true)), ("as_str", Value::from("1"))]),
            ]),
        ),
        ("large", b"18446744073709551615", Value::UInt(u64::MAX)),
        ("text", "grüße {".as_bytes(), Value::from("grüße {")),
        ("form", b"a=1&b=2", Value::from("a=1&b=2")),
        ("empty", b"", Value::from("")),
        ("bytes", b"\xff\x00", Value::Bytes(vec![0xff, 0])),
        ("deep", &[b'['; 5000], Value::from("[".repeat(5000))),
    ];
    let book = Book::of(cases.iter().map(|(id, ..)| *id));
    let callbacks = listen(anywhere(), &book).await;
    let mut client = Client::connect(&callbacks).await;
    for (id, body, expected) in cases {
        assert_eq!(client.ask("POST", &format!("/callback/{id}"), body).await.status, 200);
        assert_eq!(book.entry(id), Some(expected), "{id}");
    }
    callbacks.stop().await;
}

#[tokio::test]
async fn chunks_are_put_together() {
    let book = Book::of(["a"]);
    let callbacks = listen(anywhere(), &book).await;
    let mut client = Client::connect(&callbacks).await;
    client.send("POST /callback/a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(book.entry("a"), Some(Value::List(vec![Value::Int(1)])));
    callbacks.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_told_as_json() {
    let book = Book::of(["abc"]);
    let callbacks = listen(anywhere(), &book).await;
    let mut client = Client::connect(&callbacks).await;
    let long = format!("/callback/{}", "a".repeat(129));
    for path in [
        "/callback/other",
        "/callback/",
        "/callback",
        "/callback/abc/more",
        "/nothing",
        "/callback/a%2Fb",
        "/callback/%ff",
        &long,
    ] {
        let answer = client.ask("POST", path, "{}").await;
        assert_eq!(answer.status, 404, "{path}");
        is_json(&answer);
    }
    assert_eq!(book.looked.load(Ordering::SeqCst), 1, "only what could be an id is looked for");
    for (method, path, allow) in [
        ("GET", "/callback/abc", "allow: post, put\r\n"),
        ("DELETE", "/callback/abc", "allow: post, put\r\n"),
        ("POST", "/health", "allow: get, head\r\n"),
    ] {
        let answer = client.ask(method, path, "").await;
        assert!(answer.status == 405 && answer.head.contains(allow), "{answer:?}");
        is_json(&answer);
    }
    for path in ["/", "/health"] {
        let answer = client.ask("GET", path, "").await;
        assert!(answer.status == 200 && answer.body.contains(r#""ok":true"#), "{answer:?}");
        is_json(&answer);
    }
    assert_eq!(book.entry("abc"), None);
    callbacks.stop().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_that_is_not_written_down() {
    let book = Book::of(["abc"]);
    book.is_broken.store(true, Ordering::SeqCst);
    let callbacks = listen(anywhere(), &book).await;
    let mut client = Client::connect(&callbacks).await;
    let answer = client.ask("POST", "/callback/abc", "1").await;
    assert!(answer.status == 503 && answer.head.contains("retry-after: 5\r\n"), "{answer:?}");
    assert!(answer.body.contains(r#""accepted":false"#) && !answer.body.contains("disk"), "{answer:?}");
    book.is_broken.store(false, Ordering::SeqCst);
    assert_eq!(client.ask("POST", "/callback/abc", "2").await.status, 200);
    assert_eq!(book.entry("abc"), Some(Value::Int(2)));
    callbacks.stop().await;
}

#[tokio::test]
async fn a_store_that_hangs_is_told_as_one_that_fails() {
    let book = Book::closed(["abc"]);
    let settings = CallbackSettings { deliver_time: std::time::Duration::from_millis(100), ..anywhere() };
    let callbacks = listen(settings, &book).await;
    assert_eq!(Client::connect(&callbacks).await.ask("POST", "/callback/abc", "1").await.status, 503);
    callbacks.stop().await;
}

#[tokio::test]
async fn callbacks_have_urls() {
    let book = Book::of(["abc"]);
    let callbacks = listen(anywhere(), &book).await;
    assert_ne!(callbacks.address().port(), 0);
    let url = callbacks.public_url().callback("abc");
    assert_eq!(url, format!("http://{}/callback/abc", callbacks.address()));
    callbacks.stop().await;
    let public: PublicUrl = "https://flows.example.com/hooks/".parse().unwrap();
    let callbacks = listen(CallbackSettings { public_url: Some(public), ..anywhere() }, &book).await;
    assert_eq!(callbacks.public_url().callback("abc"), "https://flows.example.com/hooks/callback/abc");
    let mut client = Client::connect(&callbacks).await;
    // A proxy passes the path on, or takes it off.
    for path in ["/hooks/callback/abc", "/callback/abc"] {
        assert_eq!(client.ask("POST", path, "1").await.status, 200, "{path}");
    }
    assert_eq!(client.ask("GET", "/hooks/health", "").await.status, 200);
    callbacks.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let book = Book::of(["abc"]);
    let callbacks = listen(anywhere(), &book).await;
    let settings = CallbackSettings { listen: callbacks.address(), ..CallbackSettings::default() };
    let Err(error) = Callbacks::listen(settings, book).await else { panic!("it is taken") };
    let message = error.to_string();
    assert!(message.contains(&callbacks.address().to_string()) && message.contains("--listen"), "{message}");
    callbacks.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_come_in_at_once() {
    const MANY: usize = 1000;
    let ids: Vec<String> = (0..MANY).map(|_| new_id().unwrap()).collect();
    let book = Book::closed(ids.clone());
    let callbacks = Arc::new(listen(CallbackSettings { connections: MANY, ..anywhere() }, &book).await);
    let mut all = JoinSet::new();
    for (number, id) in ids.iter().cloned().enumerate() {
        let callbacks = Arc::clone(&callbacks);
        all.spawn(async move {
            let mut client = Client::connect(&callbacks).await;
            client.ask("POST", &format!("/callback/{id}"), number.to_string()).await.status
        });
    }
    // All of them are being written down, and none is answered yet.
    book.wait_for(MANY).await;
    assert!(all.try_join_next().is_none());
    book.gate.add_permits(MANY);
    assert_eq!(within(all.join_all()).await, vec![200; MANY]);
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(book.entry(id), Some(Value::Int(number as i64)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_deliveries_at_once_one_counts() {
    let book = Book::of(["abc"]);
    let callbacks = Arc::new(listen(anywhere(), &book).await);
    let mut all = JoinSet::new();
    for number in 0..50 {
        let callbacks = Arc::clone(&callbacks);
        all.spawn(async move {
            let mut client = Client::connect(&callbacks).await;
            client.ask("PUT", "/callback/abc", number.to_string()).await.body
        });
    }
    assert!(within(all.join_all()).await.iter().all(|body| body == ACCEPTED));
    assert!(matches!(book.entry("abc"), Some(Value::Int(0..50))));
}

#[tokio::test]
async fn what_is_at_work_is_answered_before_it_stops() {
    let book = Book::closed(["abc"]);
    let callbacks = listen(anywhere(), &book).await;
    let address = callbacks.address();
    let mut client = Client::connect(&callbacks).await;
    let mut idle = Client::connect(&callbacks).await;
    idle.ask("GET", "/health", "").await;
    client.send("POST /callback/abc HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n1").await;
    book.wait_for(1).await;
    let stopping = tokio::spawn(callbacks.stop());
    // Connections without a request end at once, and there are no new ones.
    idle.wait_until_closed().await;
    within(async { while tokio::net::TcpStream::connect(address).await.is_ok() {} }).await;
    assert!(!stopping.is_finished());
    book.gate.add_permits(1);
    assert_eq!(client.answer().await.status, 200);
    within(stopping).await.unwrap();
    assert_eq!(book.entry("abc"), Some(Value::Int(1)));
}

#[tokio::test]
async fn it_does_not_wait_for_ever_to_stop() {
    let book = Book::closed(["abc"]);
    let settings = CallbackSettings { grace: std::time::Duration::from_millis(100), ..anywhere() };
    let callbacks = listen(settings, &book).await;
    let mut client = Client::connect(&callbacks).await;
    client.send("POST /callback/abc HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n1").await;
    book.wait_for(1).await;
    within(callbacks.stop()).await;
    client.wait_until_closed().await;
}
