//! Files that are added to a folder that is there, and files there that are made longer: all at once or none. Never writes over
//! what it has not read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{Draft, NewFile, NotWritten, above, not_written, rename};

/// A file as it will be, by its path in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::launcher) struct Addition {
    pub(in crate::launcher) path: String,
    /// As it was read; None for one that is not there.
    pub(in crate::launcher) before: Option<String>,
    pub(in crate::launcher) after: String,
}

/// What is to be written to a folder.
pub(in crate::launcher) struct Additions<'a> {
    pub(in crate::launcher) folder: &'a Path,
    pub(in crate::launcher) files: &'a [Addition],
}

/// What has been done, so that it can be taken back.
enum Done {
    Folder(PathBuf),
    File(PathBuf),
    /// A file, and where the one that was there is now.
    Replaced(PathBuf, PathBuf),
}

impl Additions<'_> {
    /// Writes all files or none.
    ///
    /// # Errors
    /// What could not be written; everything is as it was then. So too where `is_stopped` says that nobody wants them.
    pub(in crate::launcher) fn write(&self, is_stopped: impl Fn() -> bool) -> Result<(), NotWritten> {
        let draft = Draft::new(self.folder, self.folder)?;
        for (place, file) in self.files.iter().enumerate() {
            draft.write(&NewFile { path: place.to_string().into(), text: file.after.clone() })?;
            if is_stopped() {
                return Err(NotWritten::Stopped { folder: self.folder.to_owned() });
            }
        }
        let mut done = Vec::new();
        for (place, file) in self.files.iter().enumerate() {
            if let Err(error) = self.put(file, &draft.0.join(place.to_string()), &mut done) {
                // What somebody had written is in the draft if it cannot go back.
                if done.iter().rev().filter(|done| take_back(done).is_err()).count() > 0 {
                    std::mem::forget(draft);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn put(&self, file: &Addition, written: &Path, done: &mut Vec<Done>) -> Result<(), NotWritten> {
        let path = self.folder.join(&file.path);
        let Some(before) = &file.before else {
            make_folders(above(&path), done)?;
            rename(written, &path)?;
            done.push(Done::File(path));
            return Ok(());
        };
        // A link stays one.
        let path = path.canonicalize().map_err(not_written(&path))?;
        let permissions = fs::metadata(&path).map_err(not_written(&path))?.permissions();
        fs::set_permissions(written, permissions).map_err(not_written(&path))?;
        exchange(written, &path).map_err(not_written(&path))?;
        done.push(Done::Replaced(path.clone(), written.to_owned()));
        // Only now nobody can change it any more without its being seen.
        match fs::read_to_string(written) {
            Ok(now) if now == *before => Ok(()),
            Ok(_) => Err(NotWritten::Changed { path }),
            Err(error) => Err(not_written(&path)(error)),
        }
    }
}

/// Gives each of two files the name of the other.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        // Some file systems cannot do that at once.
        Err(Errno::INVAL | Errno::NOSYS) => {
            let between = one.with_extension("between");
            fs::rename(other, &between)?;
            fs::rename(one, other)?;
            fs::rename(between, one)
        }
        exchanged => exchanged.map_err(io::Error::from),
    }
}

fn make_folders(folder: &Path, done: &mut Vec<Done>) -> Result<(), NotWritten> {
    if folder.is_dir() {
        return Ok(());
    }
    make_folders(above(folder), done)?;
    fs::create_dir(folder).map_err(not_written(folder))?;
    done.push(Done::Folder(folder.to_owned()));
    Ok(())
}

fn take_back(done: &Done) -> io::Result<()> {
    match done {
        Done::Folder(folder) => fs::remove_dir(folder),
        Done::File(path) => fs::remove_file(path),
        Done::Replaced(path, was) => exchange(was, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn addition(path: &str, before: Option<&str>, after: &str) -> Addition {
        Addition { path: path.into(), before: before.map(str::to_owned), after: after.into() }
    }

    /// A folder with one file of somebody.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine.rs"), "mine\n").unwrap();
        folder
    }

    fn all_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_added_and_made_longer() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        fs::set_permissions(at("mine.rs"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::rename(at("mine.rs"), at("real.rs")).unwrap();
        symlink("real.rs", at("mine.rs")).unwrap();
        let files =
            [addition("mine.rs", Some("mine\n"), "mine\nmore\n"), addition("a/b/new.rs", None, "new\n")];
        Additions { folder: folder.path(), files: &files }.write(|| false).unwrap();
        assert_eq!(all_in(folder.path()), ["a", "mine.rs", "real.rs"]);
        assert!(fs::symlink_metadata(at("mine.rs")).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(at("real.rs")).unwrap(), "mine\nmore\n");
        assert_eq!(fs::metadata(at("real.rs")).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(at("a/b/new.rs")).unwrap(), "new\n");
    }

    #[test]
    fn what_goes_wrong_leaves_everything_as_it_was() {
        for wrong in [
            // Changed since it was read, gone since, come meanwhile, below a file.
            addition("mine.rs", Some("other\n"), "other\nmore\n"),
            addition("gone.rs", Some("gone\n"), "gone\nmore\n"),
            addition("mine.rs", None, "new\n"),
            addition("mine.rs/below.rs", None, "new\n"),
        ] {
            let folder = folder();
            fs::write(folder.path().join("other.rs"), "too\n").unwrap();
            let files = [
                addition("other.rs", Some("too\n"), "too\nmore\n"),
                addition("a/b/new.rs", None, "new\n"),
                wrong,
            ];
            Additions { folder: folder.path(), files: &files }.write(|| false).unwrap_err();
            assert_eq!(all_in(folder.path()), ["mine.rs", "other.rs"]);
            assert_eq!(fs::read_to_string(folder.path().join("mine.rs")).unwrap(), "mine\n");
            assert_eq!(fs::read_to_string(folder.path().join("other.rs")).unwrap(), "too\n");
        }
    }

    #[test]
    fn a_signal_leaves_everything_as_it_was() {
        let folder = folder();
        let files = [addition("mine.rs", Some("mine\n"), "mine\nmore\n"), addition("new.rs", None, "new\n")];
        let error = Additions { folder: folder.path(), files: &files }.write(|| true).unwrap_err();
        assert!(matches!(error, NotWritten::Stopped { .. }), "{error}");
        assert_eq!(all_in(folder.path()), ["mine.rs"]);
    }
}
