//! One client: its request, its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::guests::{Guests, Phase};
use super::listen::ServeSettings;
use super::request::{BadRequest, Come, Incoming, answer_bytes, error_bytes};
use crate::program::execute::{Answer, Engine, Refusal};
use crate::program::run::Request;

/// How much is read at once.
const SEGMENT: usize = 64 * 1024;
/// Most bytes that are looked at on the thread that serves everybody.
const SMALL: usize = 64 * 1024;
/// How long a client may be silent that is listened to after its answer, so that it gets to read that.
const FAREWELL: Duration = Duration::from_secs(2);

/// What all connections share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) settings: ServeSettings,
    /// Bytes of requests that are not whole.
    pub(super) receiving: Arc<AtomicUsize>,
    pub(super) guests: Guests,
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

/// Serves one client, which may be shown the door whenever nothing runs for it.
pub(super) async fn serve(shared: Shared, mut stream: TcpStream) {
    // Small answers are to leave at once.
    let _ = stream.set_nodelay(true);
    let (patience, guests) = (shared.settings.read_timeout, &shared.guests);
    let request = guests.attend(Phase::Sends, timeout(patience, receive(&shared, &mut stream))).await;
    let is_evicted = request.is_none();
    let request = match request {
        Some(received) => received.unwrap_or(Err(BadRequest::Late(patience.as_secs()))),
        None => Err(BadRequest::NoRoom),
    };
    let answer = match request {
        Ok(request) => run(&shared.engine, request).await,
        Err(bad) => {
            tracing::debug!(%bad, "a request is none");
            error_bytes(&bad)
        }
    };
    let said = guests.attend(Phase::Reads, timeout(patience, say(&mut stream, &answer))).await;
    // A client that is gone has no use for it.
    if matches!(said, Some(Ok(Ok(())))) && !is_evicted {
        let _ = guests.attend(Phase::Lingers, timeout(patience, listen(&mut stream))).await;
    }
}

/// The answer is written out where the run ended, not on the thread that serves everybody.
async fn run(engine: &Engine, request: Request) -> Vec<u8> {
    let (tell, told) = oneshot::channel();
    engine.submit(request, move |answer| {
        // Whoever asked may be gone.
        let _ = tell.send(answer_bytes(&answer));
    });
    told.await.unwrap_or_else(|_| answer_bytes(&Answer::Refused(Refusal::Stopping)))
}

async fn receive(shared: &Shared, stream: &mut TcpStream) -> Result<Request, BadRequest> {
    let mut room = Room { all: &shared.receiving, own: 0 };
    let mut incoming = Incoming::new(shared.settings.largest);
    // Who says nothing takes no memory.
    let _ = stream.readable().await;
    let mut segment = Vec::with_capacity(SEGMENT);
    loop {
        segment.clear();
        let come = match stream.read_buf(&mut segment).await {
            Ok(0) | Err(_) => Come::Whole,
            Ok(count) => {
                if !room.grow(incoming.len() + count, shared.settings.most_receiving) {
                    return Err(BadRequest::NoRoom);
                }
                incoming.take(&segment)?
            }
        };
        match come {
            Come::Part => {}
            Come::Doubled => incoming = elsewhere(incoming, |incoming| incoming.look_early()).await?.0,
            Come::Whole => return Ok(elsewhere(incoming, |incoming| incoming.read()).await?.1),
        }
    }
}

/// Looks at what has come; on a thread beside the one that serves everybody, if it is much.
async fn elsewhere<T: Send + 'static>(
    incoming: Incoming,
    look: fn(&Incoming) -> Result<T, BadRequest>,
) -> Result<(Incoming, T), BadRequest> {
    if incoming.len() <= SMALL {
        return look(&incoming).map(|seen| (incoming, seen));
    }
    let looked = spawn_blocking(move || look(&incoming).map(|seen| (incoming, seen))).await;
    // It neither panics nor is it cancelled while this waits for it.
    looked.unwrap_or(Err(BadRequest::NoRoom))
}

async fn say(stream: &mut TcpStream, answer: &[u8]) -> std::io::Result<()> {
    stream.write_all(answer).await?;
    stream.shutdown().await
}

/// Closing with bytes unread would take the answer away from who has not read it yet.
async fn listen(stream: &mut TcpStream) {
    let mut rest = Vec::with_capacity(SEGMENT);
    while matches!(timeout(FAREWELL, stream.read_buf(&mut rest)).await, Ok(Ok(1..))) {
        rest.clear();
    }
}
