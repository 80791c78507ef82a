//! The listener: accepts clients, never more than there is room for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::{Shared, serve};
use super::guests::Guests;
use crate::program::execute::Engine;

/// How long it waits before it tries again what could not be done.
const AGAIN: Duration = Duration::from_millis(20);
/// How many large requests are looked at beside each other.
const LOOKING: usize = 4;

/// The port of the original.
pub const PORT: u16 = 60856;

/// How a server listens.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// Where; 127.0.0.1:60856 unless told. Port 0 is one that the system chooses.
    pub address: SocketAddr,
    /// How many clients the system keeps waiting; 512 unless told.
    pub backlog: u32,
    /// How many clients may be connected; 2000 unless told. One more waits, and takes the place of one that has its answer, or
    /// of the one that has not sent its request for longest.
    pub most_connections: usize,
    /// How long a request may take to come, and an answer to be read; 30 s unless told.
    pub read_timeout: Duration,
    /// How many bytes a request may have; 100,000,000 unless told.
    pub largest: usize,
    /// How many bytes of unfinished requests there may be at once; four times the largest unless told.
    pub most_receiving: usize,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], PORT)),
            backlog: 512,
            most_connections: 2000,
            read_timeout: Duration::from_secs(30),
            largest: 100_000_000,
            most_receiving: 400_000_000,
        }
    }
}

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}; is another server there? choose another port with --port")]
    Address {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// A server that listens, until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens for requests to an engine.
    ///
    /// # Errors
    /// The address cannot be had.
    pub fn start(engine: Engine, settings: ServeSettings) -> Result<Self, ServeError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(LOOKING)
            .build()
            .map_err(ServeError::Thread)?;
        let wanted = settings.address;
        let unavailable = |source| ServeError::Address { address: wanted, source };
        let listener = {
            let _entered = runtime.enter();
            listen(wanted, settings.backlog).map_err(unavailable)?
        };
        let address = listener.local_addr().map_err(unavailable)?;
        let (stop, stopped) = watch::channel(false);
        let shared = Shared { engine, settings, receiving: Arc::default(), guests: Guests::default() };
        let work = move || run(&runtime, listener, shared, stopped);
        let thread = thread::Builder::new().name("program server".to_owned()).spawn(work);
        Ok(Self { address, stop, thread: Some(thread.map_err(ServeError::Thread)?) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more clients, and waits until those it has have their answers. Stop the engine besides, so that they get them.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of it has been said by then.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

fn run(runtime: &Runtime, listener: TcpListener, shared: Shared, mut stopped: watch::Receiver<bool>) {
    runtime.block_on(async {
        let mut clients = JoinSet::new();
        let guests = shared.guests.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        if !make_room(&shared, &mut clients, &mut stopped).await {
                            break;
                        }
                        clients.spawn(serve(shared.clone(), stream));
                    }
                    Err(error) => {
                        // Out of descriptors, mostly: the one that says nothing has one to give.
                        tracing::warn!(%error, "a client could not be accepted");
                        guests.evict();
                        tokio::time::sleep(AGAIN).await;
                    }
                },
                Some(_) = clients.join_next() => {}
                _ = stopped.changed() => break,
            }
        }
        drop(listener);
        guests.close();
        while clients.join_next().await.is_some() {}
    });
}

/// Waits until there is room for one more client, which others make who need it less. False if the server stops.
async fn make_room(shared: &Shared, clients: &mut JoinSet<()>, stopped: &mut watch::Receiver<bool>) -> bool {
    while clients.len() >= shared.settings.most_connections.max(1) {
        shared.guests.evict();
        tokio::select! {
            _ = clients.join_next() => {}
            _ = stopped.changed() => return false,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
    true
}
