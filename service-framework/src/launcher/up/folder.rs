//! The private folder for what stands inside the system file but services read as files.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use uuid::Uuid;

/// A folder that only this user may enter (0700, its files 0600). Gone when dropped.
pub(super) struct PrivateFolder {
    path: PathBuf,
}

impl PrivateFolder {
    /// A new folder in the system's folder for temporary files.
    pub(super) fn create() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("service_framework-up-{}", Uuid::new_v4()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(PrivateFolder { path })
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
}
