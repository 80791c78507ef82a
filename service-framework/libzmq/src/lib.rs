//! libzmq 4.3.5 with CURVE and with what Linux offers.
//!
//! `zmq-sys` asks a crate named `zeromq-src` to build libzmq, and gets this one by the workspace's
//! `[patch.crates-io]`. The build itself is the published crate's; added are libsodium, without which there is
//! no CURVE, and the macros that libzmq's own configure scripts would have found on Linux.

use upstream::LibLocation;

/// What `./configure` finds on every Linux that Rust runs on.
///
/// Without these libzmq signals through a socket pair, ignores TCP keepalive, knows no interface names, cannot
/// name the peer of an ipc socket and lays out its queues unaligned. The last two belong together.
const LINUX: [&str; 13] = [
    "ZMQ_HAVE_EVENTFD",
    "ZMQ_HAVE_EVENTFD_CLOEXEC",
    "ZMQ_HAVE_SOCK_CLOEXEC",
    "ZMQ_HAVE_O_CLOEXEC",
    "ZMQ_HAVE_SO_KEEPALIVE",
    "ZMQ_HAVE_TCP_KEEPCNT",
    "ZMQ_HAVE_TCP_KEEPIDLE",
    "ZMQ_HAVE_TCP_KEEPINTVL",
    "ZMQ_HAVE_IFADDRS",
    "ZMQ_HAVE_SO_PEERCRED",
    "ZMQ_HAVE_PTHREAD_SETNAME_2",
    "HAVE_ACCEPT4",
    "HAVE_POSIX_MEMALIGN",
];

/// The build, with the interface that `zmq-sys` 0.12 expects.
#[derive(Debug, Default)]
pub struct Build;

impl Build {
    /// A build with CURVE.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// Does nothing: libsodium is always the bundled one.
    pub fn with_libsodium(&mut self, _location: Option<()>) -> &mut Self {
        self
    }

    /// Compiles libzmq and tells cargo to link it.
    pub fn build(&mut self) {
        if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
            std::env::set_var("CXXFLAGS", linux_flags());
        }
        let sodium = LibLocation::new(env!("DEP_SODIUM_LIB"), env!("DEP_SODIUM_INCLUDE"));
        upstream::Build::new().with_libsodium(Some(sodium)).build();
    }
}

/// The caller's own flags first, then ours.
fn linux_flags() -> String {
    let own = std::env::var("CXXFLAGS").unwrap_or_default();
    let macros = LINUX.map(|name| format!("-D{name}=1")).join(" ");
    format!("{own} {macros} -DZMQ_CACHELINE_SIZE=64")
}
