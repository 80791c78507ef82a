//! The limit: bare libzmq sockets.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use zmq::{DONTWAIT, Message, SNDMORE};

/// As long as what the framework sends for the same text: map, keys, workflow id, deadline.
const BODY: usize = crate::TEXT + 115;
const HIGH_WATER_MARK: i32 = 50_000;

fn socket(kind: zmq::SocketType) -> zmq::Socket {
    let socket = zmq::Context::new().socket(kind).expect("a socket");
    socket.set_sndhwm(HIGH_WATER_MARK).and_then(|()| socket.set_rcvhwm(HIGH_WATER_MARK)).expect("bounds");
    socket
}

/// Echoes, draining what is there before it polls again.
pub(crate) fn answer(address: &str) {
    let router = socket(zmq::ROUTER);
    router.bind(address).expect("a free port");
    let mut frames: Vec<Message> = Vec::new();
    loop {
        router.poll(zmq::POLLIN, -1).expect("a poll");
        while receive(&router, &mut frames) {
            let last = frames.len() - 1;
            for (index, frame) in frames.drain(..).enumerate() {
                router.send(frame, if index < last { SNDMORE } else { 0 }).expect("a reply sent");
            }
        }
    }
}

fn receive(socket: &zmq::Socket, frames: &mut Vec<Message>) -> bool {
    frames.clear();
    loop {
        let mut frame = Message::new();
        if socket.recv(&mut frame, DONTWAIT).is_err() {
            return false;
        }
        let more = frame.get_more();
        frames.push(frame);
        if !more {
            return true;
        }
    }
}

/// Keeps `window` requests in flight until `count` are answered.
pub(crate) fn ask(address: &str, window: usize, count: usize) {
    let dealer = socket(zmq::DEALER);
    dealer.connect(address).expect("an address");
    let body = vec![b'x'; BODY];
    let (mut sent, mut frames) = (VecDeque::new(), Vec::new());
    let mut exchange = |count: usize| {
        let mut latencies = Vec::with_capacity(count);
        let mut left = count;
        while latencies.len() < count {
            while left > 0 && sent.len() < window {
                sent.push_back(Instant::now());
                for (part, flags) in [(&b"12345678-"[..], SNDMORE), (b"", SNDMORE), (&body, 0)] {
                    dealer.send(part, flags).expect("a request sent");
                }
                left -= 1;
            }
            dealer.poll(zmq::POLLIN, -1).expect("a poll");
            while receive(&dealer, &mut frames) {
                let began: Instant = sent.pop_front().expect("a request for every reply");
                latencies.push(began.elapsed().as_secs_f64() * 1e6);
            }
        }
        latencies
    };
    exchange(1_000);
    let began = Instant::now();
    let latencies = exchange(count);
    crate::print(count, began.elapsed().as_secs_f64(), latencies);
}

/// Receives `count` messages, timed from the first one on.
pub(crate) fn listen(address: &str, count: usize) {
    let sub = socket(zmq::SUB);
    sub.set_subscribe(b"").and_then(|()| sub.connect(address)).expect("an address");
    let mut frame = Message::new();
    sub.recv(&mut frame, 0).expect("the first message");
    let began = Instant::now();
    for _ in 1..count {
        sub.recv(&mut frame, 0).expect("a message");
    }
    crate::print(count - 1, began.elapsed().as_secs_f64(), Vec::new());
}

/// Publishes `count` messages once somebody has subscribed; they fit into the queue, so none is lost.
pub(crate) fn tell(address: &str, count: usize) {
    let publisher = socket(zmq::XPUB);
    publisher.bind(address).expect("a free port");
    let mut subscription = Message::new();
    publisher.recv(&mut subscription, 0).expect("a subscription");
    let body = [b'x'; BODY];
    for _ in 0..count {
        publisher.send(&body[..], 0).expect("a message sent");
    }
    wait_to_be_killed();
}

pub(crate) fn wait_to_be_killed() {
    std::thread::sleep(Duration::from_secs(3_600));
}
