//! The other side of `up`: a launcher that was started by it ends when it ends, however that happens.

use std::os::unix::process::parent_id;

use rustix::process::{Signal, getpid, kill_process, set_parent_process_death_signal};

/// The variable that tells a launcher which process started it as part of a system.
pub(super) const PARENT: &str = "SERVICE_FRAMEWORK_UP";

/// If `up` started this process, asks the system to send it SIGTERM when `up` is gone, even by SIGKILL.
///
/// To be called before this process does anything else. It survives exec.
pub(crate) fn end_with_parent() {
    if !is_part_of_system() {
        return;
    }
    let asked = set_parent_process_death_signal(Some(Signal::TERM));
    // It may have ended just before the question.
    if asked.is_ok() && !is_part_of_system() {
        let _ = kill_process(getpid(), Signal::TERM);
    }
}

/// Whether `up` started this process, which then leads a process group that ends with it.
pub(crate) fn is_part_of_system() -> bool {
    std::env::var(PARENT).is_ok_and(|pid| pid == parent_id().to_string())
}
