//! Signals: the first asks the service to end, the second ends the process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use super::exit;

/// Which signals ask a service to end.
const ENDING: [i32; 2] = [SIGINT, SIGTERM];

/// A signal that has come while something was made that is to leave nothing behind.
#[derive(Default)]
pub(crate) struct Noted(Arc<AtomicUsize>);

impl Noted {
    /// Notes the first signal from now on; a second one ends the process at once.
    ///
    /// # Errors
    /// The system refuses the handlers.
    pub(crate) fn from_now() -> io::Result<Self> {
        let (noted, is_second) = (Self::default(), Arc::new(AtomicBool::new(false)));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register_conditional_shutdown(signal, exit::after_signal(signal), is_second.clone())?;
            flag::register(signal, is_second.clone())?;
            flag::register_usize(signal, noted.0.clone(), usize::try_from(signal).unwrap_or_default())?;
        }
        Ok(noted)
    }

    /// The exit code after the signal that has come; none if none has.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        let signal = i32::try_from(self.0.load(Ordering::SeqCst)).ok().filter(|signal| *signal != 0)?;
        u8::try_from(exit::after_signal(signal)).ok()
    }
}

/// As [`on_stop`], also when the terminal is gone; not if whoever started this has it live on without one, as `nohup` does.
///
/// # Errors
/// The system refuses the handlers or the thread.
#[cfg(feature = "programs")]
pub(crate) fn on_stop_or_hangup(
    first: impl FnOnce(i32) + Send + 'static,
    last: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    match ignores_hangup() {
        true => on_signals(&ENDING, first, last),
        false => on_signals(&[SIGINT, SIGTERM, SIGHUP], first, last),
    }
}

/// Whether this process was started with SIGHUP ignored.
#[cfg(feature = "programs")]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_ignored(&status, SIGHUP)
}

/// Whether a signal is ignored, by a `status` of the system.
#[cfg(feature = "programs")]
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

/// Calls `first` with the number of the first signal, on a thread of its own; a second signal calls `last` and ends the
/// process at once with [`exit::after_signal`].
///
/// The thread sleeps in the kernel until a signal comes.
///
/// # Errors
/// The system refuses the handlers or the thread.
pub(crate) fn on_stop(
    first: impl FnOnce(i32) + Send + 'static,
    last: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    on_signals(&ENDING, first, last)
}

fn on_signals(
    which: &[i32],
    first: impl FnOnce(i32) + Send + 'static,
    last: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new(which)?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let mut pending = signals.forever();
        if let Some(signal) = pending.next() {
            first(signal);
        }
        if let Some(signal) = pending.next() {
            last();
            // Not `process::exit`: nothing that hangs in a destructor may keep the second signal from its work.
            low_level::exit(exit::after_signal(signal));
        }
    })?;
    Ok(())
}

#[cfg(all(test, feature = "programs"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_system() {
        let status = "Name:\tx\nSigIgn:\t0000000000000001\nSigCgt:\t0000000000004000\n";
        assert!(is_ignored(status, SIGHUP) && !is_ignored(status, SIGTERM) && !is_ignored("", SIGHUP));
    }
}
