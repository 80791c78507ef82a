//! Whether listening sockets can accept those who come. libzmq tries again at once, for ever and in silence, when the
//! system refuses, above all when the process has no descriptors left.
//!
//! libzmq reports by sends that block its only I/O thread, so somebody has to read as long as there are reports: a
//! thread of its own, which sleeps until the first one and outlives every socket that it reads of. That the sends block
//! is made use of: the thread reads slowly, and the I/O thread rests in between instead of trying again without end.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use super::burst::Burst;
use super::socket::{PollItem, SocketError, is_ready, poll, readable};
use super::wake::Wake;
use super::zeromq::failed;

const EVENTS: u32 = zmq_sys::ZMQ_EVENT_ACCEPT_FAILED | zmq_sys::ZMQ_EVENT_MONITOR_STOPPED;
const ALL_EVENTS: u32 = EVENTS | zmq_sys::ZMQ_EVENT_ACCEPTED | zmq_sys::ZMQ_EVENT_DISCONNECTED;

/// What happened to a connection, by its descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Report {
    Accepted(RawFd),
    Ended(RawFd),
}

/// Is told of every connection, by the thread that reads.
pub(super) type Told = Box<dyn Fn(Report) + Send>;

/// Where the reports of one socket come in.
struct Reader {
    socket: zmq::Socket,
    told: Option<Told>,
}

/// How long the I/O thread rests when it has filled the queue of reports, some 500. Nothing else moves meanwhile.
const PAUSE: Duration = Duration::from_millis(3);

/// Reports that wait, besides those that libzmq's own end of the queue holds.
const QUEUE: i32 = 1;

/// What the thread may take to see that all sockets are closed.
const PATIENCE: Duration = Duration::from_secs(2);

/// The thread that reads the reports of all listening sockets of one context.
pub(super) struct Listening {
    reports: Option<Sender<Reader>>,
    bell: Arc<Wake>,
    ended: Receiver<()>,
}

impl Listening {
    pub(super) fn start() -> io::Result<Self> {
        let ((reports, fresh), (alive, ended)) = (channel(), channel());
        let bell = Arc::new(Wake::new()?);
        let heard = bell.clone();
        thread::Builder::new().name("listening".into()).spawn(move || {
            read(&fresh, &heard);
            drop(alive);
        })?;
        Ok(Self { reports: Some(reports), bell, ended })
    }

    /// Has what happens to `socket`, which listens nowhere yet, read by way of `reader`, a fresh one of the same
    /// context; whoever is to be told hears of each connection.
    pub(super) fn watch(
        &self,
        socket: &zmq::Socket,
        reader: zmq::Socket,
        told: Option<Told>,
    ) -> Result<(), SocketError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let place = format!("inproc://listening-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let failed = failed(|| "watch a listening socket".into());
        reader.set_rcvhwm(QUEUE).map_err(&failed)?;
        let events = if told.is_some() { ALL_EVENTS } else { EVENTS };
        socket.monitor(&place, events.cast_signed()).map_err(&failed)?;
        reader.connect(&place).map_err(&failed)?;
        // The thread is there as long as the sender is.
        let _ = self.reports.as_ref().map(|reports| reports.send(Reader { socket: reader, told }));
        self.bell.ring();
        Ok(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.reports = None;
        self.bell.ring();
        // It holds parts of the context, whose end is to be waited for by whoever drops this, and not over there.
        let _ended = self.ended.recv_timeout(PATIENCE);
    }
}

/// Reads the reports of all sockets until they are closed and no more can come.
fn read(fresh: &Receiver<Reader>, bell: &Wake) {
    let (mut readers, bursts, mut is_over) = (Vec::<Reader>::new(), Burst::default(), false);
    while !(is_over && readers.is_empty()) {
        let mut items: Vec<PollItem<'_>> = vec![readable(bell.fd())];
        items.extend(readers.iter().map(|reader| reader.socket.as_poll_item(zmq::POLLIN)));
        if poll(&mut items, None).is_err() {
            return;
        }
        bell.clear(is_ready(&items[0]));
        loop {
            match fresh.try_recv() {
                Ok(reader) => readers.push(reader),
                Err(error) => break is_over = error == TryRecvError::Disconnected,
            }
        }
        let mut failures = 0;
        readers.retain(|reader| take_in(reader, &bursts, &mut failures));
        if failures > 0 {
            thread::sleep(PAUSE);
        }
    }
}

/// Takes in all reports that are there; false when there will be no more.
fn take_in(reader: &Reader, bursts: &Burst, failures: &mut u64) -> bool {
    while let Ok(head) = reader.socket.recv_bytes(zmq::DONTWAIT) {
        let address = reader.socket.recv_bytes(0).unwrap_or_default();
        let Some((event, number)) = head.split_first_chunk() else { return false };
        let number = number.try_into().map(i32::from_ne_bytes).unwrap_or_default();
        match (u32::from(u16::from_ne_bytes(*event)), &reader.told) {
            (zmq_sys::ZMQ_EVENT_MONITOR_STOPPED, _) => return false,
            (zmq_sys::ZMQ_EVENT_ACCEPTED, Some(told)) => told(Report::Accepted(number)),
            (zmq_sys::ZMQ_EVENT_DISCONNECTED, Some(told)) => told(Report::Ended(number)),
            _ => {
                *failures += 1;
                if bursts.begins() {
                    refused(&String::from_utf8_lossy(&address), number);
                }
            }
        }
    }
    true
}

fn refused(address: &str, number: i32) {
    let reason = io::Error::from_raw_os_error(number).to_string();
    tracing::warn!(
        address,
        reason,
        "connections cannot be accepted; a limit on open files is raised by `ulimit -n` or LimitNOFILE"
    );
}
