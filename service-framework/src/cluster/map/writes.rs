//! Writes that wait until others have them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::events::Ticket;
use super::super::identity::NodeId;
use super::super::time::Moment;
use super::{Dot, Entry};

/// How often a write is sent again to those who have not acknowledged it.
const REPEAT: Duration = Duration::from_millis(500);

/// When a write to shared data counts as done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Write {
    /// When this node has it on its disk.
    #[default]
    Local,
    /// When more than half of the members of this node's view have.
    Majority,
    /// When all members of this node's view have.
    All,
}

/// How a write that waited for others ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Whether as many have it as were asked for. If not, it is still written here and goes on to spread.
    pub is_met: bool,
    /// Those who said so, this node not counted.
    pub by: Vec<NodeId>,
}

#[derive(Debug)]
struct Pending {
    dot: Dot,
    entry: Entry,
    /// How many others are still needed.
    needed: usize,
    waiting: BTreeSet<NodeId>,
    by: Vec<NodeId>,
    deadline: Moment,
    repeat_at: Moment,
}

#[derive(Debug, Default)]
pub(crate) struct Writes {
    pending: BTreeMap<Ticket, Pending>,
    ended: Vec<(Ticket, Written)>,
}

/// Of `others` members, how many must have a write.
fn needed(write: Write, others: usize) -> usize {
    match write {
        Write::Local => 0,
        // Of others and this node more than half, of which this node is one.
        Write::Majority => others.div_ceil(2),
        Write::All => others,
    }
}

impl Writes {
    pub(crate) fn begin(
        &mut self,
        now: Moment,
        ticket: Ticket,
        write: Write,
        written: (Dot, Entry),
        others: &BTreeSet<NodeId>,
        patience: Duration,
    ) {
        let pending = Pending {
            dot: written.0,
            entry: written.1,
            needed: needed(write, others.len()),
            waiting: others.clone(),
            by: Vec::new(),
            deadline: now.after(patience),
            repeat_at: now.after(REPEAT),
        };
        self.pending.insert(ticket, pending);
        self.end_met();
    }

    /// This node's writes have been made anew, as these. Whoever said to have seen them has seen others of their numbers.
    pub(crate) fn made_anew(&mut self, now: Moment, anew: &[(Dot, Entry)]) {
        for pending in self.pending.values_mut() {
            let said: Vec<NodeId> = std::mem::take(&mut pending.by);
            pending.needed += said.len();
            match anew.iter().find(|(_, entry)| entry.key == pending.entry.key) {
                Some((dot, entry)) => {
                    pending.waiting.extend(said);
                    (pending.dot, pending.entry, pending.repeat_at) = (*dot, entry.clone(), now);
                }
                // Another has written the key since, and nobody can say any more who has seen this.
                None => pending.waiting.clear(),
            }
        }
    }

    /// `node` has seen everything of the writer up to `seen`.
    pub(crate) fn acked(&mut self, node: NodeId, seen: Dot) {
        for pending in self.pending.values_mut() {
            let is_it = pending.dot.actor == seen.actor && pending.dot.seq <= seen.seq;
            if is_it && pending.waiting.remove(&node) {
                pending.by.push(node);
                pending.needed = pending.needed.saturating_sub(1);
            }
        }
        self.end_met();
    }

    fn end_met(&mut self) {
        let met = self.pending.iter().filter(|(_, pending)| pending.needed == 0);
        for ticket in met.map(|(ticket, _)| *ticket).collect::<Vec<_>>() {
            self.end(ticket, true);
        }
    }

    fn end(&mut self, ticket: Ticket, is_met: bool) {
        if let Some(pending) = self.pending.remove(&ticket) {
            self.ended.push((ticket, Written { is_met, by: pending.by }));
        }
    }

    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.pending.values().map(|pending| pending.deadline.min(pending.repeat_at)).min()
    }

    /// Ends what has waited long enough; the rest is sent again to those who have not got it.
    pub(crate) fn tick(&mut self, now: Moment) -> Vec<(NodeId, Dot, Entry)> {
        let late = self.pending.iter().filter(|(_, pending)| pending.deadline <= now);
        for ticket in late.map(|(ticket, _)| *ticket).collect::<Vec<_>>() {
            self.end(ticket, false);
        }
        let mut again = Vec::new();
        for pending in self.pending.values_mut().filter(|pending| pending.repeat_at <= now) {
            pending.repeat_at = now.after(REPEAT);
            again.extend(pending.waiting.iter().map(|node| (*node, pending.dot, pending.entry.clone())));
        }
        again
    }

    pub(crate) fn take_ended(&mut self) -> Vec<(Ticket, Written)> {
        std::mem::take(&mut self.ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_counts_this_node() {
        let of = |others| needed(Write::Majority, others);
        assert_eq!([0, 1, 2, 3, 4].map(of), [0, 1, 1, 2, 2]);
        assert_eq!([Write::Local, Write::All].map(|write| needed(write, 4)), [0, 4]);
    }
}
