//! Which of several peers a request goes to. Pure: the time is told.
//!
//! The same host first, then who has the least to do for its weight, then who was given the least. Whoever failed is left
//! out for a while, and whoever is doubted as long as somebody else is there.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use super::directory::Found;

/// How long a peer is left out that failed; twice as long each further time in a row, and no longer than this.
const LEFT_OUT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How long a peer that said that it stops is left alone. It ends in this time, or is drained and says so again.
const LEFT_ALONE: Duration = Duration::from_millis(500);

/// What there is to know of a peer besides its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whether its address was found by its name; it may go again then.
    pub(super) is_found: bool,
    /// Whether it is on this host.
    is_near: bool,
    weight: u64,
    /// Whether it is doubted that it lives.
    is_doubted: bool,
    /// It is not found any more; it ends once it has answered.
    pub(super) is_gone: bool,
    /// It has said that it stops, and is left alone until then.
    pub(super) stops_until: Option<Instant>,
    /// Requests that it has.
    pub(super) outstanding: usize,
    /// Requests that it was given.
    given: u64,
    failures: u32,
    out_until: Option<Instant>,
}

impl Standing {
    /// Of a peer whose address stays.
    pub(super) fn fixed() -> Self {
        Self {
            is_found: false,
            is_near: false,
            weight: 1,
            is_doubted: false,
            is_gone: false,
            stops_until: None,
            outstanding: 0,
            given: 0,
            failures: 0,
            out_until: None,
        }
    }

    /// Of a peer that was found; beside others it begins as if it had been given as much as the one with the least.
    pub(super) fn found<'a>(found: &Found, others: impl Iterator<Item = &'a Self>) -> Self {
        let weight = u64::from(found.weight.max(1));
        let least = others.filter(|other| other.is_found).map(|other| other.given / other.weight).min();
        let mut standing =
            Self { is_found: true, given: least.unwrap_or(0).saturating_mul(weight), ..Self::fixed() };
        standing.is_found_again(found);
        standing
    }

    /// What is said of it now.
    pub(super) fn is_found_again(&mut self, found: &Found) {
        (self.is_near, self.is_doubted, self.is_gone) = (found.is_near, found.is_doubted, false);
        self.weight = u64::from(found.weight.max(1));
    }

    /// It has another request.
    pub(super) fn takes(&mut self) {
        self.outstanding += 1;
        // Of fixed addresses the first comes first.
        self.given += u64::from(self.is_found);
    }

    /// One of its requests has ended, or gone elsewhere.
    pub(super) fn lets_go(&mut self) {
        self.outstanding = self.outstanding.saturating_sub(1);
    }

    /// It has answered.
    pub(super) fn answered(&mut self) {
        (self.failures, self.out_until) = (0, None);
    }

    /// It was lost, is full, or did not answer in time.
    pub(super) fn failed(&mut self, now: Instant) {
        if !self.is_found {
            return;
        }
        let (first, most) = LEFT_OUT;
        let pause = first.saturating_mul(2_u32.saturating_pow(self.failures.min(8))).min(most);
        self.failures += 1;
        self.out_until = Some(now + pause);
    }

    /// It has said that it stops.
    pub(super) fn stops(&mut self, now: Instant) {
        self.stops_until = Some(now + LEFT_ALONE);
    }

    /// It is taken for one that stays.
    pub(super) fn comes_back(&mut self) {
        self.stops_until = None;
    }

    /// Whether it is not to be asked while somebody else may be there.
    pub(super) fn is_closed(&self) -> bool {
        self.is_gone || self.stops_until.is_some()
    }

    /// Whether it can be given a request. One that stops says so at once to who cannot wait for another.
    fn takes_one(&self, can_wait: bool) -> bool {
        !self.is_gone && (self.stops_until.is_none() || !can_wait && !self.is_found)
    }

    fn is_out(&self, now: Instant) -> bool {
        self.is_doubted || self.out_until.is_some_and(|until| now < until)
    }

    fn compare(&self, other: &Self, now: Instant) -> Ordering {
        let share = |amount: u64, of: &Self| u128::from(amount) * u128::from(of.weight);
        let place = |of: &Self| (of.stops_until.is_some(), of.is_out(now), !of.is_near);
        let places = place(self).cmp(&place(other));
        let busy = share(self.outstanding as u64, other).cmp(&share(other.outstanding as u64, self));
        places.then(busy).then_with(|| share(self.given, other).cmp(&share(other.given, self)))
    }
}

/// The one of these peers that a request goes to: one that it was not at before if there is any. A request that can wait waits for
/// others rather than ask one that stops.
pub(super) fn pick<'a>(
    peers: impl Iterator<Item = (usize, &'a Standing, bool)>,
    can_wait: bool,
    now: Instant,
) -> Option<usize> {
    let open = peers.filter(|(_, standing, _)| standing.takes_one(can_wait));
    let best = open.min_by(|(_, one, one_was), (_, other, other_was)| {
        one_was.cmp(other_was).then_with(|| one.compare(other, now))
    });
    best.map(|(index, _, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(is_near: bool, weight: u32, is_doubted: bool) -> Standing {
        Standing::found(&said(is_near, weight, is_doubted), std::iter::empty())
    }

    fn said(is_near: bool, weight: u32, is_doubted: bool) -> Found {
        Found { instance: "one".into(), address: String::new(), is_near, weight, is_doubted }
    }

    fn of(peers: &[Standing], now: Instant) -> Option<usize> {
        pick(peers.iter().enumerate().map(|(index, peer)| (index, peer, false)), true, now)
    }

    #[test]
    fn the_same_host_comes_first_however_busy() {
        let (mut near, far, now) = (found(true, 1, false), found(false, 9, false), Instant::now());
        near.outstanding = 50;
        assert_eq!(of(&[far.clone(), near.clone()], now), Some(1));
        near.failed(now);
        assert_eq!(of(&[far, near], now), Some(0));
    }

    #[test]
    fn the_least_busy_is_next_and_weight_counts() {
        let now = Instant::now();
        let busy = |weight, outstanding| Standing { outstanding, ..found(true, weight, false) };
        assert_eq!(of(&[busy(1, 2), busy(1, 1), busy(1, 3)], now), Some(1));
        assert_eq!(of(&[busy(1, 2), busy(4, 4)], now), Some(1));
        assert_eq!(of(&[busy(1, 1), busy(2, 3)], now), Some(0));
    }

    #[test]
    fn of_idle_ones_each_has_its_share() {
        let (mut peers, now) = ([found(true, 1, false), found(true, 2, false)], Instant::now());
        let mut given = [0, 0];
        for _ in 0..300 {
            let index = of(&peers, now).unwrap();
            peers[index].takes();
            peers[index].lets_go();
            given[index] += 1;
        }
        assert_eq!(given, [100, 200]);
    }

    #[test]
    fn who_comes_later_is_not_flooded() {
        let mut one = found(true, 1, false);
        one.given = 1_000_000;
        let two = Standing::found(&said(true, 1, false), [&one].into_iter());
        assert_eq!(two.given, 1_000_000);
    }

    #[test]
    fn who_is_doubted_or_failed_is_skipped_while_others_are_there() {
        let now = Instant::now();
        let (doubted, mut failed) = (found(true, 1, true), found(true, 1, false));
        let far = found(false, 1, false);
        failed.failed(now);
        assert_eq!(of(&[doubted.clone(), failed.clone(), far], now), Some(2));
        assert!(of(&[doubted.clone(), failed.clone()], now).is_some(), "nobody better is there");
        assert_eq!(of(&[doubted, failed], now + LEFT_OUT.0), Some(1), "it is tried again");
    }

    #[test]
    fn who_fails_again_and_again_is_left_out_for_longer_until_it_answers() {
        let (mut peer, now) = (found(true, 1, false), Instant::now());
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            peer.failed(now);
            let pause = Duration::from_secs(seconds);
            assert!(peer.is_out(now + pause - Duration::from_millis(1)) && !peer.is_out(now + pause));
        }
        peer.answered();
        assert!(!peer.is_out(now));
        peer.failed(now);
        assert!(!peer.is_out(now + LEFT_OUT.0));
    }

    #[test]
    fn who_is_gone_or_stops_takes_nothing_more() {
        let (mut gone, mut stopping, now) = (found(true, 1, false), found(true, 1, false), Instant::now());
        gone.is_gone = true;
        stopping.stops(now);
        assert_eq!(of(&[gone.clone(), stopping], now), None);
        gone.is_found_again(&said(false, 0, false));
        assert_eq!((of(&[gone.clone()], now), gone.weight), (Some(0), 1));
    }

    #[test]
    fn one_that_stops_is_asked_last_by_who_cannot_wait() {
        let (stays, mut stops, now) = (Standing::fixed(), Standing::fixed(), Instant::now());
        stops.stops(now);
        let of = |peers: &[&Standing], can_wait| {
            pick(peers.iter().enumerate().map(|(index, peer)| (index, *peer, false)), can_wait, now)
        };
        assert_eq!(of(&[&stops, &stays], false), Some(1));
        assert_eq!((of(&[&stops], false), of(&[&stops], true)), (Some(0), None));
        stops.comes_back();
        assert_eq!(of(&[&stops], true), Some(0));
    }

    #[test]
    fn a_request_goes_where_it_was_not_before() {
        let (now, peer) = (Instant::now(), found(true, 1, false));
        let busy = Standing { outstanding: 9, ..peer.clone() };
        assert_eq!(pick([(0, &peer, true), (1, &busy, false)].into_iter(), true, now), Some(1));
        assert_eq!(pick([(0, &peer, true)].into_iter(), true, now), Some(0));
    }

    #[test]
    fn fixed_addresses_keep_their_order() {
        let (mut peers, now) = ([Standing::fixed(), Standing::fixed()], Instant::now());
        for _ in 0..3 {
            assert_eq!(of(&peers, now), Some(0));
            peers[0].takes();
            peers[0].lets_go();
        }
    }
}
