//! Ten thousand frames that nobody should send, to every kind of socket: nothing ends, and the next honest message is
//! answered.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use service_framework::service::BlockingToSend;

use super::inside::{Echo, ask, lead};
use super::peers::{Frames, Peer, THE_END, command, echoed, payload, the_end, tick};
use super::place::{Place, in_connection, out_connection};
use crate::support::free_address;

const FRAMES: usize = 10_000;

/// Numbers that look random and are the same in every run (xorshift).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound as u64).unwrap()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }

    /// Bytes of any kind, most often few.
    pub(crate) fn noise(&mut self) -> Vec<u8> {
        let length = [0, 1, 5, 60, 2_000][self.below(5)];
        (0..length).map(|_| self.byte()).collect()
    }

    /// An honest frame with some bytes changed, cut off or put in.
    pub(crate) fn mutated(&mut self, honest: &[u8]) -> Vec<u8> {
        let mut frame = honest.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(frame.len() + 1);
            match self.below(4) {
                0 => frame.truncate(at),
                1 => frame.insert(at, self.byte()),
                2 => frame.extend_from_slice(&honest[..at.min(honest.len())]),
                _ => match frame.get_mut(at) {
                    Some(byte) => *byte ^= 1 << self.below(8),
                    None => frame.push(0xdf),
                },
            }
        }
        frame
    }

    /// Noise, or an honest frame gone wrong.
    pub(crate) fn frame(&mut self, honest: &[Vec<u8>]) -> Vec<u8> {
        match self.below(3) {
            0 => self.noise(),
            _ => {
                let chosen = self.below(honest.len());
                self.mutated(&honest[chosen])
            }
        }
    }

    /// One to five frames, some of them empty.
    pub(crate) fn message(&mut self, honest: &[Vec<u8>]) -> Frames {
        (0..=self.below(5))
            .map(|_| if self.below(3) == 0 { Vec::new() } else { self.frame(honest) })
            .collect()
    }
}

#[test]
fn a_replyer_survives_any_request() {
    let place = Place::new();
    let (process, address) = place.echo_replyer(&[]);
    let hostile = Peer::connect(zmq::DEALER, &address);
    let honest = [payload("x"), command("x", "badreturn"), command("x", "none")];
    let mut dice = Dice::new(1);
    for number in 0..FRAMES {
        if number % 2 == 0 {
            hostile.send([Vec::new(), dice.frame(&honest)]);
        } else {
            hostile.send(dice.message(&honest));
        }
        while hostile.receive_now().is_some() {}
    }
    let other = Peer::connect(zmq::DEALER, &address);
    assert_eq!(other.ask(&payload("still here")).echo(), "still here");
    assert_eq!(process.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn a_listener_survives_any_bytes() {
    /// What a ZeroMQ peer says first, so that some of the noise is read as what follows it.
    const GREETING: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let (place, address) = (Place::new(), free_address());
    let process = place.start("echo_replyer", in_connection("echo", "replyer", &address), &[]);
    let mut dice = Dice::new(5);
    let mut silent = Vec::new();
    for number in 0..500 {
        let mut stream = TcpStream::connect(&address).unwrap();
        let greeting = &GREETING[..dice.below(2) * GREETING.len()];
        // Whoever is turned away in the middle of it has been heard enough.
        let _ = stream.write_all(greeting).and_then(|()| stream.write_all(&dice.noise()));
        silent.extend((number % 10 == 0).then_some(stream));
    }
    let other = Peer::connect(zmq::DEALER, &format!("tcp://{address}"));
    assert_eq!(other.ask(&payload("still here")).echo(), "still here");
    assert_eq!(process.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn a_subscriber_survives_any_message() {
    let place = Place::new();
    let hostile = Peer::bind(zmq::XPUB, &place.at("ticks"));
    let addresses = in_connection("ticks", "subscriber", &place.at("ticks"));
    let mut subscriber = place.start("tick_subscriber", addresses, &[]);
    hostile.receive();
    let honest = [tick(0, None), tick(1, Some("eu"))];
    let mut dice = Dice::new(2);
    for number in 0..FRAMES {
        if number % 8 == 0 {
            hostile.send(dice.message(&honest));
        } else {
            hostile.send([dice.frame(&honest)]);
        }
    }
    hostile.send([tick(4711, None)]);
    // Again and again: so soon after so much noise, not every line is written.
    let (stop, stopped) = mpsc::channel::<()>();
    let again = thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
            hostile.send([the_end()]);
        }
    });
    subscriber.wait_for(THE_END);
    drop(stop);
    again.join().unwrap();
    let ended = subscriber.finish_by(Signal::INT);
    assert_eq!((ended.code, &ended.object()["last"]), (Some(0), &json!(4711)));
}

#[test]
fn a_requester_survives_any_reply() {
    const REQUESTS: usize = 20;
    let place = Place::new();
    let hostile = Peer::bind(zmq::ROUTER, &place.at("echo"));
    let answering = thread::spawn(move || {
        let mut dice = Dice::new(3);
        for _ in 0..REQUESTS {
            let request = hostile.receive();
            for _ in 0..FRAMES / REQUESTS {
                hostile.send(hostile_reply(&mut dice, &request));
            }
            hostile.send([&request[..3], &[echoed("x")]].concat());
        }
        let last = hostile.receive();
        hostile.send([&last[..3], &[echoed("still here")]].concat());
    });
    let answer = lead(place.at("echo"), |to_send: &BlockingToSend| {
        // A frame gone wrong may well be an answer, of whatever kind: that there is one is enough.
        let answered = || drop(to_send.request::<Echo>("echo", ask("x")).wait());
        (0..REQUESTS).for_each(|_| answered());
        to_send.request::<Echo>("echo", ask("last")).wait()
    });
    assert_eq!(answer.unwrap().echo, "still here");
    answering.join().unwrap();
}

/// Something for the one who asked: any frames, or those of an answer, one of which has gone wrong.
fn hostile_reply(dice: &mut Dice, request: &[Vec<u8>]) -> Frames {
    let mut reply = [&request[..3], &[echoed("x")]].concat();
    if dice.below(2) == 0 {
        reply.truncate(1);
        reply.extend(dice.message(&[echoed("x")]));
    } else {
        let wrong = 1 + dice.below(3);
        reply[wrong] = dice.mutated(&reply[wrong]);
    }
    reply
}

#[test]
fn a_publisher_survives_any_subscription() {
    let place = Place::new();
    let address = place.at("ticks");
    let ticks = out_connection("ticks", "publisher", &address);
    let publisher = place.lead("tick_publisher", ticks, &["-m", "--n", "1000000000", "--rate", "200"]);
    let hostile = Peer::connect(zmq::XSUB, &address);
    let mut dice = Dice::new(4);
    let honest = [b"\x01\xa2eu".to_vec(), b"\x00\xa2eu".to_vec(), b"\x01".to_vec()];
    for _ in 0..FRAMES {
        hostile.send(dice.message(&honest));
    }
    // A subscription of everything that is taken back as often as it was made leaves an honest one alone.
    let honest = Peer::connect(zmq::XSUB, &address);
    honest.send([b"\x01"]);
    let first = honest.receive();
    assert!(first[0].windows(4).any(|bytes| bytes == b"tick"), "{first:?}");
    assert_eq!(publisher.finish_by(Signal::INT).code, Some(0));
}
