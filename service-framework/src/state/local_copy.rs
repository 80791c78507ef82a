//! A replica's copy on disk, to begin with after a restart until the owner has answered.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::map::{StateMap, apply, write_all};
use super::replica::{At, Life, Replica};
use crate::model::Checker;
use crate::value::{self, Bytes};

/// How long what has changed may not be on disk.
const DELAY: Duration = Duration::from_secs(5);
/// What a copy says that it is.
const FORMAT: &str = "service_framework state 1";

/// The file of one replica.
pub(crate) struct LocalCopy {
    state: String,
    path: PathBuf,
    saved: Option<At>,
    due: Option<Instant>,
    /// Whether a thread writes it.
    is_busy: Arc<AtomicBool>,
    /// The thread that wrote it last.
    writer: Option<JoinHandle<()>>,
}

/// What is in the file.
#[derive(Serialize, Deserialize)]
struct Content {
    format: String,
    epoch: Option<u64>,
    number: Option<i64>,
    state: Bytes,
}

impl LocalCopy {
    /// Has a replica begin with what is in the file, if there is one and it is sound.
    pub(crate) fn open(state: &str, path: &Path, checker: &Checker, replica: &mut Replica) -> Self {
        let mut copy = Self {
            state: state.into(),
            path: path.into(),
            saved: None,
            due: None,
            is_busy: Arc::default(),
            writer: None,
        };
        match read(path, checker) {
            Ok(Some((map, at, since))) => {
                replica.begin_with(map, at, since);
                copy.saved = Some(at);
            }
            Ok(None) => {}
            Err(reason) => {
                let file = path.display();
                tracing::warn!(state, %file, reason, "the local copy is of no use; the owner is waited for");
            }
        }
        copy
    }

    /// Notes what a replica shows, and writes it when that has waited long enough.
    pub(crate) fn on_time(&mut self, replica: &Replica, now: Instant) {
        if replica.at() == self.saved || replica.at().is_none() {
            self.due = None;
            return;
        }
        if *self.due.get_or_insert(now + DELAY) > now {
            return;
        }
        if self.is_busy.swap(true, Ordering::AcqRel) {
            self.due = Some(now + DELAY);
            return;
        }
        let (map, at, path, name) =
            (replica.map().clone(), replica.at(), self.path.clone(), self.state.clone());
        let is_busy = self.is_busy.clone();
        (self.saved, self.due) = (at, None);
        let write = move || {
            tell(&name, &path, write(&path, &map, at));
            is_busy.store(false, Ordering::Release);
        };
        match std::thread::Builder::new().name("local copy".into()).spawn(write) {
            Ok(writer) => self.writer = Some(writer),
            Err(error) => {
                self.is_busy.store(false, Ordering::Release);
                tell(&self.state, &self.path, Err(error));
            }
        }
    }

    /// When [`LocalCopy::on_time`] has something to do.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        self.due
    }

    /// Writes what is not written yet.
    pub(crate) fn close(&mut self, replica: &Replica) {
        if let Some(writer) = self.writer.take() {
            // One that panicked has written nothing, as the next line then does.
            let _ended = writer.join();
        }
        if replica.at().is_some() && replica.at() != self.saved {
            tell(&self.state, &self.path, write(&self.path, replica.map(), replica.at()));
        }
    }
}

fn tell(state: &str, path: &Path, written: io::Result<()>) {
    if let Err(error) = written {
        let file = path.display();
        tracing::warn!(state, %file, %error, "the local copy cannot be written");
    }
}

type Read = (StateMap, At, Instant);

fn read(path: &Path, checker: &Checker) -> Result<Option<Read>, String> {
    let bytes = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::read(path).map_err(|error| error.to_string())?,
        // A pipe would be waited for, a device read without end.
        Ok(_) => return Err("it is not a file".into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let content: Content = rmp_serde::from_slice(&bytes).map_err(|error| error.to_string())?;
    if content.format != FORMAT {
        return Err(format!("it is {:?}, expected {FORMAT:?}", content.format));
    }
    checker.check_named("state", &content.state.0).map_err(|found| crate::connection::list(&found))?;
    let mut map = StateMap::new();
    apply(&mut map, &content.state.0).map_err(|error| error.to_string())?;
    let at = At { life: Life::from(content.epoch), number: content.number };
    let written = fs::metadata(path).and_then(|metadata| metadata.modified());
    let age = written.ok().and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default();
    let now = Instant::now();
    Ok(Some((map, at, now.checked_sub(age).unwrap_or(now))))
}

/// Writes a new file and puts it in the place of the old one, so that there is always a whole one.
fn write(path: &Path, map: &StateMap, at: Option<At>) -> io::Result<()> {
    let Some(At { life, number }) = at else { return Ok(()) };
    let epoch = match life {
        Life::Counted(epoch) => Some(epoch),
        Life::Original => None,
    };
    let mut state = Vec::new();
    write_all(map, &mut state);
    let content = Content { format: FORMAT.into(), epoch, number, state: Bytes(state) };
    let bytes = value::encode(&content).map_err(io::Error::other)?;
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    });
    if written.is_err() {
        // Half of it helps nobody and keeps a full disk full.
        let _removed = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Type;
    use crate::state::replica::Status;

    fn checker() -> Checker {
        Checker::of_keys(&Type::map(Type::Str, Type::Int), false, "state").unwrap()
    }

    #[test]
    fn what_is_written_is_begun_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book");
        let at = At { life: Life::Counted(5), number: Some(7) };
        let mut map = StateMap::new();
        apply(&mut map, &[0x81, 0xa1, b'k', 3]).unwrap();
        let mut first = Replica::new(false);
        let mut copy = LocalCopy::open("book", &path, &checker(), &mut first);
        assert_eq!(first.status(), Status::Waiting);
        first.begin_with(map.clone(), at, Instant::now());
        copy.close(&first);
        let mut second = Replica::new(false);
        LocalCopy::open("book", &path, &checker(), &mut second);
        assert_eq!((second.map(), second.at()), (&map, Some(at)));
        assert!(second.status().stale_for().is_some());
    }

    #[test]
    fn what_changes_while_the_file_is_written_is_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let (path, now) = (folder.path().join("book"), Instant::now());
        let mut replica = Replica::new(false);
        let mut copy = LocalCopy::open("book", &path, &checker(), &mut replica);
        let at = |number| At { life: Life::Counted(5), number: Some(number) };
        replica.begin_with(StateMap::new(), at(7), now);
        copy.is_busy.store(true, Ordering::Release);
        copy.on_time(&replica, now);
        assert_eq!(copy.next_time(), Some(now + DELAY));
        copy.on_time(&replica, now + DELAY);
        assert_eq!(copy.next_time(), Some(now + 2 * DELAY), "not at once, over and over");
        copy.is_busy.store(false, Ordering::Release);
        copy.on_time(&replica, now + 2 * DELAY);
        assert_eq!((copy.saved, copy.next_time()), (Some(at(7)), None));
        replica.begin_with(StateMap::new(), at(8), now);
        copy.on_time(&replica, now);
        replica.begin_with(StateMap::new(), at(7), now);
        copy.on_time(&replica, now);
        assert_eq!(copy.next_time(), None, "what is there is what is to be there");
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        for path in ["/dev/zero", "/"] {
            let mut replica = Replica::new(false);
            LocalCopy::open("book", Path::new(path), &checker(), &mut replica);
            assert_eq!(replica.at(), None);
        }
    }

    #[test]
    fn a_file_that_is_no_copy_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book");
        let other = Content { format: "else".into(), epoch: None, number: None, state: Bytes(vec![0x80]) };
        let wrong = Content { state: Bytes(vec![0x81, 1, 1]), format: FORMAT.into(), ..other };
        let cut = value::encode(&wrong).unwrap()[..20].to_vec();
        let contents = [b"".to_vec(), b"garbage".to_vec(), cut, value::encode(&wrong).unwrap()];
        for content in contents {
            fs::write(&path, content).unwrap();
            let mut replica = Replica::new(false);
            LocalCopy::open("book", &path, &checker(), &mut replica);
            assert_eq!((replica.at(), replica.status()), (None, Status::Waiting));
        }
    }
}
