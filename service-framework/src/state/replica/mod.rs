//! A replica of a delta state, as a machine: updates, answers and the time in, questions and a view out. No sockets.
//!
//! What it shows is always a state that its owner had. Every update has a number, so a missing one is noticed by the
//! next, and one that is missing at the end by a question when all has been quiet for a while. What came too early
//! waits. Each life of an owner counts for itself (`epoch`); which life is the present one, its owner's answer decides.
//!
//! Original owners have no epoch and their answers no number. What such an owner sent before it was asked is in its
//! answer; what came after the question is applied to it in order.

mod buffer;
#[cfg(test)]
mod simulation;
mod telling;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::buffer::{Buffer, Held};
use self::telling::Telling;
use super::exchange::{Answer, Kind, Question};
use super::map::{StateMap, apply};
use super::raw::Raw;
use super::update::Update;
use crate::value::DecodeError;
use crate::value::msgpack::{Reader, Token, write};
use crate::wire::write_with_raw_id;

/// Quiet for so long after an update, a replica asks whether that was the last one.
const QUIET: Duration = Duration::from_secs(1);
/// An owner that does not answer is asked again after this, then after twice as long, and so on.
const RETRY: Duration = Duration::from_millis(50);
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

/// What a handler of changes is called with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Arguments as of an update; those of a snapshot hold what it changed.
    pub(crate) args: Vec<u8>,
    /// The workflow id as it came.
    pub(crate) workflow: Option<Vec<u8>>,
}

impl Change {
    /// Adds which of several owners it is of.
    pub(crate) fn with_topic(mut self, topic: Option<&str>) -> Self {
        let mut reader = Reader::new(&self.args);
        if let (Some(topic), Ok(Token::Map(entries))) = (topic, reader.token()) {
            let mut args = Vec::with_capacity(self.args.len() + topic.len() + 12);
            write::map(&mut args, entries as usize + 1);
            args.extend_from_slice(reader.rest());
            write::str(&mut args, "topic");
            write::str(&mut args, topic);
            self.args = args;
        }
        self
    }

    /// The message that a handler of changes takes.
    pub(crate) fn into_message(self) -> Vec<u8> {
        let mut message = Vec::new();
        write_with_raw_id(&mut message, &self.args, self.workflow.as_deref());
        message
    }
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

/// A snapshot that comes in parts.
#[derive(Debug)]
struct Incoming {
    epoch: u64,
    token: u64,
    map: StateMap,
    /// The last key of the part before.
    after: Raw,
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

    pub(crate) fn status(&self) -> Status {
        self.status
    }

    /// What changed since the last call, oldest first, where so many more may wait for the handler. A handler that does
    /// not keep up is told what it missed as one change, when nothing waits for it any more (`is_through`).
    pub(crate) fn changes(&mut self, room: usize, is_through: bool) -> Vec<Change> {
        let telling = self.telling.as_mut();
        telling.map(|telling| telling.take(room, is_through, &self.map, self.at)).unwrap_or_default()
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

    /// Takes an update in.
    ///
    /// # Errors
    /// Its state is no map of keys and values; the update counts as missing then.
    pub(crate) fn on_update(&mut self, heard: &Heard<'_>, now: Instant) -> Result<(), DecodeError> {
        self.quiet_at = Some(now + QUIET);
        match heard.epoch {
            Some(epoch) => self.on_counted(epoch, heard, now),
            None => self.on_original(heard, now),
        }
    }

    fn on_counted(&mut self, epoch: u64, heard: &Heard<'_>, now: Instant) -> Result<(), DecodeError> {
        let (life, number) = (Life::Counted(epoch), heard.update.number);
        let is_next = match self.at {
            Some(At { life: mine, number: Some(have) }) if mine == life => {
                if number <= have {
                    return Ok(());
                }
                heard.update.is_snapshot || number == have.saturating_add(1)
            }
            Some(At { life: Life::Counted(mine), .. }) => heard.update.is_snapshot && epoch > mine,
            _ => heard.update.is_snapshot,
        };
        if is_next {
            self.take(At { life, number: Some(number) }, &heard.update, heard.workflow)?;
            self.catch_up(now)
        } else {
            self.buffer.keep(life, number, heard.hold());
            self.stale(now);
            self.ask();
            Ok(())
        }
    }

    fn on_original(&mut self, heard: &Heard<'_>, now: Instant) -> Result<(), DecodeError> {
        let (number, before) = (heard.update.number, self.heard);
        if before == Some(number) && !heard.update.is_snapshot {
            return Ok(());
        }
        self.heard = Some(number);
        let follows = before.is_some_and(|before| number == before.wrapping_add(1));
        if !follows && !heard.update.is_snapshot {
            // The first one proves that from now on updates come in; what was sent before it may be missing.
            if before.is_some() {
                self.stale(now);
            }
            self.ask();
        }
        if self.asking == Asking::Asked && !self.buffer.append(heard.hold()) {
            self.ask();
        }
        let is_original = matches!(self.at, Some(At { life: Life::Original, .. }));
        if heard.update.is_snapshot || (is_original && !self.behind) {
            let at = At { life: Life::Original, number: Some(number) };
            self.take(at, &heard.update, heard.workflow)?;
            if heard.update.is_snapshot && self.connected {
                self.settle();
            }
        } else {
            self.ask();
        }
        Ok(())
    }

    /// Applies an update.
    fn take(&mut self, at: At, update: &Update<'_>, workflow: Option<&[u8]>) -> Result<(), DecodeError> {
        if update.is_snapshot {
            let mut map = StateMap::new();
            apply(&mut map, update.state)?;
            self.tell_difference(&map, at, Some(update), workflow);
            self.map = map;
        } else {
            apply(&mut self.map, update.state)?;
            if let Some(telling) = &mut self.telling {
                telling.update(update, workflow);
            }
        }
        self.at = Some(at);
        Ok(())
    }

    fn tell_difference(
        &mut self,
        map: &StateMap,
        at: At,
        update: Option<&Update<'_>>,
        workflow: Option<&[u8]>,
    ) {
        if let Some(telling) = &mut self.telling {
            telling.difference((&self.map, map), Some(at), update, workflow);
        }
    }

    /// Applies what waited and now fits; whether something is still missing shows in what is left.
    fn catch_up(&mut self, now: Instant) -> Result<(), DecodeError> {
        while let Some(At { life: life @ Life::Counted(_), number: Some(number) }) = self.at
            && let Some(next) = number.checked_add(1)
            && let Some(held) = self.buffer.take(life, next)
        {
            let update = Update::read(&held.args)?;
            self.take(At { life, number: Some(next) }, &update, held.workflow.as_deref())?;
        }
        if self.buffer.life().is_none() && self.connected {
            self.settle();
        } else {
            self.stale(now);
        }
        Ok(())
    }

    /// The owner did not answer, or refused.
    pub(crate) fn on_failure(&mut self, now: Instant) {
        if self.asking == Asking::Asked {
            self.incoming = None;
            self.ask_later(now);
        }
    }

    /// Takes the owner's answer in.
    ///
    /// # Errors
    /// Its state is no map of keys and values; it counts as no answer.
    pub(crate) fn on_answer(&mut self, answer: &Answer, now: Instant) -> Result<(), DecodeError> {
        if self.asking != Asking::Asked {
            return Ok(());
        }
        self.asking = Asking::No;
        let taken = match answer.epoch {
            Some(epoch) => self.take_answer(epoch, answer, now),
            None => self.take_original(answer, now),
        };
        if taken.is_err() {
            self.incoming = None;
            self.ask_later(now);
        }
        taken
    }

    fn take_original(&mut self, answer: &Answer, now: Instant) -> Result<(), DecodeError> {
        let mut map = StateMap::new();
        apply(&mut map, &answer.state)?;
        let at = At { life: Life::Original, number: self.heard };
        self.tell_difference(&map, at, None, None);
        self.map = map;
        self.at = Some(at);
        self.failures = 0;
        if self.buffer.life() != Some(Life::Original) {
            self.buffer.clear();
        }
        while let Some(held) = self.buffer.pop() {
            let update = Update::read(&held.args)?;
            self.take(
                At { life: Life::Original, number: Some(update.number) },
                &update,
                held.workflow.as_deref(),
            )?;
        }
        if self.ask_again {
            self.stale(now);
            self.asking = Asking::Now;
        } else if self.connected {
            self.settle();
        }
        Ok(())
    }

    fn take_answer(&mut self, epoch: u64, answer: &Answer, now: Instant) -> Result<(), DecodeError> {
        let (life, before) = (Life::Counted(epoch), self.at);
        if self.doubts(epoch) {
            self.incoming = None;
            self.ask_later(now);
            return Ok(());
        }
        let known = before.filter(|at| at.life == life).and_then(|at| at.number);
        match &answer.kind {
            Kind::Part { token, after } => {
                let mut map = match self.goes_on == Some((epoch, *token)) {
                    true => self.parts_of(epoch, *token),
                    false => Some(StateMap::new()),
                };
                if let Some(map) = &mut map {
                    apply(map, &answer.state)?;
                }
                self.incoming = map.map(|map| Incoming { epoch, token: *token, map, after: after.clone() });
                self.asking = Asking::Now;
                return Ok(());
            }
            Kind::Last(token) => {
                let Some(mut map) = self.parts_of(epoch, *token) else {
                    self.asking = Asking::Now;
                    return Ok(());
                };
                apply(&mut map, &answer.state)?;
                self.install_if_later(map, life, answer.number);
            }
            Kind::Complete => {
                let mut map = StateMap::new();
                apply(&mut map, &answer.state)?;
                self.install_if_later(map, life, answer.number);
            }
            Kind::Since(from) => {
                if known.is_some_and(|known| known >= *from) {
                    let mut map = self.map.clone();
                    apply(&mut map, &answer.state)?;
                    self.install_if_later(map, life, answer.number);
                }
            }
        }
        self.incoming = None;
        if self.at != before {
            // Something had been missed, or this is the first one: once more, when all is quiet.
            self.quiet_at = Some(now + QUIET);
        }
        self.conclude(before, now)
    }

    /// Whether an answer may be that of an owner that has died since, as a later life has been heard of. A second such
    /// answer is believed: the clock of the owner was set back.
    fn doubts(&mut self, epoch: u64) -> bool {
        let heard = [self.buffer.life(), self.at.map(|at| at.life)];
        let is_early = heard.iter().any(|life| matches!(life, Some(Life::Counted(later)) if *later > epoch));
        let doubted = std::mem::replace(&mut self.doubted, is_early.then_some(epoch));
        is_early && doubted != Some(epoch)
    }

    /// The parts of a snapshot that have come, unless they were given up since the next one was asked for.
    fn parts_of(&mut self, epoch: u64, token: u64) -> Option<StateMap> {
        let is_it = |incoming: &Incoming| (incoming.epoch, incoming.token) == (epoch, token);
        self.incoming.take().filter(is_it).map(|incoming| incoming.map)
    }

    fn install_if_later(&mut self, map: StateMap, life: Life, number: i64) {
        let known = self.at.filter(|at| at.life == life).and_then(|at| at.number);
        if known.is_none_or(|known| known < number) {
            self.install(map, life, number);
        }
    }

    fn install(&mut self, map: StateMap, life: Life, number: i64) {
        let at = At { life, number: Some(number) };
        self.tell_difference(&map, at, None, None);
        self.map = map;
        self.at = Some(at);
    }

    /// After an answer: applies what waited, and asks again if that is not enough.
    fn conclude(&mut self, before: Option<At>, now: Instant) -> Result<(), DecodeError> {
        let life = self.at.map(|at| at.life);
        if self.buffer.life() != life {
            self.buffer.clear();
        }
        self.catch_up(now)?;
        let is_missing = self.buffer.life().is_some() || self.at.is_none();
        if is_missing && self.at == before {
            self.ask_later(now);
        } else {
            self.failures = 0;
            if is_missing {
                self.asking = Asking::Now;
            }
        }
        Ok(())
    }
}
