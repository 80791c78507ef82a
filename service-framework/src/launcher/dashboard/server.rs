//! The server: a thread of its own that listens, with a bounded number of guests.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::{Extension, Router};
use rustix::system::uname;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::watch;

use super::guard::Guard;
use super::hosts::Hosts;
use super::routes::{self, Desk};
use super::secret::Secret;
use super::settings::{Listen, Settings};
use super::visitor::{Visitor, Visitors};
use crate::http::{self, Guest, Limits};

/// Guests may not hold up each other: one that is slow is cut off when its time is over, or when another needs its place.
const LIMITS: Limits = Limits {
    head_time: Duration::from_secs(10),
    connection_time: Duration::from_mins(2),
    request_time: Duration::from_mins(2),
    connections: 32,
    grace: Duration::from_secs(2),
};

/// So many ports are tried, from the default one on.
const PORTS_TRIED: u16 = 20;

/// A page that is served. Dropped, it stops.
pub(in crate::launcher) struct Dashboard {
    url: String,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Dashboard {
    /// Begins to serve.
    ///
    /// # Errors
    /// Nothing can listen there, or a thread cannot be made.
    pub(in crate::launcher) fn start(settings: &Settings) -> io::Result<Self> {
        let (listener, address) = listen(&settings.listen)?;
        let is_elsewhere = !address.ip().is_loopback();
        let guard = Guard {
            hosts: Hosts::of(&settings.listen, &uname().nodename().to_string_lossy()),
            token: is_elsewhere.then(Secret::new).transpose()?,
            page: settings.allow_actions.then(Secret::new).transpose()?,
            port: address.port(),
        };
        let url = url(&settings.listen, address, guard.token.as_ref());
        let knows_users = guard.token.is_none();
        let router = routes::router(guard, Desk::new(settings.shows.clone())?);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = watch::channel(false);
        let run = move || {
            runtime.block_on(serve(listener, &router, knows_users, stopped));
            // What somebody still waits for goes on without.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("dashboard".to_owned()).spawn(run)?;
        Ok(Self { url, stop, thread: Some(thread) })
    }

    /// What to open in a browser, with the token if one is needed.
    pub(in crate::launcher) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        // It ends within the grace of its guests; a panic of it is told by itself.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Serves; where users are known, others than this process's own are strangers.
async fn serve(
    listener: tokio::net::TcpListener,
    router: &Router,
    knows_users: bool,
    stopped: watch::Receiver<bool>,
) {
    let visitors = knows_users.then(Visitors::start);
    let admit = |stream: &TcpStream| {
        let router = router.clone();
        let visitor = visitors.as_ref().map(|visitors| visitors.of(stream));
        async move {
            let visitor = match visitor {
                Some(visitor) => visitor.await,
                None => Visitor::default(),
            };
            Guest { router: router.layer(Extension(visitor)), is_stranger: knows_users && !visitor.is_own }
        }
    };
    http::serve(listener, admit, LIMITS, stopped).await;
}

fn listen(wanted: &Listen) -> io::Result<(TcpListener, SocketAddr)> {
    let mut address = wanted.address;
    let last = if wanted.may_move { address.port().saturating_add(PORTS_TRIED) } else { address.port() };
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                let address = listener.local_addr()?;
                return Ok((listener, address));
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && address.port() < last => {
                address.set_port(address.port() + 1);
            }
            Err(error) => {
                return Err(io::Error::new(
                    error.kind(),
                    format!("nothing can listen at {address}: {error}"),
                ));
            }
        }
    }
}

/// "Every address" is where one listens, not where one is reached.
fn url(listen: &Listen, address: SocketAddr, token: Option<&Secret>) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() => uname().nodename().to_string_lossy().into_owned(),
        ip if ip.is_loopback() && listen.host != "localhost" => {
            SocketAddr::new(ip, 0).to_string().trim_end_matches(":0").to_owned()
        }
        _ if listen.host.contains(':') => format!("[{}]", listen.host),
        _ => listen.host.clone(),
    };
    let token = token.map(|token| format!("?token={}", token.text())).unwrap_or_default();
    format!("http://{host}:{}/{token}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_port_moves_on_and_one_that_was_said_does_not() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let wanted = |may_move| Listen { host: "127.0.0.1".into(), address, may_move };
        let error = listen(&wanted(false)).unwrap_err();
        assert!(error.to_string().starts_with(&format!("nothing can listen at {address}")), "{error}");
        let (_, other) = listen(&wanted(true)).unwrap();
        assert!(other.port() > address.port());
    }

    #[test]
    fn a_url_leads_to_where_it_is_served() {
        let at = |text: &str| {
            let listen = Listen::read("--listen", text).unwrap();
            url(&listen, listen.address, None)
        };
        assert_eq!(at("127.0.0.1:7"), "http://127.0.0.1:7/");
        assert_eq!(at("[::1]:7"), "http://[::1]:7/");
        let elsewhere = at("0.0.0.0:7");
        assert!(elsewhere.ends_with(":7/") && !elsewhere.contains("0.0.0.0"), "{elsewhere}");
        let token = Secret::new().unwrap();
        let listen = Listen::default();
        assert!(url(&listen, listen.address, Some(&token)).ends_with(&format!("/?token={}", token.text())));
    }
}
