//! The recorder: a thread for each service that is looked at, and one that writes what they see.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::launcher::control::tapped::{Seen, Tapped};
use crate::recording::{RecordingError, WholeState, Writer};

/// How long what is written waits for its batch to end.
const BATCH_TIME: Duration = Duration::from_millis(250);
/// Messages after which a batch ends sooner.
const BATCH: usize = 5_000;
/// Messages that wait to be written; beyond, those who read wait, and services drop and count.
const MOST_WAITING: usize = 256;

/// What is recorded so far.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) messages: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) dropped: AtomicU64,
    /// Runs of services.
    pub(super) services: AtomicU64,
    /// Services that are looked at now.
    pub(super) attached: AtomicUsize,
    /// Whether nothing can be written any more.
    has_failed: AtomicBool,
}

impl Counted {
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// For people: `12 messages, 3.4 KiB, of 2 services`.
    pub(super) fn shown(&self) -> String {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (messages, services, dropped) = (get(&self.messages), get(&self.services), get(&self.dropped));
        let lost = if dropped > 0 { format!(", {dropped} dropped") } else { String::new() };
        let plural = if services == 1 { "" } else { "s" };
        format!("{messages} messages, {}, of {services} service{plural}{lost}", size(get(&self.bytes)))
    }

    pub(super) fn to_json(&self) -> Json {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        json!({
            "messages": get(&self.messages),
            "bytes": get(&self.bytes),
            "dropped": get(&self.dropped),
            "services": get(&self.services),
        })
    }
}

/// Bytes for people.
#[expect(clippy::cast_precision_loss, reason = "for people")]
fn size(bytes: u64) -> String {
    let kib = bytes as f64 / 1_024.0;
    match kib {
        ..1.0 => format!("{bytes} B"),
        ..1_024.0 => format!("{kib:.1} KiB"),
        _ => format!("{:.1} MiB", kib / 1_024.0),
    }
}

/// What one of those who read has for who writes.
enum Told {
    Began(Json),
    Seen(Seen),
}

/// A recording that is made.
pub(super) struct Recorder {
    pub(super) counted: Arc<Counted>,
    told: SyncSender<(u64, Told)>,
    writing: JoinHandle<Result<(), RecordingError>>,
    readers: Arc<Mutex<Readers>>,
}

#[derive(Default)]
struct Readers {
    next: u64,
    all: Vec<(UnixStream, JoinHandle<()>)>,
    is_over: bool,
}

impl Readers {
    /// Looks away from all services.
    fn end(&mut self) {
        self.is_over = true;
        for (stream, _) in &self.all {
            // One that has ended is shut down already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Recorder {
    /// Makes the file and begins to write. Calls `failed` when nothing can be written any more.
    ///
    /// # Errors
    /// There is one already, or it cannot be made.
    pub(super) fn start(
        path: &Path,
        failed: impl FnOnce(&RecordingError) + Send + 'static,
    ) -> Result<Self, RecordingError> {
        let writer = Writer::create(path)?;
        let (counted, readers) = (Arc::<Counted>::default(), Arc::<Mutex<Readers>>::default());
        let (told, heard) = sync_channel(MOST_WAITING);
        let writing = Writing { writer, counted: counted.clone(), services: Vec::new() };
        let to_end = readers.clone();
        let writing = thread::Builder::new().name("recorder".into()).spawn(move || {
            let written = writing.run(&heard);
            if let Err(error) = &written {
                failed(error);
                drop(heard);
                lock(&to_end).end();
            }
            written
        });
        let writing = writing.map_err(|source| RecordingError::CannotMake { path: path.into(), source })?;
        Ok(Self { counted, told, writing, readers })
    }

    /// Records what this service does until it ends. Calls `ended` then.
    ///
    /// # Errors
    /// There are no threads or descriptors left.
    pub(super) fn add(&self, tapped: Tapped, ended: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut readers = lock(&self.readers);
        if readers.is_over {
            return Ok(());
        }
        let (stream, told, counted) = (tapped.stream()?, self.told.clone(), self.counted.clone());
        let number = readers.next;
        readers.next += 1;
        // Those who have ended need not be waited for.
        readers.all.retain(|(_, reading)| !reading.is_finished());
        let reading = move || {
            counted.attached.fetch_add(1, Ordering::AcqRel);
            read(tapped, number, &told);
            counted.attached.fetch_sub(1, Ordering::AcqRel);
            ended();
        };
        readers.all.push((stream, thread::Builder::new().name("tapped".into()).spawn(reading)?));
        Ok(())
    }

    /// Waits until every service that is looked at has ended, at most so long.
    pub(super) fn wait_for_ends(&self, patience: Duration) {
        let end = Instant::now() + patience;
        while self.counted.attached.load(Ordering::Acquire) > 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Looks away from all services, and writes what was seen until now.
    ///
    /// # Errors
    /// Something could not be written. What was written before is there.
    pub(super) fn finish(self) -> Result<Arc<Counted>, RecordingError> {
        let Self { counted, told, writing, readers } = self;
        let readers = {
            let mut readers = lock(&readers);
            readers.end();
            std::mem::take(&mut readers.all)
        };
        for (_, reading) in readers {
            let _ = reading.join();
        }
        drop(told);
        match writing.join() {
            Ok(Ok(())) => Ok(counted),
            Ok(Err(error)) => Err(error),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn lock(readers: &Mutex<Readers>) -> MutexGuard<'_, Readers> {
    readers.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(mut tapped: Tapped, number: u64, told: &SyncSender<(u64, Told)>) {
    let began = std::mem::take(&mut tapped.service);
    // Who writes is gone only when writing has failed.
    if told.send((number, Told::Began(began))).is_err() {
        return;
    }
    while let Ok(Some(seen)) = tapped.next() {
        if seen == Seen::End || told.send((number, Told::Seen(seen))).is_err() {
            return;
        }
    }
}

/// The end that writes.
struct Writing {
    writer: Writer,
    counted: Arc<Counted>,
    /// By the number of their readers: the number of the run in the file, and how many were dropped.
    services: Vec<(u64, i64, u64)>,
}

impl Writing {
    fn run(mut self, heard: &Receiver<(u64, Told)>) -> Result<(), RecordingError> {
        let written = self.write_all(heard);
        if written.is_err() {
            self.counted.has_failed.store(true, Ordering::Release);
        }
        written
    }

    fn write_all(&mut self, heard: &Receiver<(u64, Told)>) -> Result<(), RecordingError> {
        let (mut due, mut waiting) = (None::<Instant>, 0);
        loop {
            let patience = due.map_or(Duration::MAX, |due| due.saturating_duration_since(Instant::now()));
            match heard.recv_timeout(patience) {
                Ok((reader, told)) => {
                    self.write(reader, told)?;
                    waiting += 1;
                    due.get_or_insert_with(|| Instant::now() + BATCH_TIME);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.writer.commit(),
            }
            if waiting >= BATCH || due.is_some_and(|due| due <= Instant::now()) {
                self.writer.commit()?;
                (due, waiting) = (None, 0);
            }
        }
    }

    fn write(&mut self, reader: u64, told: Told) -> Result<(), RecordingError> {
        let seen = match told {
            Told::Began(ping) => {
                let run = self.writer.service(&ping)?;
                self.services.push((reader, run, 0));
                self.counted.services.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            Told::Seen(seen) => seen,
        };
        let Some((_, run, dropped)) = self.services.iter_mut().find(|(known, ..)| *known == reader) else {
            return Ok(());
        };
        match seen {
            Seen::Message(record) => {
                self.writer.message(*run, &record)?;
                self.counted.messages.fetch_add(1, Ordering::Relaxed);
                self.counted.bytes.fetch_add(record.size as u64, Ordering::Relaxed);
            }
            Seen::Service(said) => self.writer.opened(*run, &said)?,
            Seen::State(said) => self.writer.state(*run, &whole_state(&said))?,
            Seen::Dropped(count) => {
                let more = count.saturating_sub(*dropped);
                *dropped = count;
                self.counted.dropped.fetch_add(more, Ordering::Relaxed);
                self.writer.lost(*run, more)?;
            }
            Seen::End => {}
        }
        Ok(())
    }
}

fn whole_state(said: &Json) -> WholeState {
    let text = |key| said.get(key).and_then(Json::as_str);
    WholeState {
        time: said.get("time").and_then(Json::as_u64).unwrap_or_default(),
        connection: text("connection").unwrap_or_default().to_owned(),
        kind: text("type").unwrap_or_default().to_owned(),
        number: said.get("number").and_then(Json::as_i64),
        epoch: said.get("epoch").and_then(Json::as_u64),
        body: text("body").and_then(|body| STANDARD.decode(body).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        assert_eq!([7, 1_536, 3 << 20].map(size), ["7 B", "1.5 KiB", "3.0 MiB"]);
    }

    #[test]
    fn a_state_is_read_as_services_tell_it() {
        let said = json!({
            "time": 5, "connection": "states.out.book", "type": "delta_update", "number": 3, "epoch": 9, "body": "gA==",
        });
        let state = whole_state(&said);
        assert_eq!((state.time, &*state.connection, &*state.kind), (5, "states.out.book", "delta_update"));
        assert_eq!((state.number, state.epoch, state.body), (Some(3), Some(9), Some(vec![0x80])));
        assert_eq!(whole_state(&json!({ "body": "?" })).body, None);
    }
}
