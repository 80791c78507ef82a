//! One client: its request, its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::listen::ServeSettings;
use super::request::{BadRequest, Incoming, to_bytes};
use crate::program::execute::Engine;
use crate::program::run::Request;

/// How much is read at once.
const SEGMENT: usize = 64 * 1024;
/// How long a client that still sends is listened to after its answer, so that it gets to read that.
const FAREWELL: Duration = Duration::from_secs(2);

/// What all connections share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) settings: ServeSettings,
    /// Bytes of requests that are not whole.
    pub(super) receiving: Arc<AtomicUsize>,
}

/// Bytes that are counted among those of all connections for as long as this is there.
struct Room<'a> {
    all: &'a AtomicUsize,
    own: usize,
}

impl Room<'_> {
    /// Whether there is room for this many.
    fn grow(&mut self, to: usize, most: usize) -> bool {
        let more = to.saturating_sub(self.own);
        self.own += more;
        self.all.fetch_add(more, Ordering::Relaxed) + more <= most
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own, Ordering::Relaxed);
    }
}

/// Serves one client. `evicted` comes when others need its place and it has not sent its request yet.
pub(super) async fn serve(
    shared: Shared,
    mut stream: TcpStream,
    evicted: oneshot::Receiver<()>,
    received: impl FnOnce(),
) {
    // Small answers are to leave at once.
    let _ = stream.set_nodelay(true);
    let patience = shared.settings.read_timeout;
    let request = tokio::select! {
        request = timeout(patience, receive(&shared, &mut stream)) => {
            request.unwrap_or(Err(BadRequest::Late(patience.as_secs())))
        }
        Ok(()) = evicted => Err(BadRequest::NoRoom),
    };
    received();
    let answer = match request {
        Ok(request) => Ok(shared.engine.ask(request).await),
        Err(bad) => {
            tracing::debug!(%bad, "a request is none");
            Err(bad)
        }
    };
    // A client that is gone has no use for it.
    let _ = timeout(patience, say_and_close(&mut stream, &to_bytes(&answer))).await;
}

async fn receive(shared: &Shared, stream: &mut TcpStream) -> Result<Request, BadRequest> {
    let mut room = Room { all: &shared.receiving, own: 0 };
    let mut incoming = Incoming::new(shared.settings.largest);
    let mut segment = vec![0; SEGMENT.min(shared.settings.largest.max(1))];
    loop {
        match stream.read(&mut segment).await {
            Ok(0) | Err(_) => return incoming.end(),
            Ok(count) => {
                if !room.grow(incoming.len() + count, shared.settings.most_receiving) {
                    return Err(BadRequest::NoRoom);
                }
                if let Some(request) = incoming.take(&segment[..count])? {
                    return Ok(request);
                }
            }
        }
    }
}

/// Closing with bytes unread would take the answer away from who has not read it yet.
async fn say_and_close(stream: &mut TcpStream, answer: &[u8]) -> std::io::Result<()> {
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    let mut rest = vec![0; SEGMENT];
    let listen = async { while !matches!(stream.read(&mut rest).await, Ok(0) | Err(_)) {} };
    let _ = timeout(FAREWELL, listen).await;
    Ok(())
}
