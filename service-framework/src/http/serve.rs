//! Whoever connects is looked at, gets a place, and is served until its time is over.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::connections::Connections;
use super::{Guest, Limits};

/// How long nothing is accepted after the system could not, mostly because it has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// So many are looked at or wait for a place. Further ones are not accepted yet.
const COMING: usize = 256;

/// Most connections of strangers at once.
const STRANGERS: usize = 8;

/// Serves until it is told to stop, and what is at work then until it ends or its time is over. `admit` says who has connected;
/// however long that takes, others are looked at meanwhile.
pub(crate) async fn serve<F>(
    listener: TcpListener,
    admit: impl Fn(&TcpStream) -> F,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) where
    F: Future<Output = Guest> + Send + 'static,
{
    let mut coming = JoinSet::new();
    let mut places = Places::new(limits, stopped.clone());
    loop {
        places.fill();
        let has_room = coming.len() + places.waiting.len() < COMING;
        tokio::select! {
            () = told(&mut stopped) => break,
            () = places.change() => {}
            Some(known) = coming.join_next() => match known {
                Ok((stream, guest)) => places.take(stream, guest),
                Err(error) => warn!("who has connected is not known: {error}"),
            },
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _)) => {
                    let guest = admit(&stream);
                    coming.spawn(async move { (stream, guest.await) });
                }
                Err(error) => {
                    warn!("no connection can be accepted: {error}");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop((listener, coming));
    places.end().await;
}

/// Who is served, and who waits for that.
struct Places {
    limits: Limits,
    stopped: watch::Receiver<bool>,
    waiting: VecDeque<(TcpStream, Router)>,
    guests: Connections,
    strangers: Connections,
}

impl Places {
    fn new(limits: Limits, stopped: watch::Receiver<bool>) -> Self {
        let (guests, strangers) = (Connections::default(), Connections::default());
        Self { limits, stopped, waiting: VecDeque::new(), guests, strangers }
    }

    /// A stranger is served at once, anybody else in its turn.
    fn take(&mut self, stream: TcpStream, Guest { router, is_stranger }: Guest) {
        if !is_stranger {
            self.waiting.push_back((stream, router));
            return;
        }
        if self.strangers.count() >= STRANGERS {
            self.strangers.end_oldest();
        }
        self.strangers.open(connection(stream, router, self.limits, self.stopped.clone()));
    }

    /// Serves those who wait, as far as there are places.
    fn fill(&mut self) {
        while self.guests.count() < self.limits.connections.max(1)
            && let Some((stream, router)) = self.waiting.pop_front()
        {
            self.guests.open(connection(stream, router, self.limits, self.stopped.clone()));
        }
    }

    /// Waits until somebody has gone, or the oldest had to for one who waits.
    async fn change(&mut self) {
        let oldest_is_old = self.guests.oldest_is_old();
        tokio::select! {
            () = self.guests.one_ends() => {}
            () = self.strangers.one_ends() => {}
            () = oldest_is_old, if !self.waiting.is_empty() => self.guests.end_oldest(),
        }
    }

    /// Waits until all have gone.
    async fn end(mut self) {
        while !self.guests.is_empty() || !self.strangers.is_empty() {
            tokio::select! {
                () = self.guests.one_ends() => {}
                () = self.strangers.one_ends() => {}
            }
        }
    }
}

/// Waits until it is told to stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    // If nobody can tell it any more, it is over as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// One connection, with any number of requests after each other.
async fn connection(stream: TcpStream, router: Router, limits: Limits, mut stopped: watch::Receiver<bool>) {
    // Without it answers are only slower.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head_time);
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = pin!(serving);
    // How a connection ends is of no interest: its requests were answered, or nothing of them was kept.
    let has_time = tokio::select! {
        _ = serving.as_mut() => return,
        () = told(&mut stopped) => false,
        () = sleep(limits.connection_time) => true,
    };
    serving.as_mut().graceful_shutdown();
    if has_time {
        tokio::select! {
            _ = serving.as_mut() => return,
            () = told(&mut stopped) => {}
            () = sleep(limits.request_time) => return,
        }
    }
    let _ = timeout(limits.grace, serving).await;
}
