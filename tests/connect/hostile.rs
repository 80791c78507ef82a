//! Those who deliver too slowly, too much, or nothing that makes sense: they go, and others are served.

use std::time::Duration;

use service_framework::flow::connect::callbacks::{CallbackSettings, new_id};
use tokio::io::AsyncWriteExt;

use crate::client::{Book, Client, anywhere, listen};
use crate::support::{Log, within};

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn bodies_that_are_too_large_are_refused() {
    let book = Book::of(["abc"]);
    let callbacks = listen(CallbackSettings { body_bytes: 1000, ..anywhere() }, &book).await;
    // Some more than the limit: all of it is read, so that the answer gets there.
    for much in [1001, 1 << 20] {
        let answer = Client::connect(&callbacks).await.ask("POST", "/callback/abc", vec![b'1'; much]).await;
        assert!(answer.status == 413 && answer.body.contains("at most 1000 bytes"), "{answer:?}");
    }
    // Far more than that: nothing of it is waited for.
    let mut client = Client::connect(&callbacks).await;
    client.send("POST /callback/abc HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 413);
    client.wait_until_closed().await;
    let mut client = Client::connect(&callbacks).await;
    client.send("POST /callback/abc HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n").await;
    client.send(["1".repeat(1001).as_bytes(), b"\r\n0\r\n\r\n"].concat()).await;
    assert_eq!(client.answer().await.status, 413);
    assert_eq!(book.entry("abc"), None);
    assert_eq!(
        Client::connect(&callbacks).await.ask("POST", "/callback/abc", vec![b'1'; 1000]).await.status,
        200
    );
    callbacks.stop().await;
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let book = Book::of(["abc"]);
    let callbacks = listen(CallbackSettings { body_bytes: 1000, ..anywhere() }, &book).await;
    let mut client = Client::connect(&callbacks).await;
    client.send("POST /callback/abc HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let chunk = [b"10000\r\n".as_slice(), &[b'1'; 0x10000], b"\r\n"].concat();
    within(async { while client.0.write_all(&chunk).await.is_ok() {} }).await;
    callbacks.stop().await;
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed() {
    let book = Book::of(["abc"]);
    let callbacks = listen(CallbackSettings { head_time: SHORT, ..anywhere() }, &book).await;
    let mut silent = Client::connect(&callbacks).await;
    let mut slow = Client::connect(&callbacks).await;
    slow.send("POST /callback/abc HTTP/1.1\r\nhost:").await;
    let mut idle = Client::connect(&callbacks).await;
    idle.ask("GET", "/health", "").await;
    for client in [&mut silent, &mut slow, &mut idle] {
        client.wait_until_closed().await;
    }
    callbacks.stop().await;
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_closed() {
    let book = Book::of(["abc"]);
    let callbacks = listen(CallbackSettings { head_time: SHORT, ..anywhere() }, &book).await;
    let mut client = Client::connect(&callbacks).await;
    client.send("POST /callback/abc HTTP/1.1\r\nx: ").await;
    within(async {
        while client.0.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    callbacks.stop().await;
}

#[tokio::test]
async fn slow_bodies_are_answered_and_closed() {
    let book = Book::of(["abc"]);
    let callbacks = listen(CallbackSettings { body_time: SHORT, ..anywhere() }, &book).await;
    let mut client = Client::connect(&callbacks).await;
    client.send("POST /callback/abc HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n123").await;
    let answer = client.answer().await;
    assert!(answer.status == 408 && answer.head.contains("connection: close"), "{answer:?}");
    client.wait_until_closed().await;
    assert_eq!(book.entry("abc"), None);
    callbacks.stop().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_delivered() {
    let book = Book::of(["abc"]);
    let callbacks = listen(anywhere(), &book).await;
    let mut client = Client::connect(&callbacks).await;
    client.send("POST /callback/abc HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n123").await;
    client.0.shutdown().await.unwrap();
    client.wait_until_closed().await;
    assert_eq!(book.entry("abc"), None);
    callbacks.stop().await;
}

#[tokio::test]
async fn connections_do_not_last_for_ever() {
    let book = Book::of(["abc"]);
    let settings = CallbackSettings {
        connection_time: SHORT,
        head_time: SHORT,
        body_time: SHORT,
        deliver_time: SHORT,
        ..anywhere()
    };
    let callbacks = listen(settings, &book).await;
    // Asks again and again and never reads an answer.
    let mut client = Client::connect(&callbacks).await;
    let many = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    within(async { while client.0.write_all(many.as_bytes()).await.is_ok() {} }).await;
    callbacks.stop().await;
}

#[tokio::test]
async fn a_delivery_at_work_ends_in_its_own_time_and_not_in_that_of_its_connection() {
    let book = Book::closed(["abc"]);
    let settings = CallbackSettings { connection_time: SHORT, grace: Duration::ZERO, ..anywhere() };
    let callbacks = listen(settings, &book).await;
    let mut client = Client::connect(&callbacks).await;
    client.send("POST /callback/abc HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n1").await;
    book.wait_for(1).await;
    // However long this takes, the delivery is answered.
    tokio::time::sleep(2 * SHORT).await;
    book.gate.add_permits(1);
    assert_eq!(client.answer().await.status, 200);
    client.wait_until_closed().await;
    callbacks.stop().await;
}

#[tokio::test]
async fn those_who_hold_all_connections_are_got_rid_of() {
    let book = Book::of(["abc"]);
    let settings = CallbackSettings { connections: 5, head_time: SHORT, ..anywhere() };
    let callbacks = listen(settings, &book).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(Client::connect(&callbacks).await);
    }
    assert_eq!(Client::connect(&callbacks).await.ask("POST", "/callback/abc", "1").await.status, 200);
    callbacks.stop().await;
}

#[tokio::test]
async fn the_oldest_make_room_however_patient_the_settings_are() {
    let book = Book::of(["abc"]);
    let callbacks = listen(CallbackSettings { connections: 5, ..anywhere() }, &book).await;
    let mut held = Vec::new();
    for number in 0..20 {
        let mut client = Client::connect(&callbacks).await;
        // Some say nothing, some begin, some have a body that never comes.
        client
            .send(
                ["", "POST /", "POST /callback/abc HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1"]
                    [number % 3],
            )
            .await;
        held.push(client);
    }
    assert_eq!(Client::connect(&callbacks).await.ask("POST", "/callback/abc", "1").await.status, 200);
    held[0].wait_until_closed().await;
    callbacks.stop().await;
}

#[tokio::test]
async fn nobody_waits_for_the_body_of_a_callback_that_there_is_not() {
    let callbacks = listen(anywhere(), &Book::of(["abc"])).await;
    let mut client = Client::connect(&callbacks).await;
    client.send("POST /callback/no HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1").await;
    assert_eq!(client.answer().await.status, 404);
    client.wait_until_closed().await;
    callbacks.stop().await;
}

#[tokio::test]
async fn what_is_no_request_harms_nobody() {
    let book = Book::of(["abc"]);
    let callbacks = listen(anywhere(), &book).await;
    let large = format!("POST /callback/abc HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("POST /callback/abc HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(1000));
    let garbage: [&[u8]; 9] = [
        b"\0\0\0\0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"POST /callback/abc HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /callback/abc HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /callback/abc HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12",
        large.as_bytes(),
        many.as_bytes(),
    ];
    for bytes in garbage {
        let mut client = Client::connect(&callbacks).await;
        // It may be closed before all of it was sent.
        let _ = within(client.0.write_all(bytes)).await;
        let _ = client.0.shutdown().await;
        client.wait_until_closed().await;
    }
    assert_eq!(book.entry("abc"), None);
    assert_eq!(Client::connect(&callbacks).await.ask("POST", "/callback/abc", "1").await.status, 200);
    callbacks.stop().await;
}

#[tokio::test]
async fn no_id_is_logged_as_a_whole() {
    let (log, _guard) = Log::listen();
    let id = new_id().unwrap();
    let book = Book::of([id.clone()]);
    let callbacks = listen(anywhere(), &book).await;
    let mut client = Client::connect(&callbacks).await;
    client.ask("POST", &format!("/callback/{id}"), "1").await;
    book.is_broken.store(true, std::sync::atomic::Ordering::SeqCst);
    client.ask("POST", &format!("/callback/{id}"), "1").await;
    let logged = log.text();
    assert!(logged.contains(&id[..6]) && logged.contains("the disk is full"), "{logged}");
    assert!(!logged.contains(&id), "{logged}");
    callbacks.stop().await;
}
