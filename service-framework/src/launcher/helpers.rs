//! Programs that are asked something and have to answer soon: each in a process group of its own, which ends with
//! its answer, with the time it has, or with us.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use super::files;

/// How much of a program's complaint is repeated.
const COMPLAINT_BYTES: usize = 4096;

/// How often one looks whether a program that has closed its output has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// All programs that are asked now.
#[derive(Clone, Default)]
pub(crate) struct Helpers(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Those that are not reaped yet, whose numbers are surely theirs, and where their askers listen.
    live: Vec<(Pid, Sender<Heard>)>,
    is_over: bool,
}

/// What an asker hears.
enum Heard {
    Output(Vec<u8>),
    Complaint(Vec<u8>),
    /// Nobody wants the answer any more.
    Over,
}

impl Helpers {
    /// Those of a process that ends by its first signal, as if it had no helpers.
    pub(crate) fn of_process() -> Self {
        let helpers = Self::default();
        let ended = helpers.clone();
        let watch = |mut signals: Signals| {
            let watch = move || {
                if let Some(signal) = signals.forever().next() {
                    // Locked until the end, so that nobody reports what the end makes of an answer.
                    let _ended = ended.end_all();
                    let _ = low_level::emulate_default_handler(signal);
                }
            };
            thread::Builder::new().name("signals".to_owned()).spawn(watch)
        };
        // Without a watch a helper that hangs outlives us; its answer is no worse for that.
        let _ = Signals::new([SIGINT, SIGTERM, SIGHUP]).and_then(watch);
        helpers
    }

    /// Ends all that are asked now, with what they have started; none is asked any more.
    pub(crate) fn end(&self) {
        drop(self.end_all());
    }

    fn end_all(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.is_over = true;
        for (pid, asker) in &state.live {
            // In this order: the end of its output is no answer.
            let _ = asker.send(Heard::Over);
            let _ = kill_process_group(*pid, Signal::KILL);
        }
        state
    }

    /// What `command` writes to stdout, all of it within `time`.
    pub(crate) fn ask(&self, command: &mut Command, time: Duration) -> Result<String, String> {
        let until = Instant::now() + time;
        let (mut child, heard) = self.start(command)?;
        let read = read_both(&heard, until).filter(|_| has_ended(&child, until));
        let status = self.reap(&mut child).map_err(|error| files::plain(&error))?;
        let is_over = self.lock().is_over;
        let read = read.filter(|_| status.success() || !is_over);
        let (output, complaint) = read.ok_or_else(|| match is_over {
            true => "nobody waits for its answer any more".to_owned(),
            false => format!("no end of its output within {time:?}"),
        })?;
        // A program that is no longer listened to fails at its next write: its length comes before its status.
        if output.len() as u64 > files::FILE_BYTES {
            return Err(format!("more than {} bytes of output", files::FILE_BYTES));
        }
        if !status.success() {
            return Err(failure(status, &complaint));
        }
        String::from_utf8(output).map_err(|_| "output that is no UTF-8".to_owned())
    }

    fn start(&self, command: &mut Command) -> Result<(Child, Receiver<Heard>), String> {
        let mut state = self.lock();
        if state.is_over {
            return Err("nobody waits for its answer any more".to_owned());
        }
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| files::plain(&error))?;
        let (asker, heard) = channel();
        state.live.push((Pid::from_child(&child), asker.clone()));
        read_aside(child.stdout.take(), Heard::Output, asker.clone());
        read_aside(child.stderr.take(), Heard::Complaint, asker);
        Ok((child, heard))
    }

    /// Ends what is left of a program and its group; how the program ended.
    fn reap(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let mut state = self.lock();
        let pid = Pid::from_child(child);
        let _ = kill_process_group(pid, Signal::KILL);
        state.live.retain(|(live, _)| *live != pid);
        child.wait()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a pipe to its end on a thread of its own, so that neither of two fills up.
fn read_aside(pipe: Option<impl Read + Send + 'static>, heard: fn(Vec<u8>) -> Heard, asker: Sender<Heard>) {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks ends like one that is closed; the exit status says what happened.
        let _ = pipe.map(|pipe| pipe.take(files::FILE_BYTES + 1).read_to_end(&mut bytes));
        asker.send(heard(bytes))
    });
}

/// Both outputs; `None` if they take too long or nobody wants them any more.
fn read_both(heard: &Receiver<Heard>, until: Instant) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut output, mut complaint) = (None, None);
    while output.is_none() || complaint.is_none() {
        match heard.recv_timeout(until.saturating_duration_since(Instant::now())).ok()? {
            Heard::Output(bytes) => output = Some(bytes),
            Heard::Complaint(bytes) => complaint = Some(bytes),
            Heard::Over => return None,
        }
    }
    output.zip(complaint)
}

/// Waits for the end of a program, and leaves it to be reaped.
fn has_ended(child: &Child, until: Instant) -> bool {
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while matches!(waitid(WaitId::Pid(Pid::from_child(child)), ended), Ok(None) | Err(Errno::INTR)) {
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(LOOK_EVERY);
    }
    true
}

fn failure(status: ExitStatus, complaint: &[u8]) -> String {
    // What matters most is said last.
    let shown = &complaint[complaint.len().saturating_sub(COMPLAINT_BYTES)..];
    let text = String::from_utf8_lossy(shown);
    match text.trim() {
        "" => format!("{status}"),
        text => format!("{status}, and it says:\n{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str, time: Duration) -> Result<String, String> {
        Helpers::default().ask(Command::new("/bin/sh").args(["-c", script]), time)
    }

    #[test]
    fn output_is_read_whole() {
        assert_eq!(shell("echo out; echo err >&2", LONG), Ok("out\n".to_owned()));
        let output = shell("head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2", LONG);
        assert_eq!(output.map(|text| text.len()), Ok(300_000));
    }

    #[test]
    fn failures_are_told_with_their_words() {
        assert_eq!(
            shell("echo broken >&2; exit 3", LONG).unwrap_err(),
            "exit status: 3, and it says:\nbroken"
        );
        assert_eq!(shell("exit 1", LONG).unwrap_err(), "exit status: 1");
    }

    #[test]
    fn a_program_that_never_ends_is_ended() {
        let error = shell("exec cat /dev/zero > /dev/null", Duration::from_millis(50)).unwrap_err();
        assert!(error.starts_with("no end of its output"), "{error}");
        let closed = shell("exec > /dev/null 2>&1; sleep 600", Duration::from_millis(50)).unwrap_err();
        assert!(closed.starts_with("no end of its output"), "{closed}");
    }

    #[test]
    fn what_a_program_has_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        let helpers = Helpers::default();
        let asked = thread::spawn({
            let helpers = helpers.clone();
            move || helpers.ask(Command::new("/bin/sh").args(["-c", &script]), LONG)
        });
        let until = Instant::now() + LONG;
        let pid = loop {
            assert!(Instant::now() < until);
            match std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok()) {
                Some(pid) => break Pid::from_raw(pid).unwrap(),
                None => thread::sleep(LOOK_EVERY),
            }
        };
        helpers.end();
        assert_eq!(asked.join().unwrap().unwrap_err(), "nobody waits for its answer any more");
        let is_here = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        while is_here() {
            assert!(Instant::now() < until, "it lives on");
            thread::sleep(LOOK_EVERY);
        }
        assert!(helpers.ask(&mut Command::new("true"), LONG).is_err(), "none is asked any more");
    }
}
