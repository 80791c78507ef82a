//! How hosts are found: mapped by the operator or looked up by the system, and then only at public addresses.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::HttpSettings;
use super::addresses::is_public;
use super::failure::{Failure, NotPublic, refused};
use super::settings::AllowedHost;

/// Who may be asked, and where they are. Every address that a connection is made to comes from here, or was looked at here.
pub(super) struct Names {
    mapped: HashMap<String, SocketAddr>,
    allowed: Vec<AllowedHost>,
    private: bool,
}

impl Names {
    pub(super) fn new(settings: &HttpSettings) -> Self {
        let mapped = settings.resolve.iter().map(|mapping| (mapping.host.clone(), mapping.address));
        Self {
            mapped: mapped.collect(),
            allowed: settings.allow_hosts.clone(),
            private: settings.allow_private,
        }
    }

    /// Whether a request may go to this URL, as far as that can be seen before the host is looked up.
    pub(super) fn check(&self, url: &Url) -> Result<(), Failure> {
        let host = url.host_str().unwrap_or_default();
        if self.mapping(host).is_some() {
            return Ok(());
        }
        let port = url.port_or_known_default().unwrap_or_default();
        let name = host.trim_end_matches('.');
        if !self.allowed.is_empty() && !self.allowed.iter().any(|allowed| allowed.allows(name, port)) {
            return Err(Failure::refused(format!(
                "requests to {host}:{port} are not allowed by --allow-host"
            )));
        }
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) if !self.may_connect(address) => Err(Failure::refused(refused(host, address))),
            _ => Ok(()),
        }
    }

    /// The address that a host is mapped to.
    pub(super) fn mapping(&self, host: &str) -> Option<SocketAddr> {
        self.mapped.get(&host.trim_end_matches('.').to_ascii_lowercase()).copied()
    }

    fn may_connect(&self, address: IpAddr) -> bool {
        self.private || is_public(address)
    }

    /// The addresses of a host to which a connection may be made.
    async fn find(&self, host: &str) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        if let Some(address) = self.mapping(host) {
            return Ok(vec![address]);
        }
        let all: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
        let (found, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| self.may_connect(it.ip()));
        match (found.is_empty(), others.first()) {
            (false, _) => Ok(found),
            (true, Some(other)) => Err(Box::new(NotPublic { host: host.to_owned(), address: other.ip() })),
            (true, None) => Err(Box::new(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))),
        }
    }
}

/// The same for the library that sends requests.
pub(super) struct Resolver(pub(super) Arc<Names>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let names = Arc::clone(&self.0);
        Box::pin(async move {
            let found = names.find(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
