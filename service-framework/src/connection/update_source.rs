//! Where the updates of a state come from, with word of the connections they come over.

use super::monitor::{Monitored, PeerEvent};
use super::socket::{Frame, Interest, PollItem, Role, Socket, SocketError};
use super::zeromq::Sockets;
use crate::wire::{split_topic, topic_prefix};

/// A subscribing socket that is watched.
pub(crate) struct UpdateSource {
    link: Monitored,
    prefix: Vec<u8>,
    /// The addresses at which somebody speaks with us.
    connected: Vec<Vec<u8>>,
    frames: Vec<Frame>,
}

impl UpdateSource {
    /// Subscribes at every address, whether or not somebody is there yet.
    pub(crate) fn connect(
        sockets: &Sockets,
        addresses: &[String],
        topic: Option<&str>,
    ) -> Result<Self, SocketError> {
        let link = Monitored::new(sockets, Role::Subscribe)?;
        let prefix = topic.map(topic_prefix).unwrap_or_default();
        link.socket().subscribe(&prefix)?;
        addresses.iter().try_for_each(|address| link.socket().connect(address))?;
        // Connections inside the process are never reported, and count as always there.
        let inside = addresses.iter().filter(|address| address.starts_with("inproc:"));
        let connected = inside.map(|address| address.clone().into_bytes()).collect();
        Ok(Self { link, prefix, connected, frames: Vec::new() })
    }

    /// Subscribes once more, which has some publishers send again what they sent last.
    pub(crate) fn subscribe_again(&self) -> Result<(), SocketError> {
        self.link.socket().subscribe(&self.prefix)?;
        self.link.socket().unsubscribe(&self.prefix)
    }

    /// The places in a poll set: of updates, of reports.
    pub(crate) fn poll_items(&self) -> [PollItem<'_>; 2] {
        self.link.poll_items(Interest::Receive)
    }

    /// Takes in the reports: whether a connection has gone, and whether one has come.
    pub(crate) fn connections(&mut self) -> (bool, bool) {
        let (mut gone, mut come) = (false, false);
        while let Some((event, address)) = self.link.event_at() {
            // One that was lost before it spoke with us was never there.
            let before = self.connected.len();
            self.connected.retain(|known| *known != address);
            match event {
                PeerEvent::Connected => {
                    self.connected.push(address);
                    come = true;
                }
                PeerEvent::Disconnected | PeerEvent::Refused => gone |= self.connected.len() < before,
            }
        }
        (gone, come)
    }

    /// Whether somebody is there.
    pub(crate) fn is_connected(&self) -> bool {
        !self.connected.is_empty()
    }

    /// The next update's frame and where in it the payload begins. What has several frames is passed over.
    pub(crate) fn receive(&mut self) -> Result<Option<(Frame, usize)>, SocketError> {
        while self.link.socket().receive(&mut self.frames)? {
            if let (Some(frame), true) = (self.frames.pop(), self.frames.is_empty()) {
                let start = frame.len() - split_topic(&frame).1.len();
                return Ok(Some((frame, start)));
            }
        }
        Ok(None)
    }
}
