//! Whether files have changed since the last look: by their times, lengths and modes.

use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders beyond this many files are looked at no further.
const MOST_FILES: usize = 20_000;

/// Folders of what is made, which are no sources.
const MADE: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// Files and folders, and how they were.
#[derive(Debug, PartialEq)]
pub(super) struct Look {
    paths: Vec<PathBuf>,
    /// Those that were not there at first.
    absent: Vec<PathBuf>,
    /// Only what Rust is built of.
    is_rust: bool,
    /// As they were when they were taken as they are.
    taken: Option<u64>,
    /// As they were at the last look.
    last: Option<u64>,
}

impl Look {
    pub(super) fn at(paths: Vec<PathBuf>) -> Self {
        Self::begin(paths, false)
    }

    /// Looks at what Cargo builds of a folder.
    pub(super) fn at_sources(folder: &Path) -> Self {
        Self::begin(vec![folder.to_owned()], true)
    }

    fn begin(paths: Vec<PathBuf>, is_rust: bool) -> Self {
        let absent = paths.iter().filter(|path| !path.exists()).cloned().collect();
        let mut look = Self { paths, absent, is_rust, taken: None, last: None };
        look.last = look.now();
        look.taken = look.last;
        look
    }

    /// Whether they have changed, and did not between the last look and this one: what is being written is not looked at yet.
    pub(super) fn has_changed(&mut self) -> bool {
        let now = self.now();
        let is_settled = now.is_some() && now == self.last;
        self.last = now;
        if !is_settled || now == self.taken {
            return false;
        }
        self.taken = now;
        true
    }

    /// None while one of them is not there.
    fn now(&self) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        let mut left = MOST_FILES;
        for path in &self.paths {
            let Ok(found) = fs::metadata(path) else {
                // What was there is being replaced; what was not may come.
                if self.absent.contains(path) {
                    continue;
                }
                return None;
            };
            match found.is_dir() {
                true => self.add_folder(path, &mut hasher, &mut left),
                false => add(path, &found, &mut hasher),
            }
        }
        Some(hasher.finish())
    }

    fn add_folder(&self, folder: &Path, hasher: &mut DefaultHasher, left: &mut usize) {
        let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // What is linked to is not followed: it may lead back.
            let Ok(found) = entry.metadata() else { continue };
            if name.starts_with('.') || *left == 0 {
                continue;
            }
            if found.is_dir() && !MADE.contains(&&*name) {
                self.add_folder(&entry.path(), hasher, left);
            } else if found.is_file() && (!self.is_rust || is_of_rust(&name)) {
                *left -= 1;
                add(&entry.path(), &found, hasher);
            }
        }
    }
}

fn is_of_rust(name: &str) -> bool {
    name.ends_with(".rs") || ["Cargo.toml", "Cargo.lock"].contains(&name)
}

fn add(path: &Path, found: &Metadata, hasher: &mut DefaultHasher) {
    (path, found.len(), found.modified().ok(), found.mode()).hash(hasher);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_once_when_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "1").unwrap();
        let mut look = Look::at(vec![file.clone()]);
        assert!(!look.has_changed());
        fs::write(&file, "12").unwrap();
        assert!(!look.has_changed(), "it may be written to still");
        fs::write(&file, "123").unwrap();
        assert!(!look.has_changed());
        assert!(look.has_changed());
        assert!(!look.has_changed());
        fs::remove_file(&file).unwrap();
        assert!(!look.has_changed() && !look.has_changed(), "it is being replaced");
        fs::write(&file, "4").unwrap();
        assert!(!look.has_changed());
        assert!(look.has_changed());
    }

    #[test]
    fn what_is_not_there_keeps_nothing_else_from_being_seen() {
        let folder = tempfile::tempdir().unwrap();
        let [there, absent] = ["there", "absent"].map(|name| folder.path().join(name));
        fs::write(&there, "1").unwrap();
        let mut look = Look::at(vec![there.clone(), absent.clone()]);
        fs::write(&there, "12").unwrap();
        assert!(!look.has_changed() && look.has_changed());
        fs::write(&absent, "1").unwrap();
        assert!(!look.has_changed() && look.has_changed());
    }

    #[test]
    fn only_sources_are_sources() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("src/main.rs", "1");
        let mut look = Look::at_sources(folder.path());
        write("target/debug/build.rs", "1");
        write(".git/hook.rs", "1");
        write("notes.txt", "1");
        assert!(!look.has_changed() && !look.has_changed());
        write("src/deep/new.rs", "1");
        assert!(!look.has_changed());
        assert!(look.has_changed());
    }
}
