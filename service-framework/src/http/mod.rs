//! HTTP served to whoever comes: each connection bounded in time, all of them in number.
//!
//! Knows nothing of what is served.

mod connections;
mod serve;
#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::Router;

pub(crate) use serve::serve;

/// Who has connected.
pub(crate) struct Guest {
    /// What answers.
    pub(crate) router: Router,
    /// Whether it is known to be one who gets nothing. Such take no place of others: of their few the oldest goes at once.
    pub(crate) is_stranger: bool,
}

/// What those who connect may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long the head of a request may take, or the next one on the same connection may be waited for.
    pub(crate) head_time: Duration,
    /// How long a connection is used. It ends after the request that is at work then.
    pub(crate) connection_time: Duration,
    /// How long that request has for it, at least as long as any may take: who never reads an answer is not waited for.
    pub(crate) request_time: Duration,
    /// Most connections at once. For what is over the oldest ends, once it is older than a second.
    pub(crate) connections: usize,
    /// How long requests at work have to end when it stops.
    pub(crate) grace: Duration,
}
