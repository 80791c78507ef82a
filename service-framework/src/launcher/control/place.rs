//! Where control sockets are: a folder that only this user may enter, with a socket for each process, by its number.

use std::env;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

const NAME: &str = "service_framework";

/// The name of the socket of a system begins with this, that of a service with its number.
const SYSTEM: &str = "up-";

/// What a control socket belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One running service.
    Service,
    /// A running `up`.
    System,
}

/// The folder of this user's sockets: in `XDG_RUNTIME_DIR`, or in the folder for temporary files.
pub(crate) fn folder() -> PathBuf {
    match env::var_os("XDG_RUNTIME_DIR").filter(|folder| Path::new(folder).is_absolute()) {
        Some(folder) => Path::new(&folder).join(NAME),
        None => Path::new("/tmp").join(format!("{NAME}-{}", geteuid().as_raw())),
    }
}

/// The socket of the process with this number.
pub(crate) fn socket(kind: Kind, pid: u32) -> PathBuf {
    let prefix = if kind == Kind::System { SYSTEM } else { "" };
    folder().join(format!("{prefix}{pid}.sock"))
}

/// Makes the folder, and makes sure that nobody else may enter it.
///
/// # Errors
/// It cannot be made, is somebody else's, or is no folder.
pub(crate) fn make_folder() -> io::Result<()> {
    let folder = folder();
    if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(&folder) {
        return Err(io::Error::new(error.kind(), format!("{}: {error}", folder.display())));
    }
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != geteuid().as_raw() {
        return Err(io::Error::other(format!("{} is not a folder of this user", folder.display())));
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Where the socket of this process is to be, in a folder that is there.
///
/// # Errors
/// The folder cannot be made.
pub(super) fn of_process(kind: Kind) -> io::Result<PathBuf> {
    make_folder()?;
    Ok(socket(kind, std::process::id()))
}

/// Listens at `path`. A socket that was left behind by a process of the same number is replaced.
///
/// It comes to its place only when it listens: one that is bound and does not listen yet refuses whoever connects, and
/// would be taken for one that was left behind.
///
/// # Errors
/// The socket cannot be made.
pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    Ok(listener)
}

/// The sockets of all processes that live, with their numbers. Those that were left behind are removed.
pub(crate) fn live() -> Vec<(Kind, u32)> {
    let mut live: Vec<_> = sockets().filter(|(_, path)| is_live(path)).map(|(found, _)| found).collect();
    live.sort_unstable_by_key(|(kind, pid)| (*kind == Kind::Service, *pid));
    live
}

/// The sockets that are there, also of processes that were killed.
#[cfg(feature = "recording")]
pub(crate) fn present() -> Vec<(Kind, u32)> {
    sockets().map(|(found, _)| found).collect()
}

fn sockets() -> impl Iterator<Item = ((Kind, u32), PathBuf)> {
    let entries = fs::read_dir(folder()).into_iter().flatten().flatten();
    let sockets = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()));
    sockets.filter_map(|entry| Some((read_name(entry.file_name().to_str()?)?, entry.path())))
}

fn read_name(name: &str) -> Option<(Kind, u32)> {
    let name = name.strip_suffix(".sock")?;
    match name.strip_prefix(SYSTEM) {
        Some(pid) => Some((Kind::System, pid.parse().ok()?)),
        None => Some((Kind::Service, name.parse().ok()?)),
    }
}

/// Whether somebody listens; if surely nobody does, the socket goes.
fn is_live(path: &Path) -> bool {
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            // Another one who looks may be quicker.
            let _ = fs::remove_file(path);
            false
        }
        Err(error) => error.kind() != io::ErrorKind::NotFound,
        Ok(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn names_say_whose_a_socket_is() {
        assert_eq!(read_name("17.sock"), Some((Kind::Service, 17)));
        assert_eq!(read_name("up-17.sock"), Some((Kind::System, 17)));
        for name in ["17", "x.sock", "up-.sock", "up-x.sock", ".sock"] {
            assert_eq!(read_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_socket_that_is_being_made_is_never_taken_for_one_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.sock");
        let make = || {
            let _listener = listen(&path).unwrap();
            // Still open, so that nobody else is right to remove it.
            fs::remove_file(&path).unwrap();
        };
        thread::scope(|scope| {
            let making = scope.spawn(|| (0..2_000).for_each(|_| make()));
            while !making.is_finished() {
                is_live(&path);
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_a_socket_without_its_process_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.sock");
        let listener = UnixListener::bind(&path).unwrap();
        assert!(is_live(&path) && path.exists());
        drop(listener);
        assert!(!is_live(&path) && !path.exists());
    }
}
