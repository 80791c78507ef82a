//! What answers of its owner make of a replica.

use std::time::Instant;

use super::{Asking, At, Life, QUIET, Replica};
use crate::state::exchange::{Answer, Kind};
use crate::state::map::{StateMap, apply};
use crate::state::raw::Raw;
use crate::state::update::Update;
use crate::value::DecodeError;

/// A snapshot that comes in parts.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) epoch: u64,
    pub(super) token: u64,
    map: StateMap,
    /// The last key of the part before.
    pub(super) after: Raw,
}

impl Replica {
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
            self.unheard = self.unheard.saturating_add(1);
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
            if is_missing || self.ask_again {
                self.asking = Asking::Now;
            }
        }
        Ok(())
    }
}
