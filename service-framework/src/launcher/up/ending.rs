//! How services end, and the table that says so.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::launcher::columns::aligned;
use crate::launcher::exit;

/// How one service ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) ran_for: Duration,
    pub(super) how: How,
    /// How often it was started again.
    pub(super) restarts: u64,
}

/// What made a service end.
#[derive(Debug, Default)]
pub(super) enum How {
    /// It never ran: another one failed before its turn came.
    #[default]
    NotStarted,
    /// By itself, without failure.
    Done,
    /// Because it was asked to.
    Stopped,
    /// With this exit code, other than 0.
    Failed(u8),
    /// By this signal, which we did not send.
    Signalled(i32),
    /// It was killed, because it did not end within this time.
    Overran(Duration),
    /// The system could not start it.
    CannotStart(io::Error),
    /// The system could not say how it ended.
    Lost(io::Error),
}

impl How {
    /// What `status` means for a service that `was_asked` to end.
    pub(super) fn of(status: ExitStatus, was_asked: bool) -> How {
        match (status.code(), status.signal()) {
            (Some(0), _) if was_asked => How::Stopped,
            (Some(0), _) => How::Done,
            // Exit codes have eight bits on Unix.
            (Some(code), _) => How::Failed(u8::try_from(code).unwrap_or(u8::MAX)),
            // It leaves SIGTERM to the system, which is a way to end when asked.
            (None, Some(signal)) if was_asked && signal == Signal::TERM.as_raw() => How::Stopped,
            (None, signal) => How::Signalled(signal.unwrap_or_default()),
        }
    }

    pub(super) fn is_failure(&self) -> bool {
        self.exit_code() != exit::OK
    }

    /// The code that `up` ends with if this is the first failure.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            How::NotStarted | How::Done | How::Stopped => exit::OK,
            How::Failed(code) => *code,
            How::Signalled(signal) => u8::try_from(exit::after_signal(*signal)).unwrap_or(exit::FAILED),
            How::Overran(_) | How::CannotStart(_) | How::Lost(_) => exit::FAILED,
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            How::NotStarted => f.write_str("was not started"),
            How::Done => f.write_str("ended by itself"),
            How::Stopped => f.write_str("stopped when asked"),
            How::Failed(code) => write!(f, "failed with exit code {code}"),
            How::Signalled(signal) => write!(f, "was ended by {}", signal_name(*signal)),
            How::Overran(grace) => write!(f, "was killed: it did not end within {}", Readable(*grace)),
            How::CannotStart(error) => write!(f, "could not be started: {error}"),
            How::Lost(error) => write!(f, "ended, nobody knows how: {error}"),
        }
    }
}

impl Ended {
    /// How it ended last, and how often it was started again before.
    fn in_all(&self) -> String {
        match self.restarts {
            0 => self.how.to_string(),
            1 => format!("{}, started again once", self.how),
            restarts => format!("{}, started again {restarts} times", self.how),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {}", self.how, Readable(self.ran_for))
    }
}

/// Such as `signal 11 (SIGSEGV)`.
fn signal_name(signal: i32) -> String {
    match signal_hook::low_level::signal_name(signal) {
        Some(name) => format!("signal {signal} ({name})"),
        None => format!("signal {signal}"),
    }
}

/// A duration for people: `0.3 s`, `4 min 05 s`, `3 h 02 min`.
pub(crate) struct Readable(pub(crate) Duration);

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            60..3600 => write!(f, "{} min {:02} s", seconds / 60, seconds % 60),
            _ => write!(f, "{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        }
    }
}

/// One line for each service: its name, how long it ran, how it ended.
pub(super) fn table<'a>(services: impl Iterator<Item = (&'a str, &'a Ended)>) -> String {
    let mut rows = vec![["service", "ran for", "end"].map(str::to_owned).to_vec()];
    rows.extend(
        services
            .map(|(name, ended)| vec![name.to_owned(), Readable(ended.ran_for).to_string(), ended.in_all()]),
    );
    aligned(&rows, &[1]).join("\n")
}

/// The same for programs.
pub(super) fn json<'a>(services: impl Iterator<Item = (&'a str, &'a Ended)>) -> Json {
    let row = |(name, ended): (&str, &Ended)| {
        json!({
            "service": name,
            "ran_for": ended.ran_for.as_secs_f64(),
            "end": ended.how.to_string(),
            "exit_code": ended.how.exit_code(),
            "restarts": ended.restarts,
        })
    };
    json!({ "summary": services.map(row).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As wait(2) reports it.
    fn exited(code: i32) -> ExitStatus {
        ExitStatus::from_raw(code << 8)
    }

    #[test]
    fn ends_mean_what_was_done_before_them() {
        for (status, was_asked, text, code) in [
            (exited(0), false, "ended by itself", 0),
            (exited(0), true, "stopped when asked", 0),
            (exited(3), false, "failed with exit code 3", 3),
            (exited(3), true, "failed with exit code 3", 3),
            (ExitStatus::from_raw(15), true, "stopped when asked", 0),
            (ExitStatus::from_raw(15), false, "was ended by signal 15 (SIGTERM)", 143),
            (ExitStatus::from_raw(11), true, "was ended by signal 11 (SIGSEGV)", 139),
        ] {
            let how = How::of(status, was_asked);
            assert_eq!((how.to_string().as_str(), how.exit_code()), (text, code));
        }
    }

    #[test]
    fn durations_read_well() {
        for (seconds, text) in [
            (0.04, "0.0 s"),
            (59.9, "59.9 s"),
            (65.0, "1 min 05 s"),
            (3600.0, "1 h 00 min"),
            (90_061.0, "25 h 01 min"),
        ] {
            assert_eq!(Readable(Duration::from_secs_f64(seconds)).to_string(), text);
        }
    }

    #[test]
    fn the_table_is_aligned() {
        let endings = [
            ("sensor", Ended { ran_for: Duration::from_millis(10_340), how: How::Stopped, restarts: 2 }),
            ("a", Ended { ran_for: Duration::from_millis(100), how: How::Failed(3), restarts: 0 }),
        ];
        insta::assert_snapshot!(table(endings.iter().map(|(name, ended)| (*name, ended))), @r"
        service  ran for  end
        sensor    10.3 s  stopped when asked, started again 2 times
        a          0.1 s  failed with exit code 3
        ");
    }
}
