//! The limit: bare libzmq sockets.

use std::time::{Duration, Instant};

use zmq::Message;

/// As long as an update of one key on the wire: arguments, keys, workflow id, epoch.
const BODY: usize = 138;
const HIGH_WATER_MARK: i32 = 50_000;

fn socket(kind: zmq::SocketType) -> zmq::Socket {
    let socket = zmq::Context::new().socket(kind).expect("a socket");
    socket.set_sndhwm(HIGH_WATER_MARK).and_then(|()| socket.set_rcvhwm(HIGH_WATER_MARK)).expect("bounds");
    socket
}

/// Publishes once all replicas have subscribed.
pub(crate) fn owner(address: &str, replicas: usize) {
    let publisher = socket(zmq::XPUB);
    publisher.set_xpub_verbose(true).and_then(|()| publisher.bind(address)).expect("a free port");
    for _ in 0..replicas {
        let mut subscription = Message::new();
        publisher.recv(&mut subscription, 0).expect("a subscription");
    }
    let body = [b'x'; BODY];
    for _ in 0..crate::UPDATES {
        publisher.send(&body[..], 0).expect("a message sent");
    }
    std::thread::sleep(Duration::from_secs(3_600));
}

/// Receives all, timed from the first one on.
pub(crate) fn replica(address: &str) {
    let sub = socket(zmq::SUB);
    sub.set_subscribe(b"").and_then(|()| sub.connect(address)).expect("an address");
    let mut frame = Message::new();
    sub.recv(&mut frame, 0).expect("the first message");
    let began = Instant::now();
    for _ in 1..crate::UPDATES {
        sub.recv(&mut frame, 0).expect("a message");
    }
    println!("{}", (crate::UPDATES - 1) as f64 / began.elapsed().as_secs_f64());
    std::thread::sleep(Duration::from_secs(3_600));
}
