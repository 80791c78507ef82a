//! The door of a node: a listening socket that is shut for a while when too many stand in it.
//!
//! libzmq accepts whoever comes and gives each some time for its handshake, without a bound on how many do so at once. So
//! the listening socket of the system is ours and is lent to libzmq: when too many connections have not said anything
//! yet, or there are too many at all, the kernel leaves those who want to connect waiting. Connections that are there
//! notice nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::fd::{IntoRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::{Domain, SockFilter, Socket as System, Type};

use super::listening::Report;
use super::raw;
use super::socket::{Socket, SocketError};
use super::zeromq::{ZmqSocket, failed};

/// Connections that wait to be accepted by libzmq.
const BACKLOG: i32 = 1_024;

/// Connections that may be heard before they are reported.
const EARLY: usize = 1_024;

/// A program of the kernel's packet filter that takes nothing: "return 0".
const NOTHING: SockFilter = SockFilter::new(0x06, 0, 0, 0);

/// How many may be in a door.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Room {
    /// Connections that have said nothing yet.
    pub(crate) half_open: usize,
    /// Connections.
    pub(crate) links: usize,
}

/// How many are in a door, and how often it was shut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) half_open: usize,
    pub(crate) links: usize,
    pub(crate) shut: u64,
}

/// A clone is the same door.
#[derive(Clone)]
pub(crate) struct Door {
    room: Room,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    /// By descriptor, whether it has said something.
    links: BTreeMap<RawFd, bool>,
    /// Those that spoke before they were reported, which another thread does.
    early: BTreeSet<RawFd>,
    standing: Standing,
    is_shut: bool,
    sockets: Vec<System>,
}

impl Door {
    pub(crate) fn new(room: Room) -> Self {
        Self { room, inside: Arc::default() }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn standing(&self) -> Standing {
        self.inside().standing
    }

    /// A message came by the connection with this descriptor.
    pub(crate) fn spoke(&self, descriptor: RawFd) {
        let mut inside = self.inside();
        match inside.links.get(&descriptor) {
            Some(true) => {}
            Some(false) => {
                inside.links.insert(descriptor, true);
                inside.standing.half_open -= 1;
                inside.settle(self.room);
            }
            None if inside.early.len() < EARLY => drop(inside.early.insert(descriptor)),
            None => {}
        }
    }

    fn heard(&self, report: Report) {
        let mut inside = self.inside();
        match report {
            Report::Accepted(descriptor) => inside.begin(descriptor),
            Report::Ended(descriptor) => inside.end(descriptor),
        }
        inside.settle(self.room);
    }

    /// All connections of a socket that listens no more are gone, without a report of each.
    fn clear(&self) {
        let mut inside = self.inside();
        inside.links.clear();
        inside.early.clear();
        (inside.standing.half_open, inside.standing.links) = (0, 0);
        inside.settle(self.room);
    }

    /// A listening socket, the one that listens there already if there is one.
    fn socket_at(&self, address: SocketAddr) -> std::io::Result<RawFd> {
        let mut inside = self.inside();
        let is_it =
            |socket: &&System| socket.local_addr().is_ok_and(|known| known.as_socket() == Some(address));
        if let Some(socket) = inside.sockets.iter().find(is_it) {
            return Ok(socket.try_clone()?.into_raw_fd());
        }
        let socket = System::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let lent = socket.try_clone()?.into_raw_fd();
        inside.sockets.push(socket);
        Ok(lent)
    }
}

impl Inside {
    fn begin(&mut self, descriptor: RawFd) {
        self.end(descriptor);
        let has_spoken = self.early.remove(&descriptor);
        self.links.insert(descriptor, has_spoken);
        self.standing.links += 1;
        self.standing.half_open += usize::from(!has_spoken);
    }

    fn end(&mut self, descriptor: RawFd) {
        if let Some(has_spoken) = self.links.remove(&descriptor) {
            self.standing.links -= 1;
            self.standing.half_open -= usize::from(!has_spoken);
        }
    }

    fn settle(&mut self, room: Room) {
        let is_full = self.standing.half_open >= room.half_open || self.standing.links >= room.links;
        if is_full == self.is_shut {
            return;
        }
        self.is_shut = is_full;
        self.standing.shut += u64::from(is_full);
        if is_full && self.standing.shut.is_power_of_two() {
            let Standing { half_open, links, shut } = self.standing;
            tracing::warn!(half_open, links, times = shut, "too many at the door: it is shut for a while");
        }
        for socket in &self.sockets {
            let done = if is_full { socket.attach_filter(&[NOTHING]) } else { socket.detach_filter() };
            if let Err(error) = done {
                tracing::warn!(%error, is_full, "the door cannot be shut or opened");
            }
        }
    }
}

impl ZmqSocket {
    /// Listens at `endpoint` behind a door; returns the endpoint as it is now known. One of tcp whose host is a number
    /// is shut when the door is full; all are counted.
    pub(crate) fn bind_in(&mut self, door: &Door, endpoint: &str) -> Result<String, SocketError> {
        let heard = door.clone();
        self.tell(Box::new(move |report| heard.heard(report)))?;
        let Some(address) = number(endpoint) else { return self.bind(endpoint) };
        let system = |error: std::io::Error| SocketError {
            what: format!("bind {endpoint}"),
            cause: error.to_string(),
        };
        let lent = door.socket_at(address).map_err(system)?;
        let failed = failed(|| format!("bind {endpoint}"));
        raw::set_int(&mut self.raw, raw::USE_FD, lent).map_err(&failed)?;
        let bound = self.bind(endpoint);
        raw::set_int(&mut self.raw, raw::USE_FD, -1).map_err(&failed)?;
        bound
    }

    /// Listens there no more; all connections that came in there are gone.
    pub(crate) fn unbind_from(&self, door: &Door, endpoint: &str) {
        // It fails if it does not listen there, which is what is wanted.
        let _ = self.raw.unbind(endpoint);
        door.clear();
    }
}

/// The address of an endpoint of tcp whose host is a number, or every interface.
fn number(endpoint: &str) -> Option<SocketAddr> {
    let rest = endpoint.strip_prefix("tcp://")?;
    let (host, port) = rest.rsplit_once(':')?;
    let host = if host == "*" { "0.0.0.0" } else { host };
    let port = if port == "*" { "0" } else { port };
    format!("{host}:{port}").parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    use super::super::socket::Role;
    use super::super::zeromq::Sockets;
    use super::*;

    #[test]
    fn endpoints_whose_host_is_a_number_are_known() {
        let known = |text| number(text).map(|address| address.to_string());
        assert_eq!(known("tcp://*:7"), Some("0.0.0.0:7".into()));
        assert_eq!(known("tcp://127.0.0.1:*"), Some("127.0.0.1:0".into()));
        assert_eq!(known("tcp://[::1]:7"), Some("[::1]:7".into()));
        assert_eq!((known("tcp://lo:7"), known("ipc:///tmp/a")), (None, None));
    }

    fn until(what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < end, "not within a minute: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_door_is_shut_when_too_many_stand_in_it_and_opens_when_they_are_gone() {
        let sockets = Sockets::new();
        let mut router = sockets.socket(Role::Router).unwrap();
        router.bound((10, 10), 1_000, 60_000).unwrap();
        let door = Door::new(Room { half_open: 8, links: 100 });
        let endpoint = router.bind_in(&door, "tcp://127.0.0.1:0").unwrap();
        let address: SocketAddr = number(&endpoint).unwrap();
        let knock = || TcpStream::connect_timeout(&address, Duration::from_millis(100));
        let mut standing = Vec::new();
        until("it is shut", || {
            standing.extend(knock());
            door.standing().shut == 1
        });
        // What was accepted before the kernel knew is all that there is.
        assert!(door.standing().half_open >= 8 && knock().is_err());
        drop(standing);
        until("it is open and empty", || door.standing().half_open == 0);
        until("somebody comes in", || knock().is_ok_and(|mut stream| stream.write_all(b"x").is_ok()));
        assert_eq!(door.standing().shut, 1);
        router.unbind_from(&door, &endpoint);
        assert_eq!(router.bind_in(&door, &endpoint).unwrap(), endpoint);
        until("it listens again", || knock().is_ok());
    }

    #[test]
    fn whoever_has_said_something_stands_in_nobodys_way() {
        let door = Door::new(Room { half_open: 2, links: 3 });
        for descriptor in [5, 6] {
            door.heard(Report::Accepted(descriptor));
        }
        assert_eq!(door.standing(), Standing { half_open: 2, links: 2, shut: 1 });
        door.spoke(5);
        door.spoke(5);
        assert!(!door.inside().is_shut);
        door.heard(Report::Accepted(7));
        assert_eq!(door.standing(), Standing { half_open: 2, links: 3, shut: 2 });
        door.heard(Report::Ended(5));
        door.heard(Report::Ended(6));
        door.heard(Report::Accepted(7));
        assert_eq!(door.standing(), Standing { half_open: 1, links: 1, shut: 2 });
        // Heard of before it was reported.
        door.spoke(8);
        door.heard(Report::Accepted(8));
        assert_eq!(door.standing(), Standing { half_open: 1, links: 2, shut: 2 });
    }
}
