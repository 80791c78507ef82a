//! Strangers who speak the protocol: what they say is right in every byte, and they have no right to say it.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::super::engine::Counts;
use super::super::events::requests::{Request, Target};
use super::super::events::{Payload, RequestError};
use super::super::identity::{Address, Identity};
use super::super::keys::Keys;
use super::super::record::Record;
use super::super::transport::{Lane, Limits, Opening, To, Transport, ZeroMq};
use super::super::wire::{Body, Frame};
use super::tests::{PATIENCE, joined, on_sockets, until};
use super::*;
use crate::connection::curve::KeyPair;

/// Joins of each kind of stranger.
const JOINS: u128 = 200;

fn stranger(pair: KeyPair, keys: Option<&Keys>) -> ZeroMq {
    let limits = Limits { newcomers: 200, half_open: 512, links: 1_000 };
    let keys = keys.map(|keys| (pair, keys.clone()));
    let listen = vec!["tcp://127.0.0.1:0".to_owned()];
    ZeroMq::open(Opening { listen, keys, frame_bytes: 1 << 20, waiting: 1 << 20, limits }).unwrap()
}

/// A join like that of a node, by somebody who has this id.
fn hello(node: NodeId, cluster: u64) -> Vec<u8> {
    let from = Identity { node, epoch: 1, boot: 1 };
    let record = Record {
        identity: from,
        version: 1,
        name: format!("forged {node}"),
        addresses: vec![Address("tcp://127.0.0.1:9".to_owned())],
        unreachable: Vec::new(),
        relays: true,
        leaving: false,
        services: Vec::new(),
        info: std::collections::BTreeMap::new(),
    };
    let body = Body::Hello { record, called: None };
    Frame { cluster, from, to: None, trail: Vec::new(), body }.encode()
}

fn cluster_of(node: &Node) -> u64 {
    node.shared.core().engine.cluster()
}

/// Has a stranger join many times, until the node says of it what it should.
fn joins(mut stranger: ZeroMq, node: &Node, is_seen: impl Fn() -> bool) {
    let to = To { node: None, addresses: node.addresses().into() };
    for number in 0..JOINS {
        stranger.send(&to, Lane::Control, hello(NodeId(number + 1_000), cluster_of(node)));
    }
    until("it was refused", || {
        stranger.flush();
        stranger.wait(Duration::from_millis(10));
        is_seen()
    });
}

#[test]
fn a_thousand_joins_that_are_right_in_every_byte_add_no_member() {
    let keys = Keys::generate().unwrap();
    let pair = || KeyPair::new().unwrap();
    let node = on_sockets().keys(keys.clone()).start().unwrap();
    let forged = || node.counts().forged;
    let malformed = || node.undelivered().malformed;
    let not_let_in = || node.undelivered().not_let_in;
    // With the secret, but by ids of others.
    joins(stranger(pair(), Some(&keys)), &node, || forged() == JOINS as u64);
    // As one who may only ask, and one who may only show a token, which has ended besides.
    let before = malformed();
    joins(stranger(keys.askers().next().unwrap(), Some(&keys)), &node, || malformed() > before);
    let token = keys.token(Duration::ZERO, SystemTime::now()).unwrap();
    let before = malformed();
    joins(stranger(token.pair().unwrap(), Some(&keys)), &node, || malformed() > before);
    // As one who knows from a token with whom to speak, and lacks the secret.
    let before = not_let_in();
    joins(stranger(pair(), Some(&keys)).without_proof(), &node, || not_let_in() > before);
    // With another secret, and with none: they do not get as far as a message, so a good one after them is waited for.
    for keys in [Some(Keys::generate().unwrap()), None] {
        let mut other = stranger(pair(), keys.as_ref());
        let to = To { node: None, addresses: node.addresses().into() };
        other.send(&to, Lane::Control, hello(NodeId(1), cluster_of(&node)));
        for _ in 0..20 {
            other.flush();
            other.wait(Duration::from_millis(10));
        }
    }
    let second = joined(&node, on_sockets().keys(keys));
    assert!(node.wait_for(2, PATIENCE) && second.wait_for(2, PATIENCE));
    let Counts { malformed, foreign, .. } = node.counts();
    assert_eq!((node.members().len(), malformed, foreign), (2, 0, 0));
}

#[test]
fn whoever_is_not_on_the_list_is_no_member_and_one_taken_off_it_is_heard_no_more() {
    let mut json = Keys::generate().unwrap().to_json();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let open = Keys::from_json(&json).unwrap();
    let start = |number: usize| on_sockets().keys(open.clone()).folder(folders[number].path());
    let node = start(0).start().unwrap();
    let other = joined(&node, start(1));
    assert!(node.wait_for(2, PATIENCE) && other.wait_for(2, PATIENCE));
    let own = |node: &Node| node.shared.ring().own.unwrap().to_string();
    json["allow"] = json!([own(&node)]);
    let closed = Keys::from_json(&json).unwrap();
    assert!(other.change_keys(closed.clone()).unwrap_err().contains(&own(&other)));
    node.change_keys(closed).unwrap();
    assert!(node.wait_for(1, PATIENCE), "{:?}", node.members());
    json["allow"] = json!([own(&node), own(&other)]);
    node.change_keys(Keys::from_json(&json).unwrap()).unwrap();
    let is_back = node.wait_for(2, PATIENCE) && other.wait_for(2, PATIENCE);
    assert!(is_back, "{:?} {:?} {:?}", node.members(), other.members(), node.undelivered());
}

#[test]
fn handshakes_that_are_left_open_are_bounded_and_members_go_on() {
    let keys = Keys::generate().unwrap();
    let build = || {
        on_sockets()
            .keys(keys.clone())
            .settings(|settings| settings.half_open = 40)
            .on_request("echo", |_, asked| Ok(asked.payload.clone()))
    };
    let node = build().start().unwrap();
    let other = joined(&node, build());
    assert!(node.wait_for(2, PATIENCE) && other.wait_for(2, PATIENCE));
    let ask = || other.request(node.id(), "echo", Payload::default(), PATIENCE);
    assert!(ask().is_ok());
    let address = node.addresses()[0].0.trim_start_matches("tcp://").parse().unwrap();
    let mut open = Vec::new();
    let knock = || TcpStream::connect_timeout(&address, Duration::from_millis(200));
    until("nobody new is let in", || {
        open.extend(knock().into_iter().filter(|mut stream| stream.write_all(b"\xff").is_ok()));
        node.connections().shut > 0
    });
    assert!((0..20).all(|_| ask().is_ok()));
    drop(open);
    let third = joined(&node, build());
    assert!(node.wait_for(3, PATIENCE) && third.wait_for(3, PATIENCE));
}

#[test]
fn more_requests_than_may_wait_are_refused_with_words() {
    let (hold, held) = channel::<()>();
    let (began, has_begun) = channel();
    let held = Mutex::new(held);
    let node = on_sockets()
        .workers(1)
        .settings(|settings| settings.requests = 1)
        .on_request("slow", move |_, _| {
            let _nobody_listens = began.send(());
            let _over = held.lock().unwrap().recv();
            Ok(Payload::default())
        })
        .start()
        .unwrap();
    let other = joined(&node, on_sockets());
    assert!(other.wait_for(2, PATIENCE));
    let request = || Request {
        target: Target::Node(node.id()),
        name: "slow".to_owned(),
        payload: Payload::default(),
        patience: PATIENCE,
        idempotent: false,
    };
    // One is being answered; of those that come then, one waits and the others are refused.
    let mut asked = vec![other.begin(request()).unwrap()];
    has_begun.recv_timeout(PATIENCE).unwrap();
    asked.extend((0..4).map(|_| other.begin(request()).unwrap()));
    until("some are refused", || node.shared.handlers.jobs_refused.load(Ordering::SeqCst) == 3);
    drop(hold);
    let replies: Vec<_> = asked.into_iter().map(|waiting| waiting.wait().unwrap()).collect();
    let refused = replies
        .iter()
        .filter(|reply| matches!(reply, Err(RequestError::Remote(text)) if text.starts_with("too busy")));
    assert_eq!((refused.count(), replies.iter().filter(|reply| reply.is_ok()).count()), (3, 2));
}
