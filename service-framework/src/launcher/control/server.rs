//! The answering end: a thread that sleeps until somebody connects, and one for each who does, for a bounded time.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::message::{Answer, LONGEST_QUESTION, Question, Refusal, answer_line};
use super::place::{self, Kind};

/// So many may be connected at a time; all of them are the same user.
const MOST_GUESTS: usize = 16;

/// How long a guest may take to ask, or to read an answer.
const GUEST_TIME: Duration = Duration::from_secs(5);

/// Who answers.
pub(crate) trait Host: Send + Sync + 'static {
    fn answer(&self, question: &Question) -> Answer;

    /// Takes the connection over for a question that one answer is not enough for; None for all others.
    fn take_over(&self, _question: &Question, _guest: &UnixStream) -> Option<io::Result<()>> {
        None
    }
}

/// A control socket that is open. It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Control {
    path: PathBuf,
}

impl Control {
    /// Opens the socket of this process.
    ///
    /// # Errors
    /// The folder, the socket or the thread cannot be made.
    pub(crate) fn open(kind: Kind, host: Arc<impl Host>) -> io::Result<Self> {
        let path = place::of_process(kind)?;
        Self::open_at(path, host)
    }

    pub(super) fn open_at(path: PathBuf, host: Arc<impl Host>) -> io::Result<Self> {
        let listener = place::listen(&path)?;
        let control = Self { path };
        thread::Builder::new().name("control".to_owned()).spawn(move || serve(&listener, &host))?;
        Ok(control)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Whoever looks for live sockets removes it otherwise.
        let _ = fs::remove_file(&self.path);
    }
}

fn serve(listener: &UnixListener, host: &Arc<impl Host>) {
    let guests = Arc::new(AtomicUsize::new(0));
    for guest in listener.incoming() {
        match guest {
            Ok(guest) => receive(guest, host, &guests),
            // No descriptors are left, perhaps; that is told where connections of the service are refused.
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}

fn receive(mut guest: UnixStream, host: &Arc<impl Host>, guests: &Arc<AtomicUsize>) {
    if guests.load(Ordering::Acquire) >= MOST_GUESTS {
        let refusal = Err(Refusal::new("busy", format!("{MOST_GUESTS} are connected already")));
        // It is in the socket's buffer at once, or the guest has gone.
        let _ = guest.set_nonblocking(true).and_then(|()| guest.write_all(answer_line(&refusal).as_bytes()));
        return;
    }
    let stay = Stay::begin(guests);
    let host = host.clone();
    let attend = move || {
        let _stay = stay;
        // A guest who breaks off harms nobody but himself.
        let _ = attend(&guest, &*host);
    };
    let _ = thread::Builder::new().name("guest".to_owned()).spawn(attend);
}

/// A guest's place, until dropped.
struct Stay(Arc<AtomicUsize>);

impl Stay {
    fn begin(guests: &Arc<AtomicUsize>) -> Self {
        guests.fetch_add(1, Ordering::AcqRel);
        Self(guests.clone())
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Answers the questions that come over a connection that this end has made, on a thread of its own.
///
/// # Errors
/// There is no thread.
pub(crate) fn attend_to(stream: UnixStream, host: Arc<impl Host>) -> io::Result<()> {
    let attend = move || {
        // As for any guest.
        let _ = attend(&stream, &*host);
    };
    thread::Builder::new().name("guest".to_owned()).spawn(attend).map(drop)
}

/// Answers every line of a guest until he goes, is too slow, or sends what is no line.
fn attend(guest: &UnixStream, host: &impl Host) -> io::Result<()> {
    guest.set_read_timeout(Some(GUEST_TIME))?;
    guest.set_write_timeout(Some(GUEST_TIME))?;
    let mut lines = BufReader::new(guest);
    let mut line = Vec::new();
    loop {
        line.clear();
        lines.by_ref().take(LONGEST_QUESTION).read_until(b'\n', &mut line)?;
        let is_whole = line.last() == Some(&b'\n');
        let answer = match (is_whole, line.len()) {
            (false, 0) => return Ok(()),
            (true, _) => match Question::read(&line) {
                Ok(question) => match host.take_over(&question, guest) {
                    Some(ended) => return ended,
                    None => host.answer(&question),
                },
                Err(refusal) => Err(refusal),
            },
            (false, _) => Err(Refusal::bad(format!("no line of at most {LONGEST_QUESTION} bytes"))),
        };
        (&*guest).write_all(answer_line(&answer).as_bytes())?;
        if !is_whole {
            return Ok(());
        }
    }
}
