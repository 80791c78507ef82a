//! All out connections of a service, on the one thread that owns them.

use std::time::Instant;

use super::external::External;
use crate::connection::{Outgoing, PollItem, Publisher, Requester, SocketError};
use crate::wire::WorkflowId;

/// One out connection's own machinery; the order is that of the service's table of out connections.
pub(crate) enum Out {
    Requester(Requester),
    Publisher(Publisher),
    External(External),
}

/// The out connections.
pub(crate) struct Outs {
    all: Vec<Out>,
}

/// What other threads ask the owner to do.
pub(crate) enum Command {
    Request {
        connection: usize,
        request: Outgoing,
    },
    Publish {
        connection: usize,
        args: Vec<u8>,
        workflow: WorkflowId,
    },
    /// Whether somebody has subscribed since this was asked last.
    #[cfg(feature = "testing")]
    AskSubscribed {
        connection: usize,
        answer: tokio::sync::oneshot::Sender<bool>,
    },
}

impl Outs {
    pub(crate) fn new(all: Vec<Out>) -> Self {
        Self { all }
    }

    /// Carries out what another thread could only ask for; a failure there is nobody's to hear but the log's.
    pub(crate) fn carry_out(&mut self, command: Command, now: Instant) {
        match command {
            Command::Request { connection, request } => self.request(connection, request, now),
            Command::Publish { connection, args, workflow } => {
                if let Err(error) = self.publish(connection, &args, &workflow) {
                    tracing::error!(%error, "a message was not published");
                }
            }
            #[cfg(feature = "testing")]
            Command::AskSubscribed { connection, answer } => {
                let subscribed = match self.all.get(connection) {
                    Some(Out::Publisher(publisher)) => publisher.take_subscriptions().unwrap_or(false),
                    _ => false,
                };
                let _ = answer.send(subscribed);
            }
        }
    }

    pub(crate) fn request(&mut self, connection: usize, request: Outgoing, now: Instant) {
        match self.all.get_mut(connection) {
            Some(Out::Requester(requester)) => requester.start(request, now),
            Some(Out::External(external)) => external.start(request, now),
            _ => drop(request),
        }
    }

    pub(crate) fn publish(
        &mut self,
        connection: usize,
        args: &[u8],
        workflow: &WorkflowId,
    ) -> Result<(), SocketError> {
        match self.all.get_mut(connection) {
            Some(Out::Publisher(publisher)) => publisher.publish(args, workflow),
            _ => Ok(()),
        }
    }

    /// Whether an answer is waited for.
    #[cfg(feature = "testing")]
    pub(crate) fn has_open(&self) -> bool {
        self.all.iter().any(|out| match out {
            Out::Requester(requester) => requester.has_open(),
            Out::External(external) => external.next_deadline().is_some(),
            Out::Publisher(_) => false,
        })
    }

    /// Adds the places of all connections to a poll set.
    pub(crate) fn poll_items<'a>(&'a self, items: &mut Vec<PollItem<'a>>) {
        for out in &self.all {
            if let Out::Requester(requester) = out {
                requester.poll_items(items);
            }
        }
    }

    /// Takes in what the poll found ready, in the order of [`Outs::poll_items`].
    pub(crate) fn on_ready(&mut self, mut ready: &[bool], now: Instant) -> Result<(), SocketError> {
        for out in &mut self.all {
            let (mine, rest) = ready.split_at(out.poll_places().min(ready.len()));
            ready = rest;
            if let Out::Requester(requester) = out
                && mine.contains(&true)
            {
                requester.on_ready(mine, now)?;
            }
        }
        Ok(())
    }

    /// Takes in answers of external functions and what has been found, and ends what has waited too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        for out in &mut self.all {
            match out {
                Out::Requester(requester) => requester.expire(now),
                Out::External(external) => external.expire(now),
                Out::Publisher(publisher) => publisher.follow(),
            }
        }
    }

    /// When [`Outs::expire`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.all.iter().filter_map(Out::next_deadline).min()
    }

    /// Ends every open request with `Stopping`.
    pub(crate) fn stop(&mut self) {
        for out in &mut self.all {
            match out {
                Out::Requester(requester) => requester.stop(),
                Out::External(external) => external.stop(),
                Out::Publisher(_) => {}
            }
        }
    }
}

impl Out {
    fn poll_places(&self) -> usize {
        match self {
            Self::Requester(requester) => requester.poll_places(),
            Self::External(_) | Self::Publisher(_) => 0,
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        match self {
            Self::Requester(requester) => requester.next_deadline(),
            Self::External(external) => external.next_deadline(),
            Self::Publisher(_) => None,
        }
    }
}
