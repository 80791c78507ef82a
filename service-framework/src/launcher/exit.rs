//! Exit codes: what the end of a process tells whoever started it.

/// Ended as asked: the service was stopped, its main returned, the command did its work.
pub const OK: u8 = 0;

/// The service failed while running, a bind failed, or the grace period ran out.
pub const FAILED: u8 = 1;

/// Wrong usage, files, models or setup hooks. No socket was opened.
pub const WRONG_INPUT: u8 = 2;

/// The code after a second signal `number`: 130 for Ctrl-C, 143 for SIGTERM. Nothing was waited for.
#[must_use]
pub const fn after_signal(number: i32) -> i32 {
    128 + number
}

/// [`WRONG_INPUT`] or, if nothing was wrong, [`OK`].
pub(super) fn of_check(is_right: bool) -> u8 {
    if is_right { OK } else { WRONG_INPUT }
}
