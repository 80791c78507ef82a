//! A hook that is a command: it gets the pool as JSON on its stdin, prints the new pool on its stdout, and ends with 0.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde_json::{Map, Value as Json};

use super::guard::Guard;
use crate::launcher::command::in_folder;
use crate::launcher::resolve::EXECED;
use crate::program::{Bound, Call, HookError, Pool};

/// Most bytes of a pool that a command prints.
const LARGEST: u64 = 100_000_000;
/// Most bytes of the beginning of what it says on stderr that become the error's text.
const LONGEST_HEAD: usize = 1024;
/// The same of the end.
const LONGEST_TAIL: usize = 3072;
/// How long the outputs of a command may stay open that has ended: somebody else has them.
const AFTER_END: Duration = Duration::from_secs(1);

/// The hook of a command whose relative paths begin in a folder.
pub(super) fn new(command: &[String], folder: &Path) -> Bound {
    let (command, folder) = (command.to_vec(), folder.to_owned());
    Bound::keeping_time(move |pool: &mut Pool, call: &Call| run(&command, &folder, pool, call))
}

fn run(command: &[String], folder: &Path, pool: &mut Pool, call: &Call) -> Result<(), HookError> {
    let name = command.first().map(String::as_str).unwrap_or_default();
    wait_if_over();
    let running = Running::start(command, folder, pool, call)
        .map_err(|error| HookError::new(format!("the command {name:?} cannot be started: {error}")))?;
    let ended = running.finish(call.until);
    wait_if_over();
    let ended = ended?;
    if ended.stdout.is_none() {
        return Err(HookError::in_doubt(format!(
            "{name:?} printed more than {LARGEST} bytes, which is the most that a pool may have that a command prints; it was killed"
        )));
    }
    let printed = ended.pool();
    match (ended.status.success(), printed) {
        (true, Ok(printed)) => pool.replace_json(&printed),
        // It did what it was to do, as far as it says: nobody knows what that was.
        (true, Err(reason)) => Err(HookError::in_doubt(format!("{name:?} ended well, but {reason}"))),
        (false, printed) => {
            // What it says of the pool counts also when it fails.
            if let Ok(printed) = printed {
                pool.replace_json(&printed)?;
            }
            Err(HookError::new(ended.failure(name)))
        }
    }
}

/// Commands that are on their way, for whoever has to end them at once.
static RUNNING: Mutex<Guard> = Mutex::new(Guard::new());

fn running() -> MutexGuard<'static, Guard> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the process is about to end.
static IS_OVER: AtomicBool = AtomicBool::new(false);

/// Kills all commands that are on their way, with all that they have started, because this process is about to end. None is
/// started any more, and none has failed by this: what becomes of it is in doubt, as it is.
pub(in crate::launcher) fn kill_all() {
    let running = running();
    IS_OVER.store(true, Ordering::SeqCst);
    running.kill();
}

/// Kills all commands that are on their way, with all that they have started, because what they do is another server's now.
pub(super) fn kill_running() {
    running().kill();
}

fn wait_if_over() {
    while IS_OVER.load(Ordering::SeqCst) {
        thread::park();
    }
}

/// A command on its way.
struct Running {
    child: Child,
    stdout: Receiver<Option<Vec<u8>>>,
    stderr: Receiver<Said>,
}

struct Ended {
    status: ExitStatus,
    /// None if it was too much.
    stdout: Option<Vec<u8>>,
    stderr: Said,
}

/// The beginning and the end of a text, however long it is.
#[derive(Debug, Default)]
struct Said {
    head: Vec<u8>,
    tail: Vec<u8>,
    left_out: u64,
}

impl Said {
    fn read(from: &mut impl Read) -> Self {
        let mut said = Self::default();
        let mut segment = [0; 4096];
        loop {
            match from.read(&mut segment) {
                Ok(0) => return said,
                Ok(count) => said.add(&segment[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What came before it came.
                Err(_) => return said,
            }
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(LONGEST_HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(rest);
        let surplus = self.tail.len().saturating_sub(LONGEST_TAIL);
        self.tail.drain(..surplus);
        self.left_out += surplus as u64;
    }

    fn text(&self) -> String {
        if self.left_out == 0 {
            return String::from_utf8_lossy(&[&self.head[..], &self.tail].concat()).into_owned();
        }
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&self.tail));
        format!("{head}\n[{} bytes are left out]\n{tail}", self.left_out)
    }
}

impl Running {
    /// Starts it in a process group of its own, so that Ctrl-C leaves it time to end.
    fn start(command: &[String], folder: &Path, pool: &Pool, call: &Call) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let folder: PathBuf = std::path::absolute(folder)?;
        running().announce(&call.idempotency_key);
        let started = Command::new(in_folder(program, &folder))
            .args(arguments)
            .current_dir(&folder)
            .env_remove(EXECED)
            .env("SERVICE_FRAMEWORK_RUN", &call.run)
            .env("SERVICE_FRAMEWORK_IDEMPOTENCY_KEY", &call.idempotency_key)
            .env("SERVICE_FRAMEWORK_ATTEMPT", call.attempt.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut guard = running();
        if let Ok(child) = &started {
            guard.add(group_of(child));
        }
        guard.settle(&call.idempotency_key);
        drop(guard);
        let mut child = started?;
        let group = group_of(&child);
        let text = pool.to_json().to_string();
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        if let Some(mut stdin) = stdin {
            // One that does not read its pool is not to be waited for.
            thread::Builder::new().name("hook stdin".into()).spawn(move || {
                let _ = stdin.write_all(text.as_bytes());
            })?;
        }
        let stdout = reading("hook stdout", stdout, move |from| read_pool(from, group))?;
        let stderr = reading("hook stderr", stderr, Said::read)?;
        Ok(Self { child, stdout, stderr })
    }

    fn finish(mut self, until: Option<Instant>) -> Result<Ended, HookError> {
        let ended = wait(&self.child, until)
            .map_err(|error| HookError::in_doubt(format!("the command cannot be waited for: {error}")));
        self.end_group();
        let status = {
            let mut running = running();
            running.remove(group_of(&self.child));
            self.child.wait()
        };
        if !ended? {
            return Err(HookError::in_doubt("the command did not end within its timeout, and was killed"));
        }
        let status = status.map_err(|error| HookError::in_doubt(format!("the command is lost: {error}")))?;
        let stdout = self.stdout.recv_timeout(AFTER_END).unwrap_or_else(|_| Some(Vec::new()));
        let stderr = self.stderr.recv_timeout(AFTER_END).unwrap_or_default();
        Ok(Ended { status, stdout, stderr })
    }

    /// Kills it and what it has left running. It is not reaped yet, so the number is its own.
    fn end_group(&self) {
        // It fails if nobody is left, which is what is wanted.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
    }
}

/// The number of the process group that a command leads.
fn group_of(child: &Child) -> i32 {
    Pid::from_child(child).as_raw_nonzero().get()
}

/// Whether a command ended before the time was over; it is not reaped.
fn wait(child: &Child, until: Option<Instant>) -> io::Result<bool> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], timeout.as_ref()) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads what a command prints. One that prints too much is ended, and nothing of it is kept.
fn read_pool(from: &mut impl Read, group: i32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // What came before an error came.
    let _ = from.by_ref().take(LARGEST + 1).read_to_end(&mut bytes);
    if bytes.len() as u64 <= LARGEST {
        return Some(bytes);
    }
    let running = running();
    // Who is listed is not reaped yet.
    if let Some(group) = Pid::from_raw(group).filter(|_| running.has(group)) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    None
}

/// Reads an output on a thread of its own.
fn reading<R: Read + Send + 'static, T: Send + 'static>(
    name: &str,
    from: Option<R>,
    read: impl FnOnce(&mut R) -> T + Send + 'static,
) -> io::Result<Receiver<T>> {
    let (send, receive) = channel();
    if let Some(mut from) = from {
        thread::Builder::new().name(name.into()).spawn(move || {
            // Nobody waits any more if the command has ended long ago.
            let _ = send.send(read(&mut from));
        })?;
    }
    Ok(receive)
}

impl Ended {
    fn pool(&self) -> Result<Map<String, Json>, String> {
        let stdout = self.stdout.as_deref().unwrap_or_default();
        if stdout.iter().all(u8::is_ascii_whitespace) {
            return Err("printed no pool: a command prints all of its pool as a JSON object".to_owned());
        }
        let json: Json = serde_json::from_slice(stdout).map_err(|error| {
            format!(
                "printed something else than a pool (what is for people goes to stderr): {error}: {:?}",
                self.printed()
            )
        })?;
        match json {
            Json::Object(entries) => Ok(entries),
            _ => Err(format!(
                "printed something else than a pool, which is a JSON object: {:?}",
                self.printed()
            )),
        }
    }

    fn printed(&self) -> String {
        let stdout = self.stdout.as_deref().unwrap_or_default();
        String::from_utf8_lossy(&stdout[..stdout.len().min(80)]).into_owned()
    }

    fn failure(&self, name: &str) -> String {
        let how = match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("{name:?} ended with exit code {code}"),
            (None, Some(signal)) => format!("{name:?} was ended by signal {signal}"),
            (None, None) => format!("{name:?} failed"),
        };
        match self.stderr.text().trim() {
            "" => how,
            said => format!("{how}: {said}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn call(until: Option<Duration>) -> Call {
        let until = until.map(|after| Instant::now() + after);
        Call { run: "r-1".into(), idempotency_key: "r-1/0".into(), attempt: 2, until }
    }

    fn shell(script: &str, pool: &mut Pool, until: Option<Duration>) -> Result<(), HookError> {
        let command = ["sh", "-c", script].map(str::to_owned);
        run(&command, Path::new("."), pool, &call(until))
    }

    fn pool() -> Pool {
        let mut pool = Pool::new();
        pool.set("n", 1);
        pool.set("_program_name", "p");
        pool
    }

    #[test]
    fn what_a_command_prints_is_the_pool() {
        let mut pool = pool();
        shell("cat >/dev/null; echo '{\"m\": 2}'", &mut pool, None).unwrap();
        assert_eq!(
            pool.to_json().to_string(),
            r#"{"_program_name":"p","m":2}"#,
            "the framework's own keys are kept"
        );
        shell("sed 's/2/3/'", &mut pool, Some(Duration::from_secs(60))).unwrap();
        assert_eq!(pool.get("m"), Some(&Value::Int(3)));
        let script = r#"echo "{\"k\": \"$SERVICE_FRAMEWORK_RUN $SERVICE_FRAMEWORK_IDEMPOTENCY_KEY $SERVICE_FRAMEWORK_ATTEMPT\"}""#;
        shell(script, &mut pool, None).unwrap();
        assert_eq!(pool.get("k"), Some(&Value::from("r-1 r-1/0 2")));
    }

    #[test]
    fn a_command_that_fails_says_why() {
        for (script, said) in [
            ("exit 3", "\"sh\" ended with exit code 3"),
            ("echo no stock >&2; exit 1", "\"sh\" ended with exit code 1: no stock"),
            ("kill -9 $$", "\"sh\" was ended by signal 9"),
            ("true", "\"sh\" ended well, but printed no pool"),
            (
                "echo hello",
                "printed something else than a pool (what is for people goes to stderr): expected value at line 1 column 1: \"hello\\n\"",
            ),
            ("echo 1", "printed something else than a pool, which is a JSON object: \"1\\n\""),
        ] {
            let error = shell(script, &mut pool(), None).unwrap_err();
            assert!(error.text().contains(said), "{said:?} is not in {:?}", error.text());
        }
        let nowhere = run(&["./nowhere".to_owned()], Path::new("."), &mut pool(), &call(None)).unwrap_err();
        assert!(nowhere.text().contains("cannot be started"), "{nowhere}");
    }

    #[test]
    fn of_a_long_lament_the_beginning_and_the_end_are_kept() {
        let script = "echo first >&2; yes lament | head -c 20000000 >&2; echo last >&2; exit 1";
        let error = shell(script, &mut pool(), None).unwrap_err();
        let text = error.text();
        assert!(text.len() < 6000 && text.contains(": first\n") && text.ends_with("last"), "{text}");
        let out = 20_000_000 + 11 - LONGEST_HEAD - LONGEST_TAIL;
        assert!(text.contains(&format!("[{out} bytes are left out]")), "{text}");
        let mut said = Said::default();
        (0..LONGEST_HEAD + LONGEST_TAIL).for_each(|n| said.add(&[b'a' + (n % 26) as u8]));
        assert_eq!((said.left_out, said.text().len()), (0, LONGEST_HEAD + LONGEST_TAIL));
    }

    #[test]
    fn what_a_failing_command_prints_counts() {
        let mut pool = pool();
        shell("echo '{\"half\": true}'; exit 1", &mut pool, None).unwrap_err();
        assert!(pool.has("half") && !pool.has("n"));
    }

    #[test]
    fn a_command_that_is_late_is_killed_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alive");
        let script = format!("(sleep 600; touch {}) & sleep 600", file.display());
        let error = shell(&script, &mut pool(), Some(Duration::from_millis(50))).unwrap_err();
        assert!(error.is_in_doubt() && error.text().contains("was killed"), "{error}");
        assert!(!file.exists());
    }

    #[test]
    fn a_command_that_prints_too_much_is_ended_and_told_the_limit() {
        // It would go on for ever, and does not mind that nobody reads.
        let script = "trap '' PIPE; while :; do head -c 1000000 /dev/zero || sleep 0.01; done";
        let error = shell(script, &mut pool(), None).unwrap_err();
        assert!(error.text().contains("printed more than 100000000 bytes"), "{error}");
        assert!(error.is_in_doubt(), "it was killed wherever it was");
    }

    #[test]
    fn a_command_that_reads_nothing_or_leaves_others_running_holds_nobody_up() {
        let mut pool = pool();
        pool.set("large", "x".repeat(1 << 20));
        shell("sleep 600 & echo '{}'", &mut pool, Some(Duration::from_secs(60))).unwrap();
        assert!(!pool.has("large"));
    }
}
