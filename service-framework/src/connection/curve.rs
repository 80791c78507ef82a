//! CURVE: encrypted connections between those who know each other's keys, and who decides which of them may come in.
//!
//! Who listens has a key pair, whose public half whoever connects must know beforehand. Who connects has one too, and the
//! [`Gate`] of the context decides on its public half before anything else is read.

use std::ffi::CString;
use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::raw;
use super::socket::{PollItem, SocketError, is_ready, poll, readable};
use super::wake::Wake;
use super::zeromq::{Sockets, ZmqSocket, failed};

/// The name under which the gate is asked.
const DOMAIN: &str = "service_framework";

/// Where libzmq asks.
const PLACE: &str = "inproc://zeromq.zap.01";

const ALPHABET: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// A public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PublicKey(pub(crate) [u8; 32]);

/// A secret key and the public one that belongs to it. It never writes the secret one where anybody could read it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeyPair {
    secret: [u8; 32],
    public: PublicKey,
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&to_z85(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyPair({})", self.public)
    }
}

impl PublicKey {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        from_z85(text).map(Self)
    }
}

impl KeyPair {
    /// A new one.
    pub(crate) fn new() -> Result<Self, SocketError> {
        let pair = zmq::CurveKeyPair::new().map_err(failed(|| "make a key".into()))?;
        Ok(Self { secret: pair.secret_key, public: PublicKey(pair.public_key) })
    }

    /// The one whose secret half this is.
    pub(crate) fn of_secret(secret: [u8; 32]) -> Result<Self, SocketError> {
        let failed = failed(|| "find the public half of a key".into());
        let text = CString::new(to_z85(&secret)).map_err(|_| failed(zmq::Error::EINVAL))?;
        let public = raw::curve_public(&text).map_err(&failed)?;
        let public = std::str::from_utf8(&public).ok().and_then(PublicKey::parse);
        Ok(Self { secret, public: public.ok_or_else(|| failed(zmq::Error::EINVAL))? })
    }

    pub(crate) fn public(&self) -> PublicKey {
        self.public
    }

    pub(crate) fn secret(&self) -> [u8; 32] {
        self.secret
    }
}

/// Whether the libzmq of this process can do it.
pub(crate) fn is_there() -> bool {
    zmq::has("curve") == Some(true)
}

/// 32 bytes in 40 printable characters.
pub(crate) fn to_z85(bytes: &[u8; 32]) -> String {
    let mut text = String::with_capacity(40);
    for chunk in bytes.chunks(4) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let digit = |power: u32| char::from(ALPHABET[(number / 85_u32.pow(power) % 85) as usize]);
        text.extend((0..5).rev().map(digit));
    }
    text
}

/// The 32 bytes of 40 characters.
pub(crate) fn from_z85(text: &str) -> Option<[u8; 32]> {
    let text = text.as_bytes();
    if text.len() != 40 {
        return None;
    }
    let mut bytes = [0; 32];
    for (four, five) in bytes.chunks_mut(4).zip(text.chunks(5)) {
        let mut number = 0_u32;
        for character in five {
            let digit = ALPHABET.iter().position(|known| known == character)?;
            number = number.checked_mul(85)?.checked_add(u32::try_from(digit).ok()?)?;
        }
        four.copy_from_slice(&number.to_be_bytes());
    }
    Some(bytes)
}

impl ZmqSocket {
    /// Lets in only those who know the public half of `pair` and whom the gate lets pass. Before it listens.
    pub(crate) fn listen_with(&mut self, pair: &KeyPair) -> Result<(), SocketError> {
        let set = |socket: &mut zmq::Socket| {
            socket.set_curve_server(true)?;
            socket.set_curve_secretkey(&pair.secret)?;
            socket.set_zap_domain(DOMAIN)?;
            raw::set_int(socket, raw::ZAP_ENFORCE_DOMAIN, 1)
        };
        set(&mut self.raw).map_err(failed(|| "listen with a key".into()))
    }

    /// Connects as `pair` to whoever has the secret half of `other`. Before it connects.
    pub(crate) fn connect_with(&mut self, pair: &KeyPair, other: PublicKey) -> Result<(), SocketError> {
        let socket = &self.raw;
        let set = socket
            .set_curve_serverkey(&other.0)
            .and_then(|()| socket.set_curve_publickey(&pair.public.0))
            .and_then(|()| socket.set_curve_secretkey(&pair.secret));
        set.map_err(failed(|| "connect with a key".into()))
    }

    /// Bounds for frames between nodes: messages that wait to be sent and to be taken in, bytes of the largest, and how many
    /// milliseconds a handshake may take.
    pub(crate) fn bound(
        &mut self,
        (out, taken): (i32, i32),
        bytes: i64,
        handshake: i32,
    ) -> Result<(), SocketError> {
        let socket = &self.raw;
        let set = socket
            .set_sndhwm(out)
            .and_then(|()| socket.set_rcvhwm(taken))
            .and_then(|()| socket.set_maxmsgsize(bytes))
            .and_then(|()| socket.set_handshake_ivl(handshake))
            .and_then(|()| socket.set_backlog(1_024));
        set.map_err(failed(|| "bound a socket".into()))
    }

    /// What has not been sent so long after it is closed is thrown away.
    pub(crate) fn linger(&self, milliseconds: i32) {
        // Only a closed socket refuses.
        let _ = self.raw.set_linger(milliseconds);
    }
}

/// Who may come in: by its public key, and from where.
pub(crate) trait Doorkeeper: Send + 'static {
    /// Whether whoever has the secret half of the key may.
    fn may_enter(&mut self, key: PublicKey, address: &str) -> bool;
}

/// The thread that libzmq asks who may come in. It must be there before anybody listens, and outlives those who do.
pub(crate) struct Gate {
    bell: Arc<Wake>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    pub(crate) fn open(sockets: &Sockets, mut keeper: impl Doorkeeper) -> Result<Self, SocketError> {
        let system = |error: std::io::Error| SocketError {
            what: "decide who may come in".into(),
            cause: error.to_string(),
        };
        let socket = sockets.raw(zmq::REP)?;
        socket.bind(PLACE).map_err(failed(|| format!("bind {PLACE}")))?;
        let bell = Arc::new(Wake::new().map_err(system)?);
        let heard = bell.clone();
        let work = move || while serve(&socket, &heard, &mut keeper) {};
        let thread = thread::Builder::new().name("gate".into()).spawn(work).map_err(system)?;
        Ok(Self { bell, thread: Some(thread) })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.bell.ring();
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has ended too.
            let _ = thread.join();
        }
    }
}

/// Answers what is asked next; false at the end.
fn serve(socket: &zmq::Socket, bell: &Wake, keeper: &mut impl Doorkeeper) -> bool {
    let mut items: [PollItem<'_>; 2] = [socket.as_poll_item(zmq::POLLIN), readable(bell.fd())];
    if poll(&mut items, None).is_err() || is_ready(&items[1]) {
        return false;
    }
    if !is_ready(&items[0]) {
        return true;
    }
    let Ok(asked) = socket.recv_multipart(zmq::DONTWAIT) else { return true };
    let (number, name) = decide(&asked, keeper);
    let is_let_in = name.is_some();
    let (code, text) = if is_let_in { ("200", "") } else { ("400", "not let in") };
    let name = name.unwrap_or_default();
    let answer: [&[u8]; 6] = [b"1.0", &number, code.as_bytes(), text.as_bytes(), name.as_bytes(), b""];
    // Who asked is libzmq itself, which waits.
    let _ = socket.send_multipart(answer, 0);
    true
}

/// The number of the question, and the name of who is let in.
fn decide(asked: &[Vec<u8>], keeper: &mut impl Doorkeeper) -> (Vec<u8>, Option<String>) {
    let [_version, number, _domain, address, _identity, mechanism, key] = asked else {
        return (asked.get(1).cloned().unwrap_or_default(), None);
    };
    let key = <[u8; 32]>::try_from(key.as_slice()).ok().map(PublicKey).filter(|_| mechanism == b"CURVE");
    let address = String::from_utf8_lossy(address);
    let let_in = key.filter(|key| keeper.may_enter(*key, &address));
    (number.clone(), let_in.map(|key| key.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_and_read() {
        let pair = KeyPair::new().unwrap();
        assert_eq!(PublicKey::parse(&pair.public().to_string()), Some(pair.public()));
        assert_eq!(KeyPair::of_secret(pair.secret()).unwrap(), pair);
        assert_eq!(to_z85(&pair.public().0), zmq::z85_encode(&pair.public().0).unwrap());
        assert!(!format!("{pair:?}").contains(&to_z85(&pair.secret())));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "short", &"~".repeat(40), &"#".repeat(40), &"ä".repeat(20)] {
            assert_eq!(PublicKey::parse(text), None, "{text}");
        }
    }
}
