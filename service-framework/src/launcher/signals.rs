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
    let mut signals = Signals::new(ENDING)?;
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
