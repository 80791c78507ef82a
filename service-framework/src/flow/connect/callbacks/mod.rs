//! The connector of HTTP callbacks: takes what is delivered to `POST` or `PUT {public-url}/callback/ID` and says what became of it.
//!
//! It knows neither flows nor the store; a [`Deliver`] writes down what came, and nothing is acknowledged before that is done.
//! Whoever delivers may be slow or hostile: heads, bodies and connections are bounded in size, time and number.

mod answers;
mod ids;
mod settings;

use std::future::{Future, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::ids::{NoRandom, new_id};
pub use self::settings::{CallbackSettings, PublicUrl, PublicUrlError};
use crate::http::{self, Guest};
use crate::value::Value;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It is the first for its id, and written down.
    First,
    /// There was one before, which counts. Whoever delivers gets the same answer.
    Again,
    /// No flow has a callback of this id.
    Unknown,
}

/// It cannot be written down now, and may be delivered again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a callback cannot be written down: {0}")]
pub struct DeliverError(pub String);

/// A delivery that is being written down.
pub type Delivering<'a> = Pin<Box<dyn Future<Output = Result<Delivered, DeliverError>> + Send + 'a>>;

/// Whether a callback is known, which is being looked up.
pub type Knowing<'a> = Pin<Box<dyn Future<Output = Result<bool, DeliverError>> + Send + 'a>>;

/// Writes down what is delivered.
pub trait Deliver: Send + Sync {
    /// Whether there is a callback `id`: nobody's body is waited for if there is none. All may be, unless somebody knows better.
    fn knows<'a>(&'a self, _id: &'a str) -> Knowing<'a> {
        Box::pin(ready(Ok(true)))
    }

    /// Writes down that `body` came for the callback `id`; ready when that is safe. The body is the JSON that was delivered, else
    /// its text, else its bytes. If the future is dropped, it may have been written down or not; it is delivered again then.
    fn deliver<'a>(&'a self, id: &'a str, body: Value) -> Delivering<'a>;
}

/// Callbacks cannot come in, because nothing can listen there.
#[derive(Debug, thiserror::Error)]
#[error(
    "callbacks cannot be taken at {address}: {source}. Choose another address with --listen, with port 0 for any that is free"
)]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    pub source: io::Error,
}

/// Takes callbacks until it is stopped. Dropped, it stops at once.
pub struct Callbacks {
    address: SocketAddr,
    public_url: PublicUrl,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Callbacks {
    /// Listens, on the runtime in which it is called.
    ///
    /// # Errors
    /// Nothing can listen there.
    pub async fn listen(settings: CallbackSettings, deliver: Arc<dyn Deliver>) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let public_url = settings.public_url.clone().unwrap_or_else(|| PublicUrl::of(address));
        let router = answers::router(&settings, &public_url, deliver);
        let (stop, stopped) = watch::channel(false);
        let admit = move |_: &_| ready(Guest { router: router.clone(), is_stranger: false });
        let serving = tokio::spawn(http::serve(listener, admit, settings.limits(), stopped));
        Ok(Self { address, public_url, stop, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What URLs of callbacks begin with.
    #[must_use]
    pub fn public_url(&self) -> &PublicUrl {
        &self.public_url
    }

    /// Takes nothing more, and ends when what was being taken is answered, or its time is over.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // Only a panic ends it otherwise, and then it has stopped too.
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
