//! Files of a new folder: written beside where they go, and there all at once or not at all. Never writes over
//! anything.

#[cfg(feature = "programs")]
mod additions;

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use uuid::Uuid;

use super::in_shell;
use crate::launcher::files::plain;
use crate::model::Problem;

#[cfg(feature = "programs")]
pub(in crate::launcher) use additions::{Addition, Additions};

/// A file by its path in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::launcher) struct NewFile {
    pub(in crate::launcher) path: Cow<'static, str>,
    pub(in crate::launcher) text: String,
}

/// Where a folder can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::launcher) enum Place {
    /// Nothing is there.
    Free(PathBuf),
    /// A folder is there, with nothing in it. Whoever stands in it stays there.
    Empty(PathBuf),
}

impl Place {
    /// Looks at `folder`.
    ///
    /// # Errors
    /// Something is there, or the folder above it is not.
    pub(in crate::launcher) fn find(folder: &Path) -> Result<Self, Problem> {
        let shown = folder.display();
        let problem = |found: String| Problem::new("--path", "a folder that is new or empty", found);
        let unreadable =
            |error: io::Error| problem(format!("{shown}, of which the system says: {}", plain(&error)));
        match fs::symlink_metadata(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::below(folder),
            Err(error) => Err(unreadable(error)),
            Ok(_) if !folder.is_dir() => Err(problem(format!("{shown}, which is there and no folder"))),
            Ok(_) => match fs::read_dir(folder).map_err(unreadable)?.next() {
                None => Ok(Self::Empty(folder.to_owned())),
                Some(_) => {
                    let hint = "nothing is ever written over: give another name, or another folder by --path";
                    Err(problem(format!("{shown}, in which something is")).with_hint(hint))
                }
            },
        }
    }

    fn below(folder: &Path) -> Result<Self, Problem> {
        let above = above(folder);
        if folder.file_name().is_some() && above.is_dir() {
            return Ok(Self::Free(folder.to_owned()));
        }
        let (expected, found) = ("a new folder in one that is there", format!("{}", folder.display()));
        Err(Problem::new("--path", expected, found)
            .with_hint(format!("first `mkdir -p {}`", in_shell(above))))
    }

    pub(in crate::launcher) fn folder(&self) -> &Path {
        match self {
            Self::Free(folder) | Self::Empty(folder) => folder,
        }
    }

    /// Writes the files, all or none.
    ///
    /// # Errors
    /// What could not be written; nothing is left of the others. So too where `is_stopped` says that nobody wants them.
    pub(in crate::launcher) fn write(
        &self,
        files: &[NewFile],
        is_stopped: impl Fn() -> bool,
    ) -> Result<(), NotWritten> {
        let beside = match self {
            Self::Free(folder) => above(folder),
            Self::Empty(folder) => folder,
        };
        let draft = Draft::new(beside, self.folder())?;
        for file in files {
            draft.write(file)?;
            if is_stopped() {
                return Err(NotWritten::Stopped { folder: self.folder().to_owned() });
            }
        }
        match self {
            Self::Free(folder) => rename(&draft.0, folder),
            Self::Empty(folder) => draft.empty_into(folder),
        }
    }
}

/// The folder in which `folder` is.
pub(in crate::launcher) fn above(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Something could not be written.
#[derive(Debug, thiserror::Error)]
pub(in crate::launcher) enum NotWritten {
    #[error("{} cannot be written: {}", path.display(), plain(cause))]
    Refused {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{} was not written: a signal came first", folder.display())]
    Stopped { folder: PathBuf },
    #[cfg(feature = "programs")]
    #[error("{} was not written: somebody has changed it meanwhile", path.display())]
    Changed { path: PathBuf },
}

fn not_written(path: &Path) -> impl FnOnce(io::Error) -> NotWritten {
    |cause| NotWritten::Refused { path: path.to_owned(), cause }
}

/// A folder of another name, which goes away again.
struct Draft(PathBuf);

impl Draft {
    /// One beside where it goes, for what will be `folder`.
    fn new(beside: &Path, folder: &Path) -> Result<Self, NotWritten> {
        let path = beside.join(format!(".new-{}", Uuid::new_v4().simple()));
        fs::create_dir(&path).map_err(not_written(folder))?;
        Ok(Self(path))
    }

    /// Writes one file, through to the disk: some systems say only then that it is full.
    fn write(&self, file: &NewFile) -> Result<(), NotWritten> {
        let path = self.0.join(&*file.path);
        let write = || {
            fs::create_dir_all(above(&path))?;
            let mut handle = File::create_new(&path)?;
            handle.write_all(file.text.as_bytes())?;
            handle.sync_all()
        };
        write().map_err(not_written(Path::new(&*file.path)))
    }

    /// Moves what is in it to `folder`; if something cannot go there, nothing does.
    fn empty_into(&self, folder: &Path) -> Result<(), NotWritten> {
        let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(not_written(folder))? {
            let entry = entry.map_err(not_written(folder))?;
            let place = folder.join(entry.file_name());
            if let Err(error) = rename(&entry.path(), &place) {
                moved.iter().for_each(|(from, to)| take_back(from, to));
                return Err(error);
            }
            moved.push((entry.path(), place));
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is not there any more once it has its name. If it cannot be removed, why it is there was said already.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn take_back(from: &Path, to: &Path) {
    // The draft takes it along when it goes; where even that fails the first error says enough.
    let _ = fs::rename(to, from);
}

/// Gives something its name, if nobody has taken that meanwhile.
fn rename(from: &Path, to: &Path) -> Result<(), NotWritten> {
    let renamed = match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems cannot promise that. A folder that is not empty is never replaced.
        Err(Errno::INVAL | Errno::NOSYS) => fs::rename(from, to),
        renamed => renamed.map_err(io::Error::from),
    };
    renamed.map_err(not_written(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn files() -> Vec<NewFile> {
        let file = |path: &'static str| NewFile { path: path.into(), text: format!("this is {path}\n") };
        [".gitignore", "Cargo.toml", "src/lib.rs", "vendor/libzmq/src/lib.rs"].map(file).into()
    }

    /// Everything below a folder, hidden files too.
    fn all_in(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            if path.is_dir() {
                found.extend(all_in(&path));
            }
        }
        found.sort();
        found
    }

    const ALL: [&str; 8] = [".gitignore", "Cargo.toml", "lib.rs", "lib.rs", "libzmq", "src", "src", "vendor"];

    fn cause_of(error: &NotWritten) -> Option<io::ErrorKind> {
        match error {
            NotWritten::Refused { cause, .. } => Some(cause.kind()),
            _ => None,
        }
    }

    fn wrong(folder: &Path) -> String {
        let text = Place::find(folder).unwrap_err().to_string();
        text.replace(&*above(folder).to_string_lossy(), "ABOVE")
    }

    #[test]
    fn a_signal_between_two_files_leaves_nothing() {
        for count in 0..files().len() {
            let folder = tempfile::tempdir().unwrap();
            let place = Place::find(&folder.path().join("new")).unwrap();
            let asked = std::cell::Cell::new(0);
            let error = place.write(&files(), || asked.replace(asked.get() + 1) == count).unwrap_err();
            assert!(matches!(error, NotWritten::Stopped { .. }), "{error}");
            assert_eq!(all_in(folder.path()), [""; 0]);
        }
    }

    #[test]
    fn a_folder_is_made_or_an_empty_one_filled() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["new", "empty"] {
            let target = folder.path().join(name);
            if name == "empty" {
                fs::create_dir(&target).unwrap();
            }
            Place::find(&target).unwrap().write(&files(), || false).unwrap();
            assert_eq!(all_in(&target), ALL, "{name}");
            assert_eq!(fs::read_to_string(target.join("src/lib.rs")).unwrap(), "this is src/lib.rs\n");
        }
        let beside: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(beside.len(), 2, "{beside:?}");
    }

    #[test]
    fn what_is_there_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("full")).unwrap();
        fs::write(at("full/notes"), "mine").unwrap();
        fs::write(at("file"), "mine").unwrap();
        symlink("/nowhere/at/all", at("link")).unwrap();
        insta::assert_snapshot!(wrong(&at("full")), @"--path: expected a folder that is new or empty, found ABOVE/full, in which something is (nothing is ever written over: give another name, or another folder by --path)");
        insta::assert_snapshot!(wrong(&at("file")), @"--path: expected a folder that is new or empty, found ABOVE/file, which is there and no folder");
        insta::assert_snapshot!(wrong(&at("link")), @"--path: expected a folder that is new or empty, found ABOVE/link, which is there and no folder");
        insta::assert_snapshot!(wrong(&at("nowhere/desk")), @"--path: expected a new folder in one that is there, found ABOVE/desk (first `mkdir -p ABOVE`)");
        insta::assert_snapshot!(wrong(&at("nowhere/..")), @"--path: expected a new folder in one that is there, found ABOVE/.. (first `mkdir -p ABOVE`)");
    }

    #[test]
    fn what_came_meanwhile_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("desk");
        let free = Place::find(&target).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join("Cargo.toml"), "mine").unwrap();
        for place in [free, Place::Empty(target.clone())] {
            let error = place.write(&files(), || false).unwrap_err();
            assert_eq!(cause_of(&error), Some(io::ErrorKind::AlreadyExists), "{error}");
            assert_eq!(all_in(folder.path()), ["Cargo.toml", "desk"]);
            assert_eq!(fs::read_to_string(target.join("Cargo.toml")).unwrap(), "mine");
        }
    }

    #[test]
    fn an_error_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("desk");
        let mut files = files();
        files.push(NewFile { path: "Cargo.toml/below".into(), text: String::new() });
        let error = Place::find(&target).unwrap().write(&files, || false).unwrap_err();
        assert_eq!(error.to_string(), "Cargo.toml/below cannot be written: file exists");
        assert_eq!(all_in(folder.path()), [""; 0]);
        fs::create_dir(&target).unwrap();
        Place::find(&target).unwrap().write(&files, || false).unwrap_err();
        assert_eq!(all_in(folder.path()), ["desk"]);
    }

    #[test]
    fn a_folder_that_takes_nothing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let place = Place::find(&folder.path().join("desk")).unwrap();
        // The superuser may write everywhere.
        if let Err(error) = place.write(&files(), || false) {
            assert_eq!(cause_of(&error), Some(io::ErrorKind::PermissionDenied));
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }
}
