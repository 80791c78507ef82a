//! What the fuzz target of states runs: whatever an owner or a replica sends, the machines stand it, and a replica that
//! is answered rightly afterwards is equal to its owner. Not there in ordinary builds.

use std::time::{Duration, Instant};

use super::exchange::{Answer, Kind, Question};
use super::owner::{Answers, Owner};
use super::replica::{Heard, Replica};
use super::update::{Update, read_answer, write_update};
use crate::value::Limits;
use crate::value::msgpack::check_whole;

/// The life of the right owner; a wrong one never says this number.
const EPOCH: u64 = 1_000;
/// Time between two rounds of right answers: shorter than any after which an owner forgets the
/// parts of a snapshot.
const ROUND: Duration = Duration::from_millis(100);
/// More rounds than a snapshot of an input's keys has parts, with all pauses.
const ROUNDS: usize = 10_000;

/// Reads bytes as all that is read of states, then plays them.
pub fn run(bytes: &[u8]) {
    read(bytes);
    play(bytes);
}

fn read(bytes: &[u8]) {
    let _update = Update::read(bytes);
    let _answer = read_answer(bytes);
    let question = Question::read(Some(bytes));
    // What the envelope gives on is always one whole value.
    if check_whole(bytes, &Limits::default()).is_ok() {
        assert_eq!(Question::read(question.write().as_deref()), question);
        let kind = Kind::read(Some(bytes));
        assert_eq!(Kind::read(Some(&kind.write())), kind);
    }
}

/// Bytes from which steps are read; zeros when they have ended.
struct Steps<'a>(&'a [u8]);

impl<'a> Steps<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn chunk(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (chunk, rest) = self.0.split_at(length);
        self.0 = rest;
        chunk
    }

    /// An epoch that is before or after the right one, or none.
    fn epoch(&mut self) -> Option<u64> {
        match self.byte() {
            0..=63 => None,
            early @ 64..=159 => Some(early.into()),
            late => Some(2 * EPOCH + u64::from(late)),
        }
    }
}

/// An owner, a replica of it, and somebody who sends what he likes.
struct World {
    owner: Owner,
    answers: Answers,
    replica: Replica,
    now: Instant,
}

fn play(bytes: &[u8]) {
    let mut world = World {
        owner: Owner::new(EPOCH),
        answers: Answers::in_parts_of(4),
        replica: Replica::new(true),
        now: Instant::now(),
    };
    let mut steps = Steps(bytes);
    while !steps.0.is_empty() {
        world.step(&mut steps);
    }
    world.end_equal();
}

impl World {
    fn step(&mut self, steps: &mut Steps<'_>) {
        match steps.byte() % 12 {
            0 => self.replica.on_connected(),
            1 => self.replica.on_disconnected(self.now),
            2 => self.wait(Duration::from_millis(u64::from(steps.byte()) * 16)),
            3 => self.replica.on_failure(self.now),
            4 | 5 => self.hear_wrong_update(steps),
            6 | 7 => self.hear_wrong_answer(steps),
            8 => self.change(steps.chunk(), false),
            9 => self.change(steps.chunk(), true),
            10 => self.answer_wrong_question(steps.chunk()),
            _ => self.hear_answer(),
        }
        let _told = self.replica.changes(8, true);
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.replica.on_time(self.now);
    }

    fn hear_wrong_update(&mut self, steps: &mut Steps<'_>) {
        let (epoch, flags, number) = (steps.epoch(), steps.byte(), steps.byte() as i8);
        let number = if flags & 2 == 0 { number.into() } else { i64::MAX - i64::from(number.unsigned_abs()) };
        let mut args = Vec::new();
        write_update(&mut args, number, flags & 1 == 1, steps.chunk(), (0, &[]));
        self.hear(epoch, &args);
    }

    fn hear(&mut self, epoch: Option<u64>, args: &[u8]) {
        // The checker has looked at every update before it is taken apart.
        if check_whole(args, &Limits::default()).is_err() {
            return;
        }
        let Ok(update) = Update::read(args) else { return };
        let _heard = self.replica.on_update(&Heard { epoch, update, workflow: None }, self.now);
    }

    fn hear_wrong_answer(&mut self, steps: &mut Steps<'_>) {
        let (epoch, number) = (steps.epoch(), i64::from(steps.byte() as i8));
        let kind = Kind::read(Some(steps.chunk()));
        let state = steps.chunk().to_vec();
        let _question = self.replica.question();
        let _heard = self.replica.on_answer(&Answer { epoch, number, kind, state }, self.now);
    }

    fn answer_wrong_question(&mut self, bytes: &[u8]) {
        let owner = &self.owner;
        let _answer =
            self.answers.answer(&Question::read(Some(bytes)), |since| Some(owner.taken(since)), self.now);
    }

    /// Changes the owner's state, and has the replica hear of it.
    fn change(&mut self, chunk: &[u8], replaces: bool) {
        // The checker lets nothing else through, and no nil into what is put in the place of all.
        if check_whole(chunk, &Limits::default()).is_err() || (replaces && chunk.contains(&0xc0)) {
            return;
        }
        let numbered = match replaces {
            true => self.owner.replace(chunk).ok(),
            false => self.owner.change(chunk, None, false).ok().flatten(),
        };
        let Some(numbered) = numbered else { return };
        let mut args = Vec::new();
        write_update(&mut args, numbered.number, numbered.is_snapshot, &numbered.state, (0, &[]));
        self.hear(Some(EPOCH), &args);
    }

    fn hear_answer(&mut self) {
        let Some(question) = self.replica.question().map(|question| question.write().unwrap_or_default())
        else {
            return;
        };
        let owner = &self.owner;
        let answer =
            self.answers.answer(&Question::read(Some(&question)), |since| Some(owner.taken(since)), self.now);
        if let Some(answer) = answer {
            assert_eq!(self.replica.on_answer(&answer, self.now), Ok(()), "a right answer was refused");
        }
    }

    /// From now on nobody disturbs: the replica becomes what its owner is.
    fn end_equal(&mut self) {
        self.replica.on_failure(self.now);
        self.replica.on_connected();
        for _ in 0..ROUNDS {
            self.wait(ROUND);
            self.hear_answer();
            if self.replica.status().is_current() && self.replica.map() == self.owner.map() {
                return;
            }
        }
        assert_eq!((self.replica.map(), self.replica.status()), (self.owner.map(), super::Status::Current));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_stood(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            run(&bytes);
        }
    }
}
