//! A command's process: lines in, lines out, and its end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::launcher::resolve::EXECED;

/// Bytes of one line; a command that writes more without an end of line is stopped.
const LONGEST_LINE: u64 = 64 << 20;

/// A running command.
pub(super) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(super) heard: Receiver<Heard>,
}

/// What a process gives the one who waits for it.
pub(super) enum Heard {
    /// A line of its stdout.
    Line(String),
    /// Its stdout has ended, for this reason.
    End(String),
    /// The service is asked to stop.
    Stop,
}

impl Process {
    /// Starts a command in a folder. Also returns where to tell its reader something.
    pub(super) fn start(command: &[String], folder: &Path) -> io::Result<(Self, Sender<Heard>)> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut child = Command::new(in_folder(program, folder))
            .args(arguments)
            .current_dir(folder)
            .env_remove(EXECED)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (tell, heard) = channel();
        let (stdout, stderr, stdin) = (child.stdout.take(), child.stderr.take(), child.stdin.take());
        let process = Self { child, stdin, heard };
        let name = program.clone();
        if let Some(stderr) = stderr {
            thread::Builder::new().name("command-log".into()).spawn(move || log(&name, stderr))?;
        }
        if let Some(stdout) = stdout {
            let tell = tell.clone();
            thread::Builder::new().name("command".into()).spawn(move || read_lines(stdout, &tell))?;
        }
        Ok((process, tell))
    }

    /// Writes one line.
    pub(super) fn say(&mut self, line: &Json) -> io::Result<()> {
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut text = line.to_string();
        text.push('\n');
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush())
    }

    /// Ends it: its stdin closes, and if it is still there after a while it is killed.
    pub(super) fn end(&mut self, patience: Duration) {
        self.stdin = None;
        let until = Instant::now() + patience;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has ended, and been waited for, already.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A program given by a relative path is in the folder of its model, one without a path where the system looks.
fn in_folder(program: &str, folder: &Path) -> std::path::PathBuf {
    if program.contains('/') { folder.join(program) } else { program.into() }
}

fn read_lines(stdout: impl Read, tell: &Sender<Heard>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = String::new();
        let heard = match stdout.by_ref().take(LONGEST_LINE).read_line(&mut line) {
            Ok(0) => Heard::End("it ended".into()),
            Ok(_) if line.len() as u64 >= LONGEST_LINE => Heard::End("it wrote a line without an end".into()),
            Ok(_) => Heard::Line(line),
            Err(error) => Heard::End(format!("its output cannot be read: {error}")),
        };
        let ended = matches!(heard, Heard::End(_));
        if tell.send(heard).is_err() || ended {
            return;
        }
    }
}

fn log(command: &str, stderr: impl Read) {
    let mut lines = BufReader::new(stderr).take(u64::MAX);
    loop {
        let mut line = Vec::new();
        match lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => tracing::info!(command, "{}", String::from_utf8_lossy(&line).trim_end()),
        }
    }
}
