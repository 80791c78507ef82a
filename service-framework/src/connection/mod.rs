//! Connections: replyer, subscriber, requester, publisher and external request over sockets.

mod addresses;

pub(crate) use addresses::{Addresses, Endpoint, EndpointError, Host, Of, Resolution, Resolved, ResolvedSocket};
