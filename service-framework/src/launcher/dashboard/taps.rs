//! Listens to the messages of services while a page wants to see them, and keeps the latest.

use std::collections::{HashMap, VecDeque};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::listed::{self, Only};
use super::paths::{self, Message};
use super::snapshot::{Service, Snapshot};
use crate::connection::tap::Wanted;
use crate::launcher::control::place::{self, Kind};
use crate::launcher::control::tapped::{Seen, Tapped};

/// So many messages are kept, and of an id and a text of them so many characters.
const KEPT: usize = 50_000;
const LONGEST: usize = 256;

/// So many services are listened to, each by a thread.
const MOST_SERVICES: usize = 256;
const STACK: usize = 256 * 1024;

/// How long one goes on when nobody has asked again: who goes from a line of the log to its path finds it there.
const LINGER: Duration = Duration::from_secs(30);

/// How long a service may take to agree.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which workflows are listed.
const LISTED: usize = 200;

/// Who listens. Dropped, it stops.
#[derive(Default)]
pub(super) struct Taps {
    kept: Arc<Mutex<Kept>>,
    desk: Mutex<Desk>,
}

/// Whom one listens to.
#[derive(Default)]
struct Desk {
    wanted: Option<Instant>,
    /// Each with its stream, once there is one.
    open: HashMap<u32, Arc<Line>>,
    /// How many there are that nobody listens to, because there are too many.
    left_out: usize,
}

/// A service that is listened to.
#[derive(Default)]
struct Line(Mutex<Stage>);

#[derive(Default)]
enum Stage {
    #[default]
    Opening,
    Open(UnixStream),
    Over,
}

/// What was seen.
#[derive(Default)]
struct Kept {
    messages: VecDeque<Message>,
    /// How many each service could not tell.
    dropped: HashMap<u32, u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Taps {
    /// Somebody wants to see messages.
    pub(super) fn want(&self) {
        lock(&self.desk).wanted = Some(Instant::now());
    }

    /// Listens to nobody until it is told to follow again.
    pub(super) fn rest(&self) {
        lock(&self.desk).close();
    }

    /// Listens to the services that are there now, or to none if nobody wants that any more.
    pub(super) fn follow(&self, snapshot: &Snapshot) {
        let mut desk = lock(&self.desk);
        if desk.wanted.is_none_or(|last| last.elapsed() > LINGER) {
            return desk.close();
        }
        desk.open.retain(|_, line| !line.is_over());
        let answering = || snapshot.services.iter().filter(|service| !service.stats.is_null());
        let new = answering().filter_map(|service| Some((service.found.pid?, service)));
        let new: Vec<_> = new.filter(|(pid, _)| !desk.open.contains_key(pid)).collect();
        let room = MOST_SERVICES.saturating_sub(desk.open.len());
        desk.left_out = new.len().saturating_sub(room);
        for (pid, service) in new.into_iter().take(room) {
            let line = Arc::<Line>::default();
            if listen(pid, service, line.clone(), self.kept.clone()) {
                desk.open.insert(pid, line);
            }
        }
    }

    /// The latest workflows.
    pub(super) fn latest(&self, find: &str, only: Only) -> Json {
        let (listening, left_out) = {
            let desk = lock(&self.desk);
            (desk.open.values().filter(|line| line.is_open()).count(), desk.left_out)
        };
        let kept = lock(&self.kept);
        json!({
            "paths": listed::latest(kept.messages.iter(), find, only, LISTED),
            "messages": kept.messages.len(),
            "dropped": kept.dropped.values().sum::<u64>(),
            "listening": listening,
            "left_out": left_out,
        })
    }

    /// The path of one workflow.
    pub(super) fn path(&self, workflow: &str) -> Json {
        paths::path(workflow, lock(&self.kept).messages.iter())
    }
}

impl Drop for Taps {
    fn drop(&mut self) {
        lock(&self.desk).close();
    }
}

impl Desk {
    fn close(&mut self) {
        self.open.drain().for_each(|(_, line)| line.end());
    }
}

impl Line {
    /// Takes the stream in; false if it is over already.
    fn opened(&self, stream: UnixStream) -> bool {
        let mut stage = lock(&self.0);
        if matches!(*stage, Stage::Over) {
            return false;
        }
        *stage = Stage::Open(stream);
        true
    }

    fn end(&self) {
        if let Stage::Open(stream) = std::mem::replace(&mut *lock(&self.0), Stage::Over) {
            // Whoever reads it ends by that; it may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn is_open(&self) -> bool {
        matches!(*lock(&self.0), Stage::Open(_))
    }

    fn is_over(&self) -> bool {
        matches!(*lock(&self.0), Stage::Over)
    }
}

/// Listens to a service on a thread of its own; whether there is one.
fn listen(pid: u32, service: &Service, line: Arc<Line>, kept: Arc<Mutex<Kept>>) -> bool {
    let (id, name) = (Arc::from(service.id.as_str()), Arc::from(service.found.full_name()));
    let listen = move || {
        let wanted = Wanted { bodies: false, connections: Vec::new() };
        // One that does not agree is asked again at the next look.
        if let Ok(mut tapped) = Tapped::connect(&place::socket(Kind::Service, pid), &wanted, false, PATIENCE)
            && tapped.stream().is_ok_and(|stream| line.opened(stream))
        {
            while let Ok(Some(seen)) = tapped.next() {
                match seen {
                    Seen::Message(record) if record.workflow_id.is_some() => {
                        lock(&kept).keep(Message { id: Arc::clone(&id), service: Arc::clone(&name), record });
                    }
                    Seen::Dropped(count) => lock(&kept).lacks(pid, count),
                    Seen::End => break,
                    _ => {}
                }
            }
        }
        line.end();
    };
    thread::Builder::new().name("listens".to_owned()).stack_size(STACK).spawn(listen).is_ok()
}

impl Kept {
    fn keep(&mut self, mut message: Message) {
        let record = &mut message.record;
        for text in [&mut record.workflow_id, &mut record.topic, &mut record.outcome] {
            shorten(text);
        }
        self.messages.push_back(message);
        if self.messages.len() > KEPT {
            self.messages.pop_front();
        }
    }

    fn lacks(&mut self, pid: u32, count: u64) {
        if self.dropped.len() >= MOST_SERVICES && !self.dropped.contains_key(&pid) {
            self.dropped.clear();
        }
        self.dropped.insert(pid, count);
    }
}

/// Peers choose ids and topics, and one may be as long as a message.
fn shorten(text: &mut Option<Box<str>>) {
    if let Some(long) = text.as_deref().filter(|text| text.len() > LONGEST) {
        *text = Some(long.chars().take(LONGEST).collect::<String>().into());
    }
}
