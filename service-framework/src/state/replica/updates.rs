//! What updates make of a replica.

use std::time::Instant;

use super::{Asking, At, Heard, Life, QUIET, Replica};
use crate::state::map::{StateMap, apply};
use crate::state::update::Update;
use crate::value::DecodeError;

impl Replica {
    /// Takes an update in.
    ///
    /// # Errors
    /// Its state is no map of keys and values; the update counts as missing then.
    pub(crate) fn on_update(&mut self, heard: &Heard<'_>, now: Instant) -> Result<(), DecodeError> {
        self.quiet_at = Some(now + QUIET);
        self.unheard = 0;
        match heard.epoch {
            Some(epoch) => self.on_counted(epoch, heard, now),
            None => self.on_original(heard, now),
        }
    }

    /// Something came that is no update of this state: the owner is asked soon, however much more of it comes.
    pub(crate) fn on_refused_update(&mut self, now: Instant) {
        self.quiet_at.get_or_insert(now + QUIET);
    }

    /// An update came that the model does not take, so it is missing.
    pub(crate) fn on_missing_update(&mut self, now: Instant) {
        self.stale(now);
        if self.asking == Asking::No {
            self.ask();
        }
    }

    /// The owner has something that the model does not take.
    pub(crate) fn on_refused_answer(&mut self, now: Instant) {
        self.stale(now);
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
            // Without room the newest are missing, which an answer later than them makes up for.
            self.ask_again |= !self.buffer.keep(life, number, heard.hold());
            self.stale(now);
            // An answer that is on its way does: whether it was enough shows by the numbers.
            if self.asking == Asking::No {
                self.ask();
            }
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
    pub(super) fn take(
        &mut self,
        at: At,
        update: &Update<'_>,
        workflow: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
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

    pub(super) fn tell_difference(
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
    pub(super) fn catch_up(&mut self, now: Instant) -> Result<(), DecodeError> {
        while let Some(At { life: life @ Life::Counted(_), number: Some(number) }) = self.at
            && let Some(next) = number.checked_add(1)
            && let Some(held) = self.buffer.take(life, next)
        {
            let update = Update::read(&held.args)?;
            self.take(At { life, number: Some(next) }, &update, held.workflow.as_deref())?;
        }
        if self.buffer.life().is_some() || !self.connected {
            self.stale(now);
        } else if !self.ask_again {
            self.settle();
        }
        Ok(())
    }
}
