//! HTTP served to whoever comes: each connection bounded in time, all of them in number.
//!
//! Knows nothing of what is served.

mod serve;

use std::time::Duration;

pub(crate) use serve::serve;

/// What those who connect may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long the head of a request may take, or the next one on the same connection may be waited for.
    pub(crate) head_time: Duration,
    /// How long a connection is used. It ends after the request that is at work then.
    pub(crate) connection_time: Duration,
    /// Most connections at once. For what is over the oldest ends, once it is older than a second.
    pub(crate) connections: usize,
    /// How long requests at work have to end when it stops.
    pub(crate) grace: Duration,
}
