//! One running service: a process in a process group of its own, and the threads that follow it.

use std::convert::Infallible;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use super::job::Order;
use super::lines::{Piece, Pieces, for_each_line};
use super::screen::{Screen, Stream};
use super::tame::tame;
use crate::launcher::control::message::Answer;

/// How long a service that has ended is waited for to have its last lines read. Its pipes close with it, unless
/// it has put a process outside its group that holds them open.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What happens while services run.
#[derive(Debug)]
pub(super) enum Event {
    /// The process of a service has ended, and its lines are shown. It waits to be reaped.
    Ended { service: usize, at: Instant },
    /// It is ready, in the run of that number.
    Ready { service: usize, run: u64 },
    /// Somebody asked for something, and waits for the answer.
    Asked { order: Order, reply: Sender<Answer> },
    /// Somebody asked `up` to end.
    Signal,
    /// What `up` writes arrives nowhere any more.
    Unread(io::Error),
}

/// A started process that is not reaped yet, so its id is its own.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    pub(super) pid: Pid,
    pub(super) since: Instant,
}

impl Running {
    /// Starts `command`. Its lines go to `screen`, its end comes as an event.
    pub(super) fn start(
        command: &mut Command,
        service: usize,
        screen: &Arc<Screen>,
        events: &Sender<Event>,
    ) -> io::Result<Self> {
        // Ctrl-C reaches the terminal's foreground group only: us. We stop services in our order.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        match follow(&mut child, service, screen, events) {
            Ok(pid) => Ok(Running { child, pid, since: Instant::now() }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// Asks the service to end. Only the service itself: it stops its own children when it is ready.
    pub(super) fn terminate(&self) {
        // It fails if the process has just ended, which is what is wanted.
        let _ = kill_process(self.pid, Signal::TERM);
    }

    /// Ends the service and what it has started, at once.
    pub(super) fn kill(&self) {
        let _ = kill_process_group(self.pid, Signal::KILL);
    }

    /// How the process ended; waits for it if it has not.
    pub(super) fn reap(mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

/// Starts the threads that read both pipes and the one that waits for the end.
fn follow(
    child: &mut Child,
    service: usize,
    screen: &Arc<Screen>,
    events: &Sender<Event>,
) -> io::Result<Pid> {
    let pid = Pid::from_child(child);
    let (open, pipes_open) = channel();
    if let Some(pipe) = child.stdout.take() {
        let reader = Reader { service, stream: Stream::Out, screen: screen.clone(), events: events.clone() };
        let open = open.clone();
        thread::Builder::new().name(format!("stdout {service}")).spawn(move || reader.read(pipe, open))?;
    }
    if let Some(pipe) = child.stderr.take() {
        let reader = Reader { service, stream: Stream::Err, screen: screen.clone(), events: events.clone() };
        thread::Builder::new().name(format!("stderr {service}")).spawn(move || reader.read(pipe, open))?;
    }
    let events = events.clone();
    thread::Builder::new().name(format!("wait {service}")).spawn(move || {
        let at = wait_for_end(pid);
        // The process is not reaped yet, so the group's number is still its own: whatever the service has left
        // behind ends here.
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = pipes_open.recv_timeout(LAST_LINES);
        let _ = events.send(Event::Ended { service, at });
    })?;
    Ok(pid)
}

/// Waits until `pid` has ended, and leaves it to be reaped.
fn wait_for_end(pid: Pid) -> Instant {
    let unreaped = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), unreaped), Err(Errno::INTR)) {}
    Instant::now()
}

/// Reads one pipe of one service.
struct Reader {
    service: usize,
    stream: Stream,
    screen: Arc<Screen>,
    events: Sender<Event>,
}

impl Reader {
    /// Shows every line. `_open` is dropped at the end, which says that the pipe is closed.
    fn read(self, pipe: impl Read, _open: Sender<Infallible>) {
        let mut pieces =
            (self.stream == Stream::Out && self.screen.columns().is_some()).then(Pieces::default);
        let mut is_read = true;
        let end = for_each_line(pipe, |line| {
            let piece = pieces.as_mut().map_or(Some(Piece::Line(line)), |pieces| pieces.next(line));
            // A pipe that nobody empties would stop the service.
            if is_read && let Some(Err(error)) = piece.map(|piece| self.show(piece)) {
                is_read = false;
                let _ = self.events.send(Event::Unread(error));
            }
        });
        if let Err(error) = end {
            self.screen
                .notice(&format!("cannot read what {} prints: {error}", self.screen.name(self.service)));
        }
    }

    fn show(&self, piece: Piece<'_>) -> io::Result<()> {
        match piece {
            Piece::Line(line) => self.screen.line(self.service, self.stream, &tame(line)),
            Piece::Panel(panel) => {
                let panel = panel.iter().map(|line| tame(line).into_owned()).collect();
                self.screen.panel(self.service, panel)
            }
        }
    }
}
