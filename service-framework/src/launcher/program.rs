//! Other programs that are services: becoming one, and asking one for its model.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::files;
use super::resolve::EXECED;
use crate::model::{Problem, ServiceModel};

/// How long a program may take to describe itself.
const DESCRIBE_TIME: Duration = Duration::from_secs(10);

/// How much of a program's complaint is repeated.
const COMPLAINT_BYTES: usize = 4096;

/// Becomes `program`, with the launcher's own arguments. Returns only if that failed.
pub(crate) fn exec(program: &Path, service: Option<&str>, arguments: &[String]) -> Problem {
    let mut command = command(program, service, arguments);
    unstartable(program, &command.exec())
}

/// The model that `program describe --json` prints, or that of one of its services, with these further variables in
/// its environment.
///
/// # Errors
/// The program cannot be started, fails, takes longer than ten seconds, prints more than a file may hold, or
/// prints no model.
pub(crate) fn describe(
    program: &Path,
    service: Option<&str>,
    environment: &[(String, String)],
) -> Result<ServiceModel, Vec<Problem>> {
    let name = program.display().to_string();
    let arguments = ["describe".to_owned(), "--json".to_owned()];
    let mut command = command(program, service, &arguments);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = run(&mut command, DESCRIBE_TIME).map_err(|reason| {
        vec![Problem::new("describe --json", "a program that prints its model", reason).in_file(&name)]
    })?;
    let json = files::parse_json(&output).map_err(|problem| vec![problem.in_file(&name)])?;
    ServiceModel::from_json(&json, Some(&name))
}

fn command(program: &Path, service: Option<&str>, arguments: &[String]) -> Command {
    let mut command = Command::new(program);
    command.env(EXECED, "1").args(arguments);
    if let Some(service) = service {
        command.args(["-s", service]);
    }
    command
}

fn unstartable(program: &Path, error: &io::Error) -> Problem {
    let found = format!("{} ({})", program.display(), files::plain(error));
    Problem::new("--service_path", "a program that can be started", found)
}

/// What the command writes to stdout, all of it within `time`.
fn run(command: &mut Command, time: Duration) -> Result<String, String> {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().map_err(|error| files::plain(&error))?;
    let read = read_both(&mut child, Instant::now() + time)
        .ok_or_else(|| format!("no end of its output within {time:?}"));
    if read.is_err() {
        // It may have ended by itself in between.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| files::plain(&error))?;
    let (output, complaint) = read?;
    // A program that is no longer listened to fails at its next write: its length comes before its status.
    if output.len() as u64 > files::FILE_BYTES {
        return Err(format!("more than {} bytes of output", files::FILE_BYTES));
    }
    if !status.success() {
        return Err(failure(status, &complaint));
    }
    String::from_utf8(output).map_err(|_| "output that is no UTF-8".to_owned())
}

/// Reads stdout and stderr to their ends, on a thread each, so that neither fills up; `None` if it takes too long.
fn read_both(child: &mut Child, until: Instant) -> Option<(Vec<u8>, Vec<u8>)> {
    let output = read_aside(child.stdout.take());
    let complaint = read_aside(child.stderr.take());
    let wait = |receiver: mpsc::Receiver<Vec<u8>>| {
        receiver.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
    };
    Some((wait(output)?, wait(complaint)?))
}

fn read_aside(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks ends like one that is closed; the exit status says what happened.
        let _ = pipe.map(|pipe| pipe.take(files::FILE_BYTES + 1).read_to_end(&mut bytes));
        sender.send(bytes)
    });
    receiver
}

fn failure(status: ExitStatus, complaint: &[u8]) -> String {
    let shown = &complaint[..complaint.len().min(COMPLAINT_BYTES)];
    let text = String::from_utf8_lossy(shown);
    match text.trim() {
        "" => format!("{status}"),
        text => format!("{status}, and it says:\n{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, time: Duration) -> Result<String, String> {
        run(Command::new("/bin/sh").args(["-c", script]), time)
    }

    #[test]
    fn output_is_read_whole() {
        let long = Duration::from_secs(60);
        assert_eq!(shell("echo out; echo err >&2", long), Ok("out\n".to_owned()));
        let output = shell("head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2", long);
        assert_eq!(output.map(|text| text.len()), Ok(300_000));
    }

    #[test]
    fn failures_are_told_with_their_words() {
        let long = Duration::from_secs(60);
        assert_eq!(
            shell("echo broken >&2; exit 3", long).unwrap_err(),
            "exit status: 3, and it says:\nbroken"
        );
        assert_eq!(shell("exit 1", long).unwrap_err(), "exit status: 1");
    }

    #[test]
    fn a_program_that_never_ends_is_ended() {
        let error = shell("exec cat /dev/zero > /dev/null", Duration::from_millis(50)).unwrap_err();
        assert!(error.starts_with("no end of its output"), "{error}");
    }

    #[test]
    fn a_program_that_cannot_start_is_named() {
        let problems = describe(Path::new("/nowhere/echo"), None, &[]).unwrap_err();
        insta::assert_snapshot!(problems[0], @"/nowhere/echo: describe --json: expected a program that prints its model, found no such file or directory");
    }
}
