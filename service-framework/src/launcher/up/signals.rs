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
use super::keys;
use crate::launcher::exit;
use crate::launcher::helpers::Helpers;

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

/// Watches for signals until dropped. The first asks for the end, the second kills what there is.
pub(super) struct Watch {
    handle: Handle,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    was_asked: bool,
    /// What there is to end, once services are about to be started.
    running: Option<Target>,
}

/// Where signals go to while services run.
struct Target {
    live: Arc<Live>,
    folder: PathBuf,
    events: Sender<Event>,
}

impl Watch {
    /// Watches for SIGINT, SIGTERM and SIGHUP. Until services are started, the first ends the `helpers`.
    pub(super) fn start(helpers: Helpers) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let handle = signals.handle();
        let state = Arc::<Mutex<State>>::default();
        let watched = state.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let mut signals = signals.forever();
            if signals.next().is_some() {
                ask(&mut lock(&watched));
                helpers.end();
            }
            if let Some(second) = signals.next() {
                end_at_once(lock(&watched).running.take(), second);
            }
        })?;
        Ok(Watch { handle, state })
    }

    /// Whether a signal has come.
    pub(super) fn was_asked(&self) -> bool {
        lock(&self.state).was_asked
    }

    /// From now on the first signal is an event. The second kills all that is `live`, removes `folder` and ends this
    /// process, whatever its other threads do: one may wait for a terminal that is stopped.
    pub(super) fn attach(&self, live: Arc<Live>, folder: PathBuf, events: Sender<Event>) {
        let mut state = lock(&self.state);
        if state.was_asked {
            let _ = events.send(Event::Signal);
        }
        state.running = Some(Target { live, folder, events });
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ask(state: &mut State) {
    state.was_asked = true;
    if let Some(target) = &state.running {
        let _ = target.events.send(Event::Signal);
    }
}

fn end_at_once(running: Option<Target>, signal: i32) {
    keys::restore();
    // Not `process::exit`: no destructor may keep the second signal from its work.
    let exit = || low_level::exit(exit::after_signal(signal));
    match running {
        None => exit(),
        Some(Target { live, folder, .. }) => live.kill(|| {
            let _ = fs::remove_dir_all(folder);
            exit();
        }),
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.handle.close();
    }
}
