//! Who is at the other end of a connection within this machine, as the system tells it: addresses of this machine are open to
//! all of its users, control sockets and what is said on them are not.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::{fs, mem};

use rustix::process::geteuid;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

/// About so many are looked for at a time.
const AT_ONCE: usize = 256;

/// Whoever has connected; nobody who is known unless it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Visitor {
    /// Whether it is a process of this user on this machine.
    pub(super) is_own: bool,
}

/// The two ends of a connection: theirs and ours.
type Ends = (SocketAddr, SocketAddr);

/// Who wants to know whose a connection is.
struct Question {
    ends: Ends,
    told: oneshot::Sender<Visitor>,
}

/// Asks the system who comes: reading its table takes milliseconds, many where there are many sockets, so it is read once for
/// all who came meanwhile, and beside the loop that serves others.
pub(super) struct Visitors(mpsc::Sender<Question>);

impl Visitors {
    /// Begins, on the runtime in which it is called.
    pub(super) fn start() -> Self {
        let (questions, asked) = mpsc::channel(AT_ONCE);
        tokio::spawn(answer(asked));
        Self(questions)
    }

    /// Who is at the other end.
    pub(super) fn of(&self, stream: &TcpStream) -> impl Future<Output = Visitor> + Send + use<> {
        let ends = stream.peer_addr().ok().zip(stream.local_addr().ok());
        let questions = self.0.clone();
        async move {
            let Some(ends) = ends.filter(is_within) else { return Visitor::default() };
            let (told, answer) = oneshot::channel();
            // If nobody takes questions any more, there is no answer either.
            let _ = questions.send(Question { ends, told }).await;
            answer.await.unwrap_or_default()
        }
    }
}

async fn answer(mut asked: mpsc::Receiver<Question>) {
    let mut questions = Vec::new();
    while asked.recv_many(&mut questions, AT_ONCE).await > 0 {
        let those = mem::take(&mut questions);
        // If it breaks off, nobody of them is known.
        let _ = spawn_blocking(move || tell(those)).await;
    }
}

fn tell(questions: Vec<Question>) {
    let owners = owners_now(&questions.iter().map(|question| question.ends).collect());
    let own = geteuid().as_raw();
    for Question { ends, told } in questions {
        // It may have gone.
        let _ = told.send(Visitor { is_own: owners.get(&ends) == Some(&own) });
    }
}

/// Whether both ends are of this machine's own addresses.
fn is_within((theirs, ours): &Ends) -> bool {
    theirs.ip().is_loopback() && ours.ip().is_loopback()
}

/// Whose these sockets are; each goes from the first end to the second.
fn owners_now(wanted: &HashSet<Ends>) -> HashMap<Ends, u32> {
    let mut found = HashMap::new();
    for (table, is_v4) in [("/proc/self/net/tcp", true), ("/proc/self/net/tcp6", false)] {
        if wanted.iter().any(|(here, _)| here.is_ipv4() == is_v4)
            && let Ok(table) = fs::read_to_string(table)
        {
            found.extend(owners(&table, wanted));
        }
    }
    found
}

/// The same, by the system's table of sockets.
fn owners<'a>(table: &'a str, wanted: &'a HashSet<Ends>) -> impl Iterator<Item = (Ends, u32)> + 'a {
    table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace();
        let ends = (address(fields.nth(1)?)?, address(fields.next()?)?);
        let user = fields.nth(4)?.parse().ok()?;
        wanted.contains(&ends).then_some((ends, user))
    })
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
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn owners_are_read_from_the_systems_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:EDBB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 1 1\n   \
            1: 0100007F:C350 0100007F:EDBB 01 00000000:00000000 00:00000000 00000000   107 0 2 1\n";
        let (here, there) = ("127.0.0.1:50000".parse().unwrap(), "127.0.0.1:60859".parse().unwrap());
        let wanted = HashSet::from([(here, there), (there, here)]);
        assert_eq!(owners(table, &wanted).collect::<Vec<_>>(), [((here, there), 107)]);
        assert_eq!(address("00000000000000000000000001000000:EDBB"), Some("[::1]:60859".parse().unwrap()));
        assert_eq!(address("0100007F"), None);
    }

    #[tokio::test]
    async fn connections_of_this_process_are_its_own_however_many_come_at_once() {
        for place in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(place).await else { continue };
            let ours = listener.local_addr().unwrap();
            let visitors = Visitors::start();
            let mut coming = Vec::new();
            for _ in 0..20 {
                let theirs = TcpStream::connect(ours).await.unwrap();
                let (stream, _) = listener.accept().await.unwrap();
                let visitor = visitors.of(&stream);
                coming.push((theirs, tokio::spawn(visitor)));
            }
            for (_theirs, visitor) in coming {
                assert!(visitor.await.unwrap().is_own, "{place}");
            }
        }
    }

    #[test]
    fn whoever_comes_from_elsewhere_is_nobody() {
        let ours: SocketAddr = "127.0.0.1:60859".parse().unwrap();
        assert!(!is_within(&("10.0.0.7:1".parse().unwrap(), ours)));
        assert_eq!(owners_now(&HashSet::from([("127.0.0.1:1".parse().unwrap(), ours)])), HashMap::new());
    }
}
