//! Finds out when a service that was started is ready: by asking it, ever more rarely, on a thread of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use serde_json::Value as Json;

use super::child::Event;
use crate::launcher::control::client::Client;
use crate::launcher::control::message::Question;
use crate::launcher::control::place::{self, Kind};

/// The pause between two questions: at first, and at most.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(500);

/// How long one that is there may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// A look-out for one start of a service. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct LookOut(Arc<AtomicBool>);

impl LookOut {
    /// Asks the process `pid` until it is ready, and sends that as an event of the start number `run`.
    pub(super) fn start(pid: u32, service: usize, run: u64, events: &Sender<Event>) -> io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let (events, over) = (events.clone(), is_over.clone());
        thread::Builder::new().name(format!("ready {service}")).spawn(move || {
            let mut pause = SHORTEST;
            while !over.load(Ordering::Acquire) {
                if is_ready(pid) {
                    let _ = events.send(Event::Ready { service, run });
                    return;
                }
                thread::sleep(pause);
                pause = (pause * 3 / 2).min(LONGEST);
            }
        })?;
        Ok(Self(is_over))
    }
}

impl Drop for LookOut {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn is_ready(pid: u32) -> bool {
    let client = Client::connect(&place::socket(Kind::Service, pid), PATIENCE);
    let said = client.ok().and_then(|mut client| client.ask(&Question::new("ping")).ok());
    said.is_some_and(|said| said.get("state").and_then(Json::as_str) == Some("ready"))
}
