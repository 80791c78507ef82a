//! One replica fetching what it lacks from another, in parts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::identity::NodeId;
use super::super::time::{Moment, Now};
use super::replica::{Image, Pulled, Replica};
use super::{Cursor, Entry, Part, Talk, Versions};

/// How long a part may take before the pull is given up; the next comparison begins another.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long an image is kept for somebody who pulls it.
const KEPT: Duration = Duration::from_secs(30);

/// A pull, where it is made.
#[derive(Debug)]
pub(crate) struct Pull {
    number: u64,
    from: NodeId,
    /// What had been seen here when it began.
    versions: Versions,
    after: Cursor,
    /// What has come so far. It counts only when all has come, because nobody else may be able to tell the rest.
    entries: Vec<Entry>,
    asked_at: Moment,
}

impl Pull {
    pub(crate) fn new(now: Moment, number: u64, from: NodeId, versions: Versions) -> Self {
        Self { number, from, versions, after: Cursor::Start, entries: Vec::new(), asked_at: now }
    }

    pub(crate) fn request(&self) -> (NodeId, Talk) {
        let (versions, after) = (self.versions.clone(), self.after.clone());
        (self.from, Talk::Pull { number: self.number, versions, after })
    }

    pub(crate) fn gives_up_at(&self) -> Moment {
        self.asked_at.after(PATIENCE)
    }

    /// Whether it is the answer to what was asked last.
    pub(crate) fn asked_for(&self, from: NodeId, part: &Part) -> bool {
        self.from == from && self.number == part.number && self.after == part.after
    }

    /// Takes a part, and says whether it was the last.
    pub(crate) fn take(&mut self, now: Now, part: Part, replica: &mut Replica) -> bool {
        self.entries.extend(part.entries);
        if let Some(next) = part.next {
            (self.after, self.asked_at) = (next, now.at);
            return false;
        }
        let entries = std::mem::take(&mut self.entries);
        let Part { versions, floor, is_whole, .. } = part;
        replica.take_pulled(now.wall, Pulled { entries, versions, floor, is_whole });
        true
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
        self.0.retain(|_, (_, _, used)| now.since(*used) < KEPT);
        let kept = self.0.remove(&to).filter(|(kept, _, _)| *kept == number && after != Cursor::Start);
        let (image, after) = match kept {
            Some((_, image, _)) => (image, after),
            None => (present.clone(), Cursor::Start),
        };
        let part = image.part(number, versions, after);
        if part.next.is_some() {
            self.0.insert(to, (number, image, now));
        }
        part
    }
}
