//! A site as `examples/programs/deploy` deploys it: a folder for each release, each with a server, and a link to the current one.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// The folder of a site, which may not be there yet. Its servers end with this.
pub(crate) struct Site(pub(crate) PathBuf);

impl Site {
    /// The release that is current.
    pub(crate) fn current(&self) -> Option<String> {
        Some(fs::read_link(self.0.join("current")).ok()?.display().to_string())
    }

    /// All releases, in order.
    pub(crate) fn releases(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut names: Vec<String> =
            folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Whether the server of a release is there.
    pub(crate) fn is_served(&self, release: &str) -> bool {
        server(&self.0.join(release)).is_some()
    }
}

/// The server of a release, if it is there.
fn server(release: &Path) -> Option<Pid> {
    let pid = Pid::from_raw(fs::read_to_string(release.join("pid")).ok()?.parse().ok()?)?;
    test_kill_process(pid).ok().map(|()| pid)
}

impl Drop for Site {
    fn drop(&mut self) {
        for release in self.releases() {
            if let Some(pid) = server(&self.0.join(release)) {
                // It fails if it has ended, which is what is wanted.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
    }
}
