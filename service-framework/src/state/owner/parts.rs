//! Snapshots that are sent in parts: the state as it stood when the first part was asked for, kept until the last.

use std::time::{Duration, Instant};

use super::Taken;
use crate::state::exchange::Kind;
use crate::state::map::{StateMap, write_changes};
use crate::state::raw::Raw;

/// The size of a part, in bytes: some tenths of a millisecond of the owner thread.
pub(super) const PART: usize = 256 << 10;
/// Snapshots that are open at once; beyond, the one that was not asked for the longest has to begin again.
const MOST_OPEN: usize = 32;
/// A snapshot that nobody asks for goes on is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// The snapshots under way.
#[derive(Debug)]
pub(super) struct Parts {
    bytes: usize,
    open: Vec<Open>,
    next_token: u64,
}

#[derive(Debug)]
struct Open {
    token: u64,
    taken: Taken,
    asked: Instant,
}

/// One part: its snapshot, the keys and values, and what it is of them.
pub(super) struct Part {
    pub(super) epoch: u64,
    pub(super) number: i64,
    pub(super) state: Vec<u8>,
    pub(super) kind: Kind,
}

impl Parts {
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, open: Vec::new(), next_token: 0 }
    }

    /// The first part of a state.
    pub(super) fn first(&mut self, taken: &Taken, now: Instant) -> Part {
        let (state, next) = part(&taken.map, None, self.bytes);
        let kind = match next {
            Some(after) => Kind::Part { token: self.open(taken, now), after },
            None => Kind::Complete,
        };
        Part { epoch: taken.epoch, number: taken.number, state, kind }
    }

    fn open(&mut self, taken: &Taken, now: Instant) -> u64 {
        if self.open.len() >= MOST_OPEN
            && let Some(oldest) = (0..self.open.len()).min_by_key(|index| self.open[*index].asked)
        {
            self.open.swap_remove(oldest);
        }
        let token = self.next_token;
        self.next_token += 1;
        self.open.push(Open { token, taken: taken.clone(), asked: now });
        token
    }

    /// The part behind a key; `None` if that snapshot is not open any more.
    pub(super) fn next(&mut self, token: u64, after: &[u8], now: Instant) -> Option<Part> {
        let index = self.open.iter().position(|open| open.token == token)?;
        let open = &mut self.open[index];
        open.asked = now;
        let (state, next) = part(&open.taken.map, Some(after), self.bytes);
        let (epoch, number) = (open.taken.epoch, open.taken.number);
        let kind = match next {
            Some(after) => Kind::Part { token, after },
            None => {
                self.open.swap_remove(index);
                Kind::Last(token)
            }
        };
        Some(Part { epoch, number, state, kind })
    }

    /// Forgets what nobody asks for any more.
    pub(super) fn expire(&mut self, now: Instant) {
        self.open.retain(|open| now.saturating_duration_since(open.asked) < FORGOTTEN_AFTER);
    }

    /// When [`Parts::expire`] has something to do.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.open.iter().map(|open| open.asked + FORGOTTEN_AFTER).min()
    }
}

/// The entries behind a key, as many as fit into a part, and the last of them if there are more.
fn part(map: &StateMap, after: Option<&[u8]>, bytes: usize) -> (Vec<u8>, Option<Raw>) {
    use std::ops::Bound::{Excluded, Unbounded};
    let from = after.map_or(Unbounded, Excluded);
    let (mut size, mut entries) = (0, Vec::new());
    let mut rest = map.range::<_, [u8]>((from, Unbounded)).peekable();
    let length = |(key, value): (&Raw, &Raw)| key.len() + value.len();
    // One that is larger than a part is a part of its own: with others it might be over the limit of a frame.
    while let Some((key, value)) = rest.next_if(|entry| entries.is_empty() || size + length(*entry) <= bytes)
    {
        size += length((key, value));
        entries.push((key, Some(value)));
    }
    let last = rest.peek().and(entries.last()).map(|(key, _)| (*key).clone());
    let mut state = Vec::with_capacity(size + 5);
    write_changes(entries.into_iter(), &mut state);
    (state, last)
}
