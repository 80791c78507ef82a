//! Signals: the first asks the service to end, the second ends the process.

use std::io;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use super::exit;

/// Which signals ask a service to end.
const ENDING: [i32; 2] = [SIGINT, SIGTERM];

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
