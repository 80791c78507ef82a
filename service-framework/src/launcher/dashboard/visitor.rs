//! Who is at the other end of a connection within this machine, as the system tells it: addresses of this machine are open to
//! all of its users, control sockets and what is said on them are not.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use rustix::process::geteuid;
use tokio::net::TcpStream;

/// Whoever has connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visitor {
    /// Whether it is a process of this user on this machine.
    pub(super) is_own: bool,
}

impl Visitor {
    pub(super) fn of(stream: &TcpStream) -> Self {
        let ends = stream.peer_addr().ok().zip(stream.local_addr().ok());
        Self { is_own: ends.is_some_and(|(theirs, ours)| is_own(theirs, ours)) }
    }
}

fn is_own(theirs: SocketAddr, ours: SocketAddr) -> bool {
    if !theirs.ip().is_loopback() || !ours.ip().is_loopback() {
        return false;
    }
    let table = if theirs.is_ipv4() { "/proc/self/net/tcp" } else { "/proc/self/net/tcp6" };
    let owner = fs::read_to_string(table).ok().and_then(|table| owner(&table, theirs, ours));
    owner == Some(geteuid().as_raw())
}

/// Whose the socket from `here` to `there` is, by the system's table of sockets.
fn owner(table: &str, here: SocketAddr, there: SocketAddr) -> Option<u32> {
    let wanted = (Some(here), Some(there));
    let mut lines = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines.find(|fields| fields.len() > 7 && (address(fields[1]), address(fields[2])) == wanted)?;
    line[7].parse().ok()
}

/// Reads an address of that table: words of four bytes as the processor has them, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let words = ip.as_bytes().chunks(8).map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    });
    let bytes = words.collect::<Option<Vec<_>>>()?.concat();
    let ip = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn owners_are_read_from_the_systems_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:EDBB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 1 1\n   \
            1: 0100007F:C350 0100007F:EDBB 01 00000000:00000000 00:00000000 00000000   107 0 2 1\n";
        let (here, there) = ("127.0.0.1:50000".parse().unwrap(), "127.0.0.1:60859".parse().unwrap());
        assert_eq!(owner(table, here, there), Some(107));
        assert_eq!(owner(table, there, here), None);
        assert_eq!(address("00000000000000000000000001000000:EDBB"), Some("[::1]:60859".parse().unwrap()));
        assert_eq!(address("0100007F"), None);
    }

    #[test]
    fn a_connection_of_this_process_is_its_own() {
        for place in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(place) else { continue };
            let ours = listener.local_addr().unwrap();
            let stream = TcpStream::connect(ours).unwrap();
            assert!(is_own(stream.local_addr().unwrap(), ours), "{place}");
        }
    }

    #[test]
    fn whoever_comes_from_elsewhere_is_nobody() {
        assert!(!is_own("10.0.0.7:1".parse().unwrap(), "127.0.0.1:60859".parse().unwrap()));
        assert!(!is_own("127.0.0.1:1".parse().unwrap(), "127.0.0.1:1".parse().unwrap()));
    }
}
