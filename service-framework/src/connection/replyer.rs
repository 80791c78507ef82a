//! The answering end: requests come in, replies go out in any order, each to whom it belongs.
//!
//! A router speaks to every kind of asking peer, so one slow answer never holds up the others. Whatever a peer put
//! before its first empty frame goes back to it as it came.

use std::collections::VecDeque;
use std::sync::Arc;

use super::counters::Counters;
use super::socket::{Frame, Interest, PollItem, Role, Sent, Socket, SocketError};
use super::zeromq::{Sockets, ZmqSocket};

/// Frames before a request's body; an honest peer has two to four.
const MOST_ROUTE: usize = 15;
/// Replies that wait for peers that do not read; beyond, the newest is dropped and counted.
const MOST_UNSENT: usize = 10_000;

/// One answering connection.
pub(crate) struct Replyer {
    name: String,
    counters: Arc<Counters>,
    socket: ZmqSocket,
    unsent: VecDeque<(Route, Vec<u8>)>,
    /// Where it listens, wildcards filled in.
    pub(crate) endpoint: String,
}

/// The way back to who asked: identity, envelope, delimiter.
#[derive(Debug)]
pub(crate) struct Route(Vec<Frame>);

/// What came in.
pub(crate) struct Request {
    pub(crate) route: Route,
    pub(crate) body: Frame,
}

impl Replyer {
    /// Listens at an address.
    pub(crate) fn bind(
        sockets: &Sockets,
        name: &str,
        address: &str,
        counters: Arc<Counters>,
    ) -> Result<Self, SocketError> {
        let socket = sockets.socket(Role::Router)?;
        let endpoint = socket.bind(address)?;
        Ok(Self { name: name.into(), counters, socket, unsent: VecDeque::new(), endpoint })
    }

    /// Its place in a poll set.
    pub(crate) fn poll_item(&self) -> PollItem<'_> {
        self.socket.poll_item(Interest::Receive)
    }

    /// The next request; `None` if there is none now. What is no request is counted and left out.
    pub(crate) fn receive(&mut self) -> Result<Option<Request>, SocketError> {
        let mut frames = Vec::with_capacity(4);
        while self.socket.receive(&mut frames)? {
            self.counters.received.add_one();
            match split(frames) {
                Ok(request) => return Ok(Some(request)),
                Err(rejected) => {
                    self.counters.bad.add_one();
                    tracing::warn!(
                        connection = self.name,
                        frames = rejected.len(),
                        "not a request: no body to answer"
                    );
                    frames = rejected;
                }
            }
        }
        Ok(None)
    }

    /// Sends a reply, or keeps it while its peer has no room. Gives the memory of a sent body back.
    pub(crate) fn reply(&mut self, route: Route, body: Vec<u8>) -> Result<Vec<u8>, SocketError> {
        match self.send(&route, &body)? {
            Sent::Done => self.counters.sent.add_one(),
            Sent::NoRoute => self.drop_reply("the one who asked is gone"),
            Sent::Full if self.unsent.len() < MOST_UNSENT => {
                self.unsent.push_back((route, body));
                return Ok(Vec::new());
            }
            Sent::Full => self.drop_reply("too many replies wait for peers that do not read"),
        }
        Ok(body)
    }

    /// Tries again what had no room.
    pub(crate) fn flush(&mut self) -> Result<(), SocketError> {
        for _ in 0..self.unsent.len() {
            let Some((route, body)) = self.unsent.pop_front() else { break };
            self.reply(route, body)?;
        }
        Ok(())
    }

    /// Whether replies wait for room: nothing wakes a poll for that, so the owner comes back by time.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    fn send(&self, route: &Route, body: &[u8]) -> Result<Sent, SocketError> {
        let mut frames: [&[u8]; MOST_ROUTE + 1] = [&[]; MOST_ROUTE + 1];
        for (slot, frame) in frames.iter_mut().zip(&route.0) {
            *slot = frame;
        }
        frames[route.0.len()] = body;
        self.socket.send(&frames[..=route.0.len()])
    }

    fn drop_reply(&self, reason: &str) {
        self.counters.dropped.add_one();
        tracing::debug!(connection = self.name, reason, "reply dropped");
    }
}

/// Splits at the first empty frame; a peer that sends none has its identity alone before the body.
fn split(mut frames: Vec<Frame>) -> Result<Request, Vec<Frame>> {
    let delimiter = frames.iter().skip(1).position(|frame| frame.is_empty());
    let route_length = delimiter.map_or(1, |at| at + 2);
    if frames.len() != route_length + 1 || route_length > MOST_ROUTE {
        return Err(frames);
    }
    match frames.pop() {
        Some(body) => Ok(Request { route: Route(frames), body }),
        None => Err(frames),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(texts: &[&str]) -> Vec<Frame> {
        texts.iter().map(|text| Frame::from(text.as_bytes().to_vec())).collect()
    }

    fn route_of(texts: &[&str]) -> Option<Vec<Vec<u8>>> {
        split(frames(texts)).ok().map(|request| request.route.0.iter().map(|frame| frame.to_vec()).collect())
    }

    #[test]
    fn everything_up_to_the_first_empty_frame_is_the_way_back() {
        assert_eq!(route_of(&["id", "", "body"]).unwrap(), [&b"id"[..], b""]);
        assert_eq!(route_of(&["id", "req", "3", "", "body"]).unwrap().len(), 4);
        assert_eq!(route_of(&["id", "body"]).unwrap(), [b"id"], "a dealer may leave the delimiter out");
    }

    #[test]
    fn what_has_no_single_body_is_no_request() {
        for bad in [&["id"][..], &["id", ""], &["id", "", "a", "b"], &["id", "a", "b"], &[]] {
            assert_eq!(route_of(bad), None, "{bad:?}");
        }
        let mut long = vec!["id"];
        long.extend(["x"; 20]);
        long.extend(["", "body"]);
        assert_eq!(route_of(&long), None);
    }
}
