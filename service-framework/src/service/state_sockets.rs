//! The sockets of all states of a service, on the one thread that serves them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use crate::connection::{PollItem, SocketError};
use crate::state::{Change, DeltaReplica, FullReplica, StateSocket};

/// Changes that may wait for one handler; one that does not keep up is told several as one.
const MOST_CHANGES: usize = 10_000;

/// Changes of one replica that wait for its handler.
pub(crate) type ChangeQueue = Rc<RefCell<VecDeque<Change>>>;

/// The owners' ends of all states: what answers replicas. Goes to the thread that serves it.
#[derive(Default)]
pub(crate) struct OwnerSockets(pub(crate) Vec<Box<dyn StateSocket + Send>>);

/// Every end of every state.
#[derive(Default)]
pub(crate) struct StateSockets {
    owners: OwnerSockets,
    replicas: Vec<ReplicaSocket>,
}

/// A replica and, if a handler wants to know, what changes in it.
pub(crate) struct ReplicaSocket {
    pub(crate) replica: AnyReplica,
    pub(crate) changes: Option<ChangeQueue>,
    /// Which of several owners it follows.
    pub(crate) topic: Option<String>,
}

impl ReplicaSocket {
    /// How many changes wait for the handler.
    fn waiting(&self) -> usize {
        self.changes.as_ref().map_or(0, |queue| queue.borrow().len())
    }
}

pub(crate) enum AnyReplica {
    Delta(Box<DeltaReplica>),
    Full(Box<FullReplica>),
}

impl AnyReplica {
    fn socket(&self) -> &dyn StateSocket {
        match self {
            Self::Delta(replica) => &**replica,
            Self::Full(replica) => &**replica,
        }
    }

    fn socket_mut(&mut self) -> &mut dyn StateSocket {
        match self {
            Self::Delta(replica) => &mut **replica,
            Self::Full(replica) => &mut **replica,
        }
    }

    /// Whether the handler has still to be told something that had no room.
    fn has_untold(&self) -> bool {
        match self {
            Self::Delta(replica) => replica.has_untold(),
            Self::Full(replica) => replica.has_untold(),
        }
    }

    /// What a handler is to be told, where so many changes wait for it already.
    fn take_changes(&mut self, waiting: usize) -> Vec<Change> {
        let room = MOST_CHANGES.saturating_sub(waiting);
        match self {
            Self::Delta(replica) => replica.take_changes(room, waiting == 0),
            Self::Full(replica) => replica.take_changes(room),
        }
    }
}

impl From<OwnerSockets> for StateSockets {
    fn from(owners: OwnerSockets) -> Self {
        Self { owners, replicas: Vec::new() }
    }
}

impl StateSockets {
    pub(crate) fn add(&mut self, replica: ReplicaSocket) {
        self.replicas.push(replica);
    }

    fn all(&self) -> impl Iterator<Item = &dyn StateSocket> {
        let owners = self.owners.0.iter().map(|socket| &**socket as &dyn StateSocket);
        owners.chain(self.replicas.iter().map(|replica| replica.replica.socket()))
    }

    /// Adds the places of all states to a poll set.
    pub(crate) fn poll_items<'a>(&'a self, items: &mut Vec<PollItem<'a>>) {
        self.all().for_each(|socket| socket.poll_items(items));
    }

    /// How many places [`StateSockets::poll_items`] takes.
    pub(crate) fn places(&self) -> usize {
        self.all().map(StateSocket::places).sum()
    }

    /// Does what there is to do after a poll.
    pub(crate) fn turn(&mut self, mut ready: &[bool], now: Instant) -> Result<(), SocketError> {
        let owners = self.owners.0.iter_mut().map(|socket| &mut **socket as &mut dyn StateSocket);
        let replicas = self.replicas.iter_mut().map(|replica| replica.replica.socket_mut());
        for socket in owners.chain(replicas) {
            let (mine, rest) = ready.split_at(socket.places().min(ready.len()));
            ready = rest;
            socket.turn(mine, now)?;
        }
        // Replicas of several owners have one queue: none of them is to find it full of what another just told.
        let waiting: Vec<usize> = self.replicas.iter().map(ReplicaSocket::waiting).collect();
        for (replica, waiting) in self.replicas.iter_mut().zip(waiting) {
            if let Some(queue) = &replica.changes {
                let mut queue = queue.borrow_mut();
                let changes = replica.replica.take_changes(waiting).into_iter();
                let topic = replica.topic.as_deref();
                queue.extend(changes.map(|change| change.with_topic(topic)));
            }
        }
        Ok(())
    }

    /// When there is something to do that no place tells of.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        let is_due = |replica: &ReplicaSocket| {
            replica.changes.is_some() && replica.waiting() == 0 && replica.replica.has_untold()
        };
        let untold = self.replicas.iter().any(is_due).then(Instant::now);
        self.all().filter_map(StateSocket::next_time).chain(untold).min()
    }

    /// Closes what other threads may still hold.
    pub(crate) fn close(&mut self) {
        self.owners.0.iter_mut().for_each(|socket| socket.close());
        self.replicas.iter_mut().for_each(|replica| replica.replica.socket_mut().close());
    }
}

impl Drop for StateSockets {
    fn drop(&mut self) {
        self.close();
    }
}
