//! Why a recording cannot be read or written.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// It cannot be made.
    #[error("{}: {source}", .path.display())]
    CannotMake {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It cannot be opened.
    #[error("{}: {reason}", .path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// It was opened, and part of it cannot be read.
    #[error("{}: damaged: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What comes in cannot be written: the disk is full, say. What was written before is there.
    #[error("{}: cannot be written: {reason}", .path.display())]
    CannotWrite {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl RecordingError {
    pub(super) fn cannot_open(path: &Path, reason: impl Into<String>) -> Self {
        Self::CannotOpen { path: path.into(), reason: reason.into() }
    }

    pub(super) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged { path: path.into(), reason: reason.to_string() }
    }

    pub(super) fn cannot_write(path: &Path, error: &rusqlite::Error) -> Self {
        Self::CannotWrite { path: path.into(), reason: error.to_string() }
    }

    /// What SQLite says when it looks at a file for the first time.
    pub(super) fn at_first_look(path: &Path, error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::cannot_open(path, "this is no recording"),
            Some(ErrorCode::DatabaseCorrupt) => {
                Self::damaged(path, format!("it was cut short or written over ({error})"))
            }
            _ => Self::cannot_open(path, error.to_string()),
        }
    }
}
