//! The request to end, from a signal or from code, seen by everything that waits.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Asks a running service to end. Clones ask the same one.
#[derive(Clone, Default)]
pub struct Stop(Arc<State>);

#[derive(Default)]
struct State {
    requested: AtomicBool,
    cause: OnceLock<Cause>,
    listeners: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// A call of [`Stop::stop`] in this process.
    Call,
}

impl Stop {
    /// Not yet asked for.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the service to end: handlers that run may finish, replies leave, then the sockets close.
    pub fn stop(&self) {
        self.stop_because(Cause::Call);
    }

    /// Like [`Stop::stop`], for a reason that decides which of the service's own handlers runs. The first counts.
    pub fn stop_because(&self, cause: Cause) {
        if self.0.cause.set(cause).is_err() {
            return;
        }
        self.0.requested.store(true, Ordering::Release);
        let listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener());
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    /// Why, if it was asked for.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.0.cause.get().copied()
    }

    /// Calls `listener` when it is asked for, at once if it was before.
    pub(crate) fn listen(&self, listener: impl Fn() + Send + 'static) {
        let mut listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_requested() {
            listener();
        }
        listeners.push(Box::new(listener));
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.cause()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn every_listener_hears_it_once_and_the_first_cause_stays() {
        let (stop, heard) = (Stop::new(), Arc::new(AtomicUsize::new(0)));
        let listen = |stop: &Stop| {
            let heard = heard.clone();
            stop.listen(move || {
                heard.fetch_add(1, Ordering::Relaxed);
            });
        };
        listen(&stop);
        assert_eq!((stop.is_requested(), stop.cause()), (false, None));
        stop.stop_because(Cause::Terminate);
        stop.clone().stop_because(Cause::Interrupt);
        listen(&stop);
        assert_eq!((stop.cause(), heard.load(Ordering::Relaxed)), (Some(Cause::Terminate), 2));
    }
}
