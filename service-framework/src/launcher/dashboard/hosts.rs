//! By which names this page may be called, so that a page of another site cannot reach it under a name of its own (DNS
//! rebinding).

use std::net::IpAddr;

use super::settings::Listen;

/// The hosts that a request may name.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    names: Vec<String>,
    /// Whether any address will do: it is reached from elsewhere, and nobody owns an address as one owns a name.
    any_address: bool,
}

impl Hosts {
    pub(super) fn of(listen: &Listen, own_name: &str) -> Self {
        let names = ["localhost", &listen.host, own_name].map(str::to_lowercase);
        let names = names.into_iter().filter(|name| !name.is_empty()).collect();
        Self { names, any_address: !listen.address.ip().is_loopback() }
    }

    /// Whether `host`, as it stands in a request, is one of them. The port does not matter: through a tunnel it is another.
    pub(super) fn take(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        match name.parse::<IpAddr>() {
            Ok(address) => self.any_address || address.is_loopback(),
            Err(_) => self.names.contains(&name.to_lowercase()),
        }
    }
}

fn without_port(host: &str) -> Option<&str> {
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        return (port.is_empty() || is_port(port)).then_some(address);
    }
    match host.find(':') {
        None => Some(host),
        Some(at) => is_port(&host[at..]).then_some(&host[..at]),
    }
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_called_by_its_own_names_alone() {
        let hosts = Hosts::of(&Listen::default(), "desk");
        for known in ["127.0.0.1:60859", "localhost:1", "LocalHost", "[::1]:60859", "127.0.0.1", "desk:60859"]
        {
            assert!(hosts.take(known), "{known}");
        }
        for foreign in [
            "",
            "evil.example",
            "evil.example:60859",
            "localhost.evil.example",
            "10.0.0.7",
            "127.0.0.1:x",
            "[::1",
            "127.0.0.1:1:2",
            "localhost:99999",
        ] {
            assert!(!hosts.take(foreign), "{foreign}");
        }
    }

    #[test]
    fn elsewhere_it_is_called_by_any_address_and_by_the_name_that_was_said() {
        let listen =
            Listen { host: "Monitor.example".into(), ..Listen::read("--listen", "0.0.0.0:80").unwrap() };
        let hosts = Hosts::of(&listen, "");
        assert!(hosts.take("10.0.0.7:80") && hosts.take("monitor.example") && !hosts.take("evil.example"));
    }
}
