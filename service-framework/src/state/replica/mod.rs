//! A replica of a delta state, as a machine: updates, answers and the time in, questions and a view out. No sockets.
//!
//! What it shows is always a state that its owner had. Every update has a number, so a missing one is noticed by the
//! next, and one that is missing at the end by a question when all has been quiet for a while. What came too early
//! waits. Each life of an owner counts for itself (`epoch`); which life is the present one, its owner's answer decides.
//!
//! Original owners have no epoch and their answers no number. What such an owner sent before it was asked is in its
//! answer; what came after the question is applied to it in order.

mod answers;
mod buffer;
mod change;
#[cfg(test)]
mod simulation;
mod telling;
#[cfg(test)]
mod tests;
mod updates;

use std::time::{Duration, Instant};

use self::answers::Incoming;
use self::buffer::{Buffer, Held};
pub(crate) use self::change::Change;
use self::telling::Telling;
use super::exchange::Question;
use super::map::StateMap;
use super::update::Update;

/// Quiet for so long after an update, a replica asks whether that was the last one.
const QUIET: Duration = Duration::from_secs(1);
/// An owner that does not answer is asked again after this, then after twice as long, and so on.
const RETRY: Duration = Duration::from_millis(50);
/// Answers in a row that bring something new, without an update in between, before something seems wrong.
const MOST_UNHEARD: u32 = 3;
/// The most times that this doubles: 6.4 s.
const MOST_DOUBLINGS: u32 = 7;

/// Which life of its owner an update belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// The one that began with this epoch; its updates count from 0.
    Counted(u64),
    /// Owners that say nothing of their lives: the originals.
    Original,
}

impl From<Option<u64>> for Life {
    fn from(epoch: Option<u64>) -> Self {
        epoch.map_or(Self::Original, Self::Counted)
    }
}

/// Where a view stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) life: Life,
    /// The last update in it; of an original owner's snapshot it is not known.
    pub(crate) number: Option<i64>,
}

/// Whether what a replica shows is what its owner has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// There is nothing yet: the owner has not answered.
    Waiting,
    /// Nothing is known to be missing.
    Current,
    /// What is shown was right; since then something was missed, or nothing is heard of the owner.
    Stale {
        /// Since when.
        since: Instant,
    },
}

/// An update that came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard<'a> {
    pub(crate) epoch: Option<u64>,
    pub(crate) update: Update<'a>,
    /// The workflow id as it came.
    pub(crate) workflow: Option<&'a [u8]>,
}

impl Heard<'_> {
    fn hold(&self) -> Held {
        Held { args: self.update.args.to_vec(), workflow: self.workflow.map(<[u8]>::to_vec) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    No,
    /// As soon as the question is taken.
    Now,
    /// The question is on its way.
    Asked,
    /// After an answer that was of no use, or none.
    Again(Instant),
}

/// A delta state as its owner has it.
#[derive(Debug)]
pub(crate) struct Replica {
    map: StateMap,
    at: Option<At>,
    status: Status,
    asking: Asking,
    /// Whether an answer to what was already asked is not enough.
    ask_again: bool,
    failures: u32,
    connected: bool,
    /// When to ask whether there was anything more.
    quiet_at: Option<Instant>,
    buffer: Buffer,
    incoming: Option<Incoming>,
    /// The snapshot that the last question was to go on with.
    goes_on: Option<(u64, u64)>,
    /// The early life that the last answer was of.
    doubted: Option<u64>,
    /// Answers in a row that brought something new, without an update in between.
    unheard: u32,
    /// The last number that an original owner sent.
    heard: Option<i64>,
    /// Whether an original owner's updates cannot be applied until it has answered.
    behind: bool,
    /// What handlers are to be told, if there are any.
    telling: Option<Telling>,
}

impl Replica {
    /// An empty one. With `tells`, what changes is kept for [`Replica::changes`].
    pub(crate) fn new(tells: bool) -> Self {
        Self {
            map: StateMap::new(),
            at: None,
            status: Status::Waiting,
            asking: Asking::No,
            ask_again: false,
            failures: 0,
            connected: false,
            quiet_at: None,
            buffer: Buffer::default(),
            incoming: None,
            goes_on: None,
            doubted: None,
            unheard: 0,
            heard: None,
            behind: true,
            telling: tells.then(Telling::default),
        }
    }

    /// Begins with what an earlier run had, until the owner says otherwise.
    pub(crate) fn begin_with(&mut self, map: StateMap, at: At, since: Instant) {
        self.map = map;
        self.at = Some(at);
        self.status = Status::Stale { since };
    }

    pub(crate) fn map(&self) -> &StateMap {
        &self.map
    }

    pub(crate) fn at(&self) -> Option<At> {
        self.at
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    pub(crate) fn status(&self) -> Status {
        self.status
    }

    /// What changed since the last call, oldest first, where so many more may wait for the handler. A handler that does
    /// not keep up is told what it missed as one change, when nothing waits for it any more (`is_through`).
    pub(crate) fn changes(&mut self, room: usize, is_through: bool) -> Vec<Change> {
        let telling = self.telling.as_mut();
        telling.map(|telling| telling.take(room, is_through, &self.map, self.at)).unwrap_or_default()
    }

    /// Whether the owner's answers bring something new, but no update comes in: topic or address are probably wrong.
    pub(crate) fn seems_deaf(&self) -> bool {
        self.unheard >= MOST_UNHEARD
    }

    /// Whether the handler has still to be told something that had no room.
    pub(crate) fn has_untold(&self) -> bool {
        self.telling.as_ref().is_some_and(Telling::has_skipped)
    }

    /// Whether the last answer was of an earlier life than has been heard of: somebody else may know better.
    pub(crate) fn doubts_answer(&self) -> bool {
        self.doubted.is_some()
    }

    /// The owner's updates come in from now on, so its snapshot can be asked for.
    pub(crate) fn on_connected(&mut self) {
        self.connected = true;
        self.failures = 0;
        self.heard = None;
        self.buffer_nothing_of_originals();
        self.ask();
    }

    /// The owner's updates do not come in any more.
    pub(crate) fn on_disconnected(&mut self, now: Instant) {
        self.connected = false;
        self.incoming = None;
        self.stale(now);
    }

    fn buffer_nothing_of_originals(&mut self) {
        if self.buffer.life() == Some(Life::Original) {
            self.buffer.clear();
        }
    }

    fn stale(&mut self, now: Instant) {
        self.behind = true;
        if self.status == Status::Current {
            self.status = Status::Stale { since: now };
        }
    }

    fn settle(&mut self) {
        self.behind = false;
        self.status = Status::Current;
    }

    fn ask(&mut self) {
        match self.asking {
            Asking::No => self.asking = Asking::Now,
            Asking::Asked => self.ask_again = true,
            Asking::Now | Asking::Again(_) => {}
        }
    }

    fn ask_later(&mut self, now: Instant) {
        let pause = RETRY * 2_u32.pow(self.failures.min(MOST_DOUBLINGS));
        self.failures = self.failures.saturating_add(1);
        self.asking = Asking::Again(now + pause);
    }

    /// The question to send now, if there is one; an answer or a failure must follow.
    pub(crate) fn question(&mut self) -> Option<Question<'_>> {
        if self.asking != Asking::Now || !self.connected {
            return None;
        }
        self.asking = Asking::Asked;
        self.ask_again = false;
        // What an original owner has sent until now is in its answer.
        self.buffer_nothing_of_originals();
        self.goes_on = self.incoming.as_ref().map(|incoming| (incoming.epoch, incoming.token));
        Some(match (&self.incoming, self.at) {
            (Some(Incoming { token, after, .. }), _) => Question::Next { token: *token, after },
            (None, Some(At { life: Life::Counted(epoch), number: Some(number) })) => {
                Question::Since { epoch, number }
            }
            _ => Question::Parts,
        })
    }

    /// When [`Replica::on_time`] has something to do.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        let again = match self.asking {
            Asking::Again(at) => Some(at),
            _ => None,
        };
        [again, self.quiet_at].into_iter().flatten().filter(|_| self.connected).min()
    }

    pub(crate) fn on_time(&mut self, now: Instant) {
        if matches!(self.asking, Asking::Again(at) if at <= now) {
            self.asking = Asking::Now;
        }
        if self.quiet_at.is_some_and(|at| at <= now) {
            self.quiet_at = None;
            self.ask();
        }
    }

    /// The owner did not answer, or refused.
    pub(crate) fn on_failure(&mut self, now: Instant) {
        if self.asking == Asking::Asked {
            self.incoming = None;
            self.ask_later(now);
        }
    }
}
