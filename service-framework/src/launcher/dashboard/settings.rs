//! Where the page is served, of what, and what it may do.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};

use crate::model::Problem;

/// Where it is served unless something else is said.
pub(super) const PORT: u16 = 60859;

/// What a dashboard is started with.
#[derive(Clone, Debug)]
pub(in crate::launcher) struct Settings {
    pub(super) listen: Listen,
    pub(super) shows: Shows,
    /// Whether the page may restart and stop services and change log levels.
    pub(super) allow_actions: bool,
}

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listen {
    /// The host as it was written.
    pub(super) host: String,
    pub(super) address: SocketAddr,
    /// Whether another port may be taken if this one is not free.
    pub(super) may_move: bool,
}

/// What it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// Everything of this user.
    All,
    /// The systems of this name, or of this process of `up`.
    System(String),
    /// The system that this process runs.
    Own,
}

impl Shows {
    /// Whether this is one of the systems that it shows.
    pub(super) fn takes(&self, system: &str, up: u32) -> bool {
        match self {
            Self::All => true,
            Self::System(wanted) => system == wanted || *wanted == up.to_string(),
            Self::Own => up == std::process::id(),
        }
    }

    /// Whether it shows services that belong to no system.
    pub(super) fn takes_others(&self) -> bool {
        *self == Self::All
    }
}

impl Default for Listen {
    fn default() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        Self { host: address.ip().to_string(), address, may_move: true }
    }
}

impl Listen {
    /// Reads `HOST:PORT`; looks the host up if it is a name.
    pub(super) fn read(flag: &str, text: &str) -> Result<Self, Problem> {
        let wrong =
            |found: String| Problem::new(flag, "HOST:PORT, such as 127.0.0.1:60859 or 0.0.0.0:8080", found);
        let has_port =
            text.rsplit_once(':').filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        let (host, _) = has_port.ok_or_else(|| wrong(format!("{text:?}")))?;
        let mut found = text.to_socket_addrs().map_err(|error| wrong(format!("{text:?}: {error}")))?;
        let address = found.next().ok_or_else(|| wrong(format!("{text:?}, which has no address")))?;
        Ok(Self { host: host.trim_matches(['[', ']']).to_owned(), address, may_move: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_a_host_and_a_port() {
        let read =
            |text| Listen::read("--listen", text).map(|listen| (listen.host, listen.address.to_string()));
        assert_eq!(read("127.0.0.1:8080"), Ok(("127.0.0.1".into(), "127.0.0.1:8080".into())));
        assert_eq!(read("[::1]:0"), Ok(("::1".into(), "[::1]:0".into())));
        for wrong in ["", "8080", ":8080", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_system_is_meant_by_its_name_or_its_process() {
        let shows = Shows::System("shop".into());
        assert!(shows.takes("shop", 7) && !shows.takes("shops", 7) && !shows.takes_others());
        assert!(Shows::System("7".into()).takes("shop", 7));
        assert!(Shows::Own.takes("any", std::process::id()) && !Shows::Own.takes("any", 1));
    }
}
