//! Connections: each ended when its time is over, and the oldest when another needs its place.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::warn;

use super::Limits;

/// How long nothing is accepted after the system could not, mostly because it has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a connection keeps its place although others wait for one: a delivery is done in much less.
const SAFE: Duration = Duration::from_secs(1);

/// Serves until it is told to stop, and what is at work then until it ends or its time is over. `router` makes what answers on
/// one connection.
pub(crate) async fn serve(
    listener: TcpListener,
    router: impl Fn(&TcpStream) -> Router,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = Connections::default();
    let mut waiting: Option<TcpStream> = None;
    let most = limits.connections.max(1);
    loop {
        if connections.count() < most
            && let Some(stream) = waiting.take()
        {
            let router = router(&stream);
            connections.open(connection(stream, router, limits, stopped.clone()));
        }
        let has_any = connections.count() > 0;
        let oldest_is_old = connections.oldest_is_old();
        tokio::select! {
            () = told(&mut stopped) => break,
            () = connections.one_ends(), if has_any => {}
            () = oldest_is_old, if waiting.is_some() => connections.end_oldest(),
            accepted = listener.accept(), if waiting.is_none() => match accepted {
                Ok((stream, _)) => waiting = Some(stream),
                Err(error) => {
                    warn!("no connection can be accepted: {error}");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.count() > 0 {
        connections.one_ends().await;
    }
}

/// Connections that are open, by their age.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    /// The oldest first; some may have ended.
    opened: VecDeque<(Instant, AbortHandle)>,
}

impl Connections {
    fn count(&self) -> usize {
        self.tasks.len()
    }

    fn open(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        if self.opened.len() > 2 * self.count() {
            self.opened.retain(|(_, task)| !task.is_finished());
        }
        self.opened.push_back((Instant::now(), self.tasks.spawn(connection)));
    }

    async fn one_ends(&mut self) {
        // What it came to is of no interest.
        let _ = self.tasks.join_next().await;
    }

    /// Ready when the oldest is not safe any more; at once if none is open.
    fn oldest_is_old(&mut self) -> impl Future<Output = ()> + use<> {
        while self.opened.front().is_some_and(|(_, task)| task.is_finished()) {
            self.opened.pop_front();
        }
        let since = self.opened.front().map_or_else(Instant::now, |(opened, _)| *opened);
        sleep_until(since + SAFE)
    }

    fn end_oldest(&mut self) {
        if let Some((_, task)) = self.opened.pop_front() {
            task.abort();
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
    tokio::select! {
        _ = serving.as_mut() => return,
        () = told(&mut stopped) => {}
        () = sleep(limits.connection_time) => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = timeout(limits.grace, serving).await;
}
