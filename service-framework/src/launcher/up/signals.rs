//! Signals to `up`: the first asks it to end, the second ends everything at once.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level;

use super::child::{Event, Running};
use crate::launcher::exit;

/// The processes that are started and not reaped: those whose ids are surely theirs.
#[derive(Default)]
pub(super) struct Live(Mutex<Vec<Pid>>);

impl Live {
    /// Starts a process by `start`, so that none is started behind the back of [`Live::kill`].
    pub(super) fn start(&self, start: impl FnOnce() -> io::Result<Running>) -> io::Result<Running> {
        let mut live = self.lock();
        let running = start()?;
        live.push(running.pid);
        Ok(running)
    }

    /// Reaps a process that has ended.
    pub(super) fn reap(&self, running: Running) -> io::Result<ExitStatus> {
        let mut live = self.lock();
        live.retain(|pid| *pid != running.pid);
        running.reap()
    }

    /// Kills all of them, and then ends this process by `exit`. Nobody can reap one of them in between, so that no
    /// other thread finds all services ended and ends this process in its own way.
    fn kill(&self, exit: impl FnOnce()) {
        let live = self.lock();
        for pid in live.iter() {
            let _ = kill_process_group(*pid, Signal::KILL);
        }
        exit();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches for signals until dropped.
pub(super) struct Watch(Handle);

impl Watch {
    /// Sends the first SIGINT, SIGTERM or SIGHUP as an event. The second kills all that is `live`, removes `folder`
    /// and ends this process, whatever its other threads do: one may wait for a terminal that is stopped.
    pub(super) fn start(live: Arc<Live>, folder: PathBuf, events: Sender<Event>) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let handle = signals.handle();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let mut signals = signals.forever();
            if signals.next().is_some() {
                let _ = events.send(Event::Signal);
            }
            if let Some(second) = signals.next() {
                live.kill(|| {
                    let _ = fs::remove_dir_all(folder);
                    // Not `process::exit`: no destructor may keep the second signal from its work.
                    low_level::exit(exit::after_signal(second));
                });
            }
        })?;
        Ok(Watch(handle))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.close();
    }
}
