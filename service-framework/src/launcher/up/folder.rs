//! The private folder for what stands inside the system file but services read as files.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;
use uuid::Uuid;

/// What the names of these folders begin with.
const NAME: &str = "service_framework-up-";
/// The file that is locked as long as a folder is in use.
const LOCK: &str = "lock";
/// How old a folder is at least that nobody has locked and that is removed: a new one is locked after it is made.
const FRESH: Duration = Duration::from_secs(60);

/// A folder that only this user may enter (0700, its files 0600). Gone when dropped; after a `kill -9`, when the next one
/// is made.
pub(super) struct PrivateFolder {
    path: PathBuf,
    _lock: File,
}

impl PrivateFolder {
    /// A new folder in the system's folder for temporary files.
    pub(super) fn create() -> io::Result<Self> {
        let place = std::env::temp_dir();
        sweep(&place, FRESH);
        let path = place.join(format!("{NAME}{}", Uuid::new_v4()));
        DirBuilder::new().mode(0o700).create(&path)?;
        let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path.join(LOCK))?;
        lock.lock()?;
        Ok(PrivateFolder { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `json` into the new file `name` and returns its path.
    pub(super) fn write(&self, name: &str, json: &Json) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(format!("{json:#}\n").as_bytes())?;
        Ok(path)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // Nobody is left to tell, and the system clears this place anyway.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes folders of this user that are at least so old and that nobody uses any more. What cannot be removed stays.
fn sweep(place: &Path, age: Duration) {
    let user = rustix::process::geteuid().as_raw();
    let is_left = |path: &Path| {
        let is_old =
            |data: &Metadata| data.modified().is_ok_and(|at| at.elapsed().is_ok_and(|since| since >= age));
        let is_ours = |data: &Metadata| data.is_dir() && data.uid() == user && is_old(data);
        let lock = || File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        fs::symlink_metadata(path).is_ok_and(|data| is_ours(&data)) && lock()
    };
    let found = fs::read_dir(place).into_iter().flatten().flatten();
    let named = found.filter(|entry| entry.file_name().to_string_lossy().starts_with(NAME));
    for path in named.map(|entry| entry.path()).filter(|path| is_left(path)) {
        let _ = fs::remove_dir_all(path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn is_private_and_gone_at_the_end() {
        let folder = PrivateFolder::create().unwrap();
        let file = folder.write("a.config.json", &serde_json::json!({"every": "1s"})).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&file)), (0o700, 0o600));
        assert_eq!(fs::read_to_string(&file).unwrap(), "{\n  \"every\": \"1s\"\n}\n");
        drop(folder);
        assert!(!file.exists());
    }

    #[test]
    fn what_was_left_behind_is_swept_and_what_is_used_or_strange_is_not() {
        let place = tempfile::tempdir().unwrap();
        let made = |name: &str, has_lock: bool| {
            let path = place.path().join(name);
            fs::create_dir(&path).unwrap();
            has_lock.then(|| File::create(path.join(LOCK)).unwrap())
        };
        let used = made("service_framework-up-used", true).unwrap();
        used.lock().unwrap();
        drop(made("service_framework-up-left", true));
        made("service_framework-up-strange", false);
        drop(made("other", true));
        sweep(place.path(), FRESH);
        assert!(place.path().join("service_framework-up-left").exists());
        sweep(place.path(), Duration::ZERO);
        let mut rest: Vec<_> =
            fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        rest.sort();
        assert_eq!(rest, ["other", "service_framework-up-strange", "service_framework-up-used"]);
    }
}
