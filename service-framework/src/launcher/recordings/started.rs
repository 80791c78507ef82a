//! Recordings of what this process starts: one service, or a system, from the first message on.

use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use super::record::cannot_record;
use super::recorder::Recorder;
use crate::connection::tap::{Hub, Wanted};
use crate::launcher::control::Host;
use crate::launcher::control::attend_to;
use crate::launcher::control::tapped::Tapped;
use crate::launcher::{exit, say::say};
use crate::model::Problem;
use crate::recording::RecordingError;

/// How long a service may take to answer, and at its end to tell the last that it did.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it is waited after somebody could not be let in.
const PAUSE: Duration = Duration::from_millis(100);

/// A recording that has begun.
pub(in crate::launcher) struct Beginning {
    recorder: Arc<Recorder>,
    path: PathBuf,
    /// Where services call, once they may.
    door: Arc<OnceLock<PathBuf>>,
}

/// Begins a recording at `path`, if there is one.
///
/// # Errors
/// There is such a file already, or it cannot be made.
pub(in crate::launcher) fn begin(path: Option<&Path>) -> Result<Option<Beginning>, Vec<Problem>> {
    let Some(path) = path else { return Ok(None) };
    let door = Arc::<OnceLock<PathBuf>>::default();
    let to_close = door.clone();
    let failed = move |error: &RecordingError| {
        say!("error: nothing is recorded any more: {error}");
        // Who comes now is refused at once, and does not wait.
        if let Some(door) = to_close.get() {
            let _ = fs::remove_file(door);
        }
    };
    let recorder = Recorder::start(path, failed).map_err(|error| vec![cannot_record(&error)])?;
    Ok(Some(Beginning { recorder: Arc::new(recorder), path: path.into(), door }))
}

impl Beginning {
    /// Records the service of this process, which opens its sockets after that.
    pub(in crate::launcher) fn record(&self, host: &Arc<impl Host>, tap: &Hub) {
        let begun = UnixStream::pair().and_then(|(ours, theirs)| {
            attend_to(theirs, host.clone())?;
            let tapped = Tapped::ask(ours, &Wanted::default(), true, PATIENCE).map_err(io::Error::other)?;
            self.recorder.add(tapped, || {})
        });
        match begun {
            Ok(()) => drop(tap.wait_for_guest(PATIENCE)),
            Err(error) => tracing::error!("this service is not recorded: {error}"),
        }
    }

    /// Records every service that calls at the socket `path`.
    ///
    /// # Errors
    /// The socket or a thread cannot be made.
    pub(in crate::launcher) fn listen(&self, path: &Path) -> io::Result<()> {
        let (listener, recorder) = (UnixListener::bind(path)?, Arc::downgrade(&self.recorder));
        let _ = self.door.set(path.into());
        let serve = move || {
            for stream in listener.incoming() {
                let Some(recorder) = recorder.upgrade() else { return };
                let taken = stream.and_then(|stream| {
                    let tapped = Tapped::ask(stream, &Wanted::default(), true, PATIENCE);
                    recorder.add(tapped.map_err(io::Error::other)?, || {})
                });
                if let Err(error) = taken {
                    say!("a service is not recorded: {error}");
                    // No descriptors are left, perhaps.
                    thread::sleep(PAUSE);
                }
            }
        };
        thread::Builder::new().name("recording".into()).spawn(serve).map(drop)
    }

    /// Ends the recording, once all that services still have to tell is there; the exit code, if it was `code` before.
    pub(in crate::launcher) fn end(self, code: u8) -> u8 {
        self.recorder.wait_for_ends(PATIENCE);
        let Some(recorder) = last(self.recorder) else {
            say!("error: the recording did not end");
            return exit::FAILED;
        };
        match recorder.finish() {
            Ok(counted) => {
                say!("{}: {}", self.path.display(), counted.shown());
                code
            }
            Err(error) => {
                say!("error: the recording is not whole: {error}; what was written before is there");
                if code == exit::OK { exit::FAILED } else { code }
            }
        }
    }
}

/// The recorder, once nobody who has just been let in has it any more.
fn last(mut recorder: Arc<Recorder>) -> Option<Recorder> {
    for _ in 0..1_000 {
        match Arc::try_unwrap(recorder) {
            Ok(recorder) => return Some(recorder),
            Err(shared) => recorder = shared,
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}
