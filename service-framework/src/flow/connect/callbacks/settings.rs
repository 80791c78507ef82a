//! Settings of the connector: where it listens, how it is reached, and what those who deliver may take.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use crate::http::Limits;

/// Where callbacks come in, and what those who deliver them may take.
#[derive(Clone, Debug)]
pub struct CallbackSettings {
    /// Where to listen; `127.0.0.1:60857`. The system chooses a port in the place of 0.
    pub listen: SocketAddr,
    /// What URLs of callbacks begin with; `http://` and the address that it listens on if there is none.
    pub public_url: Option<PublicUrl>,
    /// Most bytes of a body; 1 MiB.
    pub body_bytes: usize,
    /// How long the head of a request may take, or the next one on the same connection may be waited for; 10 s.
    pub head_time: Duration,
    /// How long a body may take; 30 s.
    pub body_time: Duration,
    /// How long a delivery may take to be written down; 30 s. What takes longer is answered with 503.
    pub deliver_time: Duration,
    /// How long a connection is used; 5 min. It ends after the request that is at work then.
    pub connection_time: Duration,
    /// Most connections at once; 512. For what is over the oldest ends, once it is older than a second.
    pub connections: usize,
    /// How long requests at work have to end when it stops; 5 s.
    pub grace: Duration,
}

impl CallbackSettings {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            head_time: self.head_time,
            connection_time: self.connection_time,
            // Its head, whether its id is known, its body, and the writing down.
            request_time: [self.head_time, self.body_time, self.deliver_time, self.deliver_time]
                .into_iter()
                .fold(Duration::ZERO, Duration::saturating_add),
            connections: self.connections,
            grace: self.grace,
        }
    }
}

impl Default for CallbackSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 60857)),
            public_url: None,
            body_bytes: 1 << 20,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            deliver_time: Duration::from_secs(30),
            connection_time: Duration::from_mins(5),
            connections: 512,
            grace: Duration::from_secs(5),
        }
    }
}

/// What URLs of callbacks begin with, such as `https://flows.example.com/hooks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// Something that URLs of callbacks cannot begin with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be what URLs begin with: expected something like https://flows.example.com or http://10.0.0.7:60857/hooks, without `?` and `#`"
)]
pub struct PublicUrlError(String);

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let wrong = || PublicUrlError(text.to_owned());
        let url = reqwest::Url::parse(text).map_err(|_| wrong())?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || !is_plain || url.password().is_some() {
            return Err(wrong());
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PublicUrl {
    /// How an address is reached from this host, if nobody said otherwise.
    #[must_use]
    pub fn of(mut address: SocketAddr) -> Self {
        // "All addresses" is where one listens, not where one is reached.
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Self(format!("http://{address}"))
    }

    /// Where a callback is delivered.
    #[must_use]
    pub fn callback(&self, id: &str) -> String {
        format!("{self}/callback/{id}")
    }

    /// Its path without a slash at its end; empty if it has none.
    pub(super) fn path(&self) -> &str {
        let after_scheme = self.0.find("://").map_or(0, |at| at + 3);
        self.0[after_scheme..].find('/').map_or("", |at| &self.0[after_scheme + at..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callback(base: &str) -> String {
        base.parse::<PublicUrl>().unwrap().callback("X")
    }

    #[test]
    fn callbacks_are_below_the_public_url() {
        assert_eq!(callback("https://flows.example.com"), "https://flows.example.com/callback/X");
        assert_eq!(callback("https://flows.example.com/"), "https://flows.example.com/callback/X");
        assert_eq!(callback("http://10.0.0.7:60857/a/b//"), "http://10.0.0.7:60857/a/b/callback/X");
        assert_eq!("http://10.0.0.7:60857/a/b//".parse::<PublicUrl>().unwrap().path(), "/a/b");
        assert_eq!("http://h".parse::<PublicUrl>().unwrap().path(), "");
    }

    #[test]
    fn addresses_are_reached_where_they_are() {
        let of = |address: &str| PublicUrl::of(address.parse().unwrap()).to_string();
        assert_eq!(of("127.0.0.1:60857"), "http://127.0.0.1:60857");
        assert_eq!(of("0.0.0.0:1"), "http://127.0.0.1:1");
        assert_eq!(of("[::]:1"), "http://[::1]:1");
        assert_eq!(of("10.0.0.7:1"), "http://10.0.0.7:1");
    }

    #[test]
    fn what_urls_cannot_begin_with_is_refused() {
        for text in [
            "",
            "example.com",
            "ftp://a",
            "http://a?b",
            "http://a#b",
            "http://u@a",
            "http://u:p@a",
            "http://",
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(PublicUrlError(text.to_owned())), "{text}");
        }
    }
}
