//! Processes for tests: started, listened to, and never left behind.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

/// Nothing here takes that long; whoever does hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The launcher, which has the services of this workspace beside it.
pub(crate) fn launcher() -> Command {
    Command::new(env!("CARGO_BIN_EXE_service_framework"))
}

/// An address of this machine that is free, and that nobody was given before.
pub(crate) fn free_address() -> String {
    /// Below those that the system gives to whoever connects: one of them may be taken when its owner comes back.
    const PORTS: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let somewhere = process::id() % PORTS * 97;
    loop {
        let port = 12_000 + somewhere.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

/// Waits until somebody listens at `address`.
pub(crate) fn wait_for_listener(address: &str) {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < until, "nobody listens at {address}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the process with this number has ended.
#[track_caller]
pub(crate) fn wait_until_gone(pid: &str) {
    let until = Instant::now() + PATIENCE;
    // One that nobody has reaped yet is gone too.
    let is_here = || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while is_here() {
        assert!(Instant::now() < until, "process {pid} lives on");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never came to be: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until a file is there.
#[track_caller]
pub(crate) fn wait_for_file(file: &Path) {
    let until = Instant::now() + PATIENCE;
    while !file.exists() {
        assert!(Instant::now() < until, "no {}", file.display());
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until a file holds a whole line, and returns it.
#[track_caller]
pub(crate) fn wait_for_line(file: &Path) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        match fs::read_to_string(file) {
            Ok(text) if text.ends_with('\n') => return text.trim_end().to_owned(),
            _ => assert!(Instant::now() < until, "nothing in {}", file.display()),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// A process whose lines are read as they come. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    /// All lines that came.
    seen: Vec<String>,
    /// Those that nobody waited for yet.
    fresh: Vec<String>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, lines) = channel();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        for pipe in [Box::new(stdout) as Box<dyn Read + Send>, Box::new(stderr)] {
            let sender = sender.clone();
            thread::spawn(move || {
                BufReader::new(pipe).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
            });
        }
        Process { child, lines, seen: Vec::new(), fresh: Vec::new() }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for a line in which `text` stands, on either stream. Each line is given once, whatever came before it:
    /// nobody knows in which order the lines of two streams are read.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let mut looked_at = 0;
        loop {
            if let Some(found) = self.fresh[looked_at..].iter().position(|line| line.contains(text)) {
                return self.fresh.remove(looked_at + found);
            }
            looked_at = self.fresh.len();
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    self.fresh.push(line);
                }
                Err(error) => panic!("{error} before {text:?} in:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Waits for the end. The lines are those of both streams, each stream's in order.
    pub(crate) fn finish(mut self) -> Finished {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it goes on and on:\n{}", self.seen.join("\n")),
            }
        }
        let code = self.child.wait().unwrap().code();
        Finished { code, lines: std::mem::take(&mut self.seen) }
    }

    /// Has it end by `signal`, if it has not, and waits until it is gone, for another to take its place.
    #[track_caller]
    pub(crate) fn end_by(&mut self, signal: Signal) {
        let until = Instant::now() + PATIENCE;
        if self.child.try_wait().unwrap().is_none() {
            self.signal(signal);
        }
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it goes on and on");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks it to end by `signal` and waits for that.
    pub(crate) fn finish_by(self, signal: Signal) -> Finished {
        self.signal(signal);
        self.finish()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail if it has ended, which is what is wanted.
        let ended = self.child.try_wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            self.seen.extend(self.lines.try_iter());
            let last = &self.seen[self.seen.len().saturating_sub(20)..];
            eprintln!(
                "process {}, ended before: {ended:?}, said last:\n{}",
                self.child.id(),
                last.join("\n")
            );
        }
    }
}

/// What a process left.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its exit code; None if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) lines: Vec<String>,
}

impl Finished {
    /// All lines as one text.
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// The lines that are JSON objects.
    pub(crate) fn objects(&self) -> Vec<Json> {
        let objects = self.lines.iter().filter(|line| line.starts_with('{'));
        objects.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The last of them.
    #[track_caller]
    pub(crate) fn object(&self) -> Json {
        self.objects().pop().unwrap_or_else(|| panic!("no JSON, code {:?}, in:\n{}", self.code, self.text()))
    }
}
