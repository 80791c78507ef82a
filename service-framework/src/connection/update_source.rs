//! Where the updates of a state come from, with word of the connections they come over.

use std::sync::Arc;

use super::directory::{Found, OneOwner, Targets};
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
    /// The one that is followed of those that are found.
    owner: OneOwner,
    followed: Option<String>,
}

/// What has become of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reports {
    /// One has gone.
    pub(crate) gone: bool,
    /// One has come.
    pub(crate) come: bool,
}

impl UpdateSource {
    /// Subscribes at every address and at one instance that is found, whether or not somebody is there yet.
    pub(crate) fn connect(
        sockets: &Sockets,
        targets: Targets,
        topic: Option<&str>,
    ) -> Result<Self, SocketError> {
        let link = Monitored::new(sockets, Role::Subscribe)?;
        let prefix = topic.map(topic_prefix).unwrap_or_default();
        link.socket().subscribe(&prefix)?;
        targets.fixed.iter().try_for_each(|address| link.socket().connect(address))?;
        // Connections inside the process are never reported, and count as always there.
        let inside = targets.fixed.iter().filter(|address| address.starts_with("inproc:"));
        let connected = inside.map(|address| address.clone().into_bytes()).collect();
        let owner = OneOwner::new(targets);
        let mut source = Self { link, prefix, connected, frames: Vec::new(), owner, followed: None };
        source.follow()?;
        Ok(source)
    }

    /// Subscribes at another instance if the one that is followed is not found any more; whether a connection has gone.
    pub(crate) fn follow(&mut self) -> Result<bool, SocketError> {
        if self.owner.has_changed() { self.change_over() } else { Ok(false) }
    }

    /// The instance that is followed.
    pub(crate) fn instance(&self) -> Option<&Arc<str>> {
        self.owner.present().map(|found| &found.instance)
    }

    fn change_over(&mut self) -> Result<bool, SocketError> {
        let next = self.owner.present().map(|Found { address, .. }| address.clone());
        if let Some(address) = &next {
            self.link.socket().connect(address)?;
        }
        let Some(before) = std::mem::replace(&mut self.followed, next) else { return Ok(false) };
        let connections = self.connected.len();
        self.connected.retain(|known| *known != before.as_bytes());
        self.link.socket().disconnect(&before)?;
        Ok(self.connected.len() < connections)
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

    /// Takes in the reports.
    pub(crate) fn connections(&mut self) -> Result<Reports, SocketError> {
        let mut reports = Reports::default();
        while let Some((event, address)) = self.link.event_at() {
            // One that was lost before it spoke with us was never there.
            let before = self.connected.len();
            self.connected.retain(|known| *known != address);
            match event {
                PeerEvent::Connected => {
                    self.connected.push(address);
                    reports.come = true;
                }
                PeerEvent::Disconnected | PeerEvent::Refused => {
                    reports.gone |= self.connected.len() < before;
                    if self.owner.lost(&address) {
                        self.change_over()?;
                    }
                }
            }
        }
        Ok(reports)
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
