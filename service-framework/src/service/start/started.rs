//! A service that runs on a thread of its own, and its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::connection::after;
use crate::model::ServiceModel;
use crate::service::error::RunError;
use crate::service::input::panic_text;
use crate::service::prepare::Prepared;
use crate::service::shared::{Listening, Shared};
use crate::service::stop::{Cause, Stop};

/// What closing takes at most once the grace period is over: replies and sockets have a second each.
const CLOSING: Duration = Duration::from_secs(3);

/// A service that runs in this process. Dropping it stops it and waits for its end, at most for the grace period and some
/// seconds.
#[must_use = "a service that nobody holds is stopped"]
pub struct Started {
    face: Arc<Face>,
    stop: Stop,
    grace: Duration,
    has_ended: bool,
    news: Mutex<Receiver<News>>,
}

/// What others may know of a service that runs.
pub(super) struct Face {
    pub(super) model: ServiceModel,
    pub(super) listening: Vec<Listening>,
    #[cfg(feature = "testing")]
    pub(super) shared: Arc<Shared>,
}

/// What is heard of the service's thread.
enum News {
    Ready(Arc<Shared>),
    Stop,
    Ended(Result<(), RunError>),
}

impl Started {
    /// Runs a service on a thread of its own; returns once it is ready.
    pub(super) fn run(prepared: Prepared, grace: Duration) -> Result<Self, RunError> {
        let (tell, news) = channel();
        let (stop, model) = (Stop::new(), prepared.model.clone());
        spawn(prepared, &stop, &tell)?;
        let shared = match news.recv() {
            Ok(News::Ready(shared)) => shared,
            Ok(News::Ended(Err(error))) => return Err(error),
            _ => return Err(died()),
        };
        stop.listen(move || drop(tell.send(News::Stop)));
        let listening = shared.listening();
        let face = Face {
            model,
            listening,
            #[cfg(feature = "testing")]
            shared,
        };
        let face = Arc::new(face);
        Ok(Self { face, stop, grace, has_ended: false, news: Mutex::new(news) })
    }

    #[cfg(feature = "testing")]
    pub(in crate::service) fn shared(&self) -> &Arc<Shared> {
        &self.face.shared
    }

    pub(super) fn face(&self) -> Arc<Face> {
        self.face.clone()
    }

    /// The name of the service.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.face.model.name
    }

    /// What the service takes in and gives out, as data.
    #[must_use]
    pub fn model(&self) -> &ServiceModel {
        &self.face.model
    }

    /// Where a connection or state listens, such as `tcp://127.0.0.1:40123`. A delta state has two addresses:
    /// `prices.publisher` and `prices.replyer`. None for what does not listen.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<&str> {
        let full = |socket: &Listening| format!("{}.{}", socket.name, socket.socket);
        let is_it = |socket: &&Listening| socket.name == name || full(socket) == name;
        let mut found = self.face.listening.iter().filter(is_it);
        match (found.next(), found.next()) {
            (Some(only), None) => Some(&only.endpoint),
            _ => None,
        }
    }

    /// Asks it to end: handlers that run may finish, replies leave, then the sockets close. Returns at once.
    pub fn stop(&self) {
        self.stop.stop();
    }

    /// As [`Started::stop`], for a reason that decides whether `sigint_handler` or `sigterm_handler` runs.
    pub fn stop_because(&self, cause: Cause) {
        self.stop.stop_because(cause);
    }

    /// Waits for its end: that of `main` in main mode, else that of a stop. Once a stop is asked for, this takes at most
    /// the grace period and some seconds.
    ///
    /// # Errors
    /// What it ended with; [`RunError::GraceOver`] also if its thread still runs, which then is abandoned.
    pub fn join(mut self) -> Result<(), RunError> {
        self.wait()
    }

    fn wait(&mut self) -> Result<(), RunError> {
        self.has_ended = true;
        let news = self.news.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut end = None;
        loop {
            match next(news, end) {
                Ok(News::Ended(ended)) => return ended,
                Ok(News::Stop) => end = Some(after(Instant::now(), self.grace.saturating_add(CLOSING))),
                Ok(News::Ready(_)) => {}
                Err(RecvTimeoutError::Timeout) => return Err(RunError::GraceOver(self.grace)),
                Err(RecvTimeoutError::Disconnected) => return Err(died()),
            }
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        self.stop();
        if let Err(error) = self.wait() {
            tracing::warn!(service = self.name(), error = %error, "a service ended badly");
        }
    }
}

impl std::fmt::Debug for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Started")
            .field("name", &self.name())
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

fn next(news: &Receiver<News>, end: Option<Instant>) -> Result<News, RecvTimeoutError> {
    match end {
        None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(end) => news.recv_timeout(end.saturating_duration_since(Instant::now())),
    }
}

fn spawn(prepared: Prepared, stop: &Stop, tell: &Sender<News>) -> Result<(), RunError> {
    let (stop, tell, at_ready) = (stop.clone(), tell.clone(), tell.clone());
    // A name with a zero in it is no name of a thread.
    let thread = thread::Builder::new().name(prepared.model.name.replace('\0', ""));
    let run = move || {
        let ready = Box::new(move |shared: &Arc<Shared>| drop(at_ready.send(News::Ready(shared.clone()))));
        let ended = catch_unwind(AssertUnwindSafe(|| prepared.run_telling(&stop, ready)));
        let panicked = |panic: Box<dyn std::any::Any + Send>| {
            Err(RunError::Panicked { hook: "the service", reason: panic_text(&*panic) })
        };
        drop(tell.send(News::Ended(ended.unwrap_or_else(panicked))));
    };
    let spawned = thread.spawn(run);
    spawned.map_err(|source| RunError::System { what: "start a thread for a service", source }).map(drop)
}

fn died() -> RunError {
    RunError::Panicked { hook: "the service", reason: "its thread ended without a word".to_owned() }
}
