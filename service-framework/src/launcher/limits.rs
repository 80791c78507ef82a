//! What the system lets this process have.

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
