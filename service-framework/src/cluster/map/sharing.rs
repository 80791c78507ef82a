//! A replica among others: what it tells them and what it asks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::dice::Dice;
use super::super::events::Ticket;
use super::super::identity::NodeId;
use super::super::time::{Moment, Now};
use super::clock::at;
use super::pull::{Images, Pulls, Taken};
use super::replica::Replica;
use super::writes::{Writes, Written};
use super::{Dot, Entry, Part, Talk, Versions, Write};

/// How often a replica compares itself with another.
const COMPARE: Duration = Duration::from_secs(1);

/// How often tombstones are looked through.
const COLLECT: Duration = Duration::from_secs(10);

/// Writes of others that wait here to be seen and are to be told of then.
const WANTED: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Sharing {
    pub(crate) replica: Replica,
    dice: Dice,
    /// Members that can be talked to.
    peers: BTreeSet<NodeId>,
    /// Members whose copies may still hold what was deleted, and since when they are gone.
    remembered: BTreeMap<NodeId, Option<Moment>>,
    /// For how long those who are gone are remembered, and since when this node knows who comes and goes.
    remember: Duration,
    since: Moment,
    /// At which point of this replica others had all that it had.
    confirmed: BTreeMap<NodeId, u64>,
    /// Whom to compare with, in this round.
    round: Vec<NodeId>,
    compare_at: Moment,
    collect_at: Moment,
    pulls: Pulls,
    images: Images,
    /// Who wants to know when this has been seen.
    wanted: BTreeSet<(NodeId, Dot)>,
    writes: Writes,
    sending: Vec<(NodeId, Talk)>,
}

impl Sharing {
    pub(crate) fn new(replica: Replica, mut dice: Dice, now: Moment, remember: Duration) -> Self {
        let compare_at = now.after(dice.jitter(COMPARE));
        Self {
            replica,
            dice,
            peers: BTreeSet::new(),
            remembered: BTreeMap::new(),
            remember,
            since: now,
            confirmed: BTreeMap::new(),
            round: Vec::new(),
            compare_at,
            collect_at: now.after(COLLECT),
            pulls: Pulls::default(),
            images: Images::default(),
            wanted: BTreeSet::new(),
            writes: Writes::default(),
            sending: Vec::new(),
        }
    }

    /// A member is there.
    pub(crate) fn came(&mut self, node: NodeId) {
        self.peers.insert(node);
        self.remembered.insert(node, None);
    }

    /// A member is gone; it may come back, also if it has left.
    pub(crate) fn went(&mut self, node: NodeId) {
        self.peers.remove(&node);
        self.pulls.give_up(node);
        self.wanted.retain(|(wanting, _)| *wanting != node);
    }

    /// Nobody waits for a member any more.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.remembered.remove(&node);
        self.confirmed.remove(&node);
    }

    /// Sends a write to all, and waits for as many as are wanted.
    pub(crate) fn spread(
        &mut self,
        now: Moment,
        written: (Dot, Entry),
        (ticket, write, patience): (Ticket, Write, Duration),
    ) {
        let ack = write != Write::Local;
        if !self.peers.is_empty() {
            self.replica.told(written.0);
        }
        for peer in &self.peers {
            let (dot, entry) = written.clone();
            self.sending.push((*peer, Talk::Push { dot, entry, ack }));
        }
        if ack {
            self.writes.begin(now, ticket, write, written, &self.peers, patience);
        }
    }

    pub(crate) fn receive(&mut self, now: Now, from: NodeId, talk: Talk) {
        match talk {
            Talk::Push { dot, entry, ack } => self.pushed(now, from, (dot, entry), ack),
            Talk::Seen(dot) => {
                self.mind(now.at, from, &Versions::from_iter([dot]));
                self.writes.acked(from, dot);
            }
            Talk::Compare { hash, ask } => self.compared(now.at, from, hash, ask),
            Talk::Versions { versions, ask } => self.told_versions(now, from, &versions, ask),
            Talk::Pull { number, versions, after } => {
                self.mind(now.at, from, &versions);
                self.replica.told_all();
                let asked = (number, &versions, after);
                let part = self.images.part(now.at, from, asked, self.replica.image());
                self.sending.push((from, Talk::Part(part)));
            }
            Talk::Part(part) => self.took(now, from, part),
        }
    }

    /// Another has seen that much. If it is more of this node than it has told, its disk is of earlier, and it goes on as
    /// another writer: what it has written since is taken for what it wrote then.
    fn mind(&mut self, now: Moment, from: NodeId, seen: &Versions) {
        if self.replica.is_behind_itself(seen) {
            self.become_another(now, from);
        }
    }

    fn become_another(&mut self, now: Moment, from: NodeId) {
        let anew = self.replica.become_another(self.dice.next());
        self.writes.made_anew(now, &anew);
        // What goes on would not bring what was not known to be missing. Who knows it is asked before all others, who may
        // have taken the second write of a number for the first.
        self.pulls = Pulls::default();
        self.begin_pull(now, from);
    }

    fn took(&mut self, now: Now, from: NodeId, part: Part) {
        self.mind(now.at, from, &part.versions);
        match self.pulls.take(now, from, part, &mut self.replica) {
            Taken::Unasked => {}
            Taken::More(request) => self.sending.push((from, *request)),
            Taken::All => self.tell_seen(),
            Taken::Gone => self.begin_pull(now.at, from),
        }
    }

    fn pushed(&mut self, now: Now, from: NodeId, (dot, entry): (Dot, Entry), ack: bool) {
        if self.replica.is_behind_itself_in(&entry) {
            self.become_another(now.at, from);
        }
        if ack {
            if self.wanted.len() >= WANTED {
                // Whoever still waits asks again.
                self.wanted.clear();
            }
            self.wanted.insert((from, dot));
        }
        if self.replica.push(now.wall, dot, entry) {
            self.tell_seen();
        } else {
            self.begin_pull(now.at, from);
        }
    }

    /// Tells those who want to know, as far as it has been seen.
    fn tell_seen(&mut self) {
        let versions = self.replica.versions();
        let (seen, open): (BTreeSet<_>, BTreeSet<_>) =
            std::mem::take(&mut self.wanted).into_iter().partition(|(_, dot)| versions.has(*dot));
        self.wanted = open;
        let last = |dot: Dot| Dot { seq: versions.of(dot.actor), ..dot };
        let told = seen.into_iter().map(|(to, dot)| (to, Talk::Seen(last(dot))));
        self.sending.extend(told);
    }

    fn compared(&mut self, now: Moment, from: NodeId, hash: u64, ask: bool) {
        if self.replica.versions().hash() == hash {
            let theirs = self.replica.versions().clone();
            self.mind(now, from, &theirs);
        }
        let versions = self.replica.versions();
        if versions.hash() != hash {
            self.sending.push((from, Talk::Versions { versions: versions.clone(), ask: true }));
            return;
        }
        self.confirmed.insert(from, self.replica.point());
        if ask {
            self.sending.push((from, Talk::Compare { hash, ask: false }));
        }
    }

    fn told_versions(&mut self, now: Now, from: NodeId, theirs: &Versions, ask: bool) {
        self.mind(now.at, from, theirs);
        let mine = self.replica.versions();
        if theirs.covers(mine) {
            self.confirmed.insert(from, self.replica.point());
            theirs.dots().for_each(|dot| self.writes.acked(from, dot));
        }
        if ask && !theirs.covers(mine) {
            self.sending.push((from, Talk::Versions { versions: mine.clone(), ask: false }));
        }
        if !self.replica.versions().covers(theirs) {
            self.begin_pull(now.at, from);
        }
    }

    fn begin_pull(&mut self, now: Moment, from: NodeId) {
        if !self.pulls.may_begin(from) {
            return;
        }
        // By chance, so that no answer to a pull of an earlier life of this node is taken for one to this.
        let number = self.dice.next();
        let request = self.pulls.begin(now, number, from, self.replica.versions().clone());
        self.sending.push((from, request));
    }

    pub(crate) fn next_due(&self) -> Option<Moment> {
        let (pulls, writes) = (self.pulls.next_due(), self.writes.next_due());
        let times = [Some(self.compare_at), Some(self.collect_at), pulls, writes];
        times.into_iter().flatten().min()
    }

    pub(crate) fn tick(&mut self, now: Now) {
        self.sending.extend(self.pulls.tick(now.at));
        for (to, dot, entry) in self.writes.tick(now.at) {
            self.replica.told(dot);
            self.sending.push((to, Talk::Push { dot, entry, ack: true }));
        }
        if self.compare_at <= now.at {
            self.compare_at = now.at.after(self.dice.jitter(COMPARE));
            self.compare();
        }
        if self.collect_at <= now.at {
            self.collect_at = now.at.after(COLLECT);
            self.images.forget_unused(now.at);
            self.forget_long_gone(now.at);
            self.collect(now);
        }
    }

    fn forget_long_gone(&mut self, now: Moment) {
        for (node, gone) in &mut self.remembered {
            match self.peers.contains(node) {
                true => *gone = None,
                false => drop(gone.get_or_insert(now)),
            }
        }
        let is_long_gone = |gone: &Option<Moment>| gone.is_some_and(|gone| now.since(gone) >= self.remember);
        let forgotten = self.remembered.iter().filter(|(_, gone)| is_long_gone(gone));
        for node in forgotten.map(|(node, _)| *node).collect::<Vec<_>>() {
            self.forget(node);
        }
    }

    /// Removes the tombstones that all have who may contradict them.
    fn collect(&mut self, now: Now) {
        let of = |node| self.confirmed.get(node).copied().unwrap_or(0);
        let confirmed = self.remembered.keys().map(of).min().unwrap_or(u64::MAX);
        // Whoever is new here cannot know who is only briefly away, and keeps what was deleted lately whoever has it.
        let knows_all = now.at.since(self.since) >= self.remember;
        let remember = u64::try_from(self.remember.as_millis()).unwrap_or(u64::MAX);
        let written_by = if knows_all { u64::MAX } else { at(now.wall.saturating_sub(remember)) };
        self.replica.collect(confirmed, written_by);
    }

    /// Everybody in turn, in another order each time.
    pub(crate) fn compare(&mut self) {
        self.round.retain(|node| self.peers.contains(node));
        if self.round.is_empty() {
            self.round = self.peers.iter().copied().collect();
        }
        if self.round.is_empty() {
            return;
        }
        let peer = self.round.swap_remove(self.dice.below(self.round.len()));
        let hash = self.replica.versions().hash();
        self.sending.push((peer, Talk::Compare { hash, ask: true }));
    }

    /// Whether some other member has all that is here, or there is nobody or nothing.
    pub(crate) fn is_handed_over(&self) -> bool {
        let point = self.replica.point();
        let has_all = |node: &NodeId| self.confirmed.get(node).is_some_and(|confirmed| *confirmed >= point);
        point == 0 || self.peers.is_empty() || self.peers.iter().any(has_all)
    }

    #[cfg(test)]
    pub(crate) fn waiting_to_be_told(&self) -> usize {
        self.wanted.len()
    }

    pub(crate) fn take_sending(&mut self) -> Vec<(NodeId, Talk)> {
        std::mem::take(&mut self.sending)
    }

    pub(crate) fn take_written(&mut self) -> Vec<(Ticket, Written)> {
        self.writes.take_ended()
    }
}
