//! What the thread that serves the states of a service asks of each.

use std::time::Instant;

use crate::connection::{PollItem, SocketError};

/// One end of a state that has to be served.
pub(crate) trait StateSocket {
    /// Adds its places to a poll set, always [`StateSocket::places`] of them.
    fn poll_items<'a>(&'a self, items: &mut Vec<PollItem<'a>>);
    /// How many places it takes.
    fn places(&self) -> usize;
    /// Does what there is to do, after every poll; `ready` says which of its places have something.
    fn turn(&mut self, ready: &[bool], now: Instant) -> Result<(), SocketError>;
    /// When there is something to do that no place tells of.
    fn next_time(&self) -> Option<Instant>;
    /// Closes what other threads may still hold.
    fn close(&mut self);
}
