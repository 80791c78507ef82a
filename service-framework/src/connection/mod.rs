//! Connections: replyer, subscriber, requester, publisher and external request over sockets.
//!
//! Each type owns its sockets and bytes; it knows nothing of handlers. Whoever owns them polls.

mod addresses;
mod burst;
mod counters;
#[cfg(feature = "cluster")]
pub(crate) mod curve;
mod deadlines;
mod directory;
#[cfg(feature = "cluster")]
pub(crate) mod door;
mod error;
pub(crate) mod hosts;
mod instances;
mod latency;
mod listening;
mod monitor;
mod peer;
mod picking;
mod publisher;
mod raw;
mod replyer;
mod requester;
mod socket;
mod subscriber;
#[cfg_attr(
    not(feature = "recording"),
    expect(unreachable_pub, reason = "recordings show what there is to others")
)]
pub(crate) mod tap;
mod update_source;
mod wake;
mod zeromq;

pub(crate) use addresses::{
    Addresses, Endpoint, Need, Of, Resolution, Resolved, ResolvedSocket, StateEntry, needs,
};
pub(crate) use burst::Throttle;
pub(crate) use counters::Counters;
pub(crate) use deadlines::{Deadlines, after};
pub(crate) use directory::{Directory, Sought, Targets, other_end};
pub use error::SendError;
pub(crate) use error::list;
pub(crate) use publisher::{Place, Publisher};
pub(crate) use replyer::{Replyer, Route};
pub(crate) use requester::{Answer, Outgoing, Requester};
pub use socket::SocketError;
pub(crate) use socket::{Frame, PollItem, Received, Role, is_ready, poll, readable};
pub(crate) use subscriber::{Source, Subscriber};
pub(crate) use update_source::{Reports, UpdateSource};
pub(crate) use wake::Wake;
pub(crate) use zeromq::Sockets;
#[cfg(feature = "cluster")]
pub(crate) use {
    addresses::ClusterSection,
    directory::{Found, socket_key},
};
#[cfg(feature = "cluster")]
pub(crate) use {
    monitor::{Monitored, PeerEvent},
    socket::{Interest, Sent, Socket},
    zeromq::ZmqSocket,
};
