//! Settings of the connector: where requests may go, and what they may take.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use super::retry::Retry;
use super::secrets::Secrets;

/// Where requests may go, and what they may take.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Hosts to which requests may go; all public ones if there are none here.
    pub allow_hosts: Vec<AllowedHost>,
    /// Whether requests may go to addresses that are not public: private, loopback, link-local and the like. No by default.
    pub allow_private: bool,
    /// Hosts that have another address than the one that is looked up. Requests may go to them, wherever that is.
    pub resolve: Vec<Mapping>,
    /// What scripts may have sent without seeing it. None by default.
    pub secrets: Secrets,
    /// How long a request takes at most, if the script does not say; 30 s.
    pub timeout: Duration,
    /// How long a script may let it take; 10 min. What is longer becomes this.
    pub longest_timeout: Duration,
    /// How long a connection may take; 10 s.
    pub connect_timeout: Duration,
    /// Most bytes of the body of a request; 10 MiB.
    pub request_bytes: usize,
    /// Most bytes of the body of a response; 10 MiB.
    pub response_bytes: usize,
    /// How many redirects are followed; 10.
    pub redirects: u32,
    /// What is done again and when, if the script does not say.
    pub retry: Retry,
    /// How long a server may ask to wait by `Retry-After`; 1 h. What is longer becomes this.
    pub longest_retry_after: Duration,
    /// Most requests at once; 256. What is over waits for its turn.
    pub at_once: usize,
    /// Most requests at once to one host and port; 32.
    pub at_once_per_host: usize,
    /// Root certificates (PEM, any number) that `https` trusts beside those of the system. None by default.
    pub certificates: Vec<u8>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            allow_hosts: Vec::new(),
            allow_private: false,
            resolve: Vec::new(),
            secrets: Secrets::default(),
            timeout: Duration::from_secs(30),
            longest_timeout: Duration::from_mins(10),
            connect_timeout: Duration::from_secs(10),
            request_bytes: 10 << 20,
            response_bytes: 10 << 20,
            redirects: 10,
            retry: Retry::default(),
            longest_retry_after: Duration::from_hours(1),
            at_once: 256,
            at_once_per_host: 32,
            certificates: Vec::new(),
        }
    }
}

/// Something on the command line that names no host, or no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Not a host to which requests may go.
    #[error(
        "`{0}` is no host: expected a name, an address, or `*.` and a name; and `:PORT` if only that port is meant"
    )]
    Host(String),
    /// Not a host and the address that it has.
    #[error(
        "`{0}` maps no host: expected HOST=ADDRESS or HOST=ADDRESS:PORT, such as wilson.local=127.0.0.1:8080, HOST being a name"
    )]
    Mapping(String),
}

/// A host to which requests may go: `example.com`, `*.example.com` (all below it, not itself), `10.0.0.7`, each with `:PORT` if only
/// that port is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    /// In lower case; without the `*` of those that mean all below.
    name: String,
    below: bool,
    port: Option<u16>,
}

impl FromStr for AllowedHost {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let wrong = || HostError::Host(text.to_owned());
        let (host, below) = text.strip_prefix("*.").map_or((text, false), |host| (host, true));
        let url = reqwest::Url::parse(&format!("tcp://{}", bracketed(host))).map_err(|_| wrong())?;
        let name = url.host_str().and_then(canonical).ok_or_else(wrong)?;
        let is_bare = url.path().is_empty() && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.username().is_empty() || url.password().is_some() || name.contains('*') {
            return Err(wrong());
        }
        Ok(Self { name, below, port: url.port() })
    }
}

/// An address of IPv6 as it stands in a URL.
fn bracketed(host: &str) -> String {
    if host.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() }
}

/// A host as URLs of `http` have it: in lower case, in ASCII, addresses in their one form, without a dot at its end.
fn canonical(host: &str) -> Option<String> {
    let url = reqwest::Url::parse(&format!("http://{host}")).ok()?;
    url.host_str().map(|host| host.trim_end_matches('.').to_owned()).filter(|host| !host.is_empty())
}

impl AllowedHost {
    /// Whether it means this host, which is in lower case, and port.
    pub(super) fn allows(&self, host: &str, port: u16) -> bool {
        let is_it = match host.strip_suffix(self.name.as_str()) {
            Some(rest) if self.below => rest.len() > 1 && rest.ends_with('.'),
            Some(rest) => rest.is_empty(),
            None => false,
        };
        is_it && self.port.is_none_or(|only| only == port)
    }
}

/// The address of a host that is not looked up: `wilson.local=127.0.0.1:8080`. Without a port it is the one of the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// In lower case.
    pub(super) host: String,
    /// Port 0 if it is the one of the URL.
    pub(super) address: SocketAddr,
}

impl FromStr for Mapping {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let wrong = || HostError::Mapping(text.to_owned());
        let (host, address) = text.split_once('=').ok_or_else(wrong)?;
        let without_port = || address.trim_matches(['[', ']']).parse().map(|ip| SocketAddr::new(ip, 0));
        let address = address.parse().or_else(|_| without_port()).map_err(|_| wrong())?;
        let named: AllowedHost = host.parse().map_err(|_| wrong())?;
        let is_name = named.name.parse::<std::net::IpAddr>().is_err() && !named.name.starts_with('[');
        if named.below || named.port.is_some() || !is_name {
            return Err(wrong());
        }
        Ok(Self { host: named.name, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, host: &str, port: u16) -> bool {
        pattern.parse::<AllowedHost>().unwrap().allows(host, port)
    }

    #[test]
    fn hosts_are_allowed_by_name_port_and_domain() {
        assert!(allows("Example.com", "example.com", 80));
        assert!(!allows("example.com", "www.example.com", 80));
        assert!(!allows("example.com", "badexample.com", 80));
        assert!(allows("*.example.com", "a.b.example.com", 443));
        assert!(!allows("*.example.com", "example.com", 443));
        assert!(!allows("*.example.com", ".example.com", 443));
        assert!(!allows("*.example.com", "badexample.com", 443));
        assert!(allows("example.com:8080", "example.com", 8080));
        assert!(!allows("example.com:8080", "example.com", 80));
        assert!(allows("example.com:80", "example.com", 80));
        assert!(allows("10.0.0.7", "10.0.0.7", 1));
        assert!(allows("::1", "[::1]", 1));
        assert!(allows("[::1]:7", "[::1]", 7));
        assert!(allows("münchen.example.", "xn--mnchen-3ya.example", 7));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "a b",
            "http://example.com",
            "example.com/path",
            "u@example.com",
            "a:b:c",
            "a*.b",
            "*.*.b",
            ".",
        ] {
            assert_eq!(text.parse::<AllowedHost>(), Err(HostError::Host(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn hosts_are_mapped_to_addresses() {
        let mapping = |text: &str| text.parse::<Mapping>().map(|it| (it.host, it.address.to_string()));
        assert_eq!(
            mapping("Wilson.local=127.0.0.1:8080"),
            Ok(("wilson.local".to_owned(), "127.0.0.1:8080".to_owned()))
        );
        assert_eq!(mapping("a=10.0.0.1"), Ok(("a".to_owned(), "10.0.0.1:0".to_owned())));
        assert_eq!(mapping("a=[::1]:9"), Ok(("a".to_owned(), "[::1]:9".to_owned())));
        assert_eq!(mapping("a=::1"), Ok(("a".to_owned(), "[::1]:0".to_owned())));
        for text in [
            "",
            "a",
            "a=",
            "=1.2.3.4",
            "a=b",
            "a=b:80",
            "1.2.3.4=5.6.7.8:1",
            "[::1]=1.2.3.4:1",
            "*.a=1.2.3.4",
            "a:80=1.2.3.4:80",
        ] {
            assert_eq!(mapping(text), Err(HostError::Mapping(text.to_owned())), "{text}");
        }
    }
}
