//! A terminal that gives keys as they are pressed, until it is as it was again.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// How the terminal was.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// Keys come at once and are not shown. Signals are made of keys as before.
pub(super) struct Cbreak(());

impl Cbreak {
    /// None if standard input is no terminal.
    pub(super) fn enter() -> Option<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut now = before.clone();
        now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &now).ok()?;
        let _ = BEFORE.set(before);
        Some(Self(()))
    }
}

impl Drop for Cbreak {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal as it was, if it was changed. For whoever ends the process without ceremony, too.
pub(super) fn restore() {
    if let Some(before) = BEFORE.get() {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
    }
}
