//! Mismatches: parts of a value that are not of their type.

use std::fmt;

use serde::Serialize;

/// How many mismatches one check lists at most.
pub const MAX_MISMATCHES: usize = 16;

/// A part of a value that is not of its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Where it is, such as `args.book["k"].x`.
    pub path: String,
    /// The type that is expected there, in its long form, shortened.
    pub expected: String,
    /// What is there, in short, such as `str "abc"`; `nothing` if it is missing.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.path, self.expected, self.found)
    }
}
