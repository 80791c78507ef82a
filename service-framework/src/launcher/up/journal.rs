//! The last lines of each service, numbered across all, to be shown again and to be asked for.

use std::collections::VecDeque;

use super::screen::Stream;

/// How much is kept of each service.
const MOST_LINES: usize = 1_000;
const MOST_BYTES: usize = 256 * 1024;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) service: usize,
    pub(super) stream: Stream,
    pub(super) text: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Journal {
    /// The number of the next line.
    next: u64,
    services: Vec<Kept>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    lines: VecDeque<Line>,
    bytes: usize,
}

impl Journal {
    pub(super) fn of(services: usize) -> Self {
        Self { next: 0, services: vec![Kept::default(); services] }
    }

    pub(super) fn add(&mut self, service: usize, stream: Stream, text: &[u8]) {
        let kept = &mut self.services[service];
        kept.bytes += text.len();
        kept.lines.push_back(Line { number: self.next, service, stream, text: text.to_owned() });
        self.next += 1;
        while kept.lines.len() > MOST_LINES || kept.bytes > MOST_BYTES {
            let Some(line) = kept.lines.pop_front() else { break };
            kept.bytes -= line.text.len();
        }
    }

    /// The last lines of a service, at most so many.
    pub(super) fn last(&self, service: usize, count: usize) -> Vec<Line> {
        let lines = &self.services[service].lines;
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }

    /// The lines of these services, of all if none is named, from the number `after` on, the last of them if there are more than
    /// `most`; and the number of the next one.
    pub(super) fn since(&self, services: &[usize], after: u64, most: usize) -> (Vec<Line>, u64) {
        let wanted = |service: &usize| services.is_empty() || services.contains(service);
        let kept = self.services.iter().enumerate().filter(|(service, _)| wanted(service));
        let lines = kept.flat_map(|(_, kept)| kept.lines.iter().filter(|line| line.number >= after));
        let mut lines: Vec<&Line> = lines.collect();
        lines.sort_unstable_by_key(|line| line.number);
        let lines = lines.split_off(lines.len().saturating_sub(most));
        (lines.into_iter().cloned().collect(), self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| std::str::from_utf8(&line.text).unwrap()).collect()
    }

    #[test]
    fn lines_are_given_in_their_order_and_from_a_number_on() {
        let mut journal = Journal::of(3);
        for (service, text) in [(0, "a"), (2, "b"), (0, "c"), (1, "d")] {
            journal.add(service, Stream::Out, text.as_bytes());
        }
        let (lines, next) = journal.since(&[], 0, usize::MAX);
        assert_eq!((texts(&lines), next), (vec!["a", "b", "c", "d"], 4));
        assert_eq!(texts(&journal.since(&[0, 1], 1, usize::MAX).0), ["c", "d"]);
        assert_eq!(texts(&journal.since(&[], 0, 2).0), ["c", "d"]);
        assert_eq!(texts(&journal.last(0, 1)), ["c"]);
    }

    #[test]
    fn only_so_much_is_kept() {
        let mut journal = Journal::of(1);
        (0..MOST_LINES + 5).for_each(|_| journal.add(0, Stream::Err, b"x"));
        assert_eq!(journal.since(&[], 0, usize::MAX).0.len(), MOST_LINES);
        (0..10).for_each(|_| journal.add(0, Stream::Err, &[b'x'; 64 * 1024]));
        assert_eq!(journal.since(&[], 0, usize::MAX).0.len(), MOST_BYTES / (64 * 1024));
    }
}
