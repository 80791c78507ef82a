//! A command's process: lines in, lines out, and its end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use serde_json::Value as Json;

use super::program::in_folder;
use crate::launcher::resolve::EXECED;
use crate::launcher::up;

/// Bytes of one line; a command that writes more without an end of line is stopped.
const LONGEST_LINE: u64 = 64 << 20;

/// Lines that a command may be ahead of its service; one that goes on is given up.
const MOST_UNREAD: usize = 10_000;

/// How long a command that was asked by SIGTERM may take to end.
const AFTER_TERM: Duration = Duration::from_secs(1);

/// How long the last words of a command that has ended are waited for: only what left its group can hold its stderr open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The process group of the command that runs now, if it has one of its own: for whoever has to end it at once.
#[derive(Clone, Default)]
pub(super) struct Group(Arc<Mutex<Option<Pid>>>);

impl Group {
    pub(super) fn kill(&self) {
        // Who holds it starts a command or reaps one, after having killed its group.
        if let Ok(group) = self.0.try_lock()
            && let Some(pid) = *group
        {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    /// Locked while a command is started or reaped, so that the number in it is always that of our command.
    fn lock(&self) -> MutexGuard<'_, Option<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running command.
pub(super) struct Process {
    child: Child,
    /// Whether it leads a process group, which then ends with it.
    leads: bool,
    group: Group,
    stdin: Option<ChildStdin>,
    heard: Receiver<Heard>,
    /// Disconnected when all of its stderr is logged.
    logged: Receiver<()>,
    /// Lines that nobody has taken yet.
    unread: Arc<AtomicUsize>,
}

/// What a process gives the one who waits for it.
pub(super) enum Heard {
    /// A line of its stdout.
    Line(String),
    /// Its stdout has ended, for this reason.
    End(String),
    /// The service is asked to stop.
    Stop,
    /// The service has ended: nobody waits for the call that is open.
    Over,
}

impl Process {
    /// Starts a command in a folder; `on_end` is called when its stdout has ended. Also returns where to tell its
    /// reader something.
    ///
    /// The command is in a process group of its own, so that Ctrl-C reaches only us: we end it when its open call
    /// is over. It ends with us in any case, as its stdin does. Under `up` our own group is out of the terminal's
    /// reach already, and what is in it ends with us even if it never reads its stdin: there it stays with us.
    pub(super) fn start(
        command: &[String],
        folder: &Path,
        group: &Group,
        on_end: impl FnOnce() + Send + 'static,
    ) -> io::Result<(Self, Sender<Heard>)> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        // Whole, for the program's own path is looked up from there.
        let folder = std::path::absolute(folder)?;
        let mut command = Command::new(in_folder(program, &folder));
        command.args(arguments).current_dir(&folder).env_remove(EXECED);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let leads = !up::is_part_of_system();
        if leads {
            command.process_group(0);
        }
        let mut running = group.lock();
        let mut child = command.spawn()?;
        *running = leads.then(|| Pid::from_child(&child));
        drop(running);
        let (tell, heard) = channel();
        let (stdout, stderr, stdin) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
        let unread = Arc::new(AtomicUsize::new(0));
        let group = group.clone();
        let (logging, logged) = channel();
        let process = Self { child, leads, group, stdin, heard, logged, unread: unread.clone() };
        let name = program.clone();
        if let Some(stderr) = stderr {
            thread::Builder::new().name("command-log".into()).spawn(move || log(&name, stderr, logging))?;
        }
        if let Some(stdout) = stdout {
            let tell = tell.clone();
            thread::Builder::new().name("command".into()).spawn(move || {
                read_lines(stdout, &tell, &unread);
                on_end();
            })?;
        }
        Ok((process, tell))
    }

    /// What it says next; `None` when there is nothing before `until`.
    pub(super) fn hear(&self, until: Option<Instant>) -> Option<Heard> {
        let heard = match until {
            None => self.heard.recv().ok(),
            // One that never stops talking must not be listened to for ever.
            Some(until) => match until.checked_duration_since(Instant::now()) {
                Some(left) => self.heard.recv_timeout(left).ok(),
                None => None,
            },
        };
        if matches!(heard, Some(Heard::Line(_))) {
            self.unread.fetch_sub(1, Ordering::Relaxed);
        }
        heard
    }

    /// Writes one line.
    pub(super) fn say(&mut self, line: &Json) -> io::Result<()> {
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut text = line.to_string();
        text.push('\n');
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush())
    }

    /// Ends it: its stdin closes; if it is still there after a while it is asked by SIGTERM, and then killed. What
    /// it leaves behind in its group ends with it. Returns how it ended, if the system tells.
    pub(super) fn end(mut self, patience: Duration) -> Option<ExitStatus> {
        self.stdin = None;
        if !self.has_ended_within(patience) {
            self.send(Signal::TERM);
            self.has_ended_within(AFTER_TERM);
        }
        self.send(Signal::KILL);
        let status = self.reap();
        // Nothing is ever sent: what ends the wait is that the reader is done.
        let _done = self.logged.recv_timeout(LAST_WORDS);
        status
    }

    fn reap(&mut self) -> Option<ExitStatus> {
        let group = self.group.clone();
        let mut running = group.lock();
        let status = self.child.wait().ok();
        *running = None;
        status
    }

    /// Leaves it to be reaped, so that its number and its group's stay its own.
    fn has_ended_within(&self, patience: Duration) -> bool {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let until = Instant::now() + patience;
        while matches!(waitid(WaitId::Pid(Pid::from_child(&self.child)), ended), Ok(None) | Err(Errno::INTR))
        {
            if Instant::now() >= until {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Only for a process that is not reaped yet: its number is its own.
    fn send(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        // It fails if the process has just ended, which is what is wanted.
        let _sent = if self.leads { kill_process_group(pid, signal) } else { kill_process(pid, signal) };
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.group.lock().is_some() || matches!(self.child.try_wait(), Ok(None)) {
            self.send(Signal::KILL);
            let _status = self.reap();
        }
    }
}

fn read_lines(stdout: impl Read, tell: &Sender<Heard>, unread: &AtomicUsize) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = String::new();
        let heard = match stdout.by_ref().take(LONGEST_LINE).read_line(&mut line) {
            Ok(0) => Heard::End("it ended".into()),
            Ok(_) if line.len() as u64 >= LONGEST_LINE => Heard::End("it wrote a line without an end".into()),
            Ok(_) if unread.fetch_add(1, Ordering::Relaxed) >= MOST_UNREAD => {
                Heard::End("it writes without being asked".into())
            }
            Ok(_) => Heard::Line(line),
            Err(error) => Heard::End(format!("its output cannot be read: {error}")),
        };
        let ended = matches!(heard, Heard::End(_));
        if tell.send(heard).is_err() || ended {
            return;
        }
    }
}

/// Logs what a command writes to its stderr; `_logging` is dropped when there is no more.
fn log(command: &str, stderr: impl Read, _logging: Sender<()>) {
    let mut lines = BufReader::new(stderr).take(u64::MAX);
    loop {
        let mut line = Vec::new();
        match lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => tracing::info!(command, "{}", String::from_utf8_lossy(&line).trim_end()),
        }
    }
}
