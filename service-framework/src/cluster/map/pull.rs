//! One replica fetching what it lacks from another, in parts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::identity::NodeId;
use super::super::time::{Moment, Now};
use super::image::Image;
use super::replica::{Pulled, Replica};
use super::{Cursor, Entry, Part, Talk, Versions};

/// How long a part may take, at first and in the end, before the same part is asked for again.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(30));

/// How often a part is asked for again before the pull is given up; the next comparison begins another.
const TRIES: u32 = 20;

/// How many are asked at once, of whom all but the last are late.
const PULLS: usize = 3;

/// How long an image is kept for somebody who pulls it: for longer than it takes to ask again.
const KEPT: Duration = Duration::from_secs(120);

/// A pull, where it is made.
#[derive(Debug)]
struct Pull {
    number: u64,
    /// What had been seen here when it began.
    versions: Versions,
    after: Cursor,
    /// What has come so far. It counts only when all has come, because nobody else may be able to tell the rest.
    entries: Vec<Entry>,
    /// Of which image the parts are that have come.
    of: Option<(Versions, Versions, bool)>,
    /// When the part was asked for first, and last.
    asked_at: (Moment, Moment),
    /// How often it was asked for again.
    tries: u32,
    patience: Duration,
}

/// What a part has come to.
pub(crate) enum Taken {
    /// Nothing here asked for it.
    Unasked,
    /// The next part is wanted.
    More(Box<Talk>),
    /// It was the last.
    All,
    /// The image of the parts before it is gone, so all must be asked for anew.
    Gone,
}

impl Pull {
    fn new(now: Moment, number: u64, versions: Versions) -> Self {
        Self {
            number,
            versions,
            after: Cursor::Start,
            entries: Vec::new(),
            of: None,
            asked_at: (now, now),
            tries: 0,
            patience: PATIENCE.0,
        }
    }

    fn request(&self) -> Talk {
        Talk::Pull { number: self.number, versions: self.versions.clone(), after: self.after.clone() }
    }

    fn due(&self) -> Moment {
        self.asked_at.1.after(self.patience)
    }

    /// Asks again, and is more patient then: what is slow would be slower if it were asked for more often.
    fn ask_again(&mut self, now: Moment) -> Talk {
        (self.asked_at.1, self.tries) = (now, self.tries + 1);
        self.patience = (self.patience * 2).min(PATIENCE.1);
        self.request()
    }

    fn take(&mut self, now: Now, part: Part, replica: &mut Replica) -> Taken {
        let (is_first, is_next) = (part.after == Cursor::Start, part.after == self.after);
        let Part { entries, versions, floor, is_whole, next, .. } = part;
        if is_first && next.is_none() {
            // Whatever was asked for: all that is missing is in it.
            replica.take_pulled(now.wall, Pulled { entries, versions, floor, is_whole });
            return Taken::All;
        }
        // Parts of two images have gaps between them.
        let of = (versions, floor, is_whole);
        if (is_next || is_first) && self.of.as_ref().is_some_and(|first| *first != of) {
            return Taken::Gone;
        }
        if !is_next {
            return Taken::Unasked;
        }
        self.entries.extend(entries);
        if let Some(next) = next {
            self.of = Some(of);
            self.go_on(now.at, next);
            return Taken::More(Box::new(self.request()));
        }
        let (entries, (versions, floor, is_whole)) = (std::mem::take(&mut self.entries), of);
        replica.take_pulled(now.wall, Pulled { entries, versions, floor, is_whole });
        Taken::All
    }

    fn go_on(&mut self, now: Moment, next: Cursor) {
        if self.tries == 0 {
            // Only what was asked for once says how long an answer takes.
            let took = now.since(self.asked_at.0);
            self.patience = (took * 4).clamp(PATIENCE.0, PATIENCE.1);
        }
        (self.after, self.asked_at, self.tries) = (next, (now, now), 0);
    }
}

/// The pulls that are made here: from one, and from others while that one is late.
#[derive(Debug, Default)]
pub(crate) struct Pulls(BTreeMap<NodeId, Pull>);

impl Pulls {
    pub(crate) fn may_begin(&self, from: NodeId) -> bool {
        self.0.len() < PULLS && !self.0.contains_key(&from) && self.0.values().all(|pull| pull.tries > 0)
    }

    /// Begins a pull; what is to be said.
    pub(crate) fn begin(&mut self, now: Moment, number: u64, from: NodeId, versions: Versions) -> Talk {
        let pull = Pull::new(now, number, versions);
        let request = pull.request();
        self.0.insert(from, pull);
        request
    }

    pub(crate) fn take(&mut self, now: Now, from: NodeId, part: Part, replica: &mut Replica) -> Taken {
        let Some(pull) = self.0.get_mut(&from).filter(|pull| pull.number == part.number) else {
            return Taken::Unasked;
        };
        let taken = pull.take(now, part, replica);
        if matches!(taken, Taken::All | Taken::Gone) {
            self.0.remove(&from);
        }
        if matches!(taken, Taken::All) {
            // What another has come to bring may have come with this; else a comparison finds what is still missing.
            let has_more =
                |pull: &Pull| pull.of.as_ref().is_some_and(|(seen, ..)| !replica.versions().covers(seen));
            self.0.retain(|_, pull| has_more(pull));
        }
        taken
    }

    /// Nothing more comes from there.
    pub(crate) fn give_up(&mut self, from: NodeId) {
        self.0.remove(&from);
    }

    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.0.values().map(Pull::due).min()
    }

    /// What is late is asked for again.
    pub(crate) fn tick(&mut self, now: Moment) -> Vec<(NodeId, Talk)> {
        self.0.retain(|_, pull| pull.due() > now || pull.tries < TRIES);
        let late = self.0.iter_mut().filter(|(_, pull)| pull.due() <= now);
        late.map(|(from, pull)| (*from, pull.ask_again(now))).collect()
    }
}

/// Images that others are pulling.
#[derive(Debug, Default)]
pub(crate) struct Images(BTreeMap<NodeId, (u64, Image, Moment)>);

impl Images {
    /// The part that was asked for, of the image of the pull's beginning; where that is gone, of the present one from its
    /// start, which ends the pull.
    pub(crate) fn part(
        &mut self,
        now: Moment,
        to: NodeId,
        (number, versions, after): (u64, &Versions, Cursor),
        present: &Image,
    ) -> Part {
        self.forget_unused(now);
        // Also the first and the last part may be asked for again, and must be of the same image as the others.
        let (image, after) = match self.0.remove(&to).filter(|(kept, _, _)| *kept == number) {
            Some((_, image, _)) => (image, after),
            None => (present.clone(), Cursor::Start),
        };
        let part = image.part(number, versions, after);
        if part.next.is_some() || part.after != Cursor::Start {
            self.0.insert(to, (number, image, now));
        }
        part
    }

    pub(crate) fn forget_unused(&mut self, now: Moment) {
        self.0.retain(|_, (_, _, used)| now.since(*used) < KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::Merges;
    use super::super::{Actor, Key, Kind};
    use super::*;

    fn full(replica: &mut Replica, entries: u8) {
        for name in 0..entries {
            let key = Key { map: "m".to_owned(), key: vec![name].into(), kind: Kind::Register };
            replica.set(1, key, Some(vec![0; 30_000].into()));
        }
    }

    #[test]
    fn a_part_that_is_asked_for_again_is_of_the_same_image() {
        let mut replica = Replica::new(Actor { node: NodeId(1), store: 1 }, 10_000, Merges::new());
        let (mut images, nothing) = (Images::default(), Versions::default());
        let mut part = |replica: &Replica, after| {
            images.part(Moment(0), NodeId(2), (7, &nothing, after), replica.image())
        };
        full(&mut replica, 3);
        let first = part(&replica, Cursor::Start);
        full(&mut replica, 9);
        assert_eq!(part(&replica, Cursor::Start), first);
        let last = part(&replica, first.next.clone().unwrap());
        assert_eq!((&last.versions, &last.next), (&first.versions, &None));
        assert_eq!(part(&replica, first.next.unwrap()), last);
    }

    #[test]
    fn parts_of_two_images_are_not_put_together() {
        let mut replica = Replica::new(Actor { node: NodeId(1), store: 1 }, 10_000, Merges::new());
        let mut here = Replica::new(Actor { node: NodeId(2), store: 1 }, 10_000, Merges::new());
        let mut pulls = Pulls::default();
        pulls.begin(Moment(0), 7, NodeId(1), Versions::default());
        full(&mut replica, 5);
        let first = replica.image().part(7, &Versions::default(), Cursor::Start);
        let next = first.next.clone().unwrap();
        assert!(matches!(pulls.take(Now::default(), NodeId(1), first, &mut here), Taken::More(_)));
        full(&mut replica, 1);
        let other = replica.image().part(7, &Versions::default(), next);
        assert!(matches!(pulls.take(Now::default(), NodeId(1), other, &mut here), Taken::Gone));
        assert_eq!(here.live().count(), 0);
    }
}
