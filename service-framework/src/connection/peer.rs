//! One address of a requester: its socket, whether somebody is there, and how much that one has to do.

use std::time::{Duration, Instant};

use super::monitor::{Monitored, PeerEvent};
use super::picking::Standing;
use super::socket::{Frame, Interest, PollItem, Role, Sent, Socket, SocketError};
use super::zeromq::Sockets;
use crate::wire::Correlation;

/// A connection that ends sooner than this after its begin is not tried again at once, and twice as long after for
/// every time that nobody let us in.
const REOPEN_AFTER: Duration = Duration::from_millis(100);
/// The most times that this doubles: 6.4 s.
const MOST_DOUBLINGS: u32 = 6;

/// One peer of a requester.
pub(super) struct Peer {
    pub(super) address: String,
    link: Monitored,
    opened: Instant,
    /// When to open a new socket, if the one that is there has lost its connection.
    pub(super) reopen_at: Option<Instant>,
    pub(super) connected: bool,
    pub(super) standing: Standing,
    /// Connections in a row over which nobody spoke with us.
    refusals: u32,
}

impl Peer {
    pub(super) fn connect(sockets: &Sockets, address: &str, standing: Standing) -> Result<Self, SocketError> {
        let link = Monitored::new(sockets, Role::Dealer)?;
        link.socket().connect(address)?;
        Ok(Self {
            address: address.into(),
            link,
            opened: Instant::now(),
            reopen_at: None,
            // Connections inside the process are never reported, and count as always there.
            connected: address.starts_with("inproc:"),
            standing,
            refusals: 0,
        })
    }

    /// Opens a new socket if it is time for that.
    ///
    /// Not the old one again: it would send what is left in it to whoever answers next, however late.
    pub(super) fn reopen(&mut self, sockets: &Sockets, now: Instant) -> Result<(), SocketError> {
        if self.reopen_at.is_none_or(|at| at > now) {
            return Ok(());
        }
        self.reopen_at = Some(now + REOPEN_AFTER);
        let mut standing = self.standing.clone();
        standing.comes_back();
        let fresh = Self { refusals: self.refusals, ..Self::connect(sockets, &self.address, standing)? };
        std::mem::replace(self, fresh).forget_unsent();
        Ok(())
    }

    /// Has it leave behind what it has not sent.
    pub(super) fn forget_unsent(&self) {
        self.link.socket().forget_unsent();
    }

    /// Hands it a request.
    pub(super) fn send(&mut self, id: u64, body: &[u8]) -> Result<Sent, SocketError> {
        let sent = self.link.socket().send(&[&Correlation(id).to_frame(), &[], body])?;
        if sent == Sent::Done {
            self.standing.takes();
        }
        Ok(sent)
    }

    pub(super) fn receive(&self, frames: &mut Vec<Frame>) -> Result<bool, SocketError> {
        self.link.socket().receive(frames)
    }

    /// Its places in a poll set: the socket's, the reports'.
    pub(super) fn poll_items(&self, interest: Interest) -> [PollItem<'_>; 2] {
        // Room in a socket without a connection is of no use, nor is that of one who stops.
        let takes = self.connected && self.standing.stops_until.is_none();
        self.link.poll_items(if takes { interest } else { Interest::Receive })
    }

    /// Takes in what has happened; whether the connection was lost, and all that it had with it.
    pub(super) fn reports(&mut self, requester: &str) -> bool {
        let mut lost = false;
        while let Some(event) = self.link.event() {
            match event {
                PeerEvent::Connected => {
                    tracing::debug!(connection = requester, address = self.address, "peer connected");
                    // One that was lost in between has a socket that is to be replaced.
                    self.connected = self.reopen_at.is_none();
                    self.refusals = 0;
                    self.standing.comes_back();
                }
                PeerEvent::Disconnected => {
                    tracing::debug!(connection = requester, address = self.address, "peer lost");
                    lost = true;
                    self.lose();
                }
                PeerEvent::Refused => self.refused(requester),
            }
        }
        lost
    }

    fn lose(&mut self) {
        if !self.connected {
            self.refusals = (self.refusals + 1).min(MOST_DOUBLINGS);
        }
        self.connected = false;
        self.standing.comes_back();
        self.standing.outstanding = 0;
        self.reopen_at = Some(self.opened + REOPEN_AFTER * 2_u32.pow(self.refusals));
    }

    fn refused(&self, requester: &str) {
        // Once, until somebody lets us in.
        if self.refusals == 0 {
            tracing::warn!(
                connection = requester,
                address = self.address,
                "who is there does not speak this protocol or does not let us in"
            );
        }
    }
}
