//! Updates that came before what they build on: kept in order, within bounds.

use std::collections::BTreeMap;

use super::Life;

/// Bytes that are kept; beyond, what comes is missing, and asked for later.
const MOST_BYTES: usize = 64 << 20;
/// Updates that are kept.
const MOST_UPDATES: usize = 1 << 20;

/// One update that waits: its arguments, and the workflow that it came with.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) args: Vec<u8>,
    pub(super) workflow: Option<Vec<u8>>,
}

impl Held {
    fn size(&self) -> usize {
        self.args.len() + self.workflow.as_ref().map_or(0, Vec::len)
    }
}

/// Updates of one life of an owner.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    life: Option<Life>,
    held: BTreeMap<i64, Held>,
    bytes: usize,
}

impl Buffer {
    /// Keeps an update; those of another life are of no use any more. Whether there was room for it: the oldest stay,
    /// for they are what comes next.
    pub(super) fn keep(&mut self, life: Life, place: i64, held: Held) -> bool {
        if self.life != Some(life) {
            self.clear();
            self.life = Some(life);
        }
        if self.bytes + held.size() > MOST_BYTES || self.held.len() >= MOST_UPDATES {
            return false;
        }
        self.bytes += held.size();
        if let Some(before) = self.held.insert(place, held) {
            self.bytes -= before.size();
        }
        true
    }

    /// Keeps an update of an owner that does not count reliably, behind all others.
    pub(super) fn append(&mut self, held: Held) -> bool {
        let place = match self.life {
            Some(Life::Original) => self.held.last_key_value().map_or(0, |(last, _)| last + 1),
            _ => 0,
        };
        self.keep(Life::Original, place, held)
    }

    /// The life whose updates are kept, if there are any.
    pub(super) fn life(&self) -> Option<Life> {
        self.life.filter(|_| !self.held.is_empty())
    }

    /// Takes the update with this number, and forgets those before it.
    pub(super) fn take(&mut self, life: Life, number: i64) -> Option<Held> {
        if self.life != Some(life) {
            return None;
        }
        while self.held.first_key_value().is_some_and(|(first, _)| *first < number) {
            self.pop();
        }
        if self.held.first_key_value()?.0 == &number { self.pop() } else { None }
    }

    /// Takes the oldest.
    pub(super) fn pop(&mut self) -> Option<Held> {
        let (_, held) = self.held.pop_first()?;
        self.bytes -= held.size();
        Some(held)
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.bytes = 0;
        self.life = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(size: usize) -> Held {
        Held { args: vec![0; size], workflow: None }
    }

    #[test]
    fn gives_what_comes_next_and_forgets_what_is_behind() {
        let (mut buffer, life) = (Buffer::default(), Life::Counted(1));
        for number in [7, 5, 9, 7] {
            assert!(buffer.keep(life, number, held(10)));
        }
        assert!(buffer.take(life, 6).is_none());
        assert_eq!(buffer.bytes, 20);
        assert!(buffer.take(life, 7).is_some() && buffer.take(life, 8).is_none());
        assert!(buffer.take(life, 9).is_some());
        assert_eq!((buffer.bytes, buffer.life()), (0, None));
    }

    #[test]
    fn another_life_takes_the_place_of_the_one_before() {
        let mut buffer = Buffer::default();
        buffer.keep(Life::Counted(1), 3, held(1));
        buffer.keep(Life::Counted(2), 0, held(1));
        assert!(buffer.take(Life::Counted(1), 3).is_none());
        buffer.append(held(1));
        buffer.append(held(2));
        assert_eq!(buffer.life(), Some(Life::Original));
        assert_eq!(buffer.pop().map(|held| held.args.len()), Some(1));
    }

    #[test]
    fn memory_is_bounded() {
        let (mut buffer, life) = (Buffer::default(), Life::Counted(1));
        assert!((0..6).all(|number| buffer.keep(life, number, held(10 << 20))));
        assert!(!buffer.keep(life, 6, held(10 << 20)));
        assert!(buffer.bytes <= MOST_BYTES);
        assert!(buffer.take(life, 0).is_some(), "the oldest stay");
    }
}
