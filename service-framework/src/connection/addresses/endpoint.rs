//! One address: where a socket binds or connects. Pure text; nothing is looked up or opened.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::discovered::Discovered;

/// Longest path of an ipc address in bytes: what Linux lets a socket's name have, without its final zero.
const IPC_PATH_BYTES: usize = 107;

/// The longest name that the domain name system allows.
const HOST_NAME_BYTES: usize = 253;

/// The longest part between two dots of such a name.
const LABEL_BYTES: usize = 63;

/// The transports a socket can use, as written before `://`.
const TRANSPORTS: [&str; 4] = ["tcp", "ipc", "inproc", Discovered::TRANSPORT];

/// One address of a socket.
///
/// [`Display`](fmt::Display) writes it with its transport (`tcp://127.0.0.1:8001`), which is also how the file
/// may have said it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    /// Between processes and hosts.
    Tcp {
        /// Whom to connect to, or the interface to bind.
        host: Host,
        /// 1 to 65535; `None` (written `*` or 0) lets the system choose one, on a bind only.
        port: Option<u16>,
    },
    /// Between processes of one host, by a file's path; `*` lets libzmq choose one, on a bind only.
    Ipc(String),
    /// Between services of one process, by a name.
    Inproc(String),
    /// Wherever the cluster says that it is.
    Cluster(Discovered),
}

/// The host of a tcp address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// `*`: every interface of this host, on a bind only.
    Every,
    /// Four numbers.
    V4(Ipv4Addr),
    /// In the file it stands in brackets.
    V6(Ipv6Addr),
    /// A name that someone must look up (or, on a bind, the name of an interface); small letters.
    Name(String),
}

/// Why a text is no address.
///
/// Each says what is wrong with it in words that fit after the text itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum EndpointError {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// The part before `://` is none of tcp, ipc, inproc and cluster.
    #[error("`{0}` is no transport")]
    Transport(String),
    /// A tcp address ends after its host.
    #[error("it has no port")]
    NoPort,
    /// The part after the last colon is no port.
    #[error("`{0}` is no port")]
    Port(String),
    /// Nothing stands before the port.
    #[error("it has no host")]
    NoHost,
    /// Digits and dots that are no IPv4 address.
    #[error("`{0}` is no IPv4 address")]
    V4(String),
    /// What stands in brackets is no IPv6 address.
    #[error("`{0}` is no IPv6 address")]
    V6(String),
    /// More than one colon, and no brackets that would tell the address from the port.
    #[error("an IPv6 address stands in brackets")]
    Brackets,
    /// A host name with something in it that names cannot have.
    #[error("`{0}` is no host name")]
    HostName(String),
    /// `ipc://` or `inproc://` with nothing behind it.
    #[error("nothing follows `{0}://`")]
    NoName(&'static str),
    /// What follows `cluster://` does not name something of a service.
    #[error("`{0}` is no SERVICE/CONNECTION")]
    Discovered(String),
    /// The system could not create a socket of this name.
    #[error("its path has {0} bytes")]
    LongPath(usize),
    /// A character that ends or breaks the name inside the operating system.
    #[error("it holds a control character")]
    Control,
}

impl EndpointError {
    /// What to write instead, where that can be said.
    #[must_use]
    pub(crate) fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Transport(name) => return Some(transport_hint(name)),
            Self::NoPort => "add the port: host:8001",
            Self::Port(_) => "a port is a number from 1 to 65535",
            Self::NoHost => "write 127.0.0.1 for this machine alone, * to bind every interface",
            Self::V4(_) => "four numbers from 0 to 255, as in 127.0.0.1",
            Self::V6(_) | Self::Brackets => "for instance [::1]:8001",
            Self::HostName(_) => "letters, digits, dots, dashes and underscores",
            Self::Discovered(_) => {
                "for instance cluster://desk/cancel, a service and its connection or state"
            }
            Self::LongPath(_) => "at most 107 bytes are allowed by the operating system",
            Self::Empty | Self::NoName(_) | Self::Control => return None,
        };
        Some(text.to_owned())
    }
}

fn transport_hint(name: &str) -> String {
    match crate::model::near_miss(name, TRANSPORTS) {
        Some(near) => format!("did you mean {near}://?"),
        None => "there are tcp://, ipc://, inproc:// and cluster://".to_owned(),
    }
}

impl Endpoint {
    /// What an address looks like, for messages.
    pub(crate) const EXPECTED: &'static str =
        "an address: host:port, tcp://host:port, ipc://path or inproc://name";

    /// Reads `host:port` (which is tcp), `tcp://host:port`, `ipc://path`, `inproc://name` or `cluster://service/name`.
    ///
    /// # Errors
    /// Says which part is wrong. Whether the address suits a bind or a connect is not asked here.
    pub(crate) fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.is_empty() {
            return Err(EndpointError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(EndpointError::Control);
        }
        match text.split_once("://") {
            None => match text.strip_prefix("cluster:") {
                Some(rest) => Err(EndpointError::Discovered(rest.to_owned())),
                None => parse_tcp(text),
            },
            Some(("cluster", rest)) => Discovered::parse(rest).map(Self::Cluster),
            Some(("tcp", rest)) => parse_tcp(rest),
            Some(("ipc", path)) => parse_ipc(path),
            Some(("inproc", "")) => Err(EndpointError::NoName("inproc")),
            Some(("inproc", name)) => Ok(Self::Inproc(name.to_owned())),
            Some((other, _)) => Err(EndpointError::Transport(other.to_owned())),
        }
    }

    /// The text that a socket binds.
    ///
    /// With `bind_all` a tcp address takes every interface of this host, whatever host is written: the
    /// originals did so. `localhost` becomes a number, since libzmq looks no names up for a bind; any other
    /// name is left as it is, and then that of an interface.
    #[must_use]
    pub(crate) fn bind_text(&self, bind_all: bool) -> String {
        match self {
            Self::Tcp { port, .. } if bind_all => tcp_text(&Host::Every, *port),
            Self::Tcp { host, port } if host.is_localhost() => {
                tcp_text(&Host::V4(Ipv4Addr::LOCALHOST), *port)
            }
            other => other.to_string(),
        }
    }

    /// The port of a tcp address that says one.
    #[must_use]
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp { port, .. } => *port,
            Self::Ipc(_) | Self::Inproc(_) | Self::Cluster(_) => None,
        }
    }

    /// Whether the system chooses a part of it, so that only whoever binds knows the address.
    #[must_use]
    pub(crate) fn is_wildcard(&self) -> bool {
        match self {
            Self::Tcp { port, .. } => port.is_none(),
            Self::Ipc(path) => path == "*",
            Self::Inproc(_) | Self::Cluster(_) => false,
        }
    }

    /// What is looked up in the cluster, if it is that.
    #[must_use]
    pub(crate) fn discovered(&self) -> Option<&Discovered> {
        if let Self::Cluster(named) = self { Some(named) } else { None }
    }

    /// Why nothing can connect to this address, if so.
    #[must_use]
    pub(crate) fn unconnectable(&self) -> Option<&'static str> {
        match self {
            Self::Tcp { host: Host::Every, .. } => Some("`*` is every interface, which only a bind can use"),
            _ if self.is_wildcard() => Some("only a bind can let the system choose"),
            _ => None,
        }
    }

    /// Whether two processes of one host cannot bind both: a bind on every interface leaves none for another.
    #[must_use]
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp { host, port: Some(port) }, Self::Tcp { host: other, port: Some(other_port) }) => {
                port == other_port && host.excludes(other)
            }
            (Self::Ipc(_), Self::Ipc(_)) => !self.is_wildcard() && self == other,
            _ => false,
        }
    }

    /// Where this machine reaches a socket that binds here: every interface is reached over the loopback one.
    #[must_use]
    pub(crate) fn as_peer(&self) -> Self {
        match self {
            Self::Tcp { host: Host::V6(address), port } if address.is_unspecified() => {
                Self::Tcp { host: Host::V6(Ipv6Addr::LOCALHOST), port: *port }
            }
            Self::Tcp { host, port } if host.is_every() => {
                Self::Tcp { host: Host::V4(Ipv4Addr::LOCALHOST), port: *port }
            }
            other => other.clone(),
        }
    }

    /// Whether a socket that connects to `other` reaches one that binds here, as far as the texts tell.
    ///
    /// A bind on every interface is reached by any host with its port: whose host that is stays unknown.
    #[must_use]
    pub(crate) fn is_reached_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp { host, port: Some(port) }, Self::Tcp { host: other, port: Some(other_port) }) => {
                port == other_port && host.is_reached_by(other)
            }
            (Self::Tcp { .. } | Self::Cluster(_), _) => false,
            _ => !self.is_wildcard() && self == other,
        }
    }
}

impl Host {
    fn is_localhost(&self) -> bool {
        matches!(self, Self::Name(name) if name == "localhost")
    }

    pub(crate) fn is_every(&self) -> bool {
        match self {
            Self::Every => true,
            Self::V4(address) => address.is_unspecified(),
            Self::V6(address) => address.is_unspecified(),
            Self::Name(_) => false,
        }
    }

    fn excludes(&self, other: &Self) -> bool {
        let number =
            |host: &Self| if host.is_localhost() { Self::V4(Ipv4Addr::LOCALHOST) } else { host.clone() };
        self.is_every() || other.is_every() || number(self) == number(other)
    }

    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
            _ => self.is_localhost(),
        }
    }

    fn is_reached_by(&self, other: &Self) -> bool {
        self.is_every() || self == other || (self.is_loopback() && (other.is_loopback() || other.is_every()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => f.write_str(&tcp_text(host, *port)),
            Self::Ipc(path) => write!(f, "ipc://{path}"),
            Self::Inproc(name) => write!(f, "inproc://{name}"),
            Self::Cluster(named) => named.fmt(f),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("*"),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

fn tcp_text(host: &Host, port: Option<u16>) -> String {
    match port {
        Some(port) => format!("tcp://{host}:{port}"),
        None => format!("tcp://{host}:*"),
    }
}

fn parse_tcp(text: &str) -> Result<Endpoint, EndpointError> {
    let (host, port) = text.rsplit_once(':').ok_or(EndpointError::NoPort)?;
    let host = parse_host(host)?;
    Ok(Endpoint::Tcp { host, port: parse_port(port)? })
}

fn parse_port(text: &str) -> Result<Option<u16>, EndpointError> {
    let wrong = || EndpointError::Port(text.to_owned());
    match text {
        "" => Err(EndpointError::NoPort),
        "*" => Ok(None),
        // `+80` would be read as a number, too.
        _ if !text.bytes().all(|byte| byte.is_ascii_digit()) => Err(wrong()),
        _ => text.parse::<u16>().map(|port| (port != 0).then_some(port)).map_err(|_| wrong()),
    }
}

fn parse_host(text: &str) -> Result<Host, EndpointError> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(EndpointError::Brackets)?;
        return inner.parse().map(Host::V6).map_err(|_| EndpointError::V6(inner.to_owned()));
    }
    match text {
        "" => Err(EndpointError::NoHost),
        "*" => Ok(Host::Every),
        _ if text.contains(':') => Err(EndpointError::Brackets),
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
            text.parse().map(Host::V4).map_err(|_| EndpointError::V4(text.to_owned()))
        }
        _ => parse_host_name(text),
    }
}

fn parse_host_name(text: &str) -> Result<Host, EndpointError> {
    let right =
        text.len() <= HOST_NAME_BYTES && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label);
    if right {
        Ok(Host::Name(text.to_ascii_lowercase()))
    } else {
        Err(EndpointError::HostName(text.to_owned()))
    }
}

/// Underscores are no part of the standard, but of the names that container tools give.
fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LABEL_BYTES).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn parse_ipc(path: &str) -> Result<Endpoint, EndpointError> {
    match path.len() {
        0 => Err(EndpointError::NoName("ipc")),
        length if length > IPC_PATH_BYTES => Err(EndpointError::LongPath(length)),
        _ => Ok(Endpoint::Ipc(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Endpoint {
        Endpoint::parse(text).unwrap()
    }

    fn refused(text: &str) -> String {
        Endpoint::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_form_is_written_back_with_its_transport() {
        for (text, full) in [
            ("127.0.0.1:8001", "tcp://127.0.0.1:8001"),
            ("tcp://Venue-1.example.org:9", "tcp://venue-1.example.org:9"),
            ("tcp://*:0", "tcp://*:*"),
            ("*:*", "tcp://*:*"),
            ("[::1]:8001", "tcp://[::1]:8001"),
            ("order_desk:8001", "tcp://order_desk:8001"),
            ("ipc:///run/desk.sock", "ipc:///run/desk.sock"),
            ("ipc://*", "ipc://*"),
            ("inproc://prices", "inproc://prices"),
        ] {
            assert_eq!(read(text).to_string(), full);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("", "it is empty"),
            ("256.1.1.1:8001", "`256.1.1.1` is no IPv4 address"),
            ("1.2.3:8001", "`1.2.3` is no IPv4 address"),
            ("127.0.0.1", "it has no port"),
            ("127.0.0.1:", "it has no port"),
            (":8001", "it has no host"),
            ("127.0.0.1:80001", "`80001` is no port"),
            ("127.0.0.1:+80", "`+80` is no port"),
            ("127.0.0.1:http", "`http` is no port"),
            ("::1:8001", "an IPv6 address stands in brackets"),
            ("[::1:8001", "an IPv6 address stands in brackets"),
            ("[::g]:8001", "`::g` is no IPv6 address"),
            ("two words:8001", "`two words` is no host name"),
            ("a..b:8001", "`a..b` is no host name"),
            ("-a:8001", "`-a` is no host name"),
            ("tpc://a:1", "`tpc` is no transport"),
            ("ipc://", "nothing follows `ipc://`"),
            ("inproc://", "nothing follows `inproc://`"),
            ("ipc:///a\0b", "it holds a control character"),
        ] {
            assert_eq!(refused(text), said, "{text}");
        }
    }

    #[test]
    fn an_ipc_path_has_at_most_107_bytes() {
        let path = |length| format!("ipc://{}", "x".repeat(length));
        assert!(Endpoint::parse(&path(107)).is_ok());
        assert_eq!(refused(&path(108)), "its path has 108 bytes");
    }

    #[test]
    fn a_hint_says_what_to_write() {
        let hint = |text| Endpoint::parse(text).unwrap_err().hint().unwrap();
        assert_eq!(hint("tpc://a:1"), "did you mean tcp://?");
        assert_eq!(hint("https://a:1"), "there are tcp://, ipc://, inproc:// and cluster://");
        assert_eq!(hint("127.0.0.1"), "add the port: host:8001");
    }

    #[test]
    fn a_bind_goes_where_it_is_written_unless_told_otherwise() {
        assert_eq!(read("127.0.0.1:1").bind_text(false), "tcp://127.0.0.1:1");
        assert_eq!(read("127.0.0.1:1").bind_text(true), "tcp://*:1");
        assert_eq!(read("localhost:1").bind_text(false), "tcp://127.0.0.1:1");
        assert_eq!(read("localhost:0").bind_text(true), "tcp://*:*");
        assert_eq!(read("ipc:///a").bind_text(true), "ipc:///a");
    }

    #[test]
    fn wildcards_suit_a_bind_only() {
        assert!(read("*:1").unconnectable().is_some());
        assert!(read("127.0.0.1:*").unconnectable().is_some());
        assert!(read("ipc://*").unconnectable().is_some());
        assert_eq!(read("0.0.0.0:1").unconnectable(), None);
    }

    #[test]
    fn a_bind_leaves_nothing_for_another_at_its_place() {
        for (one, other, excludes) in [
            ("127.0.0.1:1", "localhost:1", true),
            ("*:1", "10.0.0.7:1", true),
            ("eth0:1", "0.0.0.0:1", true),
            ("127.0.0.1:1", "10.0.0.7:1", false),
            ("*:1", "*:2", false),
            ("*:*", "*:*", false),
            ("ipc:///a", "ipc:///a", true),
            ("ipc://*", "ipc://*", false),
            ("inproc://a", "inproc://a", false),
            ("ipc:///a", "*:1", false),
        ] {
            assert_eq!(read(one).excludes(&read(other)), excludes, "{one} {other}");
            assert_eq!(read(other).excludes(&read(one)), excludes, "{other} {one}");
        }
    }

    #[test]
    fn a_bind_is_reached_by_those_who_connect_to_it() {
        for (bind, connect, reached) in [
            ("127.0.0.1:1", "localhost:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("*:1", "10.0.0.7:1", true),
            ("0.0.0.0:1", "venue:1", true),
            ("127.0.0.1:1", "0.0.0.0:1", true),
            ("10.0.0.7:1", "10.0.0.8:1", false),
            ("127.0.0.1:*", "127.0.0.1:*", false),
            ("ipc:///a", "ipc:///a", true),
            ("ipc:///a", "inproc:///a", false),
        ] {
            assert_eq!(read(bind).is_reached_by(&read(connect)), reached, "{bind} {connect}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_and_read_again(text in "\\PC{0,40}|(tcp://)?[a-z0-9.*:\\[\\]-]{1,20}:[0-9*]{1,6}") {
            if let Ok(endpoint) = Endpoint::parse(&text) {
                prop_assert_eq!(Endpoint::parse(&endpoint.to_string()), Ok(endpoint));
            }
        }
    }
}
