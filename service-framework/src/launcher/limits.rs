//! What the system lets this process have.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the number of files and connections that may be open to what the system allows at most. The lower limit,
/// often 1,024, is for programs that cannot know descriptors above it.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => tracing::debug!(files = ?limit.current, "so many files and connections may be open"),
        Err(error) => tracing::debug!(%error, "no more files and connections may be open than before"),
    }
}

/// Makes writing beyond a limit on the size of files an error like a full disk. Without it the system would end the
/// process, by SIGXFSZ and without a word.
pub(crate) fn outlive_file_size() {
    // Whoever cannot be warned is ended as before.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
}
