//! Saying something on standard error, whether anybody listens or not.

use std::fmt::Arguments;
use std::io::{self, Write as _};

/// A line on standard error, as `eprintln!` writes it, but whoever has closed that stops nothing.
macro_rules! say {
    ($($text:tt)*) => { $crate::launcher::say::line(format_args!($($text)*)) };
}
pub(crate) use say;

/// In one write, so that lines of several processes stay whole.
pub(crate) fn line(text: Arguments<'_>) {
    let mut line = text.to_string();
    line.push('\n');
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
