//! Membership: who is there, who is suspected and who is down, by probing one another.
//!
//! [`Membership`] is what the rest asks of a failure detector; [`Swim`] is one over foca, which does the SWIM protocol.
//! Both are told the time and hand back what to send.

mod codec;
mod health;
mod seen;
mod swim;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::identity::{Identity, NodeId};
use super::time::Moment;

pub(crate) use swim::Swim;

/// How a member is, as the cluster sees it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Standing {
    Alive,
    /// It did not answer; it is given some time to say that it lives.
    Suspect,
    /// It is gone, under this identity for good.
    Down,
}

/// What is known of one member.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(crate) struct MemberState {
    pub(crate) identity: Identity,
    /// How often it has had to say that it lives.
    pub(crate) incarnation: u16,
    pub(crate) standing: Standing,
}

/// What a failure detector wants done, or has found out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Notice {
    Send {
        to: Identity,
        bytes: Vec<u8>,
    },
    /// `to` has been asked directly and should be heard from within `within`.
    Probed {
        to: NodeId,
        within: Duration,
    },
    Up(Identity),
    Down(Identity),
    /// The same node in a later life.
    Replaced {
        old: Identity,
        new: Identity,
    },
    Suspected(Identity),
    /// It is suspected for longer than it should be, and is to be told so, as it stands here.
    Doubted(MemberState),
    /// It said that it lives.
    Cleared(Identity),
    /// Somebody else reached it.
    ReachedByOthers(NodeId),
    /// The cluster has given this identity up: it takes another to come back.
    GivenUp,
}

/// Why bytes were not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not of the failure detector: {0}")]
pub(crate) struct Refused(pub(crate) String);

/// How fast failures are noticed, and at what cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Detection {
    /// How often a member is probed: one second.
    pub period: Duration,
    /// How long an answer may take before others are asked to try: half a second.
    pub timeout: Duration,
    /// How many others: three.
    pub indirect: usize,
    /// How many periods a suspect has, in a cluster of ten; ten times as many members double it: four.
    pub suspicion: u32,
    /// How often news are passed on: 200 milliseconds.
    pub gossip: Duration,
}

impl Default for Detection {
    fn default() -> Self {
        Self {
            period: Duration::from_secs(1),
            timeout: Duration::from_millis(500),
            indirect: 3,
            suspicion: 4,
            gossip: Duration::from_millis(200),
        }
    }
}

/// A failure detector.
pub(crate) trait Membership {
    /// # Errors
    /// Bytes that are not its own; nothing has changed then.
    fn receive(&mut self, now: Moment, bytes: &[u8]) -> Result<(), Refused>;
    /// Takes what others know of members.
    fn apply(&mut self, now: Moment, members: &[MemberState]);
    /// Does what is due.
    fn tick(&mut self, now: Moment);
    fn next_due(&self) -> Option<Moment>;
    /// Goes on under another identity.
    fn renew(&mut self, now: Moment, identity: Identity);
    /// This member is gone, whatever it looked like.
    fn remove(&mut self, now: Moment, identity: Identity);
    fn leave(&mut self, now: Moment);
    /// If this life of a member is known to be over: the epoch that it must pass to live again.
    fn given_up(&self, identity: &Identity) -> Option<u64>;
    /// Everybody who is remembered, also those who are down, but not this node.
    fn members(&self) -> Vec<MemberState>;
    fn next_notice(&mut self) -> Option<Notice>;
}
