//! What the connections ask of a socket, whatever engine moves the bytes.
//!
//! Nothing here blocks: an owner polls many sockets at once ([`poll`]) and then sends and receives what is possible.

use std::ops::Deref;
use std::os::fd::RawFd;
use std::time::Duration;

/// One frame of a message, in the memory it arrived in.
#[derive(Debug)]
pub(crate) struct Frame(pub(super) zmq::Message);

impl Frame {
    /// Where it came from, as far as the transport tells.
    pub(crate) fn peer_address(&mut self) -> Option<&str> {
        self.0.gets("Peer-Address")
    }

    /// The name that whoever decides who may come in has given to its sender.
    #[cfg(feature = "cluster")]
    pub(crate) fn user_id(&mut self) -> Option<&str> {
        self.0.gets("User-Id")
    }

    /// The descriptor of the connection by which it came.
    #[cfg(feature = "cluster")]
    pub(crate) fn descriptor(&mut self) -> Option<RawFd> {
        self.0.gets("__fd")?.parse().ok()
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self(zmq::Message::from(bytes))
    }
}

/// What became of a message that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Sent {
    /// The engine has it.
    Done,
    /// There is no room, or nobody to send to yet: nothing was taken, try again later.
    Full,
    /// The peer it was for is gone: nothing was taken.
    NoRoute,
}

/// What there was to receive.
pub(crate) enum Received<T> {
    /// Nothing, for now.
    Nothing,
    /// A message.
    Message(T),
    /// Frames that are no message of this kind of connection; the first that is left of them.
    Junk(Option<Frame>),
}

impl<T> Received<T> {
    pub(crate) fn map<U>(self, into: impl FnOnce(T) -> U) -> Received<U> {
        match self {
            Self::Message(message) => Received::Message(into(message)),
            Self::Junk(frame) => Received::Junk(frame),
            Self::Nothing => Received::Nothing,
        }
    }
}

/// Why an engine refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct SocketError {
    /// What was tried, with the address if there is one.
    pub(crate) what: String,
    /// The engine's own words.
    pub(crate) cause: String,
}

/// The roles that connections need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Receives requests, sends replies to whom they belong.
    Router,
    /// As [`Role::Router`], with replies so large that only a few may wait for one peer.
    RouterOfLarge,
    /// Sends requests, receives replies in any order.
    Dealer,
    /// Sends to every subscriber.
    Publish,
    /// Sends to every subscriber, and hears of each subscription, also of one that was made before.
    PublishWatched,
    /// Receives what it subscribed to.
    Subscribe,
}

/// A socket of one engine.
pub(crate) trait Socket {
    /// Listens at `endpoint`; returns the endpoint as it is now known (a wildcard port filled in).
    fn bind(&self, endpoint: &str) -> Result<String, SocketError>;
    /// Connects to `endpoint` now or whenever somebody listens there.
    fn connect(&self, endpoint: &str) -> Result<(), SocketError>;
    /// Connects no longer to what it was connected to by this text.
    fn disconnect(&self, endpoint: &str) -> Result<(), SocketError>;
    /// Receives messages that begin with `prefix`.
    fn subscribe(&self, prefix: &[u8]) -> Result<(), SocketError>;
    /// Takes one subscription back; of several to the same prefix the others stay.
    fn unsubscribe(&self, prefix: &[u8]) -> Result<(), SocketError>;
    /// Hands over one message, all of its frames or none.
    fn send(&self, frames: &[&[u8]]) -> Result<Sent, SocketError>;
    /// Of a publishing socket: hands over one message, leaving out subscribers that have no room.
    fn send_lossy(&mut self, frames: &[&[u8]]) -> Result<(), SocketError>;
    /// Has it leave what it was given and has not sent behind when it closes.
    fn forget_unsent(&self);
    /// Fills `frames` with the next message; false if there is none.
    fn receive(&self, frames: &mut Vec<Frame>) -> Result<bool, SocketError>;
    /// Its place in a poll set.
    fn poll_item(&self, interest: Interest) -> PollItem<'_>;
}

/// What a poll waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// A message to receive.
    Receive,
    /// A message to receive, or room to send one.
    ReceiveOrSend,
}

/// One entry of a poll set: a socket, or a descriptor of the operating system.
///
/// libzmq's poll takes both, so an engine of our own would come in here by its descriptor.
pub(crate) type PollItem<'a> = zmq::PollItem<'a>;

/// The entry that waits for `fd` to become readable.
pub(crate) fn readable<'a>(fd: RawFd) -> PollItem<'a> {
    zmq::PollItem::from_fd(fd, zmq::POLLIN)
}

/// Whether the last poll found what was waited for.
pub(crate) fn is_ready(item: &PollItem<'_>) -> bool {
    !item.get_revents().is_empty()
}

/// Waits until an item is ready or the time is over (`None`: for ever). A signal may end it early.
pub(crate) fn poll(items: &mut [PollItem<'_>], timeout: Option<Duration>) -> Result<(), SocketError> {
    super::zeromq::poll(items, timeout)
}
