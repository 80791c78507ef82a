//! The limit: bare libzmq sockets of the same shape as a node's, one dealer to each other and one router at each, whose owners look at
//! no byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use zmq::{DONTWAIT, Message, SNDMORE};

const HIGH_WATER_MARK: i32 = 50_000;

/// Somebody who sends, and others who receive or echo.
pub(crate) struct Bare {
    context: zmq::Context,
    dealers: Vec<zmq::Socket>,
    heard: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

fn socket(context: &zmq::Context, kind: zmq::SocketType) -> zmq::Socket {
    let socket = context.socket(kind).expect("a socket");
    let bounds = socket.set_sndhwm(HIGH_WATER_MARK).and_then(|()| socket.set_rcvhwm(HIGH_WATER_MARK));
    bounds.and_then(|()| socket.set_linger(0)).expect("bounds");
    socket
}

impl Bare {
    pub(crate) fn new(nodes: usize) -> Self {
        let mut bare = Self {
            context: zmq::Context::new(),
            dealers: Vec::new(),
            heard: Arc::default(),
            is_over: Arc::default(),
            threads: Vec::new(),
        };
        (1..nodes).for_each(|_| bare.add());
        bare
    }

    fn add(&mut self) {
        // As a node has: a context, and so an I/O thread, of its own.
        let router = socket(&zmq::Context::new(), zmq::ROUTER);
        router.bind("tcp://127.0.0.1:*").expect("a free port");
        let address = router.get_last_endpoint().expect("an endpoint").expect("text");
        let (heard, is_over) = (self.heard.clone(), self.is_over.clone());
        self.threads.push(std::thread::spawn(move || receive(&router, &heard, &is_over)));
        let dealer = socket(&self.context, zmq::DEALER);
        dealer.connect(&address).expect("an address");
        self.dealers.push(dealer);
    }

    /// Events of 100 bytes to all that all others have received, in a second.
    pub(crate) fn emits(&self, events: usize) -> f64 {
        let expected = self.heard.load(Ordering::Relaxed) + events * self.dealers.len();
        let began = Instant::now();
        for _ in 0..events {
            self.dealers.iter().for_each(|dealer| dealer.send(&[7; 100][..], 0).expect("room"));
        }
        while self.heard.load(Ordering::Relaxed) < expected {
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
        events as f64 / began.elapsed().as_secs_f64()
    }

    /// Requests of 100 bytes one by one, in a second.
    pub(crate) fn requests(&self, count: usize) -> f64 {
        let dealer = self.dealers.last().expect("another");
        let mut reply = Message::new();
        let began = Instant::now();
        for _ in 0..count {
            dealer.send("", SNDMORE).and_then(|()| dealer.send(&[7; 100][..], 0)).expect("room");
            dealer.recv(&mut reply, 0).expect("a reply");
        }
        count as f64 / began.elapsed().as_secs_f64()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Counts what comes alone; what comes behind an empty frame is sent back.
fn receive(router: &zmq::Socket, heard: &AtomicUsize, is_over: &AtomicBool) {
    let mut frames: Vec<Message> = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        if router.poll(zmq::POLLIN, 50).expect("a poll") == 0 {
            continue;
        }
        let mut frame = Message::new();
        while router.recv(&mut frame, DONTWAIT).is_ok() {
            let more = frame.get_more();
            frames.push(std::mem::replace(&mut frame, Message::new()));
            if more {
                continue;
            }
            match frames.len() {
                2 => drop(heard.fetch_add(1, Ordering::Relaxed)),
                _ => {
                    router.send(frames.swap_remove(0), SNDMORE).expect("a way back");
                    router.send(frames.swap_remove(0), 0).expect("a reply sent");
                }
            }
            frames.clear();
        }
    }
}
