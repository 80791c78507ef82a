//! Connections: replyer, subscriber, requester, publisher and external request over sockets.
//!
//! Each type owns its sockets and bytes; it knows nothing of handlers. Whoever owns them polls.

mod addresses;
mod burst;
mod counters;
mod deadlines;
mod error;
pub(crate) mod hosts;
mod listening;
mod monitor;
mod peer;
mod publisher;
mod raw;
mod replyer;
mod requester;
mod socket;
mod subscriber;
mod update_source;
mod wake;
mod zeromq;

pub(crate) use addresses::{
    Addresses, Endpoint, Need, Of, Resolution, Resolved, ResolvedSocket, StateEntry, needs,
};
pub(crate) use burst::Throttle;
pub(crate) use counters::Counters;
pub(crate) use deadlines::{Deadlines, after};
pub use error::SendError;
pub(crate) use error::list;
pub(crate) use publisher::{Place, Publisher};
pub(crate) use replyer::{Replyer, Route};
pub(crate) use requester::{Answer, Outgoing, Requester};
pub use socket::SocketError;
pub(crate) use socket::{Frame, PollItem, Received, Role, is_ready, poll, readable};
pub(crate) use subscriber::{Source, Subscriber};
pub(crate) use update_source::UpdateSource;
pub(crate) use wake::Wake;
pub(crate) use zeromq::Sockets;
