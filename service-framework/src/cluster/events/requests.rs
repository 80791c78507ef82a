//! Requests that wait for a reply: who was asked, until when, and who else may be.

use std::collections::BTreeMap;

use super::super::dice::Dice;
use super::super::identity::NodeId;
use super::super::time::{Agenda, Moment};
use super::{Answer, Payload, RequestError, Ticket};

/// Whom a request is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// One node.
    Node(NodeId),
    /// Any ready instance of a service.
    Service(String),
}

/// A request as it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Whom it is for.
    pub target: Target,
    /// The name of its handler.
    pub name: String,
    /// What it carries.
    pub payload: Payload,
    /// How long a reply is waited for.
    pub patience: std::time::Duration,
    /// Whether it may be executed more than once: then another instance, or the next life of the same node, is asked
    /// where the first is lost.
    pub idempotent: bool,
}

#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) request: Request,
    pub(crate) deadline: Moment,
    /// Who has been asked; the last one is being waited for.
    pub(crate) tried: Vec<NodeId>,
}

impl Open {
    fn asked(&self) -> Option<NodeId> {
        self.tried.last().copied()
    }
}

/// An instance that may be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Candidate {
    pub(crate) node: NodeId,
    pub(crate) weight: u32,
    pub(crate) is_here: bool,
    pub(crate) is_suspect: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Requests {
    open: BTreeMap<Ticket, Open>,
    deadlines: Agenda<Ticket>,
    ended: Vec<(Ticket, Result<Payload, RequestError>)>,
}

impl Requests {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn begin(&mut self, ticket: Ticket, request: Request, deadline: Moment) {
        self.deadlines.add(deadline, ticket);
        self.open.insert(ticket, Open { request, deadline, tried: Vec::new() });
    }

    pub(crate) fn get(&self, ticket: Ticket) -> Option<&Open> {
        self.open.get(&ticket)
    }

    pub(crate) fn was_sent_to(&mut self, ticket: Ticket, node: NodeId) {
        if let Some(open) = self.open.get_mut(&ticket) {
            open.tried.push(node);
        }
    }

    /// Who to ask: whoever is not suspected before those who are, on this host before others, with the fewest requests
    /// open for its weight; those who have been tried come last, if the request may be executed again at all.
    pub(crate) fn pick(&self, candidates: &[Candidate], tried: &[NodeId], dice: &mut Dice) -> Option<NodeId> {
        let untried = candidates.iter().filter(|candidate| !tried.contains(&candidate.node));
        let ranked = untried.map(|candidate| (self.rank(candidate), dice.next(), candidate.node));
        ranked.min().map(|(_, _, node)| node)
    }

    fn rank(&self, candidate: &Candidate) -> (bool, bool, usize) {
        let open = self.open.values().filter(|open| open.asked() == Some(candidate.node)).count();
        let load = open * 1_000 / usize::try_from(candidate.weight.max(1)).unwrap_or(1);
        (candidate.is_suspect, !candidate.is_here, load)
    }

    /// Takes an answer from `node`; what it ended, or that the request must go to somebody else.
    pub(crate) fn answered(&mut self, ticket: Ticket, node: NodeId, answer: Answer) -> Option<Ticket> {
        let open = self.open.get(&ticket).filter(|open| open.asked() == Some(node))?;
        let name = open.request.name.clone();
        match answer {
            Answer::Reply(payload) => self.end(ticket, Ok(payload)),
            Answer::Failed(text) => self.end(ticket, Err(RequestError::Remote(text))),
            Answer::NoResponders => return self.fail(ticket, RequestError::NoResponders(name), true),
            Answer::OtherLife => return self.fail(ticket, RequestError::NodeDown(node), false),
        }
        None
    }

    /// Ends the request, or returns it if somebody else may be asked. What was surely not executed may be executed.
    pub(crate) fn fail(&mut self, ticket: Ticket, error: RequestError, is_sure: bool) -> Option<Ticket> {
        let open = self.open.get(&ticket)?;
        let may_go_on = open.request.idempotent || is_sure;
        if may_go_on && matches!(open.request.target, Target::Service(_)) {
            return Some(ticket);
        }
        self.end(ticket, Err(error));
        None
    }

    pub(crate) fn end(&mut self, ticket: Ticket, result: Result<Payload, RequestError>) {
        if self.open.remove(&ticket).is_some() {
            self.ended.push((ticket, result));
        }
    }

    /// The requests that wait for `node`.
    pub(crate) fn waiting_for(&self, node: NodeId) -> Vec<Ticket> {
        let waiting = self.open.iter().filter(|(_, open)| open.asked() == Some(node));
        waiting.map(|(ticket, _)| *ticket).collect()
    }

    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.deadlines.next_due()
    }

    pub(crate) fn tick(&mut self, now: Moment) {
        while let Some((_, ticket)) = self.deadlines.take_due(now) {
            self.end(ticket, Err(RequestError::Deadline));
        }
    }

    pub(crate) fn take_ended(&mut self) -> Vec<(Ticket, Result<Payload, RequestError>)> {
        std::mem::take(&mut self.ended)
    }
}
