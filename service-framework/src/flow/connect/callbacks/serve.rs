//! Connections: accepted as long as there is room, each ended when its time is over.

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

use super::CallbackSettings;

/// How long nothing is accepted after the system could not, mostly because it has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is told to stop, and what is at work then until it ends or its time is over.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    settings: CallbackSettings,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let of_connections = stopped.clone();
    loop {
        while connections.try_join_next().is_some() {}
        let has_room = connections.len() < settings.connections.max(1);
        tokio::select! {
            () = told(&mut stopped) => break,
            _ = connections.join_next(), if !has_room => {}
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), settings.clone(), of_connections.clone()));
                }
                Err(error) => {
                    warn!("no connection can be accepted: {error}");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits until it is told to stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    // If nobody can tell it any more, it is over as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// One connection, with any number of requests after each other.
async fn connection(
    stream: TcpStream,
    router: Router,
    settings: CallbackSettings,
    mut stopped: watch::Receiver<bool>,
) {
    // Without it answers are only slower.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(settings.head_time);
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = pin!(serving);
    // How a connection ends is of no interest: its requests were answered, or nothing of them was kept.
    tokio::select! {
        _ = serving.as_mut() => return,
        () = told(&mut stopped) => {}
        () = sleep(settings.connection_time) => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = timeout(settings.grace, serving).await;
}
