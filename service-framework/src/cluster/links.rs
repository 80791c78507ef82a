//! Direct ways to other members: which of them work, as far as this node can tell.
//!
//! A way counts as working until an answer stays away, three pings in a row go unanswered, and nothing else came directly
//! meanwhile. Nothing is sent where nobody waits for anything. Whether the member lives is another question: see
//! [`super::membership`].

use std::collections::BTreeMap;
use std::time::Duration;

use super::identity::NodeId;
use super::time::{Agenda, Moment};

/// Pings before a way counts as lost, and how far apart.
const PINGS: u32 = 3;
const APART: Duration = Duration::from_millis(400);

/// How often a lost way is tried, from the first time to ever after.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Works,
    /// So many pings have been sent.
    InDoubt(u32),
    Lost {
        retry: Duration,
    },
}

#[derive(Debug)]
struct Link {
    heard: Option<Moment>,
    way: Way,
    /// Since the way was lost, others have been in touch with the member.
    lives_elsewhere: bool,
    /// An answer is being waited for.
    is_expected: bool,
    /// Which series of checks is the present one.
    series: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Check {
    /// Something must have been heard since.
    Heard(Moment),
    /// Time for the next ping of this series.
    Ping(u64),
}

/// What follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LinkNews {
    Ping(NodeId),
    /// The way is lost, while others are in touch with the member.
    Unreachable(NodeId),
    /// It is back.
    Reachable(NodeId),
}

#[derive(Debug, Default)]
pub(crate) struct Links {
    links: BTreeMap<NodeId, Link>,
    checks: Agenda<(NodeId, Check)>,
    news: Vec<LinkNews>,
}

impl Link {
    fn new() -> Self {
        Self { heard: None, way: Way::Works, lives_elsewhere: false, is_expected: false, series: 0 }
    }

    fn is_unreachable(&self) -> bool {
        matches!(self.way, Way::Lost { .. }) && self.lives_elsewhere
    }
}

impl Links {
    /// Something came from `peer` directly.
    pub(crate) fn heard(&mut self, now: Moment, peer: NodeId) {
        let link = self.links.entry(peer).or_insert_with(Link::new);
        link.heard = Some(now);
        if link.way == Way::Works {
            return;
        }
        if link.is_unreachable() {
            self.news.push(LinkNews::Reachable(peer));
        }
        link.way = Way::Works;
        link.lives_elsewhere = false;
        link.series += 1;
    }

    /// `peer` was asked something directly and should be heard from `within`.
    pub(crate) fn expect(&mut self, now: Moment, peer: NodeId, within: Duration) {
        let link = self.links.entry(peer).or_insert_with(Link::new);
        if link.is_expected || link.way != Way::Works {
            return;
        }
        link.is_expected = true;
        self.checks.add(now.after(within), (peer, Check::Heard(now)));
    }

    /// Others are in touch with `peer`.
    pub(crate) fn lives_elsewhere(&mut self, peer: NodeId) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        if matches!(link.way, Way::Lost { .. }) && !link.lives_elsewhere {
            link.lives_elsewhere = true;
            self.news.push(LinkNews::Unreachable(peer));
        }
    }

    pub(crate) fn forget(&mut self, peer: NodeId) {
        self.links.remove(&peer);
    }

    pub(crate) fn is_lost(&self, peer: NodeId) -> bool {
        self.links.get(&peer).is_some_and(|link| matches!(link.way, Way::Lost { .. }))
    }

    #[cfg(test)]
    pub(crate) fn is_unreachable(&self, peer: NodeId) -> bool {
        self.links.get(&peer).is_some_and(Link::is_unreachable)
    }

    /// Members that live and that this node cannot reach.
    pub(crate) fn unreachable(&self) -> Vec<NodeId> {
        self.links.iter().filter(|(_, link)| link.is_unreachable()).map(|(peer, _)| *peer).collect()
    }

    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.checks.next_due()
    }

    pub(crate) fn tick(&mut self, now: Moment) {
        while let Some((_, (peer, check))) = self.checks.take_due(now) {
            self.check(now, peer, check);
        }
    }

    pub(crate) fn take_news(&mut self) -> Vec<LinkNews> {
        std::mem::take(&mut self.news)
    }

    fn check(&mut self, now: Moment, peer: NodeId, check: Check) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        match check {
            Check::Heard(since) => {
                link.is_expected = false;
                if link.heard.is_none_or(|heard| heard < since) && link.way == Way::Works {
                    link.way = Way::InDoubt(0);
                    link.series += 1;
                    self.ping(now, peer);
                }
            }
            Check::Ping(series) if series == link.series => self.ping(now, peer),
            Check::Ping(_) => {}
        }
    }

    fn ping(&mut self, now: Moment, peer: NodeId) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        let wait = match link.way {
            Way::Works => return,
            Way::InDoubt(sent) if sent < PINGS => {
                link.way = Way::InDoubt(sent + 1);
                APART
            }
            Way::InDoubt(_) => {
                link.way = Way::Lost { retry: RETRY.0 };
                RETRY.0
            }
            Way::Lost { retry } => {
                let retry = (retry * 3 / 2).min(RETRY.1);
                link.way = Way::Lost { retry };
                retry
            }
        };
        self.news.push(LinkNews::Ping(peer));
        self.checks.add(now.after(wait), (peer, Check::Ping(link.series)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: NodeId = NodeId(1);

    fn at(millis: u64) -> Moment {
        Moment(millis * 1_000)
    }

    fn lost() -> Links {
        let mut links = Links::default();
        links.expect(at(0), PEER, Duration::from_millis(500));
        for millis in [500, 900, 1_300, 1_700] {
            assert!(!links.is_lost(PEER));
            links.tick(at(millis));
        }
        assert_eq!(links.take_news(), [LinkNews::Ping(PEER); 4]);
        links
    }

    #[test]
    fn a_way_is_lost_after_three_pings_without_an_answer() {
        assert!(lost().is_lost(PEER));
    }

    #[test]
    fn whatever_is_heard_in_time_ends_the_doubt() {
        let mut links = Links::default();
        links.expect(at(0), PEER, Duration::from_millis(500));
        links.tick(at(500));
        links.heard(at(700), PEER);
        links.tick(at(10_000));
        assert!(!links.is_lost(PEER));
        assert_eq!(links.take_news(), [LinkNews::Ping(PEER)]);
    }

    #[test]
    fn a_member_is_unreachable_only_while_others_are_in_touch_with_it() {
        let mut links = lost();
        assert!(!links.is_unreachable(PEER) && links.unreachable().is_empty());
        links.lives_elsewhere(PEER);
        links.lives_elsewhere(PEER);
        assert_eq!(links.take_news(), [LinkNews::Unreachable(PEER)]);
        assert_eq!(links.unreachable(), [PEER]);
        links.heard(at(5_000), PEER);
        assert_eq!(links.take_news(), [LinkNews::Reachable(PEER)]);
        assert!(!links.is_lost(PEER));
    }

    #[test]
    fn evidence_from_before_the_loss_does_not_count() {
        let mut links = Links::default();
        links.expect(at(0), PEER, Duration::from_millis(500));
        links.lives_elsewhere(PEER);
        [500, 900, 1_300, 1_700].into_iter().for_each(|millis| links.tick(at(millis)));
        assert!(links.is_lost(PEER) && !links.is_unreachable(PEER));
    }

    #[test]
    fn a_lost_way_is_tried_for_ever_more_and_more_rarely() {
        let mut links = lost();
        let mut waits = Vec::new();
        let mut last = at(1_700);
        for _ in 0..12 {
            let due = links.next_due().unwrap();
            waits.push(due.since(last));
            last = due;
            links.tick(due);
            assert_eq!(links.take_news(), [LinkNews::Ping(PEER)]);
        }
        assert_eq!((waits[0], waits[11]), RETRY);
    }
}
