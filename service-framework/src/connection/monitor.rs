//! What happens to a socket's connections, as events.
//!
//! libzmq reports from its I/O thread by a send that blocks, so a monitor that nobody reads stops every socket of
//! the process: it has no bound on its queue, and is stopped before its reading end goes.

use std::sync::atomic::{AtomicU64, Ordering};

use super::raw;
use super::socket::{Interest, PollItem, Role, Socket, SocketError};
use super::zeromq::{Sockets, ZmqSocket, failed};

/// A socket together with the reports of its connections.
pub(crate) struct Monitored {
    socket: ZmqSocket,
    events: zmq::Socket,
}

/// One report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerEvent {
    /// A peer is there and speaks the protocol.
    Connected,
    /// The connection is gone, and what was on its way with it.
    Disconnected,
    /// Somebody is there but may not, or does not, talk to us.
    Refused,
}

const EVENTS: u32 = zmq_sys::ZMQ_EVENT_HANDSHAKE_SUCCEEDED
    | zmq_sys::ZMQ_EVENT_DISCONNECTED
    | zmq_sys::ZMQ_EVENT_MONITOR_STOPPED
    | REFUSALS;
const REFUSALS: u32 = zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq_sys::ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

impl Monitored {
    /// A socket that is watched from before its first connection.
    pub(crate) fn new(sockets: &Sockets, role: Role) -> Result<Self, SocketError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let place = format!("inproc://monitor-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let socket = sockets.socket(role)?;
        let failed = failed(|| "watch a socket".into());
        socket.raw.monitor(&place, EVENTS.cast_signed()).map_err(&failed)?;
        let events = sockets.raw(zmq::PAIR)?;
        events.set_rcvhwm(0).and_then(|()| events.connect(&place)).map_err(&failed)?;
        Ok(Self { socket, events })
    }

    /// The watched socket.
    pub(crate) fn socket(&self) -> &ZmqSocket {
        &self.socket
    }

    /// The same, to be set up before it connects.
    #[cfg(feature = "cluster")]
    pub(crate) fn socket_mut(&mut self) -> &mut ZmqSocket {
        &mut self.socket
    }

    /// The places of both in a poll set: the socket's, the reports'.
    pub(crate) fn poll_items(&self, interest: Interest) -> [PollItem<'_>; 2] {
        [self.socket.poll_item(interest), self.events.as_poll_item(zmq::POLLIN)]
    }

    /// The next report, if there is one.
    pub(crate) fn event(&self) -> Option<PeerEvent> {
        self.event_at().map(|(event, _)| event)
    }

    /// The next report and the address that it is about.
    pub(crate) fn event_at(&self) -> Option<(PeerEvent, Vec<u8>)> {
        loop {
            let (event, address) = self.raw_event(zmq::DONTWAIT)?;
            match event {
                zmq_sys::ZMQ_EVENT_HANDSHAKE_SUCCEEDED => return Some((PeerEvent::Connected, address)),
                zmq_sys::ZMQ_EVENT_DISCONNECTED => return Some((PeerEvent::Disconnected, address)),
                event if event & REFUSALS != 0 => return Some((PeerEvent::Refused, address)),
                _ => {}
            }
        }
    }

    /// A report is two frames: event and value, then the address.
    fn raw_event(&self, flags: i32) -> Option<(u32, Vec<u8>)> {
        let head = self.events.recv_bytes(flags).ok()?;
        let address = self.events.recv_bytes(0).ok()?;
        Some((u32::from(u16::from_ne_bytes([*head.first()?, *head.get(1)?])), address))
    }
}

impl Drop for Monitored {
    fn drop(&mut self) {
        // In this order, or the I/O thread waits for a reader that is no more.
        if raw::stop_monitor(&mut self.socket.raw).is_ok() {
            while self
                .raw_event(zmq::DONTWAIT)
                .is_some_and(|(event, _)| event != zmq_sys::ZMQ_EVENT_MONITOR_STOPPED)
            {}
        }
    }
}
