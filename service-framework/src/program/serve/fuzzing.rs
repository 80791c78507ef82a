//! What the fuzz target of requests runs: whatever bytes a client sends, in whatever pieces, they are a request or an error, and the
//! pool of a request is what a journal gives back. Not there in ordinary builds.

use super::request::{BadRequest, Come, Incoming};
use crate::program::run::{Event, Request};

/// Most bytes of a request here.
const LARGEST: usize = 3000;

/// The first byte says how long the pieces are.
pub fn run(bytes: &[u8]) {
    let Some((length, bytes)) = bytes.split_first() else { return };
    let request = receive(bytes, usize::from(*length).max(1));
    if let Ok(request) = &request {
        keep(request);
    }
}

fn receive(bytes: &[u8], length: usize) -> Result<Request, BadRequest> {
    let mut incoming = Incoming::new(LARGEST);
    for piece in bytes.chunks(length) {
        match incoming.take(piece)? {
            Come::Part => {}
            Come::Doubled => {
                if let Err(early) = incoming.look_early() {
                    // What cannot become a request is none when all of it is there.
                    assert!(serde_json::from_slice::<serde_json::Value>(bytes).is_err(), "{early}");
                    return Err(early);
                }
            }
            Come::Whole => return incoming.read(),
        }
    }
    incoming.read()
}

fn keep(request: &Request) {
    let started = Event::Started {
        program: request.program.clone(),
        fingerprint: String::new(),
        key: request.idempotency_key().map(str::to_owned),
        locks: Vec::new(),
        pool: request.pool.clone(),
    };
    let read = started.to_bytes().map(|bytes| Event::from_bytes("started", &bytes));
    assert!(
        matches!(read, Ok(Ok(event)) if event == started),
        "a journal gives back another pool: {started:?}"
    );
    assert!(request.pool.to_json().is_object());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fuzz_target_stands_what_it_begins_with(
            length in any::<u8>(),
            json in "\\{\"program\": \"p\", \"data_pool\": \\{(\"__set__\": true, \"value\": \\[(1,)?[0-9]\\])?\\}\\}",
        ) {
            super::run(&[&[length], json.as_bytes()].concat());
            super::run(json.as_bytes());
        }
    }
}
