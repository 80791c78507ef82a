//! The engine: libzmq sockets behind [`Socket`].

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::listening::{Listening, Told};
use super::raw;
use super::socket::{Frame, Interest, PollItem, Role, Sent, Socket, SocketError};

/// Messages that may wait for one slow peer, and in one receiving queue.
///
/// libzmq's own 1,000 is less than a burst of a few milliseconds.
const HIGH_WATER_MARK: i32 = 50_000;
/// A frame over this ends the connection that sent it, before it is in memory whole.
const HARD_FRAME_LIMIT: i64 = 256 << 20;
/// Large replies that may wait for one peer.
const FEW: i32 = 32;
const RECONNECT_FIRST: i32 = 100;
const RECONNECT_MOST: i32 = 1_000;
/// A frame to a publisher is a subscription, and libzmq keeps it as a tree of its bytes, at some 65 times its size: over
/// this the connection that sent it ends.
const LONGEST_TOPIC: i64 = 8 << 10;
/// TCP asks a silent peer for a sign of life after these seconds, and every so many again; its host has vanished when
/// none of three comes. Not the protocol's own heartbeats: their timer aborts the process, as of libzmq 4.3.5, if the
/// connection broke while its peer was not read from.
const ALIVE_AFTER: i32 = 5;
const ALIVE_ASKED: i32 = 3;
/// A request that is not acknowledged for so many milliseconds went to a host that has vanished.
const ACKNOWLEDGED_WITHIN: i32 = 15_000;

/// Where sockets come from: everything made here can talk over `inproc://`.
///
/// Dropping the last clone waits until what was sent has left, at most [`Sockets::LINGER`].
#[derive(Clone)]
pub(crate) struct Sockets(Arc<Shared>);

struct Shared {
    /// From the first socket that listens on. Ends before the context does.
    listening: Mutex<Option<Listening>>,
    context: zmq::Context,
}

impl Sockets {
    /// How long a closed socket may go on sending what it was given.
    pub(crate) const LINGER: Duration = Duration::from_secs(1);

    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared { listening: Mutex::default(), context: zmq::Context::new() }))
    }

    /// A socket with every bound set.
    pub(crate) fn socket(&self, role: Role) -> Result<ZmqSocket, SocketError> {
        let kind = match role {
            Role::Router | Role::RouterOfLarge => zmq::ROUTER,
            Role::Dealer => zmq::DEALER,
            Role::Publish => zmq::PUB,
            Role::PublishWatched => zmq::XPUB,
            Role::Subscribe => zmq::SUB,
        };
        let (raw, sockets) = (self.raw(kind)?, self.clone());
        let mut socket = ZmqSocket { raw, is_watched: Cell::new(false), sockets };
        socket.limit().and_then(|()| socket.shape(role)).map_err(failed(|| format!("set up a {role:?}")))?;
        Ok(socket)
    }

    /// A bare libzmq socket.
    pub(super) fn raw(&self, kind: zmq::SocketType) -> Result<zmq::Socket, SocketError> {
        self.0.context.socket(kind).map_err(failed(|| "open a socket".into()))
    }

    /// Has it told if those who connect to a socket cannot be accepted, and to `told` whoever comes and goes.
    fn watch(&self, socket: &zmq::Socket, told: Option<Told>) -> Result<(), SocketError> {
        let mut listening = self.0.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let system = |error: std::io::Error| SocketError {
            what: "watch listening sockets".into(),
            cause: error.to_string(),
        };
        let watch = match listening.take() {
            Some(watch) => watch,
            None => Listening::start().map_err(system)?,
        };
        listening.insert(watch).watch(socket, self.raw(zmq::PAIR)?, told)
    }
}

/// One libzmq socket.
pub(crate) struct ZmqSocket {
    pub(super) raw: zmq::Socket,
    is_watched: Cell<bool>,
    sockets: Sockets,
}

impl ZmqSocket {
    fn limit(&self) -> zmq::Result<()> {
        let socket = &self.raw;
        socket.set_linger(i32::try_from(Sockets::LINGER.as_millis()).unwrap_or(i32::MAX))?;
        socket.set_sndhwm(HIGH_WATER_MARK)?;
        socket.set_rcvhwm(HIGH_WATER_MARK)?;
        socket.set_maxmsgsize(HARD_FRAME_LIMIT)?;
        socket.set_reconnect_ivl(RECONNECT_FIRST)?;
        socket.set_reconnect_ivl_max(RECONNECT_MOST)?;
        socket.set_tcp_keepalive(1)?;
        socket.set_tcp_keepalive_idle(ALIVE_AFTER)?;
        socket.set_tcp_keepalive_intvl(ALIVE_AFTER)?;
        socket.set_tcp_keepalive_cnt(ALIVE_ASKED)
    }

    fn shape(&mut self, role: Role) -> zmq::Result<()> {
        match role {
            Role::Router => self.raw.set_router_mandatory(true),
            Role::RouterOfLarge => {
                self.raw.set_sndhwm(FEW)?;
                self.raw.set_router_mandatory(true)
            }
            Role::Publish => {
                self.raw.set_maxmsgsize(LONGEST_TOPIC)?;
                self.set_drop(false)
            }
            Role::PublishWatched => {
                self.raw.set_maxmsgsize(LONGEST_TOPIC)?;
                self.raw.set_xpub_verbose(true)?;
                self.set_drop(false)
            }
            // Not `immediate`: it throws replies away that came in just before their connection was lost.
            Role::Dealer => raw::set_int(&mut self.raw, raw::TCP_MAXRT, ACKNOWLEDGED_WITHIN),
            Role::Subscribe => Ok(()),
        }
    }

    /// Only where it is written: with it, IPv4 addresses are known by their IPv6 names.
    fn know_ipv6(&self, endpoint: &str) -> zmq::Result<()> {
        if endpoint.contains('[') { self.raw.set_ipv6(true) } else { Ok(()) }
    }

    /// A descriptor that becomes readable when something happens to the socket. Not for long: whoever uses the socket
    /// then or later has to look at all that there is.
    pub(super) fn fd(&self) -> zmq::Result<std::os::fd::RawFd> {
        self.raw.get_fd()
    }

    /// Lets the socket take in what happened to its connections.
    pub(super) fn look_after(&self) {
        // What can be done with the socket is of no interest, only that it is looked at.
        let _ = self.raw.get_events();
    }

    /// Tells of those who come and go, from before it first listens.
    #[cfg(feature = "cluster")]
    pub(super) fn tell(&self, told: Told) -> Result<(), SocketError> {
        if self.is_watched.replace(true) { Ok(()) } else { self.sockets.watch(&self.raw, Some(told)) }
    }

    fn set_drop(&mut self, drop: bool) -> zmq::Result<()> {
        raw::set_int(&mut self.raw, raw::XPUB_NODROP, i32::from(!drop))
    }
}

impl Drop for ZmqSocket {
    fn drop(&mut self) {
        if self.is_watched.get() {
            // It fails if nobody watches it, which is what is wanted.
            let _ = raw::stop_monitor(&mut self.raw);
        }
    }
}

impl Socket for ZmqSocket {
    fn bind(&self, endpoint: &str) -> Result<String, SocketError> {
        if !endpoint.starts_with("inproc:") && !self.is_watched.replace(true) {
            self.sockets.watch(&self.raw, None)?;
        }
        let failed = failed(|| format!("bind {endpoint}"));
        self.know_ipv6(endpoint).map_err(&failed)?;
        self.raw.bind(endpoint).map_err(|error| match error {
            zmq::Error::ENODEV => {
                let cause = "its host is neither a number nor the name of a network interface".into();
                SocketError { cause, ..failed(error) }
            }
            error => failed(error),
        })?;
        let known = self.raw.get_last_endpoint().map_err(&failed)?;
        Ok(known.unwrap_or_else(|_| endpoint.into()))
    }

    fn connect(&self, endpoint: &str) -> Result<(), SocketError> {
        let connected = self.know_ipv6(endpoint).and_then(|()| self.raw.connect(endpoint));
        connected.map_err(failed(|| format!("connect to {endpoint}")))
    }

    fn disconnect(&self, endpoint: &str) -> Result<(), SocketError> {
        self.raw.disconnect(endpoint).map_err(failed(|| format!("disconnect from {endpoint}")))
    }

    fn subscribe(&self, prefix: &[u8]) -> Result<(), SocketError> {
        self.raw.set_subscribe(prefix).map_err(failed(|| "subscribe".into()))
    }

    fn unsubscribe(&self, prefix: &[u8]) -> Result<(), SocketError> {
        self.raw.set_unsubscribe(prefix).map_err(failed(|| "take a subscription back".into()))
    }

    fn send(&self, frames: &[&[u8]]) -> Result<Sent, SocketError> {
        for (index, frame) in frames.iter().enumerate() {
            let more = if index + 1 < frames.len() { zmq::SNDMORE } else { 0 };
            // A signal may interrupt any call; the frame was not taken then.
            let sent = loop {
                match self.raw.send(*frame, zmq::DONTWAIT | more) {
                    Err(zmq::Error::EINTR) => {}
                    sent => break sent,
                }
            };
            match sent {
                Ok(()) => {}
                Err(zmq::Error::EAGAIN) => return Ok(Sent::Full),
                Err(zmq::Error::EHOSTUNREACH) => return Ok(Sent::NoRoute),
                Err(error) => return Err(failed(|| "send".into())(error)),
            }
        }
        Ok(Sent::Done)
    }

    fn send_lossy(&mut self, frames: &[&[u8]]) -> Result<(), SocketError> {
        let failed = failed(|| "send to the subscribers that keep up".into());
        self.set_drop(true).map_err(&failed)?;
        let sent = self.send(frames);
        self.set_drop(false).map_err(&failed)?;
        sent.map(|_| ())
    }

    fn forget_unsent(&self) {
        // Only a closed socket refuses, and that one has nothing left.
        let _ = self.raw.set_linger(0);
    }

    fn receive(&self, frames: &mut Vec<Frame>) -> Result<bool, SocketError> {
        frames.clear();
        loop {
            let mut message = zmq::Message::new();
            match self.raw.recv(&mut message, zmq::DONTWAIT) {
                Ok(()) => {}
                Err(zmq::Error::EAGAIN) => return Ok(false),
                // A signal came while libzmq looked; what is begun has to be read to its end.
                Err(zmq::Error::EINTR) => continue,
                Err(error) => return Err(failed(|| "receive".into())(error)),
            }
            let more = message.get_more();
            frames.push(Frame(message));
            if !more {
                return Ok(true);
            }
        }
    }

    fn poll_item(&self, interest: Interest) -> PollItem<'_> {
        let events = match interest {
            Interest::Receive => zmq::POLLIN,
            Interest::ReceiveOrSend => zmq::POLLIN | zmq::POLLOUT,
        };
        self.raw.as_poll_item(events)
    }
}

pub(super) fn poll(items: &mut [PollItem<'_>], timeout: Option<Duration>) -> Result<(), SocketError> {
    match zmq::poll(items, milliseconds(timeout)) {
        Ok(_) | Err(zmq::Error::EINTR) => Ok(()),
        Err(error) => Err(failed(|| "poll".into())(error)),
    }
}

/// Rounded up: a poll that returns just before the time would turn around until it has come.
fn milliseconds(timeout: Option<Duration>) -> i64 {
    timeout.map_or(-1, |time| i64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX))
}

pub(super) fn failed(what: impl Fn() -> String) -> impl Fn(zmq::Error) -> SocketError {
    move |error| SocketError { what: what(), cause: error.message().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer that asks, does not read and goes aborts a libzmq with heartbeats.
    #[test]
    fn no_socket_has_heartbeats_and_publishers_take_short_frames_only() {
        let sockets = Sockets::new();
        for role in [Role::Router, Role::RouterOfLarge, Role::Dealer, Role::Subscribe] {
            let socket = sockets.socket(role).unwrap();
            assert_eq!(socket.raw.get_heartbeat_ivl(), Ok(0), "{role:?}");
            assert_eq!(socket.raw.get_maxmsgsize(), Ok(HARD_FRAME_LIMIT), "{role:?}");
        }
        for role in [Role::Publish, Role::PublishWatched] {
            let socket = sockets.socket(role).unwrap();
            assert_eq!(socket.raw.get_heartbeat_ivl(), Ok(0), "{role:?}");
            assert_eq!(socket.raw.get_maxmsgsize(), Ok(LONGEST_TOPIC), "{role:?}");
        }
    }
}
