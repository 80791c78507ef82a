//! Interpreters as processes: started from this program, watched, and ended.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::interpreter::WORD;
use super::plan::SECRET_PREFIX;
use crate::flow::worker::{Ended, Opened, Place, Usage};

/// How many times a second the system counts processor time: the same on all Linux systems, whatever their clock does.
const TICKS: u64 = 100;
/// Most bytes of a line on stderr that are kept.
const LONGEST_LINE: usize = 1000;
/// Most lines on stderr that are kept, the last.
const LINES: usize = 5;

/// Starts interpreters that may take so much memory.
pub(super) fn opener(memory: u64) -> impl Fn() -> io::Result<Opened> + Send + Sync + 'static {
    move || open(memory)
}

fn open(memory: u64) -> io::Result<Opened> {
    // Not the path of this program: somebody may have put another version there.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("service_framework").args([WORD, &memory.to_string(), &std::process::id().to_string()]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(SECRET_PREFIX) {
            command.env_remove(name);
        }
    }
    // What it dies of stands in the lines before its stack.
    command.env("RUST_BACKTRACE", "0");
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (Some(to), Some(from), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("its pipes are missing"));
    };
    let lines =
        thread::Builder::new().name("interpreter stderr".to_owned()).spawn(move || last_lines(stderr));
    let process = Process { child, memory, lines: lines.ok() };
    Ok(Opened { place: Box::new(process), to: Box::new(to), from: Box::new(from) })
}

struct Process {
    child: Child,
    memory: u64,
    lines: Option<JoinHandle<Vec<String>>>,
}

impl Place for Process {
    fn usage(&self) -> Option<Usage> {
        let pid = self.child.id();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let ticks = ticks(&stat)?;
        let memory = kibibytes(&status, "VmRSS:")? << 10;
        Some(Usage { cpu: Duration::from_millis(ticks * 1000 / TICKS), memory })
    }

    fn end(&mut self) -> Ended {
        // It fails if it has ended by itself, which is what is to be found out.
        let _ = self.child.kill();
        let status = self.child.wait();
        let lines = self.lines.take().and_then(|lines| lines.join().ok()).unwrap_or_default();
        match status {
            Ok(status) => ended(status, &lines, self.memory),
            Err(error) => Ended::Crash(error.to_string()),
        }
    }
}

/// What a process that ended so, with these last words, died of.
fn ended(status: ExitStatus, lines: &[String], memory: u64) -> Ended {
    let said = |text: &str| lines.iter().any(|line| line.contains(text));
    if said("memory allocation of") {
        return Ended::Limit(format!("it needed more than {} MiB of memory", memory >> 20));
    }
    if said("has overflowed its stack") {
        return Ended::Limit("it nested deeper than an interpreter can".to_owned());
    }
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, Some(signal)) => format!("it was ended by signal {signal}"),
        (None, None) => status.to_string(),
    };
    Ended::Crash(lines.last().map_or(how.clone(), |line| format!("{how}: {line}")))
}

/// The last lines that somebody writes, until it ends.
fn last_lines(from: impl Read) -> Vec<String> {
    let (mut from, mut lines, mut line) = (BufReader::new(from), Vec::new(), Vec::new());
    loop {
        line.clear();
        // A longer line is several.
        match from.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return lines,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !text.is_empty() && !text.starts_with("note: ") {
            lines.push(text);
        }
        if lines.len() > LINES {
            lines.remove(0);
        }
    }
}

/// Processor time of a process, in ticks, from its `stat`: that of itself in user and in kernel mode.
fn ticks(stat: &str) -> Option<u64> {
    // The name in parentheses may hold anything.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    Some(user + system)
}

/// A size in a `status` of a process.
pub(super) fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_took_is_read() {
        let stat = "17 (a) b) S 1 17 17 0 -1 4194560 100 0 0 0 250 50 7 7 20 0 1 0 100 1000 10";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(kibibytes("Name:\tx\nVmRSS:\t  1234 kB\n", "VmRSS:"), Some(1234));
        assert_eq!(kibibytes("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn want_of_memory_is_told_apart() {
        let lines = |text: &str| last_lines(text.as_bytes());
        let aborted = ExitStatus::from_raw(6);
        let ended = |text: &str| ended(aborted, &lines(text), 512 << 20);
        assert_eq!(
            ended("memory allocation of 99 bytes failed\nnote: x\n"),
            Ended::Limit("it needed more than 512 MiB of memory".to_owned())
        );
        assert!(matches!(ended("\nthread 'interpreter' has overflowed its stack\n"), Ended::Limit(_)));
        assert_eq!(ended("oh\nno\n"), Ended::Crash("it was ended by signal 6: no".to_owned()));
        assert_eq!(ended(""), Ended::Crash("it was ended by signal 6".to_owned()));
    }

    #[test]
    fn only_the_last_words_are_kept() {
        let text: String = (0..20).map(|number| format!("{number}\n")).collect();
        assert_eq!(last_lines(text.as_bytes()), ["15", "16", "17", "18", "19"]);
        assert_eq!(last_lines("x".repeat(2500).as_bytes()).len(), 3);
    }
}
