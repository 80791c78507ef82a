//! What replicas are answered.

use std::time::Instant;

use super::Taken;
use super::parts::{PART, Part, Parts};
use crate::state::exchange::{Answer, Kind, Question};
use crate::state::map::write_all;

/// Answers the questions of replicas, one part of a snapshot at a time.
#[derive(Debug)]
pub(crate) struct Answers {
    parts: Parts,
}

impl Default for Answers {
    fn default() -> Self {
        Self::in_parts_of(PART)
    }
}

impl Answers {
    /// With parts of so many bytes.
    pub(crate) fn in_parts_of(bytes: usize) -> Self {
        Self { parts: Parts::new(bytes) }
    }

    /// What a replica asked for. `take` takes the state as it is now, with what changed since an update if it is
    /// asked that; it is not called for what was taken before. `None` if it takes nothing: this is not the owner.
    pub(crate) fn answer(
        &mut self,
        question: &Question<'_>,
        take: impl FnOnce(Option<(u64, i64)>) -> Option<Taken>,
        now: Instant,
    ) -> Option<Answer> {
        self.parts.expire(now);
        let since = match question {
            Question::Next { token, after } => match self.parts.next(*token, after, now) {
                Some(part) => return Some(of_part(part)),
                None => None,
            },
            Question::Since { epoch, number } => Some((*epoch, *number)),
            Question::Everything | Question::Parts => None,
        };
        let mut taken = take(since)?;
        Some(match (question, since, taken.changes.take()) {
            (Question::Everything, ..) => everything(&taken),
            (_, Some((_, since)), Some(state)) => {
                Answer { epoch: Some(taken.epoch), number: taken.number, kind: Kind::Since(since), state }
            }
            _ => of_part(self.parts.first(&taken, now)),
        })
    }

    /// When what nobody asked for any more is to be forgotten.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        self.parts.next_expiry()
    }

    /// Forgets what nobody asks for any more.
    pub(crate) fn on_time(&mut self, now: Instant) {
        self.parts.expire(now);
    }
}

/// All of a state in one answer, which takes its time if it is large.
pub(crate) fn everything(taken: &Taken) -> Answer {
    let mut state = Vec::new();
    write_all(&taken.map, &mut state);
    Answer { epoch: Some(taken.epoch), number: taken.number, kind: Kind::Complete, state }
}

fn of_part(part: Part) -> Answer {
    Answer { epoch: Some(part.epoch), number: part.number, kind: part.kind, state: part.state }
}
