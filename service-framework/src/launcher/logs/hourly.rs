//! Hourly files: a new one each hour, so many kept. A file that takes no lines is told on the console, not in silence.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use super::clock::Utc;
use crate::launcher::files::plain;

/// A file that has refused a line is tried again after this. What comes meanwhile is counted as lost.
const RETRY: Duration = Duration::from_secs(1);

/// More than any line: a disk that takes so much takes the first lines, too.
const TRIAL: [u8; 16 * 1024] = [b'\n'; 16 * 1024];

/// How a name of ours ends, in digits and dashes.
const HOUR_SHAPE: &str = "0000-00-00-00";

/// The files of one service, named `SERVICE.log.YYYY-MM-DD-HH`.
pub(super) struct HourlyFiles {
    folder: PathBuf,
    /// What stands before the hour.
    prefix: String,
    /// How many are kept; 0 keeps all.
    count: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The file of an hour, counted from 1970.
    open: Option<(u64, File)>,
    /// Whether the last line stands there by half.
    is_torn: bool,
    /// Lines that found no place since a file took one.
    lost: u64,
    failed: Option<SystemTime>,
}

/// What a line makes worth telling.
enum News {
    Nothing,
    Refused(String),
    TakenAgain { lost: u64 },
}

impl HourlyFiles {
    /// Makes the folder, opens the file of this hour and shows that the disk takes lines.
    ///
    /// # Errors
    /// The reason why it cannot be.
    pub(super) fn open(folder: &Path, service: &str, count: usize) -> Result<Self, String> {
        check_place(folder)?;
        fs::create_dir_all(folder).map_err(|error| plain(&error))?;
        let prefix = format!("{}.log.", file_name(service));
        let files = Self { folder: folder.to_owned(), prefix, count, inner: Mutex::default() };
        files.lock().open = Some(files.open_at(SystemTime::now()).map_err(|error| plain(&error))?);
        try_writing(folder).map_err(|error| plain(&error))?;
        Ok(files)
    }

    fn open_at(&self, at: SystemTime) -> io::Result<(u64, File)> {
        let name = format!("{}{}", self.prefix, hour_text(at));
        let file = OpenOptions::new().append(true).create(true).open(self.folder.join(name))?;
        self.prune();
        Ok((hour(at), file))
    }

    /// Deletes the oldest files over the count. One that cannot be deleted now is tried again in an hour.
    fn prune(&self) {
        if self.count == 0 {
            return;
        }
        let mut names = crate::launcher::files::names_in(&self.folder);
        names.retain(|name| name.strip_prefix(&self.prefix).is_some_and(is_hour));
        names.sort_unstable();
        for name in names.iter().rev().skip(self.count) {
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    /// Writes a line at a time, or counts it as lost.
    fn line(&self, line: &[u8], at: SystemTime) -> News {
        let mut inner = self.lock();
        if inner.failed.is_some_and(|failed| at.duration_since(failed).is_ok_and(|since| since < RETRY)) {
            inner.lost += 1;
            return News::Nothing;
        }
        match self.write(&mut inner, line, at) {
            Ok(()) if inner.failed.take().is_some() => {
                News::TakenAgain { lost: std::mem::take(&mut inner.lost) }
            }
            Ok(()) => News::Nothing,
            Err(error) => {
                inner.lost += 1;
                // By its name it is found again if it was deleted, or put right, in between.
                inner.open = None;
                match inner.failed.replace(at) {
                    None => News::Refused(plain(&error)),
                    Some(_) => News::Nothing,
                }
            }
        }
    }

    fn write(&self, inner: &mut Inner, line: &[u8], at: SystemTime) -> io::Result<()> {
        if inner.open.as_ref().is_none_or(|(of, _)| *of != hour(at)) {
            inner.open = Some(self.open_at(at)?);
        }
        let Some((_, file)) = &mut inner.open else { return Ok(()) };
        if inner.is_torn {
            file.write_all(b"\n")?;
            inner.is_torn = false;
        }
        let mut left = line;
        while !left.is_empty() {
            match file.write(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => left = &left[taken..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    inner.is_torn = left.len() < line.len();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Says what happened, as a log line. It comes back here, too, which is why nothing is locked now.
    fn tell(&self, news: News) {
        let folder = self.folder.display().to_string();
        match news {
            News::Nothing => {}
            News::Refused(reason) => {
                tracing::error!(folder, reason, "log files take no lines: they are lost until it is mended");
            }
            News::TakenAgain { lost } => tracing::warn!(folder, lost, "log files take lines again"),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for &HourlyFiles {
    /// Takes a whole line, which is how the formatter gives them. Never fails: nobody would be told.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let news = self.line(line, SystemTime::now());
        self.tell(news);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for HourlyFiles {
    type Writer = &'a HourlyFiles;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// Whether a folder could be written if it were made; makes nothing.
///
/// # Errors
/// The reason why not.
pub(super) fn check(folder: &Path) -> Result<(), String> {
    let nearest = check_place(folder)?;
    try_writing(&nearest).map_err(|error| plain(&error))
}

/// The nearest folder that is there already.
fn check_place(folder: &Path) -> Result<PathBuf, String> {
    let whole = std::path::absolute(folder).map_err(|error| plain(&error))?;
    let is_there =
        |path: &&Path| !fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let nearest = whole.ancestors().find(is_there).unwrap_or(Path::new("/"));
    match fs::metadata(nearest) {
        Ok(found) if found.is_dir() => Ok(nearest.to_owned()),
        Ok(_) if nearest == whole => Err("it is no folder".to_owned()),
        Ok(_) => Err(format!("{} is no folder", nearest.display())),
        // Something on the way to it is no folder, or may not be entered.
        Err(error) => Err(plain(&error)),
    }
}

/// A file that could be opened may still find the disk full.
fn try_writing(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".service_framework-{}", Uuid::new_v4()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    let written = file.write_all(&TRIAL);
    fs::remove_file(&path).and(written)
}

/// The name ends with the hour and not with `.log`, and is the whole name of the service before it: the files of a
/// service `echo` are not those of a service `echo_twice`.
fn file_name(service: &str) -> String {
    let safe = |letter: char| if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '_' };
    service.chars().map(safe).collect()
}

fn hour(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 3600
}

fn hour_text(at: SystemTime) -> String {
    Utc(at).to_string().chars().take(HOUR_SHAPE.len()).map(|c| if c == 'T' { '-' } else { c }).collect()
}

fn is_hour(text: &str) -> bool {
    let alike = |(a, b): (u8, u8)| if b == b'0' { a.is_ascii_digit() } else { a == b };
    text.len() == HOUR_SHAPE.len() && text.bytes().zip(HOUR_SHAPE.bytes()).all(alike)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names = crate::launcher::files::names_in(folder);
        names.sort();
        names
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Files that have none open yet.
    fn files(folder: &Path, count: usize) -> HourlyFiles {
        let (folder, prefix) = (folder.to_owned(), "echo.log.".to_owned());
        HourlyFiles { folder, prefix, count, inner: Mutex::default() }
    }

    #[test]
    fn each_hour_has_a_file_and_only_this_services_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["echo.log.1969-12-31-23", "echo_twice.log.1969-12-31-23", "echo.log.old"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let files = files(folder.path(), 2);
        for second in [0, 3599, 3600, 7200] {
            files.line(b"x\n", at(second));
        }
        assert_eq!(
            names(folder.path()),
            [
                "echo.log.1970-01-01-01",
                "echo.log.1970-01-01-02",
                "echo.log.old",
                "echo_twice.log.1969-12-31-23",
            ]
        );
    }

    #[test]
    fn lines_that_find_no_place_are_told_once_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("echo.log.1970-01-01-00");
        symlink("/dev/full", &file).unwrap();
        let files = files(folder.path(), 0);
        let refused = files.line(b"1\n", at(0));
        assert!(matches!(&refused, News::Refused(reason) if reason == "no space left on device"));
        assert!(matches!(files.line(b"2\n", at(0)), News::Nothing));
        assert!(matches!(files.line(b"3\n", at(2)), News::Nothing));
        fs::remove_file(&file).unwrap();
        assert!(matches!(files.line(b"4\n", at(4)), News::TakenAgain { lost: 3 }));
        assert!(matches!(files.line(b"5\n", at(4)), News::Nothing));
        assert_eq!(fs::read_to_string(file).unwrap(), "4\n5\n");
    }

    #[test]
    fn a_place_that_can_never_be_a_folder_is_told_plainly() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let below = file.path().join("logs");
        for open in [check, |folder: &Path| HourlyFiles::open(folder, "echo", 1).map(drop)] {
            assert_eq!(open(Path::new("/dev/null")), Err("it is no folder".to_owned()));
            assert_eq!(open(&below), Err("not a directory".to_owned()));
        }
    }

    #[test]
    fn a_check_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(&folder.path().join("made/later")), Ok(()));
        assert_eq!(check(folder.path()), Ok(()));
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
