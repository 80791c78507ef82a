//! Launcher: command line, files, signals, processes, logs and exit codes. Nothing else touches these.

mod exit;
#[expect(dead_code, reason = "the command line comes next")]
mod up;
