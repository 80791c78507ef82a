//! The answering end: requests come in, replies go out in any order, each to whom it belongs.
//!
//! A router speaks to every kind of asking peer, so one slow answer never holds up the others. Whatever a peer put
//! before its first empty frame goes back to it as it came.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::burst::Burst;
use super::counters::Counters;
use super::socket::{Frame, Interest, PollItem, Received, Role, Sent, Socket, SocketError};
use super::zeromq::{Sockets, ZmqSocket};

/// Frames before a request's body; an honest peer has two to four.
const MOST_ROUTE: usize = 15;
/// Replies that wait for peers that do not read; beyond, the newest is dropped and counted.
const MOST_UNSENT: usize = 10_000;
/// The same of large ones.
const MOST_LARGE_UNSENT: usize = 32;
/// Replies for which a peer had no room are tried again after this.
const RETRY_UNSENT: Duration = Duration::from_millis(5);

/// Memory of frames that is kept: requests of which many come at once are mostly answered as fast.
const MOST_SPARE: usize = 64;

/// One answering connection.
pub(crate) struct Replyer {
    name: String,
    counters: Arc<Counters>,
    socket: ZmqSocket,
    /// Memory of frames, to be used again.
    spare: Vec<Vec<Frame>>,
    unsent: VecDeque<(Route, Vec<u8>)>,
    most_unsent: usize,
    /// When `unsent` was tried last.
    flushed: Option<Instant>,
    drops: Burst,
    /// Where it listens, wildcards filled in.
    pub(crate) endpoint: String,
}

/// The way back to who asked: identity, envelope, delimiter.
#[derive(Debug)]
pub(crate) struct Route(Vec<Frame>);

impl Route {
    fn peer(&self) -> Option<&[u8]> {
        self.0.first().map(|frame| &frame[..])
    }
}

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
        Self::with_socket(sockets.socket(Role::Router)?, name, address, counters, MOST_UNSENT)
    }

    /// As [`Replyer::bind`], for replies of many kilobytes.
    pub(crate) fn bind_for_large(
        sockets: &Sockets,
        name: &str,
        address: &str,
        counters: Arc<Counters>,
    ) -> Result<Self, SocketError> {
        Self::with_socket(sockets.socket(Role::RouterOfLarge)?, name, address, counters, MOST_LARGE_UNSENT)
    }

    fn with_socket(
        socket: ZmqSocket,
        name: &str,
        address: &str,
        counters: Arc<Counters>,
        most_unsent: usize,
    ) -> Result<Self, SocketError> {
        let endpoint = socket.bind(address)?;
        Ok(Self {
            name: name.into(),
            counters,
            socket,
            spare: Vec::new(),
            unsent: VecDeque::new(),
            most_unsent,
            flushed: None,
            drops: Burst::default(),
            endpoint,
        })
    }

    /// Its place in a poll set.
    pub(crate) fn poll_item(&self) -> PollItem<'_> {
        self.socket.poll_item(Interest::Receive)
    }

    /// The next request.
    pub(crate) fn receive(&mut self) -> Result<Received<Request>, SocketError> {
        let mut frames = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(4));
        if !self.socket.receive(&mut frames)? {
            self.spare.push(frames);
            return Ok(Received::Nothing);
        }
        self.counters.received.add_one();
        Ok(match split(frames) {
            Ok(request) => Received::Message(request),
            Err(frames) => {
                self.counters.bad.add_one();
                Received::Junk(frames.into_iter().next_back())
            }
        })
    }

    /// Sends a reply, or keeps it while its peer has no room. Gives the memory of a sent body back.
    pub(crate) fn reply(&mut self, route: Route, body: Vec<u8>) -> Result<Vec<u8>, SocketError> {
        match self.send(&route, &body)? {
            Sent::Done => self.counters.sent.add_one(),
            Sent::NoRoute => self.drop_reply("the one who asked is gone"),
            Sent::Full if self.unsent.len() < self.most_unsent => {
                self.flushed.get_or_insert_with(Instant::now);
                self.unsent.push_back((route, body));
                return Ok(Vec::new());
            }
            Sent::Full => self.drop_reply("too many replies wait for peers that do not read"),
        }
        let mut frames = route.0;
        frames.clear();
        if self.spare.len() < MOST_SPARE && frames.capacity() <= MOST_ROUTE {
            self.spare.push(frames);
        }
        Ok(body)
    }

    /// Tries again what had no room, if it is time for that.
    pub(crate) fn flush(&mut self, now: Instant) -> Result<(), SocketError> {
        if self.retry_at().is_none_or(|at| at > now) {
            return Ok(());
        }
        self.flushed = Some(now);
        let mut full: Vec<Vec<u8>> = Vec::new();
        for _ in 0..self.unsent.len() {
            let Some((route, body)) = self.unsent.pop_front() else { break };
            if route.peer().is_some_and(|peer| full.iter().any(|full| full == peer)) {
                self.unsent.push_back((route, body));
                continue;
            }
            let (peer, before) = (route.peer().map(<[u8]>::to_vec), self.unsent.len());
            self.reply(route, body)?;
            if self.unsent.len() > before {
                full.extend(peer);
            }
        }
        Ok(())
    }

    /// When what had no room is to be tried again: nothing wakes a poll for it.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        let flushed = self.flushed.filter(|_| !self.unsent.is_empty());
        flushed.map(|flushed| flushed + RETRY_UNSENT)
    }

    /// Gives up what is still unsent; how many replies that are.
    pub(crate) fn give_up(&mut self) -> usize {
        let lost = self.unsent.len();
        self.counters.dropped.add(lost as u64);
        self.unsent.clear();
        lost
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
        if self.drops.begins() {
            let dropped = self.counters.dropped.get();
            tracing::warn!(connection = self.name, reason, dropped, "replies are dropped");
        }
    }
}

/// Splits at the first empty frame; a peer that sends none has its identity alone before the body.
///
/// Behind a delimiter somebody waits: what is no single body there becomes an empty one, which is answered as the bad
/// message it is.
fn split(mut frames: Vec<Frame>) -> Result<Request, Vec<Frame>> {
    let delimiter = frames.iter().skip(1).position(|frame| frame.is_empty());
    let route_length = delimiter.map_or(1, |at| at + 2);
    let bodies = frames.len().saturating_sub(route_length);
    if route_length > MOST_ROUTE || (delimiter.is_none() && bodies != 1) {
        return Err(frames);
    }
    let body = frames.drain(route_length..).next().filter(|_| bodies == 1);
    Ok(Request { route: Route(frames), body: body.unwrap_or_else(|| Frame::from(Vec::new())) })
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
    fn whoever_waits_behind_a_delimiter_gets_an_answer() {
        for bad in [&["id", ""][..], &["id", "", "a", "b"]] {
            let request = split(frames(bad)).ok().unwrap();
            assert_eq!((request.route.0.len(), request.body.len()), (2, 0), "{bad:?}");
        }
    }

    #[test]
    fn without_a_way_back_it_is_no_request() {
        for bad in [&["id"][..], &["id", "a", "b"], &[]] {
            assert_eq!(route_of(bad), None, "{bad:?}");
        }
        let mut long = vec!["id"];
        long.extend(["x"; 20]);
        long.extend(["", "body"]);
        assert_eq!(route_of(&long), None);
    }
}
