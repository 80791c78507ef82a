//! The addresses of one owner and its replicas, and what is asked of them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use service_framework::Value;

use crate::behaviour::peers::{Peer, message};
use crate::behaviour::place::Place;
use crate::support::{PATIENCE, free_address};

/// Every socket that a test of states may need.
const SOCKETS: [&str; 8] =
    ["publisher", "replyer", "settings", "burst", "set", "owner", "copy", "other_copy"];

/// Where the sockets are.
pub(crate) struct Net {
    pub(crate) place: Place,
    addresses: BTreeMap<&'static str, String>,
}

impl Net {
    pub(crate) fn over_ipc() -> Self {
        let place = Place::new();
        let addresses = SOCKETS.map(|name| (name, place.at(name)));
        Self { place, addresses: addresses.into() }
    }

    pub(crate) fn over_tcp() -> Self {
        let addresses = SOCKETS.map(|name| (name, format!("tcp://{}", free_address())));
        Self { place: Place::new(), addresses: addresses.into() }
    }

    pub(crate) fn at(&self, socket: &str) -> &str {
        &self.addresses[socket]
    }

    /// The addresses of an owner of `book`.
    pub(crate) fn book_out(&self) -> Json {
        json!({"publisher": self.at("publisher"), "replyer": self.at("replyer")})
    }

    /// The addresses of a replica of `book`.
    pub(crate) fn book_in(&self) -> Json {
        json!({"subscriber": self.at("publisher"), "requester": self.at("replyer")})
    }

    /// What a replyer without arguments answers.
    #[track_caller]
    pub(crate) fn read(&self, socket: &str) -> Json {
        ask(self.at(socket), &json!({}))
    }

    /// Reads until what is read is as wanted.
    #[track_caller]
    pub(crate) fn read_until(&self, socket: &str, is_wanted: impl Fn(&Json) -> bool) -> Json {
        wait_until(|| Some(self.read(socket)), is_wanted)
    }
}

/// Asks a replyer.
#[track_caller]
pub(crate) fn ask(address: &str, args: &Json) -> Json {
    let asked = Peer::connect(zmq::DEALER, address).ask(&message(&Value::from_json(args).unwrap(), "w"));
    assert!(asked.error.is_none(), "{asked:?}");
    asked.return_args.to_json()
}

/// Looks again and again until what is seen is as wanted.
#[track_caller]
pub(crate) fn wait_until<T: Debug>(look: impl Fn() -> Option<T>, is_wanted: impl Fn(&T) -> bool) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        match seen {
            Some(seen) if is_wanted(&seen) => return seen,
            seen => assert!(Instant::now() < until, "waited in vain, last seen: {}", short(&seen)),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn short(seen: &impl Debug) -> String {
    format!("{seen:?}").chars().take(2_000).collect()
}
